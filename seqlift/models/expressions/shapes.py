"""Functions of expressions that choose, move or reshape, each sequence of a batch by itself.

Their names, parameters and results are those of `keras.ops` or TensorFlow; the first axis of every
tensor is the batch, and stays so.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from seqlift.models.expressions.tree import NoRecipeError

ACROSS_THE_BATCH = "works across the sequences of a batch, on which a score must not depend"


def is_tensor(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor)


def check_aligned(name: str, tensors: Sequence[Any]) -> None:
    """Refuse tensors that would be broadcast against each other's batch axis."""
    if len({len(tensor.shape) for tensor in tensors}) > 1:
        written = " and ".join(str(tuple(tensor.shape)) for tensor in tensors)
        raise NoRecipeError(f"calls {name} of the shapes {written}, which {ACROSS_THE_BATCH}")


def check_axis(name: str, axis: Any, rank: int) -> None:
    """Refuse an axis that is the batch, or is left out and so means all.

    A `squeeze` of all axes leaves the batch, whose size is open, alone.
    """
    if axis is None and name == "squeeze":
        return
    axes = axis if isinstance(axis, list | tuple) else [axis]
    if any(one is None or one in (0, -rank) for one in axes):
        raise NoRecipeError(f"calls {name} with axis={axis}, which {ACROSS_THE_BATCH}")


def shape(x: Any) -> tuple[int | None, ...]:
    return tuple(x.shape)


def cast(x: Any, dtype: str) -> Any:
    """Cast a tensor to `dtype`; floats keep the model's one precision."""
    kind = str(dtype).removeprefix("tf.")
    if "float" not in kind:
        return ops.cast(x, kind)
    return x if "float" in str(x.dtype) else ops.cast(x, keras.config.floatx())


def getitem(x: Any, key: Any) -> Any:
    """Take ``x[key]`` of a tensor or a shape; every sequence is kept."""
    if not is_tensor(x):
        return x[key]
    keys = key if isinstance(key, tuple) else (key,)
    if not all(_is_key(one) for one in keys):
        raise NoRecipeError(f"takes [{key}] of a tensor, which is neither numbers nor slices")
    taken = sum(one is not None and one is not ... for one in keys)
    whole = keys[0] == slice(None) or (keys[0] is ... and taken < len(x.shape))
    if not whole:
        raise NoRecipeError(f"takes [{_written(keys)}], which {ACROSS_THE_BATCH}")
    return x[keys]


def _is_key(key: Any) -> bool:
    if isinstance(key, slice):
        return all(end is None or type(end) is int for end in (key.start, key.stop, key.step))
    return key is None or key is ... or type(key) is int


def _written(keys: Sequence[Any]) -> str:
    def one(key: Any) -> str:
        if isinstance(key, slice):
            return ":".join("" if end is None else str(end) for end in (key.start, key.stop))
        return "..." if key is ... else str(key)

    return ", ".join(map(one, keys))


def slice_of(inputs: Any, start_indices: Sequence[int], shape: Sequence[int | None]) -> Any:
    """Take `shape` elements from the start on along each axis; -1 and None mean to the end."""
    return getitem(
        inputs,
        tuple(
            slice(None)
            if first == 0 and number in (-1, None)
            else slice(first, _end(first, number))
            for first, number in zip(start_indices, shape, strict=True)
        ),
    )


def _end(first: int, number: int | None) -> int | None:
    return None if number is None or number == -1 else first + number


def reshape(x: Any, newshape: Sequence[Any]) -> Any:
    """Reshape each sequence's values; the first extent stands for the batch."""
    batch, *extents = newshape
    before = tuple(x.shape[1:])
    if batch not in (-1, None):
        raise NoRecipeError(f"calls reshape to {tuple(newshape)}, which {ACROSS_THE_BATCH}")
    if None in before:
        raise NoRecipeError("calls reshape of an open length; build the model for one length")
    extents = [-1 if extent is None else extent for extent in extents]
    known = math.prod(extent for extent in extents if extent != -1)
    # Worked out here, as the one -1 that a reshape may have is the batch's.
    if extents.count(-1) == 1 and known and math.prod(before) % known == 0:
        extents[extents.index(-1)] = math.prod(before) // known
    if -1 in extents or math.prod(extents) != math.prod(before):
        raise NoRecipeError(
            f"calls reshape of {before} to {tuple(newshape)}, which {ACROSS_THE_BATCH}"
        )
    return ops.reshape(x, (-1, *extents))


def batch_flatten(x: Any) -> Any:
    return reshape(x, (-1, -1 if len(x.shape) > 1 else 1))


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Reorder the axes of a tensor, the first left in its place."""
    if axes is None or axes[0] != 0:
        raise NoRecipeError(f"calls transpose with axes={axes}, which {ACROSS_THE_BATCH}")
    return ops.transpose(x, tuple(axes))


def expand_dims(x: Any, axis: int) -> Any:
    check_axis("expand_dims", axis, len(x.shape) + 1)
    return ops.expand_dims(x, axis)


def stack(x: Sequence[Any], axis: int = 0) -> Any:
    check_aligned("stack", [one for one in x if is_tensor(one)])
    check_axis("stack", axis, len(x[0].shape) + 1)
    return ops.stack(list(x), axis=axis)


def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> Sequence[Any]:
    """Split a tensor into a number of equal parts, or before the indices."""
    check_axis("split", axis, len(x.shape))
    extent = x.shape[axis]
    if isinstance(indices_or_sections, int):
        return split_sizes(x, indices_or_sections, axis)
    ends = [*indices_or_sections, extent]
    if extent is None or ends != sorted(ends) or ends[0] < 0:
        raise NoRecipeError(f"calls split of {extent} at {tuple(indices_or_sections)}")
    parts = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    return tuple(_along(x, axis, part) for part in parts)


def split_sizes(x: Any, sizes: int | Sequence[int], axis: int = 0) -> Sequence[Any]:
    """Split a tensor into a number of equal parts, or by their sizes, as `tf.split` does."""
    check_axis("split", axis, len(x.shape))
    extent = x.shape[axis]
    if isinstance(sizes, int):
        if extent is None or sizes < 1 or extent % sizes or sizes > MOST_SPLIT:
            raise NoRecipeError(f"calls split of {extent} into {sizes} equal parts")
        sizes = [extent // sizes] * sizes
    if min(sizes) < 0 or sum(sizes) != extent:
        raise NoRecipeError(f"calls split of {extent} into parts of {tuple(sizes)}")
    return split(x, [sum(sizes[: number + 1]) for number in range(len(sizes) - 1)], axis)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> Sequence[Any]:
    """Split a tensor into the elements along an axis, as tensors without it."""
    check_axis("unstack", axis, len(x.shape))
    extent = x.shape[axis]
    if extent is None or num not in (None, extent) or extent > MOST_SPLIT:
        raise NoRecipeError(f"calls unstack of {extent} elements")
    return tuple(_along(x, axis, number) for number in range(extent))


MOST_SPLIT = 256
"""Tensors that one is taken apart into at most."""


def _along(x: Any, axis: int, key: int | slice) -> Any:
    before = axis % len(x.shape)
    return x[(*[slice(None)] * before, key)]


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """Pad a tensor before and after, along each axis but the first."""
    widths = tuple(tuple(pair) for pair in pad_width)
    if len(widths) != len(x.shape) or widths[0] != (0, 0):
        raise NoRecipeError(f"calls pad by {widths}, which {ACROSS_THE_BATCH}")
    if str(mode).lower() != "constant":
        return ops.pad(x, widths, mode=str(mode).lower())
    return ops.pad(x, widths, mode="constant", constant_values=constant_values)


def tile(x: Any, repeats: Sequence[int]) -> Any:
    if len(repeats) != len(x.shape) or repeats[0] != 1:
        raise NoRecipeError(f"calls tile by {repeats}, which {ACROSS_THE_BATCH}")
    return ops.tile(x, tuple(repeats))


def repeat_vector(x: Any, n: int) -> Any:
    """Repeat the rows (N, C) `n` times along a new second axis."""
    if len(x.shape) != 2:
        raise NoRecipeError(f"repeats the shape {tuple(x.shape)}, which is not one row each")
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


# With finite weights, checked on loading, and finite inputs every value is finite.
def is_finite(x: Any) -> bool:
    return is_tensor(x)


def where(condition: Any, x1: Any, x2: Any) -> Any:
    if isinstance(condition, bool):
        return x1 if condition else x2
    check_aligned("where", [one for one in (condition, x1, x2) if is_tensor(one)])
    return ops.where(condition, x1, x2)


def clipped_sqrt(x: Any) -> Any:
    """Take the square root, 0 for negative values, as `keras.backend.sqrt` does."""
    return ops.sqrt(ops.maximum(x, 0.0))


def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    """Compute x / sqrt(max(sum(x²), epsilon)), as `tf.math.l2_normalize` does."""
    check_axis("l2_normalize", axis, len(x.shape))
    total = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(total, epsilon)))


def matmul(x1: Any, x2: Any, *, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    """Multiply the matrices of the last two axes."""
    rank = max(len(side.shape) for side in (x1, x2) if is_tensor(side))
    sides = []
    for side, is_transposed in ((x1, transpose_a), (x2, transpose_b)):
        side = side if is_tensor(side) else np.asarray(side, "float32")
        own = len(side.shape)
        of_all = 2 <= own < rank or side.shape[0] == 1  # one constant matrix for all sequences
        if rank < 3 or own > rank or not (own == rank if is_tensor(side) else of_all):
            raise NoRecipeError(
                f"calls matmul of the shape {tuple(side.shape)}, which {ACROSS_THE_BATCH}"
            )
        order = (*range(own - 2), own - 1, own - 2)
        sides.append(ops.transpose(side, order) if is_transposed else side)
    return ops.matmul(*sides)
