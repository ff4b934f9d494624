"""The genome-browser track: one bigWig made from one score file.

Writes by `seqlift.tracks.bigwig_file` and reads through pyBigWig; knows nothing of HDF5 or models.

What the format does not forgive, and is therefore refused here (measured with pyBigWig 0.3.29 and
UCSC's own library): NaN turns every statistic to NaN and crashes readers, an empty track crashes
UCSC's library, and places past the end of a chromosome are read without a word.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyBigWig

from seqlift.errors import OutputError
from seqlift.tracks.overlap import Intervals, Segment, covered_bases
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.segments import check_genome, track_segments
from seqlift.tracks.several_files import SeveralFiles
from seqlift.tracks.unfinished import output_errors, remove, reserve

LARGEST_PLACE = 2**32 - 1
"""The last base that the format has a number for."""

_SIGNATURE = bytes.fromhex("26fc8f88")
"""Ends every finished bigWig, as it begins one."""


def write_bigwig(
    scores: ScoreFile | SeveralFiles,
    path: Path | str,
    sizes: Mapping[str, int],
    *,
    overlap: Overlap = "nearest",
    progress: Callable[[int], object] | None = None,
    workers: Executor | None = None,
) -> int:
    """Write a new bigWig of float32, 0-based and half-open; return the number of bases in it.

    bigWig: Kent et al. 2010, doi:10.1093/bioinformatics/btq351.

    Parameters
    ----------
    scores
        Rows in any order. Which score a base has that several windows cover, `overlap` says; bases
        that no window scored are absent, N inside a window is 0.
    path
        The file, replaced if it exists. The caller passes a name that says "unfinished".
    sizes
        Every chromosome of the genome with its length, in the order of the FASTA.
    overlap
        Which score a base has that several windows cover: see `seqlift.tracks.overlap_policies`.
    progress
        Called with the number of rows done since it was last called.
    workers
        Threads that compress. The bytes do not depend on them.

    Raises
    ------
    InputError
        A row lies on a chromosome that `sizes` lacks, or past the end of one.
    NumericError
        A score is not finite.
    OutputError
        No base was scored, or the file cannot be written. No file is left behind.
    """
    path = Path(path)
    intervals = scores.intervals()
    check_genome(scores.path, intervals, sizes)
    scored = intervals.scored_end > intervals.scored_start
    if not scored.any():
        raise OutputError(
            f"{path}: {scores.path} has no scored base, and readers of bigWig cannot open an"
            " empty track; see the status of its rows with `seqlift inspect`"
        )
    report = progress or (lambda _: None)
    report(int((~scored).sum()))  # rows without a scored base never come by

    check_chromosomes(path, sizes)
    # So that a disk that is too small is found before the work and not after it.
    reserve(path, most_bytes(intervals, sizes))
    try:
        with output_errors(path):
            segments = track_segments(
                scores, sizes, overlap=overlap, intervals=intervals, report=report, workers=workers
            )
            written = _write(path, sizes, segments, workers)
        _check_finished(path, sizes)
    except BaseException:  # an interrupt, too, must leave no half of a track
        remove(path)
        raise
    return written


def check_chromosomes(path: Path, sizes: Mapping[str, int]) -> None:
    """Raise OutputError for a chromosome whose places the format cannot number."""
    for chrom, size in sizes.items():
        if size > LARGEST_PLACE:
            raise OutputError(
                f"{path}: {chrom} has {size} bases, and a bigWig takes at most {LARGEST_PLACE}; cut"
                " the sequence in two"
            )


def is_track_of(
    scores: ScoreFile | SeveralFiles, path: Path, sizes: Mapping[str, int], *, overlap: Overlap
) -> bool:
    """Find out whether a bigWig has the scores of a score file at every base, and no others."""
    try:
        if not _is_whole(path, sizes):
            return False
    except OSError:
        return False
    segments = track_segments(scores, sizes, overlap=overlap)
    covered = 0
    with pyBigWig.open(bigwig_name(path)) as track:
        for segment in segments:
            end = segment.start + len(segment.values)
            if not np.array_equal(
                track.values(segment.chrom, segment.start, end, numpy=True), segment.values
            ):
                return False
            covered += len(segment.values)
        return bool(track.header()["nBasesCovered"] == covered)  # and at no other base


def begins_as_bigwig(path: Path) -> bool:
    """Find out whether a file begins as a bigWig of any program, in either byte order."""
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            return False
        with path.open("rb") as file:
            first = file.read(len(_SIGNATURE))
            return first in (_SIGNATURE, _SIGNATURE[::-1])  # either byte order
    except OSError:
        return False


def bigwig_name(path: Path) -> str:
    """Name a file for pyBigWig, which takes UTF-8 in every locale, and crashes at all else."""
    try:
        return os.fsencode(path).decode()
    except UnicodeDecodeError:
        shown = os.fsencode(path).decode(errors="backslashreplace")
        raise OutputError(
            f"{shown}: the name is not UTF-8, and the library for bigWig takes no other; give"
            " another with -o"
        ) from None


def _write(
    path: Path, sizes: Mapping[str, int], segments: Iterator[Segment], workers: Executor | None
) -> int:
    from seqlift.tracks.bigwig_file import BigWigFile  # numba: half a second that reading needs not

    written = 0
    with BigWigFile(path, sizes, workers=workers) as file:
        for segment in segments:
            file.add(segment.chrom, segment.start, segment.values)
            written += len(segment.values)
    return written


def most_bytes(intervals: Intervals, sizes: Mapping[str, int]) -> int:
    """Count more bytes than a track can take: those that are reserved before it is written."""
    return reserved_bytes(covered_bases(intervals, sizes), len(intervals.chrom), sizes)


def reserved_bytes(bases: int, rows: int, sizes: Mapping[str, int]) -> int:
    """Count more bytes than a track of so many scored bases can take.

    Measured with random values, which do not compress: 5.3 bytes a base in one stretch, 6.3 in
    stretches of 200 bases, 69 in single bases far apart; zoom levels included.
    """
    header = 1_000_000 + sum(len(chrom) + 32 for chrom in sizes)
    return header + 8 * bases + 112 * rows  # 69 in the worst case, and some to spare


def _check_finished(path: Path, sizes: Mapping[str, int]) -> None:
    if not _is_whole(path, sizes):
        raise OutputError(
            f"{path}: the track does not open again after writing; check the disk and run again"
        )


def _is_whole(path: Path, sizes: Mapping[str, int]) -> bool:
    with path.open("rb") as file:
        begins = file.read(len(_SIGNATURE)) == _SIGNATURE
        if not begins or file.seek(0, os.SEEK_END) < 2 * len(_SIGNATURE):
            return False
        file.seek(-len(_SIGNATURE), os.SEEK_END)
        if file.read() != _SIGNATURE:
            return False
    with suppress(RuntimeError), pyBigWig.open(bigwig_name(path)) as track:
        return bool(track.isBigWig() and track.chroms() == dict(sizes))
    return False
