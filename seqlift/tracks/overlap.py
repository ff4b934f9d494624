"""Which window a base takes its score from, where windows overlap.

Windows are swept from left to right while only the bases that a later window may still reach are
held, so memory is that of one window. Knows intervals and arrays; knows no files.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlift.intervals import middle
from seqlift.tracks.labels import Labels
from seqlift.tracks.overlap_policies import POLICIES, CoveredBases, Covering, Overlap


@dataclass(frozen=True, slots=True)
class Intervals:
    """Where the rows of a score file lie on the genome, in row order, 0-based half-open.

    Attributes
    ----------
    chrom
        The chromosome of each row, N texts.
    start, end : (N,) int64
        The frame: column j of a row is base ``start + j``.
    scored_start, scored_end : (N,) int64
        The part of the frame whose bases go to the track; empty where they are equal.
    """

    chrom: Labels
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    scored_start: NDArray[np.int64]
    scored_end: NDArray[np.int64]


class Segment(NamedTuple):
    """Values of consecutive bases: ``values[i]`` belongs to base ``start + i``."""

    chrom: str
    start: int
    values: NDArray[np.float32]


def sweep(
    intervals: Intervals,
    sizes: Mapping[str, int],
    *,
    tracks: Callable[[NDArray[np.int64]], Iterator[NDArray[np.float32]]],
    overlap: Overlap = "nearest",
) -> Iterator[Segment]:
    """Yield the value of every scored base, in the order of `sizes` and then of position.

    Parameters
    ----------
    intervals
        Rows in any order; overlapping, equal and one-base intervals are all allowed.
    sizes
        Chromosome lengths in the order wanted. Rows on other chromosomes are left out.
    tracks
        Gives the values of the scored bases of rows, in their order. Called once, with every row
        that has some, from left to right.
    overlap
        Which score a base has that several windows cover: see `seqlift.tracks.overlap_policies`.

    Notes
    -----
    Segments do not overlap, but neighbouring ones may touch (see `joined_segments`). Their values
    may be a view of a larger array.
    """
    rank = _ranks(intervals)
    chroms = list(_rows_from_left_to_right(intervals, sizes, rank))
    # All rows at once, so that the reader can group those of one compressed chunk.
    read = tracks(np.concatenate([np.empty(0, np.int64), *(rows for _, rows in chroms)]))
    for chrom, rows in chroms:
        for group in _groups(intervals, rows):
            if len(group) == 1:
                yield Segment(chrom, int(intervals.scored_start[group[0]]), next(read))
                continue
            covered = (
                POLICIES[overlap](_covering(intervals, row, rank=int(rank[row]), values=values))
                for row, values in zip(group.tolist(), islice(read, len(group)), strict=True)
            )
            starts = intervals.scored_start[group]
            for start, values in _sweep_group(zip(starts, covered, strict=True)):
                yield Segment(chrom, start, values)


def joined_segments(segments: Iterator[Segment], *, most: int) -> Iterator[Segment]:
    """Yield the same values with touching segments joined, up to `most` bases in one."""
    chrom, start, filled = "", 0, 0
    pieces: list[NDArray[np.float32]] = []
    for segment in segments:
        if filled and (segment.chrom != chrom or segment.start != start + filled):
            yield Segment(chrom, start, _joined(pieces))
            filled, pieces = 0, []
        if not filled:
            chrom, start = segment.chrom, segment.start
        rest = segment.values
        while len(rest):
            taken = min(most - filled, len(rest))
            pieces.append(rest[:taken])
            filled, rest = filled + taken, rest[taken:]
            if filled == most:
                yield Segment(chrom, start, _joined(pieces))
                start, filled, pieces = start + filled, 0, []
    if filled:
        yield Segment(chrom, start, _joined(pieces))


def _joined(pieces: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def covered_bases(intervals: Intervals, sizes: Mapping[str, int]) -> int:
    """Count how many bases of the chromosomes in `sizes` are scored by at least one row."""
    covered = 0
    for _, rows in _rows_from_left_to_right(intervals, sizes, _ranks(intervals)):
        starts = intervals.scored_start[rows]
        # Windows may lie within earlier ones: a base counts from where none before has reached.
        reached = np.maximum.accumulate(intervals.scored_end[rows])
        before = np.concatenate([starts[:1], reached[:-1]])
        covered += int(np.maximum(reached - np.maximum(starts, before), 0).sum())
    return covered


def _ranks(intervals: Intervals) -> NDArray[np.int64]:
    keys = (intervals.scored_end, intervals.scored_start, intervals.end, intervals.start)
    ranks = np.empty(len(intervals.start), dtype=np.int64)
    # By place and not by row, so that a track does not depend on the order of the regions.
    ranks[np.lexsort(keys)] = np.arange(len(ranks))
    return ranks


def _rows_from_left_to_right(
    intervals: Intervals, sizes: Mapping[str, int], rank: NDArray[np.int64]
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield each chromosome's rows, of those that begin together the lowest rank first."""
    number = {chrom: i for i, chrom in enumerate(sizes)}
    place = intervals.chrom.matched(number)
    # sorts before all chromosomes, and is cut off
    place[intervals.scored_start >= intervals.scored_end] = -1
    order = np.lexsort((rank, intervals.scored_start, place))
    order = order[np.searchsorted(place[order], 0) :]
    chroms = list(sizes)
    firsts = np.flatnonzero(np.diff(place[order], prepend=-1))
    for rows in np.split(order, firsts)[1:]:
        yield chroms[place[rows[0]]], rows


def _groups(intervals: Intervals, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Divide the rows of a chromosome, from left to right, where no window reaches across."""
    reached = np.maximum.accumulate(intervals.scored_end[rows])
    borders = np.flatnonzero(intervals.scored_start[rows][1:] >= reached[:-1]) + 1
    for first, last in pairwise([0, *borders.tolist(), len(rows)]):
        yield rows[first:last]


def _covering(
    intervals: Intervals, row: int, *, rank: int, values: NDArray[np.float32]
) -> Covering:
    centre = middle(int(intervals.start[row]), int(intervals.end[row]))
    bases = np.arange(intervals.scored_start[row], intervals.scored_end[row], dtype=np.int64)
    return Covering(values, np.abs(bases - centre), row, rank)


def _sweep_group(
    covered: Iterator[tuple[int, CoveredBases]],
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    position, held = next(covered)
    for start, new in covered:
        # No later window starts further left, so what lies before this one is settled.
        settled = min(int(start) - position, len(held))
        if settled:
            yield position, held.part(0, settled).values
        position, held = int(start), held.part(settled)
        shared = min(len(held), len(new))
        held.part(0, shared).absorb(new.part(0, shared))  # a view: it changes `held`
        if shared < len(new):
            held = held.extended(new.part(shared)) if shared else new
    yield position, held.values
