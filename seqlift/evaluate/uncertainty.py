"""Means over sequences, with intervals that hold the true mean 95 times in 100.

Knows numbers; knows nothing of what they measure.
"""

from dataclasses import dataclass
from math import nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
INTERVAL_LEVEL = 95.0
NORMAL_QUANTILE = 1.959963984540054  # of INTERVAL_LEVEL per cent, both sides
DRAWN_AT_ONCE = 2**20  # indices of resampled sequences held at a time: 8 MB

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `sequences`, between `low` and `high`, the ends of its 95 % interval."""

    mean: float
    low: float
    high: float
    sequences: int


class Tally:
    """Collects a numerator and a denominator for each sequence: 16 bytes each.

    The mean is the sum of the numerators over the sum of the denominators, so a sequence has the
    weight of its denominator. A sequence with a value that is not finite does not count.
    """

    def __init__(self) -> None:
        self._numerators: list[Numbers] = []
        self._denominators: list[Numbers] = []

    def add(self, numerators: Numbers, denominators: Numbers) -> None:
        """Add a batch of sequences, (N,) each."""
        # NaN: the measure has no value there
        counts = np.isfinite(numerators) & np.isfinite(denominators)
        self._numerators.append(numerators[counts])
        self._denominators.append(denominators[counts])

    def values(self) -> tuple[Numbers, Numbers]:
        """Join the numerators and the denominators of all sequences that count, (N,) each."""
        if not self._numerators:
            return np.zeros(0), np.zeros(0)
        return np.concatenate(self._numerators), np.concatenate(self._denominators)

    def estimate(self, *, seed: int, counted: bool = False) -> Estimate:
        """Estimate the mean; `counted` numerators are counts out of their denominators.

        The interval of counts is Wilson's (1927, doi:10.1080/01621459.1927.10502953), with every
        counted thing independent of the others: unlike a bootstrap it does not shrink to a point
        where nothing was found. Any other is a percentile bootstrap over sequences (Efron and
        Tibshirani 1993, chapter 13), with resamples that depend on the seed and the number of
        sequences only. Of fewer than two sequences it is not known (NaN).
        """
        above, below = self.values()
        mean = ratio_or_nan(above.sum(), below.sum())
        if counted:
            low, high = wilson(float(above.sum()), float(below.sum()))
        else:
            low, high = bootstrapped(above, below, seed=seed)
        return Estimate(mean, low, high, len(above))


def ratio_or_nan(above: float, below: float) -> float:
    return float(above / below) if below else nan


def bootstrapped(above: Numbers, below: Numbers, *, seed: int) -> tuple[float, float]:
    number = len(above)
    if number < 2:
        return nan, nan
    # the same draws for every method: comparing one more changes no interval
    random = np.random.default_rng([seed, number])
    rows = max(DRAWN_AT_ONCE // number, 1)
    found = []
    for start in range(0, RESAMPLES, rows):
        drawn = random.integers(number, size=(min(rows, RESAMPLES - start), number))
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(above[drawn].sum(axis=1) / below[drawn].sum(axis=1))
    ratios = np.concatenate(found)
    ratios = ratios[np.isfinite(ratios)]
    if not len(ratios):
        return nan, nan
    tail = (100.0 - INTERVAL_LEVEL) / 2
    low, high = np.percentile(ratios, [tail, 100.0 - tail])
    return float(low), float(high)


def wilson(count: float, number: float) -> tuple[float, float]:
    if not number:
        return nan, nan
    z, share = NORMAL_QUANTILE, count / number
    scale = 1.0 + z**2 / number
    centre = (share + z**2 / (2 * number)) / scale
    half = z / scale * sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
    low = 0.0 if count == 0 else centre - half  # rounding leaves 1e-18
    return low, 1.0 if count == number else centre + half
