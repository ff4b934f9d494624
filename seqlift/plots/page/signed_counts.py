"""Counts of numbers by size and sign, from which quantiles are taken: memory of one size.

Knows arrays only. The bits of a float32, read as a whole number, are in the order of its size; the
upper twenty of them are the bin, so that neighbouring bins differ by 0.05 %.
"""

import numpy as np
from numpy.typing import NDArray

KEY_BITS = 20
DROPPED = 32 - KEY_BITS
SIGN = np.uint32(1 << 31)


def keys_of(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Map float32 numbers to whole ones of the same order."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    # negative floats run the other way as whole numbers
    return np.where(bits & SIGN, ~bits, bits | SIGN)


def numbers_of(keys: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Map whole numbers back to the float32 numbers that they came from."""
    bits = np.where(keys & SIGN, keys ^ SIGN, ~keys)
    return bits.astype(np.uint32).view(np.float32)


class SignedCounts:
    """Counts finite numbers that come in pieces.

    Attributes
    ----------
    number, positive, negative
        How many there were, how many above and how many below 0.
    low, high
        The lowest and the highest, exactly; NaN where there were none.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(1 << KEY_BITS, dtype=np.int64)
        self.number = self.positive = self.negative = 0
        self.low = self.high = float("nan")

    def add(self, values: NDArray[np.float32]) -> None:
        """Count some numbers."""
        if not len(values):
            return
        whole = values + np.float32(0)  # -0 becomes 0
        self._counts += np.bincount(keys_of(whole) >> np.uint32(DROPPED), minlength=1 << KEY_BITS)
        self.number += len(whole)
        self.positive += int(np.count_nonzero(whole > 0))
        self.negative += int(np.count_nonzero(whole < 0))
        self.low = float(np.fmin(self.low, whole.min()))
        self.high = float(np.fmax(self.high, whole.max()))

    def signs(self) -> tuple[str, str]:
        """Write the shares above and below 0, which leave out what is 0."""
        number = max(1, self.number)
        return f"{self.positive / number:.1%}", f"{self.negative / number:.1%}"

    def quantiles(self, shares: tuple[float, ...]) -> list[float]:
        """Find what these shares of the numbers do not exceed, to 0.05 %; the ends exactly."""
        if not self.number:
            return [float("nan")] * len(shares)
        ranks = np.ceil(np.asarray(shares) * self.number).clip(1)
        bins = np.searchsorted(np.cumsum(self._counts), ranks)
        found = self.numbers(bins).tolist()
        ends = {0.0: self.low, 1.0: self.high}
        return [ends.get(share, value) for share, value in zip(shares, found, strict=True)]

    def numbers(self, bins: NDArray[np.int64]) -> NDArray[np.float64]:
        """Find the number of each bin that is nearest to 0."""
        keys = bins.astype(np.uint32) << np.uint32(DROPPED)
        nearest = np.where(keys & SIGN, keys, keys | np.uint32((1 << DROPPED) - 1))
        return numbers_of(nearest).astype(np.float64)

    def histogram(self, bins: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Count in `bins` equal steps from the lowest to the highest: edges (bins + 1), counts."""
        (used,) = np.nonzero(self._counts)
        if not len(used):
            return np.linspace(0, 1, bins + 1), np.zeros(bins, dtype=np.int64)
        counts, edges = np.histogram(
            self.numbers(used).clip(self.low, self.high), bins=bins,
            range=(self.low, self.high), weights=self._counts[used],
        )  # fmt: skip
        return edges, counts.astype(np.int64)
