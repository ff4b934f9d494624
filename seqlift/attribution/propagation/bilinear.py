"""Products and quotients of two arrays that both depend on the sequence."""

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from seqlift.attribution.propagation.rule import flatten_pairs
from seqlift.network.primitives.product import Product
from seqlift.network.primitives.shape import sum_to_shape

Array = Any

TINY = 3e-6  # divisors below it are the guards of norms of zero: 1e-12, or its root


def through_product(
    product: Product, x: Sequence[Array], x0: Sequence[Array]
) -> Callable[[Array], tuple[Array, ...]]:
    """Propagate through a product of two arrays, to the multipliers of both.

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
    """Propagate through a quotient ``y = a / b`` of two arrays, to the multipliers of both.

    It is the product ``a = y b`` turned round: of ``a - a0 = (b + b0) / 2 * (y - y0) + (y + y0) / 2
    * (b - b0)`` follows ``y - y0 = ((a - a0) - (y + y0) / 2 * (b - b0)) / ((b + b0) / 2)``. So a
    divisor that is next to nothing on one side, such as the norm of a vector of zeros, makes no
    multiplier large. Zero over next to nothing, on both sides, has the multiplier 0: there is no
    difference for it to explain. Where the divisor changes its sign it is a times 1 / b.
    """
    (a, b), (a0, b0) = x, x0
    mean = 0.5 * (b + b0)
    same_sign = b * b0 > 0  # else the mean divisor may be anything, 0 too (decision 0011)
    safe = ops.where(same_sign, mean, 1.0)
    # Where the sign changes: a times 1 / b, split at the midpoint like any product.
    to_a = ops.where(same_sign, 1.0 / safe, 0.5 / b + 0.5 / b0)
    # 1e12 here, the slope of a norm's guard, times what cancels upstream was noise of 1e5.
    nothing = ops.logical_and(ops.equal(ops.abs(a) + ops.abs(a0), 0.0), ops.abs(mean) < TINY)
    to_a = ops.where(nothing, 0.0, to_a)
    apart = -0.5 * (a + a0) / ops.where(same_sign, 1.0, b * b0)  # 1/b - 1/b0 = -(b - b0) / (b b0)
    to_b = ops.where(same_sign, -0.5 * (y + y0) / safe, apart)
    factors = [flatten_pairs(factor) for factor in (to_a, to_b)]
    shapes = [tuple(array.shape[2:]) for array in (a, b)]
    return lambda multiplier: tuple(
        sum_to_shape(multiplier * factor, shape)
        for factor, shape in zip(factors, shapes, strict=True)
    )
