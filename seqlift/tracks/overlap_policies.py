"""Overlap policies: how the scores of a base in several windows become one.

One class for each way in which windows share a base. Knows arrays; knows no files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, Self, get_args

import numpy as np
from numpy.typing import NDArray

Overlap = Literal["nearest", "mean", "max", "first"]
OVERLAPS: tuple[Overlap, ...] = get_args(Overlap)
"""Which score a base has that several windows cover:

nearest
    That of the window whose middle is nearest; of two, the one that begins first.
mean
    The mean over the windows.
max
    The largest in size, with its sign.
first
    That of the window that is the first row of the file.
"""


@dataclass(frozen=True, slots=True)
class Covering:
    """One window's scored bases, before they meet those of other windows.

    Attributes
    ----------
    values : (n,) float32
    distance : (n,) int64
        Bases from the middle of the window.
    row : int
        Its row of the file.
    rank : int
        Its place among all windows, by start, end, scored part and then row.
    """

    values: NDArray[np.float32]
    distance: NDArray[np.int64]
    row: int
    rank: int


class CoveredBases(Protocol):
    """Consecutive bases, each with what is known of it so far."""

    @property
    def values(self) -> NDArray[np.float32]:
        """Compute the scores as they would be if no further window came."""

    def __len__(self) -> int:
        """Count the bases."""

    def part(self, start: int, end: int | None = None) -> Self:
        """Take the bases from `start` to `end`, counted from the first, without a copy."""

    def extended(self, other: Self) -> Self:
        """Append the bases of `other`, in new arrays."""

    def absorb(self, other: Self) -> None:
        """Settle these bases with those of `other`, which has as many, by changing these."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Each base has the score of one window: that of the lowest `key`, then of the lowest `rank`.

    Neither depends on the order in which windows come. All arrays are (n,).
    """

    values: NDArray[np.float32]
    key: NDArray[np.float64]
    rank: NDArray[np.int64]

    def __len__(self) -> int:
        """Count the bases."""
        return len(self.values)

    def part(self, start: int, end: int | None = None) -> Self:
        """Take the bases from `start` to `end`, counted from the first, without a copy."""
        cut = slice(start, end)
        return type(self)(self.values[cut], self.key[cut], self.rank[cut])

    def extended(self, other: Self) -> Self:
        """Append the bases of `other`, in new arrays."""
        return type(self)(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.key, other.key]),
            np.concatenate([self.rank, other.rank]),
        )

    def absorb(self, other: Self) -> None:
        """Take the scores of `other` where it goes before."""
        # which comes first must not matter
        tie = (other.key == self.key) & (other.rank < self.rank)
        where = (other.key < self.key) | tie
        np.copyto(self.values, other.values, where=where)
        np.copyto(self.key, other.key, where=where)
        np.copyto(self.rank, other.rank, where=where)


@dataclass(frozen=True, slots=True)
class Averaged:
    """Each base has the mean over its windows: `totals` (n,) float64 over `counts` (n,)."""

    totals: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def values(self) -> NDArray[np.float32]:
        """Compute the means."""
        return (self.totals / self.counts).astype(np.float32)

    def __len__(self) -> int:
        """Count the bases."""
        return len(self.totals)

    def part(self, start: int, end: int | None = None) -> Self:
        """Take the bases from `start` to `end`, counted from the first, without a copy."""
        return type(self)(self.totals[start:end], self.counts[start:end])

    def extended(self, other: Self) -> Self:
        """Append the bases of `other`, in new arrays."""
        return type(self)(
            np.concatenate([self.totals, other.totals]),
            np.concatenate([self.counts, other.counts]),
        )

    def absorb(self, other: Self) -> None:
        """Add the scores of `other`."""
        np.add(self.totals, other.totals, out=self.totals)
        np.add(self.counts, other.counts, out=self.counts)


def chosen_by(key: Callable[[Covering], NDArray[np.float64]]) -> Callable[[Covering], CoveredBases]:
    """Make a policy by which each base has the score of the window of the lowest `key`."""

    def covered(window: Covering) -> CoveredBases:
        rank = np.full(len(window.values), window.rank, dtype=np.int64)
        # copied, as `absorb` writes into it
        return Chosen(np.array(window.values), key(window), rank)

    return covered


def averaged(window: Covering) -> CoveredBases:
    """Begin the means of a window's bases."""
    ones = np.ones(len(window.values), dtype=np.int64)
    # In float64, so that the order of windows is not seen in float32.
    return Averaged(window.values.astype(np.float64), ones)


POLICIES: dict[Overlap, Callable[[Covering], CoveredBases]] = {
    "nearest": chosen_by(lambda window: window.distance.astype(np.float64)),
    "mean": averaged,
    "max": chosen_by(lambda window: -np.abs(window.values).astype(np.float64)),
    "first": chosen_by(lambda window: np.full(len(window.values), float(window.row))),
}
