"""The laws of reading a FASTA file by interval, and of its index."""

import errno
import gzip
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyfaidx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlift.errors import InputError
from seqlift.inputs import genome as room
from seqlift.inputs.arrays import read_array
from seqlift.inputs.fasta_index import build_index
from seqlift.inputs.genome import Genome, check_region, missing_chromosome
from seqlift.inputs.onehot import decode
from seqlift.inputs.own_references import from_file
from seqlift.inputs.regions import RegionFile
from seqlift.intervals import Region
from seqlift.tracks.score_file import ScoreFile

TEXT = ">chr1 a description\nACGTA\ncgtan\nRY\n>chr2\nGGGGG\n>empty\n>last\nT"
SEQUENCES = {"chr1": "ACGTACGTANNN", "chr2": "GGGGG", "empty": "", "last": "T"}
INDEX = "chr1\t12\t20\t5\t6\nchr2\t5\t41\t5\t6\nempty\t0\t54\t0\t0\nlast\t1\t60\t1\t1\n"


def bgzip(text: str, block: int = 60_000) -> bytes:
    """Return text as bgzip writes it, in blocks of so many bytes."""
    data = text.encode()
    pieces = [data[i : i + block] for i in range(0, len(data), block)]
    return b"".join(map(bgzip_block, [*pieces, b""]))


def bgzip_block(data: bytes) -> bytes:
    """Return one block: a gzip member whose extra field BC is its size less 1."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(data) + packer.flush()
    head = b"\x1f\x8b\x08\x04" + bytes(4) + b"\0\xff\x06\0BC\x02\0"
    size = len(head) + 2 + len(packed) + 8
    return (
        head
        + struct.pack("<H", size - 1)
        + packed
        + struct.pack("<II", zlib.crc32(data), len(data))
    )


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def write(folder: Path, text: str | bytes = TEXT, name: str = "genome.fa") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def sequences(path: Path) -> dict[str, str]:
    with Genome(path) as genome:
        return {name: decode(genome.fetch(name, 0, size)) for name, size in genome.sizes.items()}


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT + "\n",
        TEXT + "\n\n",
        TEXT + "\n\n\n\n",
        TEXT.replace("\n>chr2", "\n\n>chr2"),
        TEXT.replace("\n>chr2", "\n\n\n\n>chr2").replace(">last", "\n\n>last"),
        TEXT.replace("\n>chr2", "\n\n\n>chr2").replace("\n", "\r\n"),
        "\ufeff" + TEXT,
        "\ufeff\n; an old comment\n" + TEXT,
        TEXT.replace("\n", "\r\n"),
        "; an old comment\n" + TEXT,
        ">chr1\nACGTACGTANRY\n>chr2\nGG\nGG\nG\n>empty\n>last\nt\n",
    ],
)
def test_records_read_the_same_however_they_are_folded(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    assert sequences(path) == SEQUENCES
    assert list(sequences(path)) == list(SEQUENCES)


@given(st.integers(-20, 30), st.integers(0, 40))
def test_bases_outside_the_chromosome_are_n(start: int, length: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Genome(write(Path(folder))) as genome:
        codes = genome.fetch("chr1", start, start + length)
    padded = "N" * 20 + SEQUENCES["chr1"] + "N" * 80
    assert codes.dtype == np.uint8
    assert decode(codes) == padded[20 + start : 20 + start + length]


def test_digest_tells_names_and_sizes_apart_but_not_folding(tmp_path: Path) -> None:
    digests = []
    for number, text in enumerate((">a\nACGT\n", ">a\nAC\nGT\n", ">b\nACGT\n", ">a\nACG\n")):
        with Genome(write(tmp_path, text, f"{number}.fa")) as genome:
            digests.append(genome.digest())
    assert digests[0] == digests[1] == hashlib.sha256(b"a\t4\n").hexdigest()
    assert len(set(digests)) == 3


def test_index_is_left_beside_the_file_as_samtools_writes_it(tmp_path: Path) -> None:
    path = write(tmp_path)
    Genome(path).close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["genome.fa", "genome.fa.fai"]
    assert (tmp_path / "genome.fa.fai").read_text().splitlines()[:2] == INDEX.splitlines()[:2]


def test_a_good_index_is_used_and_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path)
    index = write(tmp_path, INDEX, "genome.fa.fai")
    os.utime(path, (1, 1))
    os.utime(index, (2, 2))
    assert sequences(path) == SEQUENCES
    assert index.stat().st_mtime == 2


BAD_INDEXES = {
    "of another file": "chr7\t4\t6\t4\t5\n",
    "of an older version": INDEX.replace("41", "40"),
    "with a record missing": "".join(INDEX.splitlines(keepends=True)[1:]),
    "cut short": INDEX[:20],
    "without the last record": "".join(INDEX.splitlines(keepends=True)[:-1]),
    "past the end": INDEX.replace("last\t1\t", "last\t9\t"),
    "twice": INDEX + INDEX,
    "empty": "",
    "with an empty line": INDEX + "\n",
    "of lines twice as long": INDEX.replace("chr1\t12\t20\t5\t6", "chr1\t12\t20\t10\t12"),
    "of line ends of three bytes": INDEX.replace("chr1\t12\t20\t5\t6", "chr1\t12\t20\t7\t10"),
    "of huge numbers": INDEX.replace(
        "chr1\t12\t20\t5\t6", f"chr1\t9{'9' * 30}\t20\t9\t9{'9' * 29}"
    ),
    "of a place in the header": INDEX.replace("chr1\t12\t20", "chr1\t12\t18"),
    "of a negative size": INDEX.replace("empty\t0", "empty\t-1"),
    "no index": "hello\n",
    "binary": "\x00\x01\n",
}


@pytest.mark.parametrize("index", BAD_INDEXES.values(), ids=BAD_INDEXES)
def test_an_index_that_does_not_fit_is_made_anew(index: str, tmp_path: Path) -> None:
    path = write(tmp_path)
    os.utime(path, (1, 1))
    write(tmp_path, index, "genome.fa.fai")
    assert sequences(path) == SEQUENCES


def test_an_index_older_than_its_file_is_made_anew(tmp_path: Path) -> None:
    path = write(tmp_path)
    os.utime(write(tmp_path, INDEX, "genome.fa.fai"), (1, 1))
    assert sequences(path) == SEQUENCES
    assert (tmp_path / "genome.fa.fai").stat().st_mtime > 1


def test_a_read_only_folder_gets_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path)

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    for name in ("open", "write_text", "unlink", "replace"):  # even of what is not there
        original = getattr(Path, name)

        def guarded(self: Path, *words: Any, original: Any = original, **more: Any) -> Any:
            reading = original.__name__ == "open" and words[:1] == ("rb",)
            return original(self, *words, **more) if reading else refuse(self)

        monkeypatch.setattr(Path, name, guarded)
    assert sequences(path) == SEQUENCES
    assert [p.name for p in tmp_path.iterdir()] == ["genome.fa"]


def test_jobs_that_start_together_share_one_index(tmp_path: Path) -> None:
    path = write(tmp_path, "".join(f">c{i}\n{'ACGT' * 20}\n" for i in range(2000)))
    code = (
        "import sys; from seqlift.inputs.genome import Genome\n"
        "with Genome(sys.argv[1]) as g: print(len(g.sizes), g.fetch('c1999', 0, 80).sum())"
    )
    root = Path(room.__file__).parents[2]
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, cwd=root
        )
        for _ in range(3)
    ]
    assert [job.communicate()[0] for job in jobs] == ["2000 120\n"] * 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["genome.fa", "genome.fa.fai"]


ASSEMBLY = "take regions and genome from the same assembly"
PLAIN = "give FASTA, plain or compressed by bgzip"
FOLD = "fold it again, for example with seqkit seq -w 60"
BAD_FILES = {
    "gzip": (
        gzip.compress(TEXT.encode()),
        (
            ": compressed by gzip, which cannot be read from the middle; gunzip it, and compress it"
            " with bgzip if it is to stay small"
        ),
    ),
    "bgzip cut short": (
        bgzip(TEXT)[:-28],
        ": the compressed file is cut short; copy or download it again",
    ),
    "bgzip cut in a block": (
        bgzip(TEXT)[:-40],
        ": the compressed file is cut short; copy or download it again",
    ),
    "bgzip with a tail": (
        bgzip(">a\nA\n") + b"tail",
        ": the compressed file is damaged at byte 61; copy or download it again",
    ),
    "bgzip with a flipped bit": (
        flipped(bgzip(TEXT), 30),
        re.compile(r": the compressed file is damaged \(.*\); copy or download it again"),
    ),
    "BAM": (bgzip("BAM\1rest"), f": this is a BAM file; {PLAIN}"),
    "UTF-16": (TEXT.encode("utf-16"), ": this is UTF-16 text; save it as UTF-8"),
    "2bit": (b"\x43\x27\x41\x1a\0\0", ": this is a 2bit file; convert it with twoBitToFa"),
    "zip": (b"PK\x03\x04", ": this is a zip archive; unzip it first"),
    "fastq": ("@read\nACGT\n+\nIIII\n", f": this looks like FASTQ or SAM; {PLAIN}"),
    "empty": ("", f": no sequences in it; {PLAIN}"),
    "blank": ("\n\n", f": no sequences in it; {PLAIN}"),
    "bed": ("chr1\t5\t9\n", f":1: this is not FASTA, it does not begin with '>'; {PLAIN}"),
    "no bases": (">chr1\n>chr2\n", ": no bases in it; give sequences under its '>' lines"),
    "no name": (">chr1\nAC\n>\nAC\n", ":3: a record without a name; write it after '>'"),
    "twice": (
        ">a\nAC\n>b\nAC\n>a x\nAC\n",
        ":5: record a again, as on line 1; give each its own name",
    ),
    "short line": (
        ">a\nACGT\nACG\nACGT\n",
        f":3: this line of record a is shorter than the first and not the last; {FOLD}",
    ),
    "long line": (
        ">a\nACGT\nACGTA\nACGT\n",
        f":3: this line of record a is longer than the first; {FOLD}",
    ),
    "long last line": (
        ">a\nACGT\nACGTACGT\n>b\nA\n",
        f":3: this line of record a is longer than the first; {FOLD}",
    ),
    "long last line of the last record": (
        ">a\nACGT\nACGTACGT\n",
        f":3: this line of record a is longer than the first; {FOLD}",
    ),
    "blank line": (">a\nAC\n\nAC\n", ":3: this line of record a is blank; remove it"),
    "blank first line": (">a\n\nAC\n", ":2: this line of record a is blank; remove it"),
    "blank lines": (">a\nAC\n\n\n\nA\n", ":3: this line of record a is blank; remove it"),
    "blank first lines": (">a\n\n\nAC\n", ":2: this line of record a is blank; remove it"),
    "mark alone": ("\ufeff\n", f": no sequences in it; {PLAIN}"),
    "two newlines": (
        ">a\nACGT\nACGT\r\nACGT\n",
        ":3: this line of record a ends unlike the first (CRLF and LF); convert the file",
    ),
    "binary": (
        b">a\nAC\n\xff\xfe\n",
        ":3: this line of record a has bytes that are no letters; remove them",
    ),
}


@pytest.mark.parametrize(("content", "problem"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_file_is_refused_by_its_line_and_leaves_nothing(
    content: str | bytes, problem: str | re.Pattern[str], tmp_path: Path
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError) as error:
        Genome(path)
    (found,) = error.value.problems
    assert found.startswith(str(path))
    if isinstance(problem, str):
        assert found == f"{path}{problem}"
    else:
        assert problem.fullmatch(found.removeprefix(str(path)))
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file_folder_and_misleading_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.fa: no such file; check the path$"):
        Genome(tmp_path / "none.fa")
    with pytest.raises(InputError, match=r": this is a folder, not a file; give FASTA, plain or"):
        Genome(tmp_path)


def test_what_a_file_is_shows_in_its_bytes_not_in_its_name(tmp_path: Path) -> None:
    assert sequences(write(tmp_path, TEXT, "a.fa.gz")) == SEQUENCES
    assert sequences(write(tmp_path, bgzip(TEXT), "b.fa")) == SEQUENCES


@pytest.mark.parametrize("block", [1, 7, 30, 60_000])
@pytest.mark.parametrize("text", [TEXT, TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT + "\n\n\n"])
def test_a_bgzip_genome_reads_as_the_plain_one(text: str, block: int, tmp_path: Path) -> None:
    plain, packed = write(tmp_path, text), write(tmp_path, bgzip(text, block), "genome.fa.gz")
    write(tmp_path, b"nothing of use", "genome.fa.gz.gzi")
    assert sequences(packed) == sequences(plain) == SEQUENCES
    index = (tmp_path / "genome.fa.gz.fai").read_text()
    assert index == (tmp_path / "genome.fa.fai").read_text()
    with Genome(packed) as genome:  # by the index that is there
        for start in range(-3, 14):
            codes = genome.fetch("chr1", start, start + 4)
            assert decode(codes) == ("NNN" + SEQUENCES["chr1"] + "N" * 9)[start + 3 : start + 7]


@given(st.data())
def test_an_index_is_found_the_same_in_blocks_of_any_size(data: st.DataObject) -> None:
    fold = data.draw(st.integers(1, 9))
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    sequence = st.text("ACGTN", max_size=40)
    records = data.draw(st.dictionaries(st.text("abc", min_size=1), sequence, min_size=1))
    text, index = "", ""
    for name, bases in records.items():
        text += f">{name} about it{end}"
        lines = [bases[i : i + fold] for i in range(0, len(bases), fold)]
        width = len(lines[0]) if lines else 0
        wide = width + len(end) if lines else 0
        index += f"{name}\t{len(bases)}\t{len(text)}\t{width}\t{wide}\n"
        text += "".join(line + end for line in lines) + end * data.draw(st.integers(0, 3))
    size = data.draw(st.integers(1, 50))
    pieces = [text.encode()[i : i + size] for i in range(0, len(text), size)]
    assert "".join(map(str, build_index(InPieces(pieces)))) == index


@pytest.mark.parametrize("fold", [5, 60, 5000])
def test_indexes_and_bases_are_those_that_pyfaidx_finds(fold: int, tmp_path: Path) -> None:
    random = np.random.default_rng(fold)
    text = ""
    for record in range(5):
        bases = "".join(random.choice(list("ACGTN"), int(random.integers(1, 9000))))
        text += f">r{record} of five\n"
        text += "".join(f"{bases[i : i + fold]}\n" for i in range(0, len(bases), fold))
    path = write(tmp_path, text)
    theirs = pyfaidx.Faidx(str(path), indexname=str(tmp_path / "theirs.fai"))
    with Genome(path) as genome:
        assert (tmp_path / "genome.fa.fai").read_text() == (tmp_path / "theirs.fai").read_text()
        for name, size in genome.sizes.items():
            for start in random.integers(0, size, 20).tolist():
                end = min(start + 60, size)
                wanted = str(theirs.fetch(name, start + 1, end))
                assert decode(genome.fetch(name, start, end)) == wanted
    theirs.close()


class InPieces:
    """Bytes that are read a piece at a time."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.text = b"".join(pieces)
        self.size = len(self.text)
        self._stops = np.cumsum([len(piece) for piece in pieces])

    def read(self, start: int, stop: int) -> bytes:
        after = self._stops[np.searchsorted(self._stops, start, side="right") :]
        return self.text[start : min(stop, after[0] if len(after) else stop)]

    def close(self) -> None:
        """Close nothing."""


def test_an_index_of_another_fold_is_found_where_no_line_ends_in_the_window(
    tmp_path: Path,
) -> None:
    bases = "".join(np.random.default_rng(3).choice(list("ACGT"), 24_000))
    path = write(tmp_path, ">c\n" + "".join(f"{bases[i : i + 60]}\n" for i in range(0, 24_000, 60)))
    os.utime(path, (1, 1))
    index = write(tmp_path, "c\t24000\t3\t120\t122\n", "genome.fa.fai")
    with Genome(path) as genome:
        assert decode(genome.fetch("c", 185, 235)) == bases[185:235]
    assert index.read_text() == "c\t24000\t3\t60\t61\n"


def test_lines_that_end_elsewhere_than_in_the_index_are_never_read_over(tmp_path: Path) -> None:
    # Only the first line is as the index says, so that the file has to be read to find out.
    lines = ["ACGTA", "CGTAC", "GTA", "CGTACGT", "GGGGG"]
    path = write(tmp_path, ">c\n" + "".join(f"{line}\n" for line in lines))
    os.utime(path, (1, 1))
    write(tmp_path, "c\t25\t3\t5\t6\n", "genome.fa.fai")
    with Genome(path) as genome:
        assert decode(genome.fetch("c", 6, 9)) == "GTA"
        for start, end in ((11, 12), (15, 16), (8, 17), (16, 19)):
            with pytest.raises(InputError, match="lines of c do not end where its index has them"):
                genome.fetch("c", start, end)


def test_long_lines_that_end_elsewhere_are_never_read_over(tmp_path: Path) -> None:
    folds = (5000, 4000, 6000, 5000)
    bases = np.random.default_rng(4).choice(list("ACGT"), sum(folds))
    text, lines = "".join(bases), np.split(bases, np.cumsum(folds)[:-1])
    path = write(tmp_path, ">chr1\n" + "".join("".join(line) + "\n" for line in lines))
    os.utime(path, (1, 1))
    write(tmp_path, "chr1\t20000\t6\t5000\t5001\n", "genome.fa.fai")
    refused = []
    with Genome(path) as genome:
        for start in range(0, 20_000 - 20, 97):
            try:
                assert decode(genome.fetch("chr1", start, start + 20)) == text[start : start + 20]
            except InputError as error:
                refused.append(str(error))
    assert refused
    assert all("lines of chr1 do not end where its index has them" in line for line in refused)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    opened = {
        "genome": lambda: Genome(pipe),
        "reference": lambda: from_file(pipe, None),
        "array": lambda: read_array(pipe),
        "scores": lambda: ScoreFile(pipe),
    }
    for what, attempt in opened.items():
        with pytest.raises(InputError) as error:
            attempt()
        assert str(error.value).startswith(f"{pipe}: this is a pipe, not a file; give "), what
    os.mkfifo(tmp_path / "genome.fa.fai")
    assert sequences(write(tmp_path)) == SEQUENCES
    for attempt in (lambda: RegionFile("/dev/zero"), lambda: from_file("/dev/zero", None)):
        with pytest.raises(InputError, match=r"^/dev/zero: this is a device"):
            attempt()


def test_messages_use_the_name_given(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^standard input:1: this is not FASTA"):
        Genome(write(tmp_path, "chr1"), source="standard input")


@pytest.mark.parametrize("letter", ["E", "-", "*", "1", " ", "x"])
def test_letters_that_are_no_nucleotides_are_refused_where_they_are_read(
    letter: str, tmp_path: Path
) -> None:
    with Genome(write(tmp_path, f">a\nACGT\nAC{letter}T\n")) as genome:
        assert genome.fetch("a", 0, 6).tolist() == [0, 1, 2, 3, 0, 1]
        with pytest.raises(InputError) as error:
            genome.fetch("a", 3, 8)
    assert str(error.value) == (
        f"{tmp_path / 'genome.fa'}: {letter.upper()!r} at base 6 of a (counted from 0) is not a "
        "nucleotide letter; use A, C, G, T, and N where the base is not known"
    )


def test_fetching_from_an_unknown_record_is_refused(tmp_path: Path) -> None:
    with Genome(write(tmp_path)) as genome, pytest.raises(InputError) as error:
        genome.fetch("1", 0, 4)
    assert str(error.value) == f"{tmp_path / 'genome.fa'}: no record 1; did you mean chr1?"


@pytest.mark.parametrize(
    ("name", "sizes", "tail"),
    [
        ("1", ["chr1", "chr2"], "did you mean chr1?"),
        ("chr1", ["1", "2"], "did you mean 1?"),
        ("Chr1", ["chr1", "chr2"], "did you mean chr1?"),
        ("CHRX", ["chrX", "chrY"], "did you mean chrX?"),
        ("MT", ["chr1", "chrM"], "did you mean chrM?"),
        ("chrM", ["1", "MT"], "did you mean MT?"),
        ("scafold_12", ["chr1", "scaffold_12"], "did you mean scaffold_12?"),
        ("chrX", ["chr1", "chrM"], "it has chr1, chrM"),
        ("scaffold7", ["chr1", "chr2"], "it has chr1, chr2"),
        ("scaffold7", ["a", "b", "c", "d", "e"], "it has a, b, c and 2 more"),
    ],
)
def test_unknown_chromosome_gets_the_nearest_or_the_first(
    name: str, sizes: list[str], tail: str
) -> None:
    assert missing_chromosome(name, dict.fromkeys(sizes, 1)) == tail


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        (Region("chr1", 0, 1000, line=17), None),
        (
            Region("chr1", 990, 1001, line=17),
            f"a.bed:17: end 1001 is past the end of chr1 (1000); {ASSEMBLY}",
        ),
        (
            Region("1", 0, 1, line=3),
            "a.bed:3: chromosome 1 is not in the genome; did you mean chr1?",
        ),
    ],
)
def test_region_must_lie_in_its_chromosome(region: Region, problem: str | None) -> None:
    assert check_region(region, {"chr1": 1000}, source="a.bed") == problem


def test_published_genome_reads_as_its_text_says(real: Path, tmp_path: Path) -> None:
    path = tmp_path / "chr1.fa"
    shutil.copyfile(real / "hg38_chr1_1mb" / "hg38_chr1_1Mb.fa", path)
    text = "".join(path.read_text().split("\n")[1:]).upper()
    with Genome(path) as genome:
        assert list(genome.sizes.values()) == [len(text)]
        (name,) = genome.sizes
        for start in (0, 9_990, 500_000, len(text) - 7):
            codes = genome.fetch(name, start, start + 2114)
            assert decode(codes) == text[start : start + 2114].ljust(2114, "N")
