"""Summaries of a track in ever wider bins, from which browsers draw what is zoomed out.

A record of a level sums up the bases of one bin, and the bins of a level are four of the level
below. Values come in the order of the genome, and of each level only the open bin is held. Knows
numbers; knows no files.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seqlift.system.compiled import inner, kernel

NARROWEST_BIN, STEP, MOST_LEVELS = 32, 4, 10
"""Bases in a bin of the first level, how much wider each next one is, and how many there are.

A record has 32 bytes, so the first level takes a quarter of the values; UCSC's programs begin at 40
bases."""

RECORDS = 512
"""Records that are handed over at once."""

BIN, FIRST_BASE, LAST_BASE, BASES, LEAST, LARGEST, SUM, SQUARES = range(8)
"""Columns of a record: float64 holds every place on a chromosome."""

Records = NDArray[np.float64]
Integers = NDArray[np.int64]


class ZoomLevels:
    """Sums up the values of one chromosome after another.

    Parameters
    ----------
    longest
        Bases of the longest chromosome: no bin is wider.
    most, stretches
        Values that `add` gets at once, at most, and stretches of them.

    Attributes
    ----------
    reductions
        Bases in the bins of each level.
    total
        A record of all values that were added.
    """

    def __init__(self, longest: int, *, most: int, stretches: int) -> None:
        widths = [NARROWEST_BIN * STEP**level for level in range(MOST_LEVELS)]
        self.reductions = np.array(
            [NARROWEST_BIN, *(w for w in widths[1:] if w <= longest)], np.int64
        )
        levels = len(self.reductions)
        self.total = np.array([0, 0, 0, 0, np.inf, -np.inf, 0, 0])
        self._open = np.full((levels, 8), -1.0)
        more = most // NARROWEST_BIN + 2 * stretches
        self._done = np.empty((levels, RECORDS + more, 8))
        self._number = np.zeros(levels, np.int64)

    def add(self, starts: Sequence[int], sizes: Sequence[int], values: NDArray[np.float32]) -> None:
        """Sum up the values of stretches of bases, from left to right, one after another."""
        stretches = np.array([starts, sizes])
        _add(values, stretches, self.reductions, self._open, self._done, self._number, self.total)

    def end_chromosome(self) -> None:
        """Close all bins: the values that follow are of another chromosome."""
        _close(self.reductions, self._open, self._done, self._number)

    def finished(self, *, all_of_them: bool) -> Iterator[tuple[int, Records]]:
        """Yield the level and the records of finished bins, whole `RECORDS`, or the rest too."""
        for level, number in enumerate(self._number.tolist()):
            taken = number if all_of_them else number // RECORDS * RECORDS
            if taken:
                yield level, self._done[level, :taken].copy()
                self._done[level, : number - taken] = self._done[level, taken:number].copy()
                self._number[level] = number - taken


@inner
def _merge(into: Records, record: Records) -> None:
    into[LAST_BASE] = record[LAST_BASE]
    into[BASES] += record[BASES]
    into[LEAST] = min(into[LEAST], record[LEAST])
    into[LARGEST] = max(into[LARGEST], record[LARGEST])
    into[SUM] += record[SUM]
    into[SQUARES] += record[SQUARES]


@inner
def _fold(
    record: Records,
    level: int,
    reductions: Integers,
    opened: Records,
    done: Records,
    number: Integers,
) -> None:
    """Add a record to the open bin of a level; a bin that this closes goes to the level above."""
    while level < len(reductions):
        current = opened[level]
        place = record[FIRST_BASE] // reductions[level]
        if current[BIN] == place:
            _merge(current, record)
            return
        closed = current[BIN] >= 0
        if closed:
            for k in range(8):
                done[level, number[level], k] = current[k]
        for k in range(1, 8):
            current[k] = record[k]
        current[BIN] = place
        if not closed:
            return
        record = done[level, number[level]]
        number[level] += 1
        level += 1


@inner
def _sum_up(
    values: NDArray[np.float32],
    start: int,
    record: Records,
    reductions: Integers,
    opened: Records,
    done: Records,
    number: Integers,
    total: Records,
) -> None:
    """Sum up the values of the bases from `start` on; `record` is overwritten."""
    first = 0
    while first < len(values):
        width = reductions[0]
        stop = min(((start + first) // width + 1) * width - start, len(values))
        least, largest, added, squares = np.inf, -np.inf, 0.0, 0.0
        for i in range(first, stop):
            value = np.float64(values[i])
            least, largest = min(least, value), max(largest, value)
            added += value
            squares += value * value
        record[FIRST_BASE], record[LAST_BASE], record[BASES] = (
            start + first,
            start + stop,
            stop - first,
        )
        record[LEAST], record[LARGEST] = least, largest
        record[SUM], record[SQUARES] = added, squares
        _merge(total, record)
        _fold(record, 0, reductions, opened, done, number)
        first = stop


@kernel
def _add(
    values: NDArray[np.float32],
    stretches: Integers,
    reductions: Integers,
    opened: Records,
    done: Records,
    number: Integers,
    total: Records,
) -> None:
    first, record = 0, np.zeros(8)
    for k in range(stretches.shape[1]):
        own = values[first : first + stretches[1, k]]
        _sum_up(own, stretches[0, k], record, reductions, opened, done, number, total)
        first += len(own)


@kernel
def _close(reductions: Integers, opened: Records, done: Records, number: Integers) -> None:
    for level in range(len(reductions)):
        if opened[level, BIN] >= 0:
            for k in range(8):
                done[level, number[level], k] = opened[level, k]
            opened[level, BIN] = -1
            number[level] += 1
            _fold(done[level, number[level] - 1], level + 1, reductions, opened, done, number)
