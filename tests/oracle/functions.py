"""Functions of one number, with the exact slope of the chord between two points of each.

A Rescale multiplier is the slope of a chord, ``(f(x) - f(x0)) / (x - x0)``. Computed as written it
loses its digits as the points meet. Here the slope of each function is a formula of its own that
keeps them, and the slopes of sums, products and compositions follow exactly from those of their
terms:

    (f + g)[x, x0]     = f[x, x0] + g[x, x0]
    (f g)[x, x0]       = (f(x) + f(x0)) / 2 g[x, x0] + (g(x) + g(x0)) / 2 f[x, x0]
    (f after g)[x, x0] = f[g(x), g(x0)] g[x, x0]

where ``x = x0`` a slope is the derivative; at a kink, the derivative on its left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import erf, pi, sqrt
from typing import Any

import numpy as np

from oracle.parts import Array

NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)
MEAN_WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True, eq=False)
class Function:
    """A function of each value, its derivative (at a kink, on its left) and a chord's slope."""

    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]

    def beside(self, x: Array, side: int) -> Array:
        """Return the derivative on the right (`side` 1) or the left (-1) of `x`."""
        return self.derivative(np.nextafter(x, np.inf) if side > 0 else x)


def plus(f: Function, g: Function) -> Function:
    """Return ``f + g``."""
    return Function(
        lambda x: f.value(x) + g.value(x),
        lambda x: f.derivative(x) + g.derivative(x),
        lambda x, x0: f.slope(x, x0) + g.slope(x, x0),
    )


def times(f: Function, g: Function) -> Function:
    """Return ``f g``."""

    def slope(x: Array, x0: Array) -> Array:
        mean_f, mean_g = (0.5 * (h.value(x) + h.value(x0)) for h in (f, g))
        return mean_f * g.slope(x, x0) + mean_g * f.slope(x, x0)

    return Function(
        lambda x: f.value(x) * g.value(x),
        lambda x: f.derivative(x) * g.value(x) + f.value(x) * g.derivative(x),
        slope,
    )


def after(f: Function, g: Function) -> Function:
    """Return ``f(g(x))``."""
    return Function(
        lambda x: f.value(g.value(x)),
        lambda x: f.derivative(g.value(x)) * g.derivative(x),
        lambda x, x0: f.slope(g.value(x), g.value(x0)) * g.slope(x, x0),
    )


def line(slope: float, offset: float = 0.0) -> Function:
    """Return ``slope x + offset``."""
    return Function(
        lambda x: slope * x + offset,
        lambda x: np.full_like(x, slope),
        lambda x, x0: np.full_like(x, slope),
    )


def over(difference: Array, delta: Array, limit: Any) -> Array:
    """Return ``difference / delta``, and `limit` where delta is zero."""
    still = delta == 0
    return np.where(still, limit, difference / np.where(still, 1.0, delta))


def hinge_slope(x: Array, x0: Array) -> Array:
    """Return the slope of ``max(x, 0)``: no digits are lost on either side of the kink."""
    return over(np.maximum(x, 0.0) - np.maximum(x0, 0.0), x - x0, x > 0)


HINGE = Function(lambda x: np.maximum(x, 0.0), lambda x: 1.0 * (x > 0), hinge_slope)


def pieces(kinks: Sequence[float], slopes: Sequence[Any], *, start: float = 0.0) -> Function:
    """Return the continuous function that is a straight line between its kinks.

    `slopes` has one more than there are kinks; at the first kink the function is `start`. It is the
    first line and a hinge at each kink; flat pieces have one value, to the last bit.
    """
    bends = [
        (k, after - before) for k, (before, after) in zip(kinks, pairwise(slopes), strict=True)
    ]

    def value(x: Array) -> Array:
        result, corner = start + slopes[0] * (x - kinks[0]), start
        for i, kink in enumerate(kinks):
            corner = corner + slopes[i] * (kink - kinks[i - 1]) if i else corner
            result = np.where(x > kink, corner + slopes[i + 1] * (x - kink), result)
        return result

    def derivative(x: Array) -> Array:
        result = slopes[0] + np.zeros_like(x)
        for kink, slope in zip(kinks, slopes[1:], strict=True):
            result = np.where(x > kink, slope, result)
        return result

    def slope(x: Array, x0: Array) -> Array:
        return sum((d * hinge_slope(x - k, x0 - k) for k, d in bends), start=slopes[0] + 0.0 * x)

    return Function(value, derivative, slope)


def jump(at: float, height: float) -> Function:
    """Return 0 up to `at` and `height` beyond it."""
    return Function(
        lambda x: height * (x > at),
        lambda x: 0.0 * x,
        lambda x, x0: over(height * (1.0 * (x > at) - (x0 > at)), x - x0, 0.0),
    )


def sigmoid(x: Array) -> Array:
    """Return ``1 / (1 + exp(-x))`` without overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x > 0, 1.0, small) / (1.0 + small)


def decay(delta: Array) -> Array:
    """Return ``(1 - exp(-delta)) / delta`` for ``delta >= 0``."""
    return over(-np.expm1(-delta), delta, 1.0)


def ordered(x: Array, x0: Array) -> tuple[Array, Array]:
    """Return the lower and the higher of two values: the slope of a chord has no direction."""
    return np.minimum(x, x0), np.maximum(x, x0)


def exponential_slope(x: Array, x0: Array) -> Array:
    """Return ``exp(high) (1 - exp(-delta)) / delta``."""
    low, high = ordered(x, x0)
    return np.exp(high) * decay(high - low)


def sigmoid_slope(x: Array, x0: Array) -> Array:
    """Return the slope from ``s(high) - s(low) = s(high) s(-low) (1 - exp(-delta))``."""
    low, high = ordered(x, x0)
    return sigmoid(high) * sigmoid(-low) * decay(high - low)


def softplus_slope(x: Array, x0: Array) -> Array:
    """Return the slope from ``log1p((exp(delta) - 1) s(low))``; of far points, the quotient."""
    low, high = ordered(x, x0)
    delta = high - low
    near = np.log1p(np.expm1(np.minimum(delta, 1.0)) * sigmoid(low))
    far = np.logaddexp(0.0, high) - np.logaddexp(0.0, low)
    return over(np.where(delta < 1.0, near, far), delta, sigmoid(x))


def logarithm_slope(x: Array, x0: Array) -> Array:
    """Return ``log(1 + delta / low) / delta``."""
    low, high = ordered(x, x0)
    return over(np.log1p((high - low) / low), high - low, 1.0 / x)


def softsign_slope(x: Array, x0: Array) -> Array:
    """Return ``1 / ((1 + |x|) (1 + |x0|))`` on one side of 0; across it, nothing cancels."""
    y, y0 = (v / (1.0 + np.abs(v)) for v in (x, x0))
    product = 1.0 / ((1.0 + np.abs(x)) * (1.0 + np.abs(x0)))
    return np.where((x > 0) == (x0 > 0), product, over(y - y0, x - x0, product))


def density(x: Array) -> Array:
    """Return the density of the normal distribution."""
    return np.exp(-0.5 * x**2) / sqrt(2.0 * pi)


def normal_slope(x: Array, x0: Array) -> Array:
    """Return the mean density between two points, by 32 nodes of Gauss; of far points, the chord.

    It has no closed form. For points nearer than 2 the error is below the last digit.
    """
    middle, half = 0.5 * (x + x0)[..., None], 0.5 * (x - x0)[..., None]
    near = (density(middle + half * NODES) * MEAN_WEIGHTS).sum(axis=-1)
    far = over(NORMAL.value(x) - NORMAL.value(x0), x - x0, 0.0)
    return np.where(np.abs(x - x0) < 2.0, near, far)


EXPONENTIAL = Function(np.exp, np.exp, exponential_slope)
SIGMOID = Function(sigmoid, lambda x: sigmoid(x) * sigmoid(-x), sigmoid_slope)
TANH = Function(
    np.tanh,
    lambda x: 4.0 * sigmoid(2.0 * x) * sigmoid(-2.0 * x),
    lambda x, x0: 4.0 * sigmoid_slope(2.0 * x, 2.0 * x0),
)
SOFTPLUS = Function(lambda x: np.logaddexp(0.0, x), sigmoid, softplus_slope)
LOGARITHM = Function(np.log, lambda x: 1.0 / x, logarithm_slope)
SQUARE = Function(np.square, lambda x: 2.0 * x, lambda x, x0: x + x0)
ROOT = Function(np.sqrt, lambda x: 0.5 / np.sqrt(x), lambda x, x0: 1.0 / (np.sqrt(x) + np.sqrt(x0)))
RECIPROCAL = Function(lambda x: 1.0 / x, lambda x: -1.0 / x**2, lambda x, x0: -1.0 / (x * x0))
SOFTSIGN = Function(
    lambda x: x / (1.0 + np.abs(x)), lambda x: (1.0 + np.abs(x)) ** -2, softsign_slope
)
NORMAL = Function(
    lambda x: 0.5 * (1.0 + np.vectorize(erf, otypes=[float])(x / sqrt(2.0))), density, normal_slope
)
RECIPROCAL_ROOT = after(RECIPROCAL, ROOT)
