"""Cut an axis into sliding windows, and sum the windows back together.

`unfold` and `fold` are each other's transpose. Both work on whole blocks of `stride` values, so an
overlapping window costs ceil(size / stride) additions and one that does not overlap costs none.
"""

from keras import ops

from seqlift.network.primitives.base import Array
from seqlift.network.primitives.shape import pad_or_crop


def resize(array: Array, axis: int, length: int, *, value: float = 0.0, before: int = 0) -> Array:
    pads = [(0, 0)] * (len(array.shape) - 1)
    pads[axis - 1] = (before, length - before - array.shape[axis])
    return pad_or_crop(array, tuple(pads), value=value)


def unfold(array: Array, axis: int, *, size: int, stride: int, count: int, fill: float) -> Array:
    """Cut `axis` into `count` windows of `size` values, `stride` apart.

    `axis` becomes two: (count, size). Windows that reach past the end hold `fill` there.
    """
    blocks = -(-size // stride)
    length = (count + blocks - 1) * stride
    padded = resize(array, axis, length, value=fill)
    shape = tuple(padded.shape)
    rows = ops.reshape(padded, (-1, *shape[1:axis], count + blocks - 1, stride, *shape[axis + 1 :]))
    before = (slice(None),) * axis
    parts = [rows[(*before, slice(j, j + count))] for j in range(blocks)]
    joined = parts[0] if blocks == 1 else ops.concatenate(parts, axis=axis + 1)
    return joined[(*before, slice(None), slice(0, size))]


def fold(windows: Array, axis: int, *, stride: int, length: int) -> Array:
    """Sum, for each of `length` values along `axis`, the windows' values for it.

    `windows` has (count, size) at `axis` and after it; both become one axis.
    """
    count, size = windows.shape[axis], windows.shape[axis + 1]
    blocks = -(-size // stride)
    padded = resize(windows, axis + 1, blocks * stride)
    shape = tuple(windows.shape)
    flat = (-1, *shape[1:axis], count * stride, *shape[axis + 2 :])
    before = (slice(None),) * (axis + 1)
    total = None
    for j in range(blocks):
        block = ops.reshape(padded[(*before, slice(j * stride, (j + 1) * stride))], flat)
        placed = resize(block, axis, length, before=j * stride)
        total = placed if total is None else total + placed
    return total
