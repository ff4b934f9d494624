"""Small compositions of primitives that layers and operations have in common.

Every function takes the place, the nodes it reads and settings, adds primitives and returns the
resulting node. Axes are counted after the batch axis from 0.
"""

import math
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from seqlift.lowering.compositions.exponentials import shifted_back, shifted_forth, softmax_of
from seqlift.lowering.compositions.inverses import inverse_of, sigmoid_under
from seqlift.lowering.compositions.place import Place
from seqlift.network.primitives import powers
from seqlift.network.primitives.affine import Mean, Scale, Sum, WeightedSum
from seqlift.network.primitives.base import Constant, Shape
from seqlift.network.primitives.logarithm import LogSumExp
from seqlift.network.primitives.pooling import MaxPool, Pooling
from seqlift.network.primitives.product import Divide, Multiply
from seqlift.network.primitives.shape import (
    Broadcast,
    Concatenate,
    Permute,
    Reshape,
    Take,
)


def add_constant(place: Place, value: Any) -> int:
    """Add an array that is the same for every sequence, without a batch axis."""
    # cast when the computation's type is known
    return place.add(Constant(np.asarray(value, dtype=np.float64)))


def scale_node(place: Place, node: int, factor: Any, offset: Any = 0.0) -> int:
    """Compute ``factor * node + offset``; both broadcast against the node, or stretch it."""
    factor, offset = (np.asarray(array, dtype=np.float64) for array in (factor, offset))
    shape = np.broadcast_shapes(place.shape(node), factor.shape, offset.shape)
    node = stretched(
        place, reshaped(place, node, padded_rank(place.shape(node), len(shape))), shape
    )
    return place.add(Scale(factor, offset), node)


def product(place: Place, *nodes: int) -> int:
    """Multiply nodes of one rank that broadcast; by an inverse is to divide."""
    return reduce(partial(product_of_two, place), nodes)


def product_of_two(place: Place, left: int, right: int) -> int:
    for node, other in ((left, right), (right, left)):
        inverse = inverse_of(place, other)
        # As a product, both terms of the split would hold an inverse without bound (decision 0011).
        if inverse is not None:
            return multiply_by_constant(
                place, divide_nodes(place, node, inverse.divisor), inverse.factor
            )
    return place.add(Multiply(), left, right)


def divide_nodes(place: Place, first: int, second: int) -> int:
    """Divide nodes of one rank that broadcast; by an inverse is to multiply.

    By ``1 + exp(-x)`` is to multiply by a sigmoid, and by the sum of exponentials a softmax.
    """
    softmax = softmax_of(place, first, second)
    # Known by its exponentials, it has the scores of the layer and stays in the range of floats.
    if softmax is not None:
        return softmax
    gate = sigmoid_under(place, second)
    if gate is not None:
        return product_of_two(place, first, gate)
    inverse = inverse_of(place, second)
    # Dividing by an inverse is multiplying by its divisor, which is bounded.
    if inverse is None or np.any(inverse.factor == 0.0):
        return place.add(Divide(), first, second)
    return multiply_by_constant(
        place, product_of_two(place, first, inverse.divisor), 1.0 / inverse.factor
    )


def multiply_by_constant(place: Place, node: int, factor: Any) -> int:
    return node if np.all(np.asarray(factor) == 1.0) else scale_node(place, node, factor)


def subtract_nodes(place: Place, first: int, second: int) -> int:
    return weighted_sum(place, (first, 1.0), (second, -1.0))


def weighted_sum(place: Place, first: tuple[int, float], second: tuple[int, float]) -> int:
    """Add two nodes of one rank that broadcast, each with its weight."""
    (left, weight), (right, other) = first, second
    known = None
    if (weight, other) == (1.0, -1.0):
        known = shifted_forth(place, left, right)
    elif (weight, other) == (1.0, 1.0):
        known = shifted_back(place, left, right)
    return place.add(WeightedSum((weight, other)), left, right) if known is None else known


def reshaped(place: Place, node: int, shape: Sequence[int]) -> int:
    """Reshape the values, unless the node has that shape."""
    return node if place.shape(node) == tuple(shape) else place.add(Reshape(tuple(shape)), node)


def permuted(place: Place, node: int, order: Sequence[int]) -> int:
    """Reorder the axes, unless they are in order."""
    return node if list(order) == sorted(order) else place.add(Permute(tuple(order)), node)


def stretched(place: Place, node: int, shape: Sequence[int]) -> int:
    """Repeat the values along axes of extent 1, unless none is stretched."""
    return node if place.shape(node) == tuple(shape) else place.add(Broadcast(tuple(shape)), node)


def taken(place: Place, node: int, axis: int, indices: Sequence[int]) -> int:
    """Take the values at `indices` of one axis, unless they are all, in order."""
    indices = tuple(int(index) for index in indices)
    if indices == tuple(range(place.shape(node)[axis])):
        return node
    return place.add(Take(axis, indices), node)


def padded_rank(shape: Shape, rank: int) -> Shape:
    """Put ones before `shape`, for `rank` extents in all."""
    return (1,) * (rank - len(shape)) + tuple(shape)


def concatenated(place: Place, nodes: Sequence[int], axis: int) -> int:
    return nodes[0] if len(nodes) == 1 else place.add(Concatenate(axis), *nodes)


def stacked(place: Place, nodes: Sequence[int], axis: int) -> int:
    """Join nodes of one shape along a new axis."""
    shape = list(place.shape(nodes[0]))
    shape.insert(axis, 1)
    return concatenated(place, [reshaped(place, node, shape) for node in nodes], axis)


def largest_of(place: Place, nodes: Sequence[int]) -> int:
    """Take the largest of nodes that broadcast, value by value: a window over all of them."""
    shape = np.broadcast_shapes(*(place.shape(node) for node in nodes))
    flat = (1, math.prod(shape))
    rows = [reshaped(place, stretched(place, node, shape), flat) for node in nodes]
    return reshaped(place, largest_row(place, concatenated(place, rows, 0)), shape)


def smallest_of(place: Place, nodes: Sequence[int]) -> int:
    """Take the smallest of nodes that broadcast, value by value."""
    return scale_node(
        place, largest_of(place, [scale_node(place, node, -1.0) for node in nodes]), -1.0
    )


def largest_row(place: Place, node: int) -> int:
    """Take the largest value of each column of a node (rows, columns): (1, columns)."""
    rows, _ = place.shape(node)
    return place.add(MaxPool(Pooling((rows,), (rows,), ((0, 0),))), node)


def gathered(place: Place, node: int, axes: Sequence[int]) -> int:
    """Arrange the values along `axes` as rows, and all others as columns: (rows, columns)."""
    shape = place.shape(node)
    others = [axis for axis in range(len(shape)) if axis not in axes]
    node = permuted(place, node, (*axes, *others))
    return reshaped(place, node, (math.prod(shape[axis] for axis in axes), -1 if others else 1))


def without(shape: Shape, axes: Sequence[int], *, keepdims: bool) -> Shape:
    """Drop `axes` from the shape, or give them the extent 1."""
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def largest_along(place: Place, node: int, axes: Sequence[int], *, keepdims: bool) -> int:
    kept = without(place.shape(node), axes, keepdims=keepdims)
    return reshaped(place, largest_row(place, gathered(place, node, axes)), kept)


def log_sum_exp(place: Place, node: int, axes: Sequence[int], *, keepdims: bool) -> int:
    kept = without(place.shape(node), axes, keepdims=keepdims)
    return reshaped(place, place.add(LogSumExp(0), gathered(place, node, axes)), kept)


def centred(place: Place, node: int, axes: Sequence[int]) -> int:
    """Subtract the mean along some axes."""
    return subtract_nodes(place, node, place.add(Mean(tuple(axes), keepdims=True), node))


def variance(place: Place, node: int, axes: Sequence[int], *, keepdims: bool) -> int:
    """Compute the variance along some axes, over the number of values."""
    squares = place.add(powers.SQUARE, centred(place, node, axes))  # E(x^2) - E(x)^2 would cancel
    return place.add(Mean(tuple(axes), keepdims=keepdims), squares)


def unit_length(place: Place, node: int, axes: Sequence[int], epsilon: float) -> int:
    """Divide by the Euclidean norm along some axes, or by `epsilon` where the norm is less."""
    squared = place.add(Sum(tuple(axes), keepdims=True), place.add(powers.SQUARE, node))
    return divide_nodes(place, node, place.add(powers.norm(epsilon), squared))
