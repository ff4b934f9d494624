"""Sums, means, extremes, products and other summaries along axes."""

from typing import Any

import numpy as np
from keras.src.ops import math, numpy

from seqlift.lowering.compositions.composition import (
    difference,
    gathered,
    largest_along,
    log_sum_exp,
    product,
    reshaped,
    scaled,
    taken,
    variance,
    without,
)
from seqlift.lowering.compositions.operand import (
    after_batch,
    axes_of,
    rank_of,
    settled,
)
from seqlift.lowering.compositions.place import LowerOperation, Place, Tensor
from seqlift.network.primitives import elementwise, powers
from seqlift.network.primitives.affine import Mean, Sum
from seqlift.network.primitives.product import Contraction

LONGEST_PRODUCT = 64  # values multiplied one after another


def axes_along(operation: Any, at: Place, x: Tensor) -> tuple[int, ...]:
    """Count the axes that an operation works along, after the batch axis."""
    return axes_of(at, operation.axis, rank_of(at, x))


def lower_sum(operation: Any, at: Place, x: Tensor) -> int:
    return at.add(Sum(axes_along(operation, at, x), operation.keepdims), x.node)


def lower_mean(operation: Any, at: Place, x: Tensor) -> int:
    return at.add(Mean(axes_along(operation, at, x), operation.keepdims), x.node)


def lower_variance(operation: Any, at: Place, x: Tensor) -> int:
    axes = axes_along(operation, at, x)
    return variance(at, x.node, axes, keepdims=operation.keepdims)


def lower_deviation(operation: Any, at: Place, x: Tensor) -> int:
    return at.add(powers.SQRT, lower_variance(operation, at, x))


def lower_largest(sign: float) -> LowerOperation:
    """Make the lowering of the largest value (sign 1) or the smallest (-1) along some axes."""

    def lower(operation: Any, at: Place, x: Tensor) -> int:
        axes, node = axes_along(operation, at, x), x.node
        node = node if sign > 0 else scaled(at, node, -1.0)
        largest = largest_along(at, node, axes, keepdims=operation.keepdims)
        initial = getattr(operation, "initial", None)
        if initial is not None:
            largest = at.add(elementwise.clip(sign * float(initial), None), largest)
        return largest if sign > 0 else scaled(at, largest, -1.0)

    return lower


def lower_range(operation: Any, at: Place, x: Tensor) -> int:
    """Subtract the smallest value from the largest along some axes."""
    largest, smallest = (lower_largest(sign)(operation, at, x) for sign in (1.0, -1.0))
    return difference(at, largest, smallest)


def lower_product(operation: Any, at: Place, x: Tensor) -> int:
    """Multiply along some axes, value by value."""
    axes = axes_along(operation, at, x)
    kept = without(at.shape(x.node), axes, keepdims=operation.keepdims)
    rows = gathered(at, x.node, axes)
    number = at.shape(rows)[0]
    if number > LONGEST_PRODUCT:
        raise at.refuse(
            f"multiplies {number} values, more than {LONGEST_PRODUCT}; use the exponential of a sum"
            " of logarithms"
        )
    return reshaped(at, product(at, *(taken(at, rows, 0, (i,)) for i in range(number))), kept)


def lower_average(operation: Any, at: Place, x: Tensor, weights: Any = None) -> int:
    """Average along some axes, with weights for the values if there are any."""
    axes, rank = axes_along(operation, at, x), rank_of(at, x)
    if weights is None:
        return at.add(Mean(axes), x.node)
    known = settled(at, weights, "a weight").astype(np.float64)
    if known.ndim == 1:
        known = known.reshape((-1,) + (1,) * (rank - 2 - axes[0]))
    shares = np.broadcast_to(after_batch(at, known, rank), at.shape(x.node))
    shares = shares / shares.sum(axis=axes, keepdims=True)
    return at.add(Sum(axes), scaled(at, x.node, shares))


def lower_running_sum(operation: Any, at: Place, x: Tensor) -> int:
    """Sum all values up to each along an axis, as a matrix of ones and zeros."""
    if operation.dtype is not None and "float" not in str(operation.dtype):
        raise at.refuse(f"sums in {operation.dtype}; leave its dtype out")
    (axis,), rank = axes_along(operation, at, x), len(at.shape(x.node))
    letters = "abcdefghijklmno"[:rank]
    result = letters.replace(letters[axis], "z")
    size = at.shape(x.node)[axis]
    equation = f"{letters},{letters[axis]}z->{result}"
    return at.add(Contraction(np.triu(np.ones((size, size))), None, equation), x.node)


def lower_log_sum_exp(operation: Any, at: Place, x: Tensor) -> int:
    axes = axes_along(operation, at, x)
    return log_sum_exp(at, x.node, axes, keepdims=operation.keepdims)


REDUCTIONS: dict[type, LowerOperation] = {
    numpy.Sum: lower_sum,
    numpy.Mean: lower_mean,
    numpy.Var: lower_variance,
    numpy.Std: lower_deviation,
    numpy.Max: lower_largest(1.0),
    numpy.Amax: lower_largest(1.0),
    numpy.Min: lower_largest(-1.0),
    numpy.Amin: lower_largest(-1.0),
    numpy.Ptp: lower_range,
    numpy.Prod: lower_product,
    numpy.Average: lower_average,
    numpy.Cumsum: lower_running_sum,
    math.Logsumexp: lower_log_sum_exp,
}
