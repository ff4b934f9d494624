"""Arrays of one number, and whole numbers, in expressions: ``zeros``, ``ones``, ``int``.

An array stands for the same values in every sequence of a batch. Knows no layers.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.models.expressions import shapes
from seqlift.models.expressions.tree import NoRecipeError

LARGEST_FILLED = 1 << 24
"""Values of an array of one number; the padding of a long sequence has some millions."""


def full(shape: Any, value: Any = 0.0, dtype: Any = None) -> NDArray[np.float32]:
    """Fill an array with a number; the open extent of the batch becomes 1."""
    del dtype  # there is one precision
    extents = list(shape) if isinstance(shape, list | tuple) else [shape]
    if extents[:1] == [None] and len(extents) > 1:
        extents[0] = 1  # broadcast: every sequence has the same array
    if not all(type(extent) is int and extent >= 1 for extent in extents):
        raise NoRecipeError(f"makes an array of the shape {shape}, whose extents are not numbers")
    if math.prod(extents) > LARGEST_FILLED:
        raise NoRecipeError(
            f"makes an array of the shape {shape}, more than {LARGEST_FILLED} values"
        )
    if not isinstance(value, int | float):
        raise NoRecipeError(f"fills an array with {value}, which is not a number")
    return np.full(extents, value, np.float32)


def zeros(shape: Any, dtype: Any = None) -> NDArray[np.float32]:
    return full(shape, 0.0, dtype)


def ones(shape: Any, dtype: Any = None) -> NDArray[np.float32]:
    return full(shape, 1.0, dtype)


def concatenate(xs: Sequence[Any], axis: int = -1) -> Any:
    """Join tensors along an axis; an array among them is repeated for every sequence."""
    tensors = [x for x in xs if shapes.is_tensor(x)]
    shapes.check_axis("concatenate", axis, len(tensors[0].shape))
    return ops.concatenate([_of_batch(x, tensors[0]) for x in xs], axis=axis)


def _of_batch(value: Any, tensor: Any) -> Any:
    """Repeat an array for the batch of a tensor; leave anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    rank = len(tensor.shape)
    if value.ndim != rank or len(value) != 1:
        raise NoRecipeError(
            f"calls concatenate of an array of the shape {value.shape}, which"
            f" {shapes.ACROSS_THE_BATCH}"
        )
    one = tensor[(slice(None), *[slice(0, 1)] * (rank - 1))]
    return ops.add(ops.zeros_like(one), value)  # `ops.concatenate` does not broadcast


def whole(x: Any) -> int:
    """Cut the decimals off a number, as Python's `int` does."""
    if isinstance(x, bool | int | float) and math.isfinite(x):
        return int(x)
    raise NoRecipeError("calls int of something that is not a number")


def real(x: Any) -> float:
    """Make a number one with decimals, as Python's `float` does."""
    if isinstance(x, bool | int | float):
        return float(x)
    raise NoRecipeError("calls float of something that is not a number")


def length(x: Any) -> int:
    """Count the extents of a shape, or the parts of a list."""
    if isinstance(x, list | tuple):
        return len(x)
    raise NoRecipeError("calls len of something that is neither a shape nor a list")
