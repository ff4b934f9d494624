"""Seqlets are called where a window's contributions sum to more than those of shuffled scores.

The windows are TF-MoDISco's (Shrikumar et al. 2018, https://arxiv.org/abs/1811.00416): in every row
the window of the greatest sum, then the greatest of those that do not overlap it, and so on. The
false discovery rate of a sum is found from decoys (Elias and Gygi 2007, doi:10.1038/nmeth1019):
how many windows of shuffled rows have it, to how many windows of the rows themselves. Shuffling
all bases of a row would spread its motifs over the null, so it is done twice: the second time, the
bases called at first are replaced by draws from the others of their row.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Tracks = Callable[[], Iterable[tuple[int, NDArray[np.float32]]]]
"""Gives blocks of rows, each with the number of its first row and (n, L), whenever it is called."""

DECOYS = 5
"""Shuffled copies of every row: five tell a rate of 1 % on some hundred windows."""

FEWEST = 20
"""Bases of a row outside its windows that decoys are drawn from; with fewer, those of its block."""


@dataclass(frozen=True, slots=True)
class Called:
    """Windows that were called, the greatest sum first.

    Attributes
    ----------
    row, start : (n,) int64
        Number of the row, and first base of the window, counted from the start of the row.
    score : (n,) float64
        Sum of the contributions.
    p_value : (n,) float64
        Share of the decoys' windows with this sum or more; never 0.
    q_value : (n,) float64
        False discovery rate among all windows with this sum or more.
    """

    row: NDArray[np.int64]
    start: NDArray[np.int64]
    score: NDArray[np.float64]
    p_value: NDArray[np.float64]
    q_value: NDArray[np.float64]

    def chosen(self, which: NDArray[np.bool_] | slice) -> "Called":
        """Select some of the windows."""
        return Called(
            self.row[which], self.start[which], self.score[which],
            self.p_value[which], self.q_value[which],
        )  # fmt: skip


def call_windows(tracks: Tracks, *, width: int, rate: float, seed: int) -> Called:
    """Call the windows of `width` bases whose contributions have a greater sum than chance.

    Parameters
    ----------
    tracks
        The contributions of the observed bases; their negatives, for negative seqlets.
    width
        Bases of a window; rows that are shorter have none.
    rate
        Highest false discovery rate, among all that are called.
    seed
        Of the shuffles: those of a row depend on the seed and its number only.
    """
    found = [(first, *peaks_of(block, width)) for first, block in tracks()]
    row, start, score = (
        np.concatenate([one[0] + one[1] for one in found] or [np.empty(0, np.int64)]),
        np.concatenate([one[2] for one in found] or [np.empty(0, np.int64)]),
        np.concatenate([one[3] for one in found] or [np.empty(0)]),
    )
    order = np.lexsort((start, row, -score))
    row, start, score = row[order], start[order], score[order]
    count = 0
    for _ in range(2):  # again without the bases called first, which would spread over the null
        decoys = np.sort(_decoy_sums(tracks, row[:count], start[:count], width, seed))
        above = len(decoys) - np.searchsorted(decoys, score)
        p_value = (above + 1) / (len(decoys) + 1)  # never 0, of however few decoys
        rates = above / DECOYS / np.arange(1, len(score) + 1)
        # a greater sum has no larger rate
        q_value = np.minimum(np.minimum.accumulate(rates[::-1])[::-1], 1.0)
        count = int((q_value <= rate).sum())
    return Called(row, start, score, p_value, q_value).chosen(slice(count))


def peaks_of(
    tracks: NDArray[np.floating], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Find the windows of greatest sum in every row, none of which overlap: row, start and sum.

    Windows whose sum is not above 0 are left out.
    """
    rows, length = tracks.shape
    if length < width or not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    before = np.zeros((rows, length + 1))
    # float64, as differences of running sums lose what the sums have grown by.
    np.cumsum(tracks, axis=1, dtype=np.float64, out=before[:, 1:])
    sums = before[:, width:] - before[:, :-width]
    active, found = np.arange(rows), []
    while len(active):
        # Greater than all that overlap it, the leftmost of equals: it is taken before any of them.
        is_peak = sums > np.maximum(_before(sums, width - 1), 0)
        is_peak &= sums >= _before(sums[:, ::-1], width - 1)[:, ::-1]
        row, start = np.nonzero(is_peak)
        found.append((active[row], start, sums[row, start]))
        blocked = np.where(is_peak, 0.0, -np.inf)
        overlaps = np.maximum(
            _before(blocked, width - 1), _before(blocked[:, ::-1], width - 1)[:, ::-1]
        )
        sums[is_peak | (overlaps == 0)] = -np.inf
        left = (sums > 0).any(axis=1)
        active, sums = active[left], sums[left]
    row, start, score = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((start, -score, row))
    return row[order], start[order], score[order]


def _before(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Find the greatest of the `reach` values to the left of each; -inf where there are none."""
    found = np.full_like(values, -np.inf)
    if reach < 1:
        return found
    found[:, 1:] = values[:, :-1]
    covered = 1  # doubled each time: log2(reach) passes instead of reach
    while covered < reach:
        step = min(covered, reach - covered)
        found[:, step:] = np.maximum(found[:, step:], found[:, :-step])
        covered += step
    return found


def _decoy_sums(
    tracks: Tracks,
    row: NDArray[np.int64],
    start: NDArray[np.int64],
    width: int,
    seed: int,
) -> NDArray[np.float64]:
    sums = []
    for first, block in tracks():
        here = (row >= first) & (row < first + len(block))
        called = np.zeros(block.shape, dtype=bool)
        called[(row[here] - first)[:, None], start[here][:, None] + np.arange(width)] = True
        copies = list(_shuffled_rows(block, called, first, seed))
        sums += [peaks_of(np.stack([copy[i] for copy in copies]), width)[2] for i in range(DECOYS)]
    return np.concatenate(sums) if sums else np.empty(0)


def _shuffled_rows(
    block: NDArray[np.float32], called: NDArray[np.bool_], first: int, seed: int
) -> Iterator[NDArray[np.float32]]:
    for i, values in enumerate(block):
        random = np.random.default_rng([seed, first + i])  # by row, so that blocks change nothing
        if not called[i].any():
            yield random.permuted(np.tile(values, (DECOYS, 1)), axis=1)
            continue
        pool = values[~called[i]]
        if len(pool) < FEWEST and not called.all():
            pool = block[~called]
        # drawn with replacement: the pool is shorter than a row
        yield random.choice(pool, (DECOYS, len(values)))
