"""A difference from reference as a positive and a negative part, and the multipliers of both.

Shrikumar, Greenside and Kundaje 2017 (arXiv:1704.02685), section 3.3: each difference is the sum of
a part ``>= 0`` and a part ``<= 0``, and each part has a multiplier of its own.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Parts(NamedTuple):
    """Something of the positive part, and the same of the negative part."""

    positive: Array
    negative: Array


def parts_of(delta: Array) -> Parts:
    """Return a difference as its parts; one of them is zero at each value."""
    return Parts(np.where(delta > 0, delta, 0.0), np.where(delta < 0, delta, 0.0))


def both(multiplier: Array) -> Parts:
    """Return one multiplier as that of either part."""
    return Parts(multiplier, multiplier)


def swapped(parts: Parts, where: Array) -> Parts:
    """Return the parts, exchanged `where` a value changes its sign."""
    return Parts(
        np.where(where, parts.negative, parts.positive),
        np.where(where, parts.positive, parts.negative),
    )


def of_whole(multiplier: Parts, delta: Array) -> Array:
    """Return the multiplier of a difference that is all positive or all negative.

    Where it is neither, it is the mean of the two.
    """
    positive, negative = multiplier
    mean = 0.5 * (positive + negative)
    return np.where(delta > 0, positive, np.where(delta < 0, negative, mean))
