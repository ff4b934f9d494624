"""Functions and sums that give a row the same bits wherever in the batch it stands.

On a CPU the backend computes several values at once and the last few of an array one by one, and
the two ways of an exponential differ in the last bit; so it is with the rows of a matrix. Likewise
it adds along an axis in one order or another, by how the values lie in memory. A score must not
depend on any of these.
"""

import math
from collections.abc import Callable

import numpy as np
from keras import ops

from seqlift.device import products
from seqlift.network.primitives.base import Array

PACKET = 16  # values computed at once: 16 of float32 with AVX-512; fewer elsewhere, dividing it


def aligned(function: Callable[..., Array]) -> Callable[..., Array]:
    """Compute `function` of each value on whole packets, so that none is left over at the end.

    A function of several arrays gets them with one shape, that to which they broadcast.
    """

    def apply(*arrays: Array) -> Array:
        shape = np.broadcast_shapes(*(tuple(array.shape) for array in arrays))
        if len(arrays) > 1:
            arrays = tuple(ops.broadcast_to(array, shape) for array in arrays)
        size = math.prod(shape)
        spare = -size % PACKET
        if not spare:
            return function(*arrays)
        # Values of a packet and those left over are computed in two ways, a bit apart.
        whole = (ops.pad(ops.reshape(array, (-1,)), ((0, spare),)) for array in arrays)
        return ops.reshape(function(*whole)[:size], shape)

    return apply


def in_packets(function: Callable[[Array], Array], array: Array) -> Array:
    """Compute ``function(array)`` on whole packets of rows (B, *shape).

    In a matrix product, rows that do not fill a packet are computed in another way than the others.
    """
    rows = array.shape[0]
    spare = -rows % PACKET
    if not spare:
        return function(array)
    return function(ops.pad(array, ((0, spare), *((0, 0),) * (len(array.shape) - 1))))[:rows]


def matmul(array: Array, matrix: Array) -> Array:
    """Multiply the last axis of (B, *sizes, inputs) by (inputs, outputs)."""
    flat = ops.reshape(array, (-1, array.shape[-1]))
    product = in_packets(lambda rows: products.matmul(rows, matrix), flat)
    return ops.reshape(product, (-1, *array.shape[1:-1], matrix.shape[1]))


def sum_along(array: Array, axis: int, *, keepdims: bool = False) -> Array:
    """Sum along `axis`, counted from 0, in the same order for every row.

    The backend adds in one order where the axis is the last, or where what follows it is whole
    packets. Elsewhere one half is added to the other, and so on: sums of two have one order.
    """
    inner = math.prod(array.shape[axis + 1 :])
    if inner == 1 or inner % PACKET == 0:  # no values left over: one order for every row
        return ops.sum(array, axis=axis, keepdims=keepdims)
    before = (slice(None),) * axis
    while (size := array.shape[axis]) > 1:
        half = size // 2
        # Sums of two have one order; `ops.sum` chooses by how many values follow the axis.
        total = array[(*before, slice(0, half))] + array[(*before, slice(half, 2 * half))]
        rest = array[(*before, slice(2 * half, None))]
        array = ops.concatenate([total, rest], axis=axis) if size % 2 else total
    return array if keepdims else ops.squeeze(array, axis=axis)


def sum_in_any_order(array: Array, axis: int, *, keepdims: bool = False) -> Array:
    """Sum along `axis`, counted from 0: of the same values in any order the same sum.

    Each value is cut in three, twice where all that is left of it is a multiple of one small number
    (Rump, Ogita and Oishi 2008, doi:10.1137/050645671). Such multiples add up without rounding, and
    what is left after two cuts is too small for its roundings to be seen.
    """
    size = array.shape[axis]
    if size < 3:  # two numbers have one sum
        return sum_along(array, axis, keepdims=keepdims)
    # a power of two, as products with it are not rounded
    headroom = 2.0 ** math.ceil(math.log2(4 * size))
    rest, totals = array, []
    largest = ops.max(ops.abs(array), axis=axis, keepdims=True)
    for _ in range(2):
        grid = headroom * largest
        whole = (grid + rest) - grid  # cuts off what is below the last place of the grid
        totals.append(sum_along(whole, axis, keepdims=keepdims))
        rest = rest - whole
        largest = grid * float(np.finfo(ops.dtype(array)).eps)
    first, second = totals
    return first + (second + sum_along(rest, axis, keepdims=keepdims))


def mean_along(array: Array, axis: int, *, keepdims: bool = False) -> Array:
    return sum_along(array, axis, keepdims=keepdims) * (1.0 / array.shape[axis])
