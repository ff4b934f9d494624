"""Which files a browser shows: tracks, regions, annotations and the genome they lie on.

Knows the names that `seqlift score` gives its files; knows nothing of pages.
"""

import glob
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from seqlift.errors import InputError
from seqlift.inputs.genome import Genome
from seqlift.inputs.text import TextFile
from seqlift.plots.marks import motif_column, read_marks
from seqlift.plots.stretch import StretchReader, shown_name
from seqlift.system.printable import printable
from seqlift.tracks.bigwig import begins_as_bigwig
from seqlift.tracks.regions_bed import narrow_peak
from seqlift.tracks.scale_groups import scale_groups
from seqlift.tracks.score_file import ScoreFile

TRACK_ENDING, SCORES_ENDING, REGIONS_ENDING = ".bw", ".h5", ".regions.bed"

MAKE = "give the prefix of `seqlift score`, or make the track of a score file with `seqlift track`"

COMPRESSED_ENDINGS = (".gz", ".bgz")


@dataclass(frozen=True, slots=True)
class ListedRegion:
    """A region to click: [start, end) of a chromosome, and its row in the score file, if known."""

    name: str
    chrom: str
    start: int
    end: int
    row: int | None = None
    prediction: float | None = None


@dataclass(frozen=True, slots=True)
class ShownFiles:
    """All that a browser shows, by path; `regions` are those to be listed, best first.

    `scores` are the score files of `tracks`, none where one of them is not there. Tracks that share
    a scale have one word of `scales`, "" where nothing says what they measure.
    """

    tracks: tuple[Path, ...]
    scores: tuple[Path, ...]
    genome: Path
    index: str
    annotations: tuple[Path, ...]
    regions: tuple[ListedRegion, ...]
    bed: str
    labels: tuple[str, ...]
    scales: tuple[str, ...]
    assembly: str

    @property
    def title(self) -> str:
        """Name all tracks, and the files that they come from."""
        names = [one.name for one in self.tracks]
        common = names[0] if len(names) == 1 else beginning(names).rpartition(".")[0]
        labels = list(dict.fromkeys(self.labels))
        files = [common] if common else names
        return ", ".join(files) + ("" if labels == names else f": {', '.join(labels)}")


def beginning(names: Sequence[str]) -> str:
    columns = takewhile(lambda letters: len({*letters}) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in columns)


def assembly_of(genome: Path) -> str:
    name = genome.name
    for ending in (*COMPRESSED_ENDINGS, ".fa", ".fasta", ".fna"):
        name = name.removesuffix(ending)
    return name or genome.name


def find_files(
    scores: Sequence[str], *, genome: str | None, annotations: Sequence[str]
) -> ShownFiles:
    """Find the tracks of prefixes, score files or bigWigs, and what belongs to them.

    Raises
    ------
    InputError
        A file is missing or not what its name says, or the genome is not that of the scores.
    """
    tracks = tuple(dict.fromkeys(track for word in scores for track in tracks_of(word)))
    files = tuple(track.with_suffix(SCORES_ENDING) for track in tracks)
    known = all(one.is_file() for one in files)
    path = genome_path(files[0] if known else None, tracks[0], genome)
    with Genome(path) as fasta:
        index = fasta.index_text()
        read_marks(annotations, fasta.sizes)
        facts = [score_facts(one, fasta if known else None) for one in files]
    if known:
        listed, bed = list_rows(files[0])
    else:
        listed, bed = list_lines(tracks[0])
    return ShownFiles(
        tracks=tracks,
        scores=files if known else (),
        genome=path,
        index=index,
        annotations=tuple(map(Path, annotations)),
        regions=listed,
        bed=bed,
        labels=labels_of(tracks, facts),
        scales=tuple(scale_groups(facts)),
        assembly=assembly_of(path),
    )


def tracks_of(word: str) -> list[Path]:
    """Find the bigWigs that a word names: a bigWig, a score file, or a prefix of one or several."""
    path = Path(word)
    if path.suffix in (TRACK_ENDING, ".bigWig", ".bigwig"):
        found = [path]
    elif path.suffix == SCORES_ENDING:
        found = [path.with_suffix(TRACK_ENDING)]
    elif Path(f"{word}{TRACK_ENDING}").is_file():
        found = [Path(f"{word}{TRACK_ENDING}")]
    else:
        found = sorted(map(Path, glob.glob(f"{glob.escape(word)}.*{TRACK_ENDING}")))  # noqa: PTH207  # a prefix may be absolute
    if not found:
        raise InputError(f"{word}: no track {word}{TRACK_ENDING}; {MAKE}")
    problems = [f"{one}: no such file; {MAKE}" for one in found if not one.exists()] + [
        f"{one}: not a bigWig that can be read; give the .bw file that `seqlift score` wrote, or"
        " make it again with `seqlift track`"
        for one in found
        if one.exists() and not begins_as_bigwig(one)
    ]
    if problems:
        raise InputError(*problems)
    return found


def genome_path(scores: Path | None, track: Path, genome: str | None) -> Path:
    """Choose the FASTA: the one asked for, else the one that the score file names."""
    if genome is None and scores is not None:
        with ScoreFile(scores) as file:
            genome = str(file.attributes.get("genome") or "") or None
    if genome is None or not Path(genome).is_file():
        where = f"{genome} does not exist" if genome else "no score file says which it is"
        raise InputError(f"{track}: its genome is needed, and {where}; give the FASTA with -g")
    if genome.endswith(COMPRESSED_ENDINGS) and not Path(f"{genome}.gzi").is_file():
        raise InputError(
            f"{genome}: browsers need the index {genome}.gzi of a compressed FASTA; make it with"
            " `samtools faidx`, or give a plain FASTA with -g"
        )
    return Path(genome)


def check_sizes(scores: ScoreFile, fasta: Genome) -> None:
    """Raise InputError unless every chromosome of a score file is as long in the genome."""
    for chrom, size in scores.sizes().items():
        if fasta.sizes.get(chrom) != size:
            found = fasta.sizes.get(chrom)
            raise InputError(
                f"{fasta.path}: not the genome of {scores.path}, in which {chrom} has {size} bases"
                f" {'and here it is missing' if found is None else f'and not {found}'}; give"
                " another FASTA with -g"
            )


def list_rows(path: Path) -> tuple[tuple[ListedRegion, ...], str]:
    """List the rows of a score file by prediction, the highest first; write all as narrowPeak."""
    with ScoreFile(path) as scores:
        windows = scores.windows(slice(None))
        prediction = scores.values("qc/prediction", slice(None))
        order = StretchReader(scores).by_prediction().tolist()
    listed = [
        ListedRegion(
            shown_name(one.region.name, one.region.chrom),
            one.region.chrom,
            one.first,
            one.last,
            row,
            prediction[row],
        )
        for row, one in ((row, windows[row]) for row in order)
        if one.first < one.last
    ]
    return tuple(listed), "".join(map(narrow_peak, windows))


def list_lines(track: Path) -> tuple[tuple[ListedRegion, ...], str]:
    """List the lines of the regions file of a track, none where there is no such file."""
    stem = track.with_suffix("")
    for path in (Path(f"{stem}{REGIONS_ENDING}"), Path(f"{stem.with_suffix('')}{REGIONS_ENDING}")):
        if path.is_file():
            rows = read_marks([path])
            listed = (ListedRegion(one.name, one.chrom, one.start, one.end) for one in rows)
            return tuple(listed), path.read_text("utf-8")
    return (), ""


def seqlets_as_bed(path: Path) -> bytes | None:
    """Write a file of `seqlift seqlets` as BED of six columns, named by motifs; None for others.

    Browsers take its further columns for the ends of a thick part and a colour.
    """
    with closing(TextFile(path, remedy="give BED as text")) as file:
        head = file.head.lstrip().split(b"\n", 1)[0].decode(errors="replace")
    if motif_column(head) is None:
        return None
    return "".join(
        f"{one.chrom}\t{one.start}\t{one.end}\t{printable(one.name)}\t0\t{one.strand}\n"
        for one in read_marks([path])
    ).encode()


def labels_of(tracks: Sequence[Path], facts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Call tracks by their targets, and by their files too where targets are equal or unknown.

    A label is short: igv.js lays it over letters, and UCSC shows its first 17 characters.
    """
    targets = [str(one.get("target") or "") for one in facts]
    alone = all(targets) and len({*targets}) == len(targets)
    return tuple(
        target if alone else f"{target} {track.name}".lstrip()
        for track, target in zip(tracks, targets, strict=True)
    )


def score_facts(path: Path, fasta: Genome | None) -> dict[str, Any]:
    """Read the attributes of a score file, none where it is not there; check it against a genome.

    Raises InputError where the scores are of another genome.
    """
    if not path.is_file():
        return {}
    with ScoreFile(path) as scores:
        if fasta is not None:
            check_sizes(scores, fasta)
        return scores.attributes
