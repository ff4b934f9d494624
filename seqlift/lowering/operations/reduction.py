"""Sums, means, extremes, products and other summaries along axes."""

from typing import Any

import numpy as np
from keras.src.ops import math, numpy

from seqlift.lowering.compositions.composition import (
    gathered,
    largest_along,
    log_sum_exp,
    product,
    reshaped,
    scale_node,
    subtract_nodes,
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


def axes_along(operation: Any, place: Place, x: Tensor) -> tuple[int, ...]:
    return axes_of(place, operation.axis, rank_of(place, x))


def lower_sum(operation: Any, place: Place, x: Tensor) -> int:
    return place.add(Sum(axes_along(operation, place, x), operation.keepdims), x.node)


def lower_mean(operation: Any, place: Place, x: Tensor) -> int:
    return place.add(Mean(axes_along(operation, place, x), operation.keepdims), x.node)


def lower_variance(operation: Any, place: Place, x: Tensor) -> int:
    axes = axes_along(operation, place, x)
    return variance(place, x.node, axes, keepdims=operation.keepdims)


def lower_deviation(operation: Any, place: Place, x: Tensor) -> int:
    return place.add(powers.SQRT, lower_variance(operation, place, x))


def lower_largest(sign: float) -> LowerOperation:
    """Make the lowering of the largest value (sign 1) or the smallest (-1) along some axes."""

    def lower(operation: Any, place: Place, x: Tensor) -> int:
        axes, node = axes_along(operation, place, x), x.node
        node = node if sign > 0 else scale_node(place, node, -1.0)
        largest = largest_along(place, node, axes, keepdims=operation.keepdims)
        initial = getattr(operation, "initial", None)
        if initial is not None:
            largest = place.add(elementwise.clip(sign * float(initial), None), largest)
        return largest if sign > 0 else scale_node(place, largest, -1.0)

    return lower


def lower_range(operation: Any, place: Place, x: Tensor) -> int:
    largest, smallest = (lower_largest(sign)(operation, place, x) for sign in (1.0, -1.0))
    return subtract_nodes(place, largest, smallest)


def lower_product(operation: Any, place: Place, x: Tensor) -> int:
    axes = axes_along(operation, place, x)
    kept = without(place.shape(x.node), axes, keepdims=operation.keepdims)
    rows = gathered(place, x.node, axes)
    number = place.shape(rows)[0]
    if number > LONGEST_PRODUCT:
        raise place.refuse(
            f"multiplies {number} values, more than {LONGEST_PRODUCT}; use the exponential of a sum"
            " of logarithms"
        )
    return reshaped(
        place, product(place, *(taken(place, rows, 0, (i,)) for i in range(number))), kept
    )


def lower_average(operation: Any, place: Place, x: Tensor, weights: Any = None) -> int:
    """Average along some axes, with weights for the values if there are any."""
    axes, rank = axes_along(operation, place, x), rank_of(place, x)
    if weights is None:
        return place.add(Mean(axes), x.node)
    known = settled(place, weights, "a weight").astype(np.float64)
    if known.ndim == 1:
        known = known.reshape((-1,) + (1,) * (rank - 2 - axes[0]))  # along the axis, as in NumPy
    shares = np.broadcast_to(after_batch(place, known, rank), place.shape(x.node))
    shares = shares / shares.sum(axis=axes, keepdims=True)
    return place.add(Sum(axes), scale_node(place, x.node, shares))


def lower_running_sum(operation: Any, place: Place, x: Tensor) -> int:
    """Sum all values up to each along an axis, as a matrix of ones and zeros."""
    if operation.dtype is not None and "float" not in str(operation.dtype):
        raise place.refuse(f"sums in {operation.dtype}; leave its dtype out")
    (axis,), rank = axes_along(operation, place, x), len(place.shape(x.node))
    letters = "abcdefghijklmno"[:rank]
    result = letters.replace(letters[axis], "z")
    size = place.shape(x.node)[axis]
    equation = f"{letters},{letters[axis]}z->{result}"
    return place.add(Contraction(np.triu(np.ones((size, size))), None, equation), x.node)


def lower_log_sum_exp(operation: Any, place: Place, x: Tensor) -> int:
    axes = axes_along(operation, place, x)
    return log_sum_exp(place, x.node, axes, keepdims=operation.keepdims)


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
