"""How a multiplier crosses each kind of primitive that is not linear.

Notation, in every function: `x` and `y` are a primitive's input and output on the sequence,
(N, 1, *shape); `x0` and `y0` the same on the reference, (M, R, *shape) with M = N, or 1 where all
sequences share their references. A crossing takes the multipliers of the output, (N * R, *shape),
to those of the input.

Every crossing but that of the max rule ``winner`` completes: the multiplier times the difference of
the input, summed, is the multiplier times the difference of the output. The gradient is the same
crossing at ``x0 = x``: a multiplier tends to the derivative as the reference tends to the sequence.
RevealCancel, whose multipliers are two, is `seqlift.attribution.revealcancel`.

Equations: Shrikumar, Greenside and Kundaje 2017, section 3 (arXiv:1704.02685); guided
backpropagation: Springenberg et al. 2014 (arXiv:1412.6806); DeconvNet: Zeiler and Fergus 2013
(arXiv:1311.2901). As in the original DeepLIFT, the last two treat every activation alike, not ReLU
only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from seqlift.attribution.choices import MaxRule, Rule
from seqlift.network.primitives.base import Primitive
from seqlift.network.primitives.elementwise import EXPONENTIAL, Elementwise
from seqlift.network.primitives.logarithm import LogSumExp
from seqlift.network.primitives.pooling import MaxPool
from seqlift.network.primitives.product import Product
from seqlift.network.primitives.rowwise import sum_along
from seqlift.network.primitives.shape import sum_to_shape
from seqlift.network.primitives.softmax import Softmax, log_sum_exp

Array = Any

TIE = 2  # roundings, relative, by which values that tie may differ: one of each (decision 0015)
LOWEST = -1e30  # below any activation
TINY = 3e-6  # divisors below it are the guards of norms of zero: 1e-12, or its root
Crossing = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Pairs:
    """What goes into a primitive and comes out of it, on sequences and on references."""

    x: Array
    x0: Array
    y: Array
    y0: Array


def crossing(
    primitive: Primitive, pairs: Pairs, *, max_rule: MaxRule, rule: Rule = "rescale"
) -> Crossing:
    """Return how a multiplier crosses `primitive`, which is not linear and reads one array."""
    if isinstance(primitive, Elementwise):
        if rule == "deconvnet":
            return primitive.forward
        across = scaled(rescale(primitive, pairs.x, pairs.x0, pairs.y, pairs.y0))
        return guided(across) if rule.startswith("guided") else across
    if isinstance(primitive, MaxPool):
        return through_windows(primitive, pairs, max_rule)
    if isinstance(primitive, Softmax):
        return through_softmax(pairs.x, pairs.x0, axis=primitive.axis + 2)
    if isinstance(primitive, LogSumExp):
        return through_log_sum_exp(pairs.x, pairs.x0, axis=primitive.axis + 2)
    raise TypeError(f"no rule crosses {primitive.describe()}")


def guided(across: Crossing) -> Crossing:
    """Return the crossing that lets positive multipliers through only."""
    return lambda multiplier: across(ops.maximum(multiplier, 0.0))


def through_product(
    product: Product, x: Sequence[Array], x0: Sequence[Array]
) -> Callable[[Array], tuple[Array, ...]]:
    """Return the crossing of a product of two arrays: to the multipliers of both.

    ``a b - a0 b0 = (a + a0) / 2 * (b - b0) + (b + b0) / 2 * (a - a0)``: each factor's multiplier is
    the mean of the other. It is the average over the two orders of changing the factors.
    """
    means = [flatten_pairs(0.5 * (after + before)) for after, before in zip(x, x0, strict=True)]
    shapes = [tuple(mean.shape[1:]) for mean in means]
    return lambda multiplier: tuple(
        product.back(which, multiplier, means[1 - which], shapes[which]) for which in (0, 1)
    )


def through_quotient(
    x: Sequence[Array], x0: Sequence[Array], y: Array, y0: Array
) -> Callable[[Array], tuple[Array, ...]]:
    """Return the crossing of a quotient ``y = a / b`` of two arrays: to the multipliers of both.

    It is the product ``a = y b`` turned round: of ``a - a0 = (b + b0) / 2 * (y - y0) + (y + y0) / 2
    * (b - b0)`` follows ``y - y0 = ((a - a0) - (y + y0) / 2 * (b - b0)) / ((b + b0) / 2)``. So a
    divisor that is next to nothing on one side, such as the norm of a vector of zeros, makes no
    multiplier large. Zero over next to nothing, on both sides, has the multiplier 0: there is no
    difference for it to explain. Where the divisor changes its sign it is a times 1 / b.
    """
    (a, b), (a0, b0) = x, x0
    mean = 0.5 * (b + b0)
    same_sign = b * b0 > 0
    safe = ops.where(same_sign, mean, 1.0)
    to_a = ops.where(same_sign, 1.0 / safe, 0.5 / b + 0.5 / b0)
    nothing = ops.logical_and(ops.equal(ops.abs(a) + ops.abs(a0), 0.0), ops.abs(mean) < TINY)
    to_a = ops.where(nothing, 0.0, to_a)
    apart = -0.5 * (a + a0) / ops.where(same_sign, 1.0, b * b0)
    to_b = ops.where(same_sign, -0.5 * (y + y0) / safe, apart)
    factors = [flatten_pairs(factor) for factor in (to_a, to_b)]
    shapes = [tuple(array.shape[2:]) for array in (a, b)]
    return lambda multiplier: tuple(
        sum_to_shape(multiplier * factor, shape)
        for factor, shape in zip(factors, shapes, strict=True)
    )


def flatten_pairs(array: Array) -> Array:
    """Return (N, R, *shape) as (N * R, *shape)."""
    return ops.reshape(array, (-1, *array.shape[2:]))


def scaled(factor: Array) -> Crossing:
    """Return the crossing that multiplies by `factor` (N, R, *shape)."""
    flat = flatten_pairs(factor)
    return lambda multiplier: multiplier * flat


def rescale(function: Elementwise, x: Array, x0: Array, y: Array, y0: Array) -> Array:
    """Return the Rescale multiplier (y - y0) / (x - x0), of the shape both broadcast to.

    A curved function's is its quotient in closed form, for differences of any size. Of a straight
    one, where x and x0 lie on one piece, it is the slope, exactly; elsewhere the values differ by
    what lies between them, which no rounding takes away.
    """
    if function.quotient is not None:
        return function.quotient(x, x0)
    delta = x - x0
    local = ops.ones_like(delta, dtype="bool")
    for kink in function.kinks:
        local = ops.logical_and(local, ops.equal(x > kink, x0 > kink))
    slope = function.derivative(0.5 * (x + x0))
    return ops.where(local, slope, (y - y0) / ops.where(local, ops.ones_like(delta), delta))


def through_windows(pool: MaxPool, pairs: Pairs, max_rule: MaxRule) -> Crossing:
    """Return the crossing of a max pool: each window's difference goes to the value that made it.

    ``complete``: see `share_of_maximum`. ``winner``: the first winner on the sequence takes the
    whole multiplier, as in the original DeepLIFT, whose scores then sum to the difference only
    where all values of a window are alike on the reference.
    """
    x, x0 = windows(pool, pairs.x), windows(pool, pairs.x0)
    y, y0 = ops.expand_dims(pairs.y, -2), ops.expand_dims(pairs.y0, -2)
    if max_rule == "winner":
        wins = ops.cast(ops.equal(x, y), x.dtype)
        first = wins * ops.cast(ops.equal(ops.cumsum(wins, axis=-2), 1.0), x.dtype)
        factor = first * ops.ones_like(x0)
    else:
        factor = share_of_maximum(x, x0, y, y0)
    flat = flatten_pairs(factor)
    shape = tuple(pairs.x.shape[2:])
    return lambda multiplier: pool.pooling.fold(ops.expand_dims(multiplier, -2) * flat, shape)


def share_of_maximum(x: Array, x0: Array, y: Array, y0: Array) -> Array:
    """Return the multiplier of each value of a window, (N, R, *counts, window, C).

    Where the maximum rises, the winner on the sequence made it rise; where it falls, the winner on
    the reference made it fall. That is the split of the difference over the two winners,
    max(y, y0) - y0 to the one and y - max(y, y0) to the other, as one of them is always zero.

    Of several winners, the difference is that of those that are also the largest on the other side:
    on the straight line from reference to sequence, they are the maximum all along. They share it.
    A value two roundings below a maximum has won too: a palindrome has one score on both strands,
    but its terms were added in two orders.
    """
    rises = y >= y0
    rounding = TIE * np.finfo(ops.dtype(x)).eps * ops.maximum(ops.abs(y), ops.abs(y0))
    wins = ops.where(rises, x >= y - rounding, x0 >= y0 - rounding)
    other = ops.where(wins, ops.where(rises, x0, x), LOWEST)
    wins = ops.logical_and(wins, other >= ops.max(other, axis=-2, keepdims=True) - rounding)
    delta = x - x0
    still = ops.equal(delta, 0.0)
    ratio = ops.where(still, 1.0, (y - y0) / ops.where(still, ops.ones_like(delta), delta))
    share = ops.cast(wins, x.dtype)
    number = ops.sum(share, axis=-2, keepdims=True)  # whole numbers: exact in any order
    return ratio * share / number


def windows(pool: MaxPool, array: Array) -> Array:
    """Return the windows of (N, R, *sizes, C): (N, R, *counts, window, C)."""
    unfolded = pool.unfold(flatten_pairs(array))
    return ops.reshape(unfolded, (*array.shape[:2], *unfolded.shape[1:]))


def through_softmax(x: Array, x0: Array, axis: int) -> Crossing:
    """Return the crossing of a softmax along `axis` of (N, R, *shape): exp(x - logsumexp(x)).

    Rescale of the outer exponential, a subtraction, and the crossing of its second term.
    """
    (top, rest), (top0, rest0) = (log_sum_exp(values, axis) for values in (x, x0))
    outer = scaled(log_mean(x - top - rest, x0 - top0 - rest0))
    inner = through_log_sum_exp(x, x0, axis)

    def cross(multiplier: Array) -> Array:
        scaled_by_outer = outer(multiplier)
        return scaled_by_outer - inner(sum_along(scaled_by_outer, axis - 1, keepdims=True))

    return cross


def through_log_sum_exp(x: Array, x0: Array, axis: int) -> Crossing:
    """Return the crossing of log(sum(exp(x))) along `axis` of (N, R, *shape), which stays.

    Rescale of the logarithm and the exponentials. Each quotient is a logarithmic mean, so the shift
    that keeps the exponentials in range, common to sequence and reference, drops out.
    """
    (top, rest), (top0, rest0) = (log_sum_exp(values, axis) for values in (x, x0))
    shift = ops.maximum(top, top0)
    total = log_mean(top - shift + rest, top0 - shift + rest0)
    return scaled(log_mean(x - shift, x0 - shift) / total)


def log_mean(x: Array, x0: Array) -> Array:
    """Return (exp(x) - exp(x0)) / (x - x0), the Rescale multiplier of the exponential."""
    return rescale(EXPONENTIAL, x, x0, EXPONENTIAL.forward(x), EXPONENTIAL.forward(x0))
