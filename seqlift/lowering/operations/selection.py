"""Some of the values, by constant places: slices, splits, repeats, rotations, padding."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from keras.src.ops import core, numpy

from seqlift.lowering.compositions.composition import (
    reshaped,
    scale_node,
    subtract_nodes,
    taken,
)
from seqlift.lowering.compositions.operand import (
    array_of,
    axes_of,
    axis_of,
    rank_of,
    settled,
)
from seqlift.lowering.compositions.place import LowerOperation, Place, Tensor
from seqlift.network.primitives.shape import Pad

MODES = ("reflect", "symmetric", "edge", "wrap")  # of `numpy.pad`, by values of the axis itself


def lower_get_item(_operation: Any, place: Place, x: Tensor, key: Any) -> int:
    """Select from every row by an index of numbers, slices, new axes and an ellipsis."""
    parts = list(key) if isinstance(key, (tuple, list)) else [key]
    if any(isinstance(part, Tensor) for part in parts):
        raise place.refuse("selects by a tensor; select by numbers and slices")
    rank = rank_of(place, x)
    consuming = [part for part in parts if part is not None and part is not Ellipsis]
    where = next((i for i, part in enumerate(parts) if part is Ellipsis), None)
    spare = [slice(None)] * (rank - len(consuming))
    parts = [*parts, *spare] if where is None else [*parts[:where], *spare, *parts[where + 1 :]]
    first, *rest = parts
    if first not in (slice(None), slice(0, None), slice(0, None, 1), slice(None, None, 1)):
        raise place.refuse(
            "selects along the batch axis, which mixes its rows; begin the index by :"
        )
    return selected(place, x.node, rest)


def selected(place: Place, node: int, parts: Sequence[Any]) -> int:
    """Select by numbers, slices and new axes, one after another of the axes in order."""
    shape: list[int] = []
    axis = 0
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        size = place.shape(node)[axis]
        indices = np.arange(size)[part]  # NumPy knows slices, steps and negative numbers
        node = taken(place, node, axis, np.atleast_1d(indices).tolist())
        if np.ndim(indices):
            shape.append(len(indices))
        axis += 1
    return reshaped(place, node, shape)


def lower_take(operation: Any, place: Place, x: Tensor, indices: Any) -> int:
    """Take the values at constant indices of an axis, in the shape of the indices."""
    if not isinstance(x, Tensor):
        raise place.refuse(
            "looks values up by numbers that depend on the input, in steps without a slope;"
            " multiply one-hot bases by the table instead"
        )
    if operation.axis is None:
        axes_of(place, None, rank_of(place, x))
    axis = axis_of(place, operation.axis, rank_of(place, x))
    places = settled(place, indices, "an index").astype(np.int64)
    shape = place.shape(x.node)
    node = taken(place, x.node, axis, (places.reshape(-1) % shape[axis]).tolist())  # -1 is the last
    return reshaped(place, node, (*shape[:axis], *places.shape, *shape[axis + 1 :]))


def lower_slice(operation: Any, place: Place, inputs: Tensor, start_indices: Any) -> int:
    starts = settled(place, start_indices, "a start").astype(int).tolist()
    sizes = list(operation.shape)
    if starts[0] != 0 or sizes[0] not in (None, -1):
        raise place.refuse(
            "cuts the batch axis, which mixes its rows; use slices such as x[:, 2:5]"
        )
    node = inputs.node
    for axis, (start, size) in enumerate(zip(starts[1:], sizes[1:], strict=True)):
        stop = place.shape(node)[axis] if size == -1 else start + size
        node = taken(place, node, axis, range(start, stop))
    return node


def lower_split(operation: Any, place: Place, x: Tensor) -> tuple[int, ...]:
    axis = axis_of(place, operation.axis, rank_of(place, x))
    cuts = operation.indices_or_sections
    cuts = cuts if isinstance(cuts, int) else [int(cut) for cut in array_of(cuts)]
    parts = np.array_split(np.arange(place.shape(x.node)[axis]), cuts)
    return tuple(taken(place, x.node, axis, part.tolist()) for part in parts)


def lower_unstack(operation: Any, place: Place, x: Tensor) -> tuple[int, ...]:
    axis = axis_of(place, operation.axis, rank_of(place, x))
    shape = place.shape(x.node)
    kept = (*shape[:axis], *shape[axis + 1 :])
    slices = (taken(place, x.node, axis, (i,)) for i in range(shape[axis]))
    return tuple(reshaped(place, node, kept) for node in slices)


def lower_flip(operation: Any, place: Place, x: Tensor) -> int:
    node = x.node
    for axis in axes_of(place, operation.axis, rank_of(place, x)):
        node = taken(place, node, axis, range(place.shape(node)[axis] - 1, -1, -1))
    return node


def lower_roll(operation: Any, place: Place, x: Tensor) -> int:
    """Move the values along some axes; those that fall off come in at the other end."""
    axes_of(place, operation.axis, rank_of(place, x))  # refuses all axes, and that of the batch
    pairs = np.broadcast(np.atleast_1d(operation.shift), np.atleast_1d(operation.axis))
    node = x.node
    for shift, own in pairs:
        axis = axis_of(place, own, rank_of(place, x))
        node = taken(place, node, axis, np.roll(np.arange(place.shape(node)[axis]), shift).tolist())
    return node


def lower_repeat(operation: Any, place: Place, x: Tensor) -> int:
    (axis,) = axes_of(place, operation.axis, rank_of(place, x))
    size = place.shape(x.node)[axis]
    return taken(place, x.node, axis, np.repeat(np.arange(size), operation.repeats).tolist())


def lower_tile(operation: Any, place: Place, x: Tensor) -> int:
    """Repeat each axis several times after itself."""
    repeats = np.atleast_1d(array_of(operation.repeats)).tolist()
    repeats = [1] * (rank_of(place, x) - len(repeats)) + repeats
    if len(repeats) > rank_of(place, x) or repeats[0] != 1:
        raise place.refuse("repeats the batch axis, which mixes its rows; repeat another axis")
    node = x.node
    for axis, times in enumerate(repeats[1:]):
        node = taken(place, node, axis, np.tile(np.arange(place.shape(node)[axis]), times).tolist())
    return node


def lower_pad(operation: Any, place: Place, x: Tensor, constant_values: Any = None) -> int:
    """Pad each axis before and after with a number, or with values of its own."""
    amounts = np.broadcast_to(array_of(operation.pad_width), (rank_of(place, x), 2)).tolist()
    if amounts[0] != [0, 0]:
        raise place.refuse("pads the batch axis, which adds rows to it; pad the axes from 1 on")
    if operation.mode != "constant":
        if operation.mode not in MODES:
            raise place.refuse(
                f"pads in the mode {operation.mode}, which has no lowering; use constant,"
                f" {', '.join(MODES)}"
            )
        return padded_by_values(place, x.node, amounts[1:], operation.mode)
    value = 0.0 if constant_values is None else float(array_of(constant_values))
    node = place.add(Pad(tuple((int(low), int(high)) for low, high in amounts[1:])), x.node)
    if value == 0.0:
        return node
    # Zeros first and the number added: padding is then linear, with an offset.
    around = np.pad(np.zeros(place.shape(x.node)), amounts[1:], constant_values=value)
    return scale_node(place, node, 1.0, around)


def padded_by_values(place: Place, node: int, amounts: Iterable[Sequence[int]], mode: Any) -> int:
    for axis, pair in enumerate(amounts):
        node = taken(
            place, node, axis, np.pad(np.arange(place.shape(node)[axis]), pair, mode=mode).tolist()
        )
    return node


def lower_difference(operation: Any, place: Place, a: Tensor) -> int:
    """Subtract neighbours along an axis, once or several times."""
    axis, node = axis_of(place, operation.axis, rank_of(place, a)), a.node
    for _ in range(operation.n):
        size = place.shape(node)[axis]
        after, before = (
            taken(place, node, axis, range(1, size)),
            taken(place, node, axis, range(size - 1)),
        )
        node = subtract_nodes(place, after, before)
    return node


SELECTIONS: dict[type, LowerOperation] = {
    numpy.GetItem: lower_get_item,
    numpy.Take: lower_take,
    core.Slice: lower_slice,
    numpy.Split: lower_split,
    numpy.ArraySplit: lower_split,
    core.Unstack: lower_unstack,
    numpy.Flip: lower_flip,
    numpy.Roll: lower_roll,
    numpy.Repeat: lower_repeat,
    numpy.Tile: lower_tile,
    numpy.Pad: lower_pad,
    numpy.Diff: lower_difference,
}
