"""The values of the track of a score file, in the order of the genome.

Knows score files and overlaps; knows no format of tracks.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError, NumericError
from seqlift.tracks.overlap import Intervals, Segment, joined_segments, sweep
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.several_files import SeveralFiles

SECTION_BASES = 65_536
"""Bases handed over at once: enough that the cost of a call does not show."""

_MOST_IN_MESSAGE = 20
"""Rows named in one error: enough to see what is wrong."""


def track_segments(
    scores: ScoreFile | SeveralFiles,
    sizes: Mapping[str, int],
    *,
    overlap: Overlap,
    intervals: Intervals | None = None,
    report: Callable[[int], object] | None = None,
    workers: Executor | None = None,
) -> Iterator[Segment]:
    """Yield the value of every scored base, in the order of `sizes` and then of position.

    Parameters
    ----------
    scores, sizes, overlap
        As in `seqlift.tracks.bigwig.write_bigwig`.
    intervals
        Where the rows lie, if that was read and checked before: of millions they are large.
    report
        Called with the number of rows done since it was last called.
    workers
        Threads that decompress.

    Raises
    ------
    InputError
        A row lies on a chromosome that `sizes` lacks, or past the end of one.
    NumericError
        A score is not finite.
    """
    if intervals is None:
        intervals = scores.intervals()
        check_genome(scores.path, intervals, sizes)

    def tracks(rows: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
        for row, values in zip(rows, scores.tracks_of(rows, workers=workers), strict=True):
            if report is not None:
                report(1)
            yield _checked_track(scores.path, intervals, row, values)

    segments = sweep(intervals, sizes, tracks=tracks, overlap=overlap)
    return joined_segments(segments, most=SECTION_BASES)


def _checked_track(
    source: Path, intervals: Intervals, row: int, whole: NDArray[np.float32]
) -> NDArray[np.float32]:
    first = int(intervals.start[row])
    start, end = int(intervals.scored_start[row]), int(intervals.scored_end[row])
    values = whole[start - first : end - first]
    finite = np.isfinite(values)
    if not finite.all():
        place = start + int(np.argmin(finite))
        raise NumericError(
            f"{source}: row {row + 1} ({intervals.chrom[row]}:{start}-{end}) has the score"
            f" {values[place - start]} at base {place}; run `seqlift score` again"
        )
    return values


def check_genome(source: Path, intervals: Intervals, sizes: Mapping[str, int]) -> None:
    """Raise InputError for rows that do not lie on the chromosomes of a genome."""
    remedy = "give the genome that was scored with -g"
    problems = [
        f"{source}: {chrom} is not in the genome; {remedy}"
        for chrom in intervals.chrom.names
        if chrom not in sizes
    ]
    if not problems:
        ends = intervals.chrom.matched(sizes)
        problems = [
            f"{source}: row {row + 1} ends at {intervals.scored_end[row]}, past the end of"
            f" {intervals.chrom[row]} ({ends[row]}); {remedy}"
            for row in np.flatnonzero(intervals.scored_end > ends)[:_MOST_IN_MESSAGE]
        ]
    if problems:
        raise InputError(*problems[:_MOST_IN_MESSAGE])
