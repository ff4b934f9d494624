"""The laws of BED text, of windows, and of the files regions come in."""

import gzip
import io
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlift.errors import InputError
from seqlift.inputs.regions import RegionFile, no_regions, parse_regions
from seqlift.intervals import Region


def peak(summit: int, signal: float, p_value: float, q_value: float) -> Region:
    measures = {"signal": signal, "p_value": p_value, "q_value": q_value}
    return Region("chr1", 5, 9, "a", summit=summit, **measures)


NO_NAME = "chr1:5-9"
GOOD = [
    ("chr1\t5\t9", Region("chr1", 5, 9, NO_NAME)),
    ("chr1 5  9", Region("chr1", 5, 9, NO_NAME)),
    ("  chr1 5 9  ", Region("chr1", 5, 9, NO_NAME)),
    ("chr1\t5\t9\r", Region("chr1", 5, 9, NO_NAME)),
    ("chr1\t5\t9\t", Region("chr1", 5, 9, NO_NAME)),
    ("chr1\t 5\t9 ", Region("chr1", 5, 9, NO_NAME)),
    ("HLA-A*01:01:01\t0\t1", Region("HLA-A*01:01:01", 0, 1, "HLA-A*01:01:01:0-1")),
    ("chr1\t007\t0009", Region("chr1", 7, 9, "chr1:7-9")),
    ("chr1\t5\t9223372036854775807\tp", Region("chr1", 5, 2**63 - 1, "p")),
    ("chr1\t5\t9\tpeak one", Region("chr1", 5, 9, "peak one")),
    ("chr1\t5\t9\tMüller", Region("chr1", 5, 9, "Müller")),
    ("chr1\t5\t9\t0.25", Region("chr1", 5, 9, "0.25")),
    ("chr1\t5\t9\ta\t7.5", Region("chr1", 5, 9, "a", 7.5)),
    ("chr1\t5\t9\ta\t.", Region("chr1", 5, 9, "a", None)),
    ("chr1\t5\t9\ta\tnan", Region("chr1", 5, 9, "a", None)),
    ("chr1\t5\t9\t\t\t-", Region("chr1", 5, 9, NO_NAME, 0, "-")),
    ("chr1\t5\t9\ta\t0\t+", Region("chr1", 5, 9, "a", 0, "+")),
    ("chr1\t5\t9\ta\t0\t.", Region("chr1", 5, 9, "a", 0, ".")),
    ("chr1\t5\t9\ta\t0\t?", Region("chr1", 5, 9, "a", 0, ".")),
    ("chr1\t5\t9\ta\t0\t+\t5\t9", Region("chr1", 5, 9, "a", 0, "+")),
    ("chr1\t5\t9\ta\t0\t+\t5\t9\t255,0,0", Region("chr1", 5, 9, "a", 0, "+")),
    ("chr1\t5\t9\ta\t0\t-\t5\t9\t0\t2\t1,1\t0,3", Region("chr1", 5, 9, "a", 0, "-")),
    ("chr1\t5\t9\ta\t0\t.\t1.5\t-1\t-1\t3", peak(3, 1.5, -1, -1)),
    ("chr1 5 9 a 0 . 1e3 inf 0 0", peak(0, 1000, float("inf"), 0)),
    ("chr1\t5\t9\ta\t0\t.\t0\t-1\t-1\t-1", peak(-1, 0, -1, -1)),
    # A broadPeak has 9 columns; BED9 has places and a colour in its last three.
    ("chr1\t5\t9\ta\t0\t.\t4.5\t6\t3.25", peak(-1, 4.5, 6, 3.25)),
    ("chr1\t5\t9\ta\t0\t.\t40\t6\t3", peak(-1, 40, 6, 3)),
    # chrombpnet's negatives have dots in columns 7 to 9, others NA, and IDR 20 columns.
    ("chr1\t5\t9\t.\t.\t.\t.\t.\t.\t1", Region("chr1", 5, 9, NO_NAME, None, ".", 1)),
    ("chr1\t5\t9\ta\t0\t.\tx\tNA\t\t3", Region("chr1", 5, 9, "a", 0, ".", 3)),
    ("chr1\t5\t9\ta\t0\t.\t1\t1\t1\t3\t1\t4", peak(3, 1, 1, 1)),
    ("chr1\t5\t9\ta\t0\t.\t1\t-1\t2\t0" + "\t4.5" * 10, peak(0, 1, -1, 2)),
    ("chr1\t5\t9\ta\t0\t.\t1\t1\t1\t.", peak(-1, 1, 1, 1)),
    ("chr1\t5\t9\ta\t0\t.\t1\t1\t1\tNA\tb", peak(-1, 1, 1, 1)),
    ("chr1\t5\t9\ta\t0\t.\t1\t1\t1\tPLS,CTCF-bound", peak(-1, 1, 1, 1)),
]

FEW, NO_NUMBER = "with fewer than 10 columns", "with no number in column 10"
BED12 = "of BED12 rows"
NINE = "chr1\t5\t9\ta\t0\t.\t5\t9\t0"
WHY = [
    ("chr1\t5\t9", FEW),
    (NINE, FEW),
    (f"{NINE}\t", NO_NUMBER),
    (f"{NINE}\tnan", NO_NUMBER),
    (f"{NINE}\t-1", "with -1 in column 10"),
    (f"{NINE}\t0", ""),
    (f"{NINE}\t2\t1,1\t0,3", BED12),
    (f"{NINE}\t2\t1,1,\t0,3,\t7\t8", BED12),
    (f"{NINE}\t1\t4\t0", BED12),
    (f"{NINE}\t3\t1,1\t0,3", ""),  # as many blocks as no list has: a summit and two lists
    (f"{NINE}\t1\t3\t0", ""),  # no list, and no block of the whole region
    (f"{NINE}\t2\t4\t0", ""),
    (f"{NINE}\t1\t{'9' * 5000}\t0", ""),
]

COORDINATES = "give 0-based half-open coordinates"
SUMMIT = "give its distance from start, -1 for none, or --summit centre"
STRAND = "keep columns 1 to 3 only if column 6 is something else"
GFF = (
    "this is a GFF or GTF line, not BED; give chrom, start - 1 and end "
    "(its columns 1, 4 and 5) as columns 1 to 3"
)
VCF = (
    "this is a VCF line, not BED; give chrom, position - 1 and position "
    "(from its columns 1 and 2) as columns 1 to 3"
)
TABS = "give chrom, start and end, separated by tabs"
BLOCKS = (
    "columns 10 to 12 list 2 blocks that do not span the region of 4 bases; correct them, or give"
    " --summit column or --summit centre"
)
PEAK = "chr1\t5\t9\ta\t0\t.\t1\t-1\t-1\t"

BAD = [
    ("chr1", f"'chr1' has 1 column; {TABS}"),
    ("chr1\t5", f"'chr1 5' has 2 columns; {TABS}"),
    ("chr1,5,9", f"'chr1,5,9' has 1 column; {TABS}"),
    ("x" * 50, f"'{'x' * 37}...' has 1 column; {TABS}"),
    ("chr1:6-9", "'chr1:6-9' is not BED; give chrom, start - 1 and end in three columns"),
    (
        "chr1:1,006-1,009\tpeak",
        "'chr1:1,006-1,009' is not BED; give chrom, start - 1 and end in three columns",
    ),
    (">chr1", "'>chr1' begins a FASTA record, not a region; give BED or FASTA, not both"),
    ("\t5\t9", "column 1 (chrom) is empty; give chrom, start and end"),
    (
        "chrom\tstart\tend",
        "'chrom start end' is a header, not a region; start the line with '#'",
    ),
    (
        "Chr\tchromStart\tchromEnd\tname",
        "'Chr chromStart chromEnd' is a header, not a region; start the line with '#'",
    ),
    ("chr1\tx\t9", f"start 'x' is not a whole number; {COORDINATES}"),
    ("chr1\t5\tx", f"end 'x' is not a whole number; {COORDINATES}"),
    ("chr1\t\t9", f"start '' is not a whole number; {COORDINATES}"),
    ("chr1\t5.0\t9", f"start '5.0' is not a whole number; {COORDINATES}"),
    ("chr1\t1e6\t2e6", f"start '1e6' is not a whole number; {COORDINATES}"),
    ("chr1\t1,000\t2,000", f"start '1,000' is not a whole number; {COORDINATES}"),
    ("chr1\t1_000\t2000", f"start '1_000' is not a whole number; {COORDINATES}"),
    ("chr1\t+5\t9", f"start '+5' is not a whole number; {COORDINATES}"),
    ("chr1\t٣\t9", f"start '٣' is not a whole number; {COORDINATES}"),
    ("chr1\tNaN\t9", f"start 'NaN' is not a whole number; {COORDINATES}"),
    ("chr1\t-5\t9", f"start -5 is negative; {COORDINATES}"),
    ("chr1\t9\t5", f"end 5 is not after start 9; {COORDINATES}"),
    ("chr1\t9\t9", f"end 9 is not after start 9; {COORDINATES}"),
    ("chr1\t0\t-1", f"end -1 is not after start 0; {COORDINATES}"),
    (
        "chr1\t9223372036854775808\t9223372036854775809",
        f"start 9223372036854775808 is past any chromosome; {COORDINATES}",
    ),
    (f"chr1\t5\t{'9' * 5000}", f"end {'9' * 37}... is past any chromosome; {COORDINATES}"),
    ("chr1\t5\t9\ta\t0\tx", f"strand 'x' is none of + - . ?; {STRAND}"),
    ("chr1\t5\t9\ta\t0\t1", f"strand '1' is none of + - . ?; {STRAND}"),
    (PEAK + "4", f"summit 4 is outside the region of 4 bases; {SUMMIT}"),
    (PEAK + "-2", f"summit -2 is outside the region of 4 bases; {SUMMIT}"),
    (PEAK + "1.5", f"summit '1.5' is not a whole number; {SUMMIT}"),
    (PEAK + "9" * 60, f"summit {'9' * 37}... is outside the region of 4 bases; {SUMMIT}"),
    (PEAK + "4\t1\tx", f"summit 4 is outside the region of 4 bases; {SUMMIT}"),
    (NINE + "\t700", f"summit 700 is outside the region of 4 bases; {SUMMIT}"),
    (NINE + "\t2\t1,1,\t0,2,", BLOCKS),
    ("chr1\tHAVANA\tgene\t6\t9\t.\t+\t.\tID=1", GFF),
    ("chr1\t6\trs1\tA\tG\t50\tPASS\tAC=1", VCF),
    (
        "chr1\t5\t9\t\0",
        "a NUL byte in the line, so this is not text; give BED as plain or gzip text",
    ),
    ("chr1\t5\t9\tM\udcfcller", "byte 0xfc is not UTF-8 text; save the file as UTF-8"),
]

SKIPPED = [
    "",
    "   ",
    "\t\t\t",
    "\r",
    "#chr1\t5\t9",
    "#",
    'track name="a\tb\tc"',
    "browser hide all",
]


@pytest.mark.parametrize(("line", "region"), GOOD)
def test_good_line_is_the_region(line: str, region: Region) -> None:
    (read,) = parse_regions([line], source="a.bed")
    assert read == replace(region, line=1)


@pytest.mark.parametrize(("line", "problem"), BAD)
def test_bad_line_is_a_problem_with_place_value_and_remedy(line: str, problem: str) -> None:
    assert list(parse_regions(["# header\n", line], source="a.bed")) == [f"a.bed:2: {problem}"]


@pytest.mark.parametrize(("line", "why"), WHY)
def test_a_row_without_a_summit_says_why(line: str, why: str) -> None:
    (region,) = parse_regions([line], source="a.bed")
    assert isinstance(region, Region)
    assert (region.no_summit, region.summit >= 0) == (why, not why)


def test_summits_are_read_from_the_column_or_not_at_all_where_that_is_asked_for() -> None:
    blocks, outside = f"{NINE}\t2\t1,1\t0,3", f"{NINE}\t700"
    (region,) = parse_regions([blocks], source="a.bed", summits="column")
    assert region == replace(peak(2, 5, 9, 0), line=1)
    plain = Region("chr1", 5, 9, "a", line=1)
    of_peak = replace(peak(-1, 5, 9, 0), line=1)
    for line, expected in ((blocks, plain), (outside, of_peak), (NINE, plain)):
        (region,) = parse_regions([line], source="a.bed", summits="centre")
        assert region == expected
        assert isinstance(region, Region)
        assert region.no_summit == "by --summit centre"
    assert list(parse_regions([NINE, f"{NINE}\t."], source="a.bed", summits="column")) == [
        "a.bed:1: 9 columns, and --summit column takes the tenth; give --summit auto or centre",
        f"a.bed:2: summit '.' is not a whole number; {SUMMIT}",
    ]


@pytest.mark.parametrize("line", SKIPPED)
def test_lines_that_are_not_data_are_skipped(line: str) -> None:
    assert list(parse_regions([line], source="a.bed")) == []


def test_every_line_is_read_by_itself() -> None:
    lines = ["chr1\t1\t2\n", "bad\n", "\n", "chr2 3 4 name 0 -\n"]
    first, problem, last = parse_regions(lines, source="a.bed")
    assert first == Region("chr1", 1, 2, "chr1:1-2", line=1)
    assert isinstance(problem, str)
    assert problem.startswith("a.bed:2: ")
    assert last == Region("chr2", 3, 4, "name", 0, "-", line=4)


@given(st.text(alphabet=st.characters(codec=None), max_size=80))
def test_any_text_is_a_region_a_problem_or_nothing(line: str) -> None:
    results = list(parse_regions([line], source="a.bed"))
    assert len(results) <= 1
    assert all(isinstance(r, Region) or r.startswith("a.bed:1: ") for r in results)


def test_centre_is_the_summit_or_the_middle() -> None:
    assert Region("chr1", 10, 20, summit=0).centre == 10
    assert Region("chr1", 10, 20, summit=7).centre == 17
    assert Region("chr1", 10, 20).centre == 15
    assert Region("chr1", 10, 21).centre == 15


TEXT = "#c\nchr1\t5\t9\nchr2\t1\t2\n"
REGIONS = [Region("chr1", 5, 9, NO_NAME, line=2), Region("chr2", 1, 2, "chr2:1-2", line=3)]


def _encodings(folder: Path) -> dict[str, Path]:
    paths = {name: folder / name for name in ("plain", "gzip", "members", "bom", "crlf", "cr")}
    paths["plain"].write_bytes(TEXT.encode())
    paths["gzip"].write_bytes(gzip.compress(TEXT.encode()))
    halves = TEXT.encode()[:7], TEXT.encode()[7:]  # bgzip is gzip of many members
    paths["members"].write_bytes(b"".join(map(gzip.compress, (*halves, b""))))
    paths["bom"].write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    paths["crlf"].write_bytes(TEXT.replace("\n", "\r\n").encode())
    paths["cr"].write_bytes(TEXT.replace("\n", "\r").encode())
    return paths


def test_a_file_reads_the_same_in_every_encoding_and_every_time(tmp_path: Path) -> None:
    for name, path in _encodings(tmp_path).items():
        with RegionFile(path) as file:
            assert file.source == str(path)
            assert file.path == path
            assert not file.is_fasta
            assert [list(file.regions()), list(file.regions())] == [REGIONS, REGIONS], name


def test_digest_is_of_the_text_not_of_its_compression(tmp_path: Path) -> None:
    paths = _encodings(tmp_path)
    digests = {}
    for name in ("plain", "gzip", "members", "crlf"):
        with RegionFile(paths[name]) as file:
            digests[name] = file.digest()
    assert digests["plain"] == digests["gzip"] == digests["members"] != digests["crlf"]


@pytest.mark.parametrize("name", ["plain", "gzip"])
def test_standard_input_can_be_read_twice_and_leaves_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.BytesIO(_encodings(tmp_path)[name].read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
    with RegionFile("-") as file:
        assert file.source == "standard input"
        assert [list(file.regions()), list(file.regions())] == [REGIONS, REGIONS]
        spooled = file.path
        assert spooled.exists()
    assert not spooled.exists()


def test_a_pipe_can_be_read_twice(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(TEXT,))
    writer.start()
    with RegionFile(pipe) as file:
        writer.join()
        assert file.source == str(pipe)
        assert [list(file.regions()), list(file.regions())] == [REGIONS, REGIONS]


def test_fasta_is_recognised_and_never_compressed_at_its_path(tmp_path: Path) -> None:
    content = b"\n>one\nACGT\n"
    plain, packed = tmp_path / "a.fa", tmp_path / "a.fa.gz"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    with RegionFile(plain) as file:
        assert file.is_fasta
        assert file.path == plain
    with RegionFile(packed) as file:
        assert file.is_fasta
        assert file.source == str(packed)
        assert file.path != packed
        assert file.path.read_bytes() == content
    assert not file.path.exists()


def test_an_empty_file_has_no_regions_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.bed"
    path.write_bytes(b"")
    with RegionFile(path) as file:
        assert list(file.regions()) == []
        assert not file.is_fasta
    assert no_regions("a.bed") == (
        "a.bed: no regions in it; give at least one line of chrom, start and end"
    )


REMEDY = "give BED, narrowPeak or FASTA as text"
NOT_TEXT = [
    (b"PK\x03\x04", f"this is a zip archive or an Excel workbook; {REMEDY}"),
    (gzip.compress(b"BAM\x01rest", mtime=0), f"this is a BAM file; {REMEDY}"),
    (b"\xeb\xf2\x89\x87", f"this is a bigBed file; {REMEDY}"),
    (b"\x89HDF\r\n", f"this is an HDF5 file; {REMEDY}"),
    (b"BZh91AY", f"this is compressed with bzip2; {REMEDY}"),
    ("chr1\t5\t9\n".encode("utf-16"), f"this is UTF-16 text; {REMEDY}"),
    (b"\x7fELF\x00\x01", f"this is a binary file; {REMEDY}"),
    (b"\x1f\x8b\x08", "the compressed file is cut short; copy or download it again"),
    (
        b"version https://git-lfs.github.com/spec/v1\n",
        f"this is a Git LFS pointer: its content was never fetched; {REMEDY}",
    ),
]


@pytest.mark.parametrize(("content", "problem"), NOT_TEXT)
def test_what_is_no_text_is_refused_at_once(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bed"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        RegionFile(path)
    assert error.value.problems == (f"{path}: {problem}",)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        RegionFile(tmp_path / "none.bed")
    assert str(error.value) == f"{tmp_path / 'none.bed'}: no such file; check the path"
    with pytest.raises(InputError) as error:
        RegionFile(tmp_path)
    assert str(error.value) == f"{tmp_path}: this is a folder; {REMEDY}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.bed"
    path.write_text(TEXT)
    path.chmod(0)
    with pytest.raises(InputError, match="no permission to read it; ask its owner, or use a copy"):
        RegionFile(path)


def test_damage_behind_the_first_lines_names_the_line_it_was_met_at(tmp_path: Path) -> None:
    lines = "".join(f"chr1\t{i}\t{i + 1}\n" for i in range(20000)).encode()
    cut, flipped = tmp_path / "cut.bed.gz", tmp_path / "flipped.bed.gz"
    packed = gzip.compress(lines)
    cut.write_bytes(packed[:-100])
    flipped.write_bytes(packed[:-8] + b"\0" * 8)
    with RegionFile(cut) as file, pytest.raises(InputError) as error:
        list(file.regions())
    place, problem = str(error.value).split(": ", 1)
    assert 1 < int(place.removeprefix(f"{cut}:")) <= 20000
    assert problem == "the compressed file is cut short; copy or download it again"
    with RegionFile(flipped) as file, pytest.raises(InputError, match="file is damaged"):
        list(file.regions())
    with RegionFile(cut) as file, pytest.raises(InputError, match=f"^{cut}: .* is cut short"):
        file.digest()


@pytest.mark.parametrize(
    ("name", "count", "summits"),
    [
        ("hg38_chr1_1mb/pbmc_atac_peaks.chr1_1Mb.bed", 48, False),
        ("hg38_chr1_1mb/xpresso_promoters.chr1_1Mb.bed", 6, False),
        ("saccer3/sacCer3.annotation.bed", 50, False),
        ("ctcf_gm12878/Gm12878.CTCF.top500.w200.bed", 500, False),
    ],
)
def test_published_files_read_without_a_problem(
    name: str, count: int, summits: bool, real: Path
) -> None:
    with RegionFile(real / name) as file:
        regions = list(file.regions())
    assert len(regions) == count
    assert all(isinstance(r, Region) and (r.summit >= 0) == summits for r in regions)
