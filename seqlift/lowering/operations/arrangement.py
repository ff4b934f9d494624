"""The same values in another shape or order of axes, and several tensors put together."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras.src.ops import numpy

from seqlift.lowering.compositions.composition import (
    concatenated,
    permuted,
    reshaped,
    scale_node,
    stacked,
    stretched,
)
from seqlift.lowering.compositions.operand import (
    as_nodes,
    axes_of,
    axis_of,
    broadcast_nodes,
    rank_of,
)
from seqlift.lowering.compositions.place import LowerOperation, Place, Tensor


def lower_reshape(operation: Any, place: Place, x: Tensor) -> int:
    """Reshape the values; the first axis must still be the batch."""
    first, *rest = operation.newshape
    shape, size = place.shape(x.node), math.prod(place.shape(x.node))
    extents = [-1 if extent is None else int(extent) for extent in rest]
    known = math.prod(extent for extent in extents if extent != -1)
    fits = size == known if -1 not in extents else known > 0 and size % known == 0
    if first not in (None, -1) or extents.count(-1) > 1 or not fits:
        raise place.refuse(
            f"reshapes (batch, {', '.join(map(str, shape))}) to {tuple(operation.newshape)}, which"
            " mixes the rows of a batch; make the new shape's first axis -1 and the others as many"
            " values as a row has"
        )
    return reshaped(place, x.node, tuple(size // known if e == -1 else e for e in extents))


def lower_transpose(operation: Any, place: Place, x: Tensor) -> int:
    rank = rank_of(place, x)
    axes = list(reversed(range(rank))) if operation.axes is None else list(operation.axes)
    return reordered(place, x, [axis % rank for axis in axes])


def reordered(place: Place, x: Tensor, order: Sequence[int]) -> int:
    """Put the axes in `order`, which counts the batch axis and must leave it first."""
    if order[0] != 0:
        raise place.refuse("moves the batch axis, which mixes the rows of a batch; leave it first")
    return permuted(place, x.node, [axis - 1 for axis in order[1:]])


def lower_swap(operation: Any, place: Place, x: Tensor) -> int:
    rank = rank_of(place, x)
    order = list(range(rank))
    first, second = operation.axis1 % rank, operation.axis2 % rank
    order[first], order[second] = second, first
    return reordered(place, x, order)


def lower_move(operation: Any, place: Place, x: Tensor) -> int:
    order = np.moveaxis(
        # NumPy moves axes whose extents are their numbers.
        np.empty(range(1, rank_of(place, x) + 1)),
        operation.source,
        operation.destination,
    )
    return reordered(place, x, [extent - 1 for extent in order.shape])


def lower_squeeze(operation: Any, place: Place, x: Tensor) -> int:
    shape = place.shape(x.node)
    if operation.axis is None:
        axes: tuple[int, ...] = tuple(i for i, extent in enumerate(shape) if extent == 1)
    else:
        axes = axes_of(place, operation.axis, rank_of(place, x))
    if any(shape[axis] != 1 for axis in axes):
        raise place.refuse(
            f"removes an axis of the shape {shape} that is not of extent 1; leave that axis"
        )
    return reshaped(place, x.node, tuple(e for i, e in enumerate(shape) if i not in axes))


def lower_expand(operation: Any, place: Place, x: Tensor) -> int:
    axis_or_axes = operation.axis
    chosen = [axis_or_axes] if isinstance(axis_or_axes, int) else list(axis_or_axes)
    axes = axes_of(place, chosen, rank_of(place, x) + len(chosen))
    shape = list(place.shape(x.node))
    for axis in axes:
        shape.insert(axis, 1)
    return reshaped(place, x.node, shape)


def lower_concatenate(operation: Any, place: Place, xs: Sequence[Any]) -> int:
    nodes = as_nodes(place, xs)
    axis = axis_of(place, operation.axis, len(place.shape(nodes[0])) + 1)
    shapes = [place.shape(node) for node in nodes]
    full = [
        tuple(e if i == axis else max(s[i] for s in shapes) for i, e in enumerate(shape))
        for shape in shapes
    ]  # a constant's axes of extent 1 are stretched, as its batch axis is
    return concatenated(
        place, [stretched(place, n, s) for n, s in zip(nodes, full, strict=True)], axis
    )


def lower_stack(operation: Any, place: Place, x: Sequence[Any]) -> int:
    nodes = broadcast_nodes(place, x)
    return stacked(place, nodes, axis_of(place, operation.axis, len(place.shape(nodes[0])) + 2))


def lower_triangle(part: Any) -> LowerOperation:
    """Make the lowering of a triangle of the last two axes, with zeros elsewhere."""

    def lower(operation: Any, place: Place, x: Tensor) -> int:
        if rank_of(place, x) < 3:
            raise place.refuse(
                "takes a triangle of the batch axis, which mixes the rows of a batch; take it of"
                " the last two of three axes"
            )
        return scale_node(place, x.node, part(np.ones(place.shape(x.node)[-2:]), operation.k))

    return lower


ARRANGEMENTS: dict[type, LowerOperation] = {
    numpy.Reshape: lower_reshape,
    numpy.Transpose: lower_transpose,
    numpy.Swapaxes: lower_swap,
    numpy.Moveaxis: lower_move,
    numpy.Squeeze: lower_squeeze,
    numpy.ExpandDims: lower_expand,
    numpy.Concatenate: lower_concatenate,
    numpy.Stack: lower_stack,
    numpy.Tril: lower_triangle(np.tril),
    numpy.Triu: lower_triangle(np.triu),
}
