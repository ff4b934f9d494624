"""Wide convolutions of three taps with half the products: F(4, 3) of Winograd.

Four neighbouring outputs y take twelve products of six values d with a kernel g. They also are

    y = A.T [(G g) * (B.T d)]

with six products (Lavin and Gray 2016, arXiv:1509.09308): kernel and values are evaluated as
polynomials at six points, multiplied there, and the result is taken back (Toom and Cook). B.T d and
A.T take sums of neighbours only, of which there are as many as values, not as products: the more
channels, the better.

How exact that is depends on the points. At 0, 5/8, -5/8, 3/2, -3/2 and infinity the rounding error
of a layer is 1.6 to 1.8 times that of twelve products, at the usual 0, 1, -1, 2, -2 and infinity
2.3 to 2.7 times (512 channels, root mean square).
"""

from functools import partial
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.device import processor, products, xla
from seqlift.device.forms import TILE_OUTPUTS as OUTPUTS
from seqlift.device.forms import TILE_TAPS as TAPS
from seqlift.device.forms import whole_tiles
from seqlift.device.stored_weights import constant_tensor

Array = Any

VALUES = TAPS + OUTPUTS - 1
POINTS = np.array([0.0, 5 / 8, -5 / 8, 3 / 2, -3 / 2])  # and infinity


def transforms() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Make A.T (outputs, values), G (values, taps) and B.T (values, values).

    A row of B.T has the coefficients of the polynomial that is zero at all points but one; its
    value at that one divides the row of G.
    """
    others = [np.delete(POINTS, i) for i in range(len(POINTS))]
    there = [np.prod(point - rest) for point, rest in zip(POINTS, others, strict=True)]
    values = np.zeros((VALUES, VALUES))
    for row, zeros in zip(values, [*others, POINTS], strict=True):
        row[: len(zeros) + 1] = np.poly(zeros)[::-1]
    return powers(OUTPUTS).T, powers(TAPS) / np.array([*there, 1.0])[:, None], values


def powers(number: int) -> NDArray[np.float64]:
    return np.vstack([np.vander(POINTS, number, increasing=True), np.eye(number)[-1]])


TO_OUTPUTS, OF_KERNEL, OF_VALUES = transforms()


def winograd_windows(array: Array, kernel: NDArray[np.floating], dilation: int) -> Array:
    """Weigh the windows of `array` (B, size, inputs) by `kernel` (3, inputs, outputs).

    Kernels are taken to the points in float64, whatever products are rounded to.
    `xla.computed_once` keeps XLA from computing `array` again for each of the points.
    """
    # 1 / 3 and others are not exact in float32
    at_points = OF_KERNEL @ kernel.reshape(TAPS, -1).astype(np.float64)
    kernels = (kernel, *at_points.reshape(-1, *kernel.shape[1:]))
    if not xla.compiles():
        direct, *transformed = (constant_tensor(each, array) for each in kernels)
        return tiled(array, direct, transformed, dilation)
    direct, *transformed = map(xla.stored, kernels)
    # Six sums read the array, and XLA would compute it anew for each: 2.8 s instead of 2.4.
    return xla.computed_once(
        partial(tiled, array, direct, transformed, dilation),
        partial(windows_times, array, direct, dilation),
    )


def windows_times(array: Array, kernel: Array, dilation: int) -> Array:
    return products.convolve(array, kernel, strides=(1,), dilation=(dilation,))


def tiled(array: Array, kernel: Array, at_points: list[Array], dilation: int) -> Array:
    """Weigh the windows of whole tiles in the fast way, and the rest in the plain one."""
    size = whole_tiles(array.shape[1], dilation) * OUTPUTS * dilation
    reach = (TAPS - 1) * dilation
    tiles = weigh_tiles(array[:, : size + reach], at_points, dilation)
    if array.shape[1] == size + reach:
        return tiles
    rest = windows_times(array[:, size:], kernel, dilation)  # too few for a tile, so as they stand
    return ops.concatenate([tiles, rest], axis=1)


def weigh_tiles(array: Array, at_points: list[Array], dilation: int) -> Array:
    """Weigh the windows of `array` (B, size, inputs), where tiles fit, at the points.

    Values that are `dilation` apart are neighbours: a tile takes six of them, for `dilation`
    windows at once.
    """
    batch, size, inputs = array.shape
    steps = ops.reshape(array, (batch, size // dilation, dilation, inputs))
    last = steps.shape[1] - VALUES
    values = [steps[:, k : last + k + 1 : OUTPUTS] for k in range(VALUES)]
    tiles = last // OUTPUTS + 1
    products = []
    for row, kernel in zip(OF_VALUES, at_points, strict=True):
        at_point = ops.reshape(sum_weighted_arrays(row, values), (batch, tiles * dilation, inputs))
        products.append(rows_times(at_point, kernel))
    outputs = at_points[0].shape[-1]
    windows = [
        ops.reshape(sum_weighted_arrays(row, products), (batch, tiles, 1, dilation, outputs))
        for row in TO_OUTPUTS
    ]
    return ops.reshape(ops.concatenate(windows, axis=2), (batch, -1, outputs))


def sum_weighted_arrays(weights: NDArray[np.float64], arrays: list[Array]) -> Array:
    total = None
    for weight, array in zip(weights, arrays, strict=True):
        if weight:  # a third of the weights are 0
            term = array if weight == 1.0 else array * float(weight)
            total = term if total is None else total + term
    return total


def rows_times(array: Array, matrix: Array) -> Array:
    """Multiply the last axis of (B, rows, inputs) by (inputs, outputs)."""
    if xla.compiles():
        # A convolution of one tap takes a sixth less time than the product, which XLA makes of it
        # unless there are zeros around.
        return xla.convolve_xla(array, matrix[None], (1,), (1,), spare=1)[:, :-1]
    if not processor.on_cpu():
        return products.matmul(array, matrix)
    # One spare zero: without any around it XLA would make the slower matrix product of it.
    padded = ops.pad(array, ((0, 0), (0, 1), (0, 0)))
    return windows_times(padded, matrix[None], 1)[:, :-1]
