"""Difference quotients (f(x) - f(x0)) / (x - x0) in closed form, right at every distance.

The quotient of two rounded differences is noise where x and x0 are close. Here each difference is
written so that nothing cancels, and at ``x = x0`` the quotient is the derivative. It knows arrays
only: every function takes `x` and `x0` of one shape and returns that shape.

Rules that make new ones: a sum's quotient is the sum of quotients; that of f(g(x)) is f's between
g(x) and g(x0) times g's; that of a product is each factor's times the mean of the other factor.

Below, `high` and `low` are the larger and the smaller of the two, and `gap` their difference.
"""

import math
from collections.abc import Callable

import numpy as np
from keras import ops

from seqlift.device import backend
from seqlift.network.primitives.base import Array

Function = Callable[[Array], Array]
Quotient = Callable[[Array, Array], Array]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(5)
# A mean of a derivative at 5 such nodes is exact to 1e-17 over this gap: its error is (gap / 2)**10
# times 4e-10 times the tenth derivative of the derivative, which for exp(-x**2) is below 3.1e4.
GAP_OF_MEAN = 0.125


def span(x: Array, x0: Array) -> tuple[Array, Array, Array]:
    """Sort the two into the larger and the smaller, and take their difference."""
    high, low = ops.maximum(x, x0), ops.minimum(x, x0)
    return high, low, high - low


def ratio_to(numerator: Function, t: Array, limit: Array | float) -> Array:
    """Compute ``numerator(t) / t``, and `limit` where t is too small for the two to differ."""
    # below, 1 + t is 1: the next term of a series is lost
    small = ops.abs(t) < np.finfo(ops.dtype(t)).eps
    safe = ops.where(small, ops.ones_like(t), t)
    return ops.where(small, limit * ops.ones_like(t), numerator(safe) / safe)


def fall(gap: Array) -> Array:
    """Compute (1 - exp(-gap)) / gap, between 1 and 0."""
    return ratio_to(lambda t: -ops.expm1(-t), gap, 1.0)


def far(function: Function, x: Array, x0: Array) -> Array:
    """Compute the quotient as it is written, for values that are not close; 0 for equal ones.

    Its error is a rounding of the values over the distance.
    """
    delta = x - x0
    safe = ops.where(ops.equal(delta, 0.0), ops.ones_like(delta), delta)
    return (function(x) - function(x0)) / safe


def exponential(x: Array, x0: Array) -> Array:
    """Compute the quotient of exp, exp(high) (1 - exp(-gap)) / gap."""
    high, _, gap = span(x, x0)
    return ops.exp(high) * fall(gap)  # from `high`: exp(low) (exp(gap) - 1) could overflow


def logarithm_quotient(x: Array, x0: Array) -> Array:
    """Compute the quotient of the natural logarithm, log(1 + gap / low) / gap."""
    _, low, gap = span(x, x0)
    return ratio_to(ops.log1p, gap / low, 1.0) / low


def logarithm_of_more(x: Array, x0: Array) -> Array:
    """Compute the quotient of log(1 + x)."""
    _, low, gap = span(x, x0)
    return ratio_to(ops.log1p, gap / (1.0 + low), 1.0) / (1.0 + low)


def square(x: Array, x0: Array) -> Array:
    """Compute the quotient of the square, x + x0."""
    return x + x0


def square_root(x: Array, x0: Array) -> Array:
    """Compute the quotient of the square root, one over the sum of the roots.

    Where both are 0 it would be infinite. It is 0 there, as nothing has changed that it could
    multiply: a multiplier has to be a number.
    """
    total = ops.sqrt(x) + ops.sqrt(x0)
    none = ops.equal(total, 0.0)
    return ops.where(none, ops.zeros_like(total), 1.0 / ops.where(none, 1.0, total))


def inverse_root(x: Array, x0: Array) -> Array:
    """Compute the quotient of 1 / sqrt(x)."""
    root, root0 = ops.sqrt(x), ops.sqrt(x0)
    return -(1.0 / root) * (1.0 / root0) / (root + root0)  # x x0 could leave the range


def reciprocal(x: Array, x0: Array) -> Array:
    """Compute the quotient of 1 / x."""
    return -(1.0 / x) * (1.0 / x0)  # x x0 could leave the range of floats


def absolute(x: Array, x0: Array) -> Array:
    """Compute the quotient of the absolute value: 1, -1, or between for values of two signs."""
    total = ops.abs(x) + ops.abs(x0)
    return (x + x0) / ops.where(ops.equal(total, 0.0), ops.ones_like(total), total)


def power_of(exponent: float) -> Quotient:
    """Make the quotient of ``x ** exponent``.

    Of close positive values with the relative gap s = gap / high it is
    ``high ** (exponent - 1) (1 - (1 - s) ** exponent) / s``. An even power is that of the absolute
    value; of an odd one, nothing cancels where the signs differ. A negative power is one of 1 / x.
    """

    def raised(x: Array) -> Array:
        return ops.power(x, exponent)

    def positive(x: Array, x0: Array) -> Array:
        high, _, gap = span(x, x0)
        relative = gap / ops.where(ops.equal(high, 0.0), ops.ones_like(high), high)
        near = ops.minimum(relative, 0.5)  # log1p(-1) is infinite, also where it is not taken
        # 1 - (1 - s)^n
        share = ratio_to(lambda s: -ops.expm1(exponent * ops.log1p(-s)), near, exponent)
        close = ops.power(high, exponent - 1.0) * share
        return ops.where(relative <= 0.5, close, far(raised, x, x0))

    def quotient(x: Array, x0: Array) -> Array:
        alike = positive(ops.abs(x), ops.abs(x0))
        if exponent % 2 == 0:
            return alike * absolute(x, x0)
        apart = far(raised, x, x0)
        return ops.where(ops.sign(x) * ops.sign(x0) < 0, apart, alike)

    if exponent < 0:
        of_inverse = power_of(-exponent)
        return lambda x, x0: of_inverse(1.0 / x, 1.0 / x0) * reciprocal(x, x0)
    return quotient


def sine(x: Array, x0: Array) -> Array:
    """Compute the quotient of the sine: cos(x0 + h) sin(h) / h, if close, h being half the gap.

    The cosine of the sum is expanded: rounding the sum would be a large error for a short
    difference.
    """
    half = 0.5 * (x - x0)
    middle = backend.cos(x0) * backend.cos(half) - backend.sin(x0) * backend.sin(half)
    close = middle * ratio_to(backend.sin, half, 1.0)
    return ops.where(ops.abs(half) <= 0.5, close, far(backend.sin, x, x0))


def cosine(x: Array, x0: Array) -> Array:
    """Compute the quotient of the cosine, -sin(x0 + h) sin(h) / h; see `sine`."""
    half = 0.5 * (x - x0)
    middle = backend.sin(x0) * backend.cos(half) + backend.cos(x0) * backend.sin(half)
    close = -middle * ratio_to(backend.sin, half, 1.0)
    return ops.where(ops.abs(half) <= 0.5, close, far(backend.cos, x, x0))


def sigmoid(x: Array, x0: Array) -> Array:
    """Compute the quotient of the logistic sigmoid s, s(high) s(-low) (1 - exp(-gap)) / gap."""
    high, low, gap = span(x, x0)
    return ops.sigmoid(high) * ops.sigmoid(-low) * fall(gap)


def tanh_quotient(x: Array, x0: Array) -> Array:
    """Compute the quotient of the hyperbolic tangent, which is 2 sigmoid(2 x) - 1."""
    return 4.0 * sigmoid(2.0 * x, 2.0 * x0)  # 2 for the factor, 2 for the scale of x


def softplus(x: Array, x0: Array) -> Array:
    """Compute the quotient of log(1 + exp(x)): -log(1 - s(high) (1 - exp(-gap))) / gap when close.

    Farther apart than 1, the values differ by a good part of the larger one, or are so large that
    they are rounded alike.
    """
    high, _, gap = span(x, x0)
    part = ops.sigmoid(high) * fall(gap)
    near = ops.minimum(gap, 1.0)  # beyond, the logarithm is that of nearly 0
    close = ratio_to(lambda t: -ops.log1p(-t * part), near, part)
    return ops.where(gap <= 1.0, close, far(ops.softplus, x, x0))


def softsign(x: Array, x0: Array) -> Array:
    """Compute the quotient of x / (1 + |x|)."""
    size, size0 = ops.abs(x), ops.abs(x0)
    total = ops.where(ops.equal(size + size0, 0.0), ops.ones_like(size), size + size0)
    product = size * (size0 / total)  # size size0 could leave the range of floats
    both_signs = ops.where(ops.sign(x) * ops.sign(x0) < 0, 2.0 * product, ops.zeros_like(product))
    return (1.0 + both_signs) / ((1.0 + size) * (1.0 + size0))


def squareplus_of(b: float) -> Quotient:
    """Make the quotient of (x + sqrt(x**2 + b)) / 2: the sum of values over that of roots."""

    def quotient(x: Array, x0: Array) -> Array:
        (y, root), (y0, root0) = squareplus_and_root(x, b), squareplus_and_root(x0, b)
        return (y + y0) / (root + root0)

    return quotient


def squareplus_and_root(x: Array, b: float) -> tuple[Array, Array]:
    """Compute (x + sqrt(x**2 + b)) / 2 and the root; nothing cancels for negative x."""
    root = ops.sqrt(ops.square(x) + b)
    size = ops.abs(x) + root
    # Below 0 the sum x + root cancels: b / (root - x) is the same number.
    return ops.where(x > 0, 0.5 * size, 0.5 * b / size), root


def clip_of(low: float, high: float) -> Quotient:
    """Make the quotient of clip(x, low, high); at a bound, the slope on its left."""

    def quotient(x: Array, x0: Array) -> Array:
        within = ops.cast(ops.logical_and(x > low, x <= high), x.dtype)
        apart = far(lambda value: ops.clip(value, low, high), x, x0)
        # inside the bounds the two differences are equal to the bit
        return ops.where(ops.equal(x, x0), within, apart)

    return quotient


def mean_of(derivative: Function, function: Function) -> Quotient:
    """Make the quotient of a function without closed form: when close, its mean derivative.

    That is a weighted mean of the derivative between x and x0 (Gauss-Legendre). It suits functions
    that vary on a scale of 1 and are bounded, or as rounded as their size.
    """

    def quotient(x: Array, x0: Array) -> Array:
        # halved first: x + x0 could leave the range
        middle, half = 0.5 * x + 0.5 * x0, 0.5 * (x - x0)
        close = ops.abs(half) < 0.5 * GAP_OF_MEAN
        # not far apart, where a derivative may overflow
        step = ops.where(close, half, ops.zeros_like(half))
        terms = zip(NODES.tolist(), (0.5 * WEIGHTS).tolist(), strict=True)
        mean = sum(weight * derivative(middle + node * step) for node, weight in terms)
        return ops.where(close, mean, far(function, x, x0))

    return quotient


def bell(x: Array) -> Array:
    return 2.0 / math.sqrt(math.pi) * ops.exp(-ops.square(x))  # the derivative of erf


error_function = mean_of(bell, ops.erf)
tanh_shrink = mean_of(lambda x: ops.square(backend.tanh(x)), lambda x: x - backend.tanh(x))


def gated(gate: Function, gate_quotient: Quotient) -> Quotient:
    """Make the quotient of x times its gate, which runs from 0 to 1 on a scale of 1.

    The rule for products, where x and x0 are close for their size; elsewhere its two terms could
    cancel, and the difference of values does not.
    """

    def quotient(x: Array, x0: Array) -> Array:
        gates = 0.5 * (gate(x) + gate(x0))
        close = gates + (0.5 * x + 0.5 * x0) * gate_quotient(x, x0)
        # the gate varies on a scale of 1
        reach = ops.maximum(0.5 * ops.maximum(ops.abs(x), ops.abs(x0)), 1.0)
        apart = far(lambda value: value * gate(value), x, x0)
        return ops.where(ops.abs(x - x0) <= reach, close, apart)

    return quotient
