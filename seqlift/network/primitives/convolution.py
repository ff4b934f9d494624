"""Convolution along any axes, and its transpose as a convolution with the flipped kernel.

A transposed convolution is the same pair with its two directions exchanged.
"""

from dataclasses import dataclass
from functools import partial
from itertools import starmap

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.device.backend import fused
from seqlift.device.convolutions import weigh
from seqlift.device.stored_weights import constant_tensor
from seqlift.network.primitives.base import Array, Shape, Weighted
from seqlift.network.primitives.rowwise import PACKET, matmul
from seqlift.network.primitives.shape import Pads, pad_or_crop
from seqlift.network.primitives.sliding import fold

FEW_OUTPUTS = 8  # up to which one product of all taps beats a convolution: see `sum_of_taps`
LARGE_PRODUCT = 2**20  # products of one row, below which no time is saved


def same_pads(size: int, *, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Choose the zeros before and after an axis that give ``ceil(size / stride)`` outputs."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2  # TensorFlow's: an odd zero stands after


@dataclass(frozen=True, eq=False)
class Convolution(Weighted):
    """Cross-correlation of (B, *sizes, inputs) with `kernel` (*taps, inputs / groups, outputs).

    `pads` are zeros before and after each axis; `strides` and `dilation` have one number per axis.
    The number of groups is the ratio of the inputs to the kernel's. `halved` allows the forward
    pass to be made of half the products: see `seqlift.attribution.halving`.
    """

    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads
    halved: bool = False

    def shape(self, *shapes: Shape) -> Shape:
        return (*starmap(self.windows, enumerate(shapes[0][:-1])), self.kernel.shape[-1])

    def windows(self, axis: int, size: int) -> int:
        """Count the windows that fit along `axis`; 0 or less where the axis is too short."""
        reach = (self.kernel.shape[axis] - 1) * self.dilation[axis]
        last_start = size + sum(self.pads[axis]) - reach - 1
        return int(last_start // self.strides[axis]) + 1

    def forward(self, *inputs: Array) -> Array:
        padded = pad_or_crop(inputs[0], (*self.pads, (0, 0)))
        options = {"strides": self.strides, "dilation": self.dilation}
        result = weigh_windows(padded, self.weights, **options, halved=self.halved)
        return result if self.bias is None else result + constant_tensor(self.bias, result)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        # summed, never compared (0014)
        return (self.weigh_back(multiplier, shapes[0], halved=True),)

    def weigh_back(self, multiplier: Array, shape: Shape, *, halved: bool) -> Array:
        """Propagate multipliers back to an input of `shape`.

        They are the stride-1 convolution of the multipliers, set apart by the stride, with the
        kernel flipped along its taps and its inputs and outputs exchanged.
        """
        groups = shape[-1] // self.kernel.shape[-2]
        # Not the framework's own gradient, which on a CPU takes 2.5 times as long with a dilation.
        flipped = exchange_channels(np.flip(self.weights, tuple(range(len(self.strides)))), groups)
        reach = reach_of(self.kernel, self.dilation)
        padded = set_apart(
            multiplier, reach, strides=self.strides, pads=self.pads, sizes=shape[:-1]
        )
        ones = (1,) * len(self.strides)
        options = {"strides": ones, "dilation": self.dilation}
        return weigh_windows(padded, flipped, **options, halved=halved)


@dataclass(frozen=True, eq=False)
class TransposedConvolution(Weighted):
    """The transpose of a `Convolution` of (B, *sizes, outputs), plus `bias` (outputs,).

    `kernel` (*taps, outputs, inputs), `strides`, `dilation` and `pads` are those of the
    convolution, which maps this primitive's outputs to its inputs.
    """

    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads
    sizes: Shape

    def turned(self) -> Convolution:
        """Make the convolution of which this is the transpose."""
        return Convolution(self.weights, None, self.strides, self.dilation, self.pads)

    def shape(self, *shapes: Shape) -> Shape:
        return (*self.sizes, self.kernel.shape[-2])

    def forward(self, *inputs: Array) -> Array:
        # These are values, which a maximum or RevealCancel may compare (`attribution.halving`).
        result = self.turned().weigh_back(inputs[0], self.shape(), halved=False)
        return result if self.bias is None else result + constant_tensor(self.bias, result)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        return (self.turned().forward(multiplier),)


def reach_of(kernel: NDArray[np.floating], dilation: tuple[int, ...]) -> Shape:
    """Count the positions between the first and the last tap along each axis."""
    return tuple((taps - 1) * step for taps, step in zip(kernel.shape, dilation, strict=False))


def set_apart(
    multiplier: Array, reach: Shape, *, strides: tuple[int, ...], pads: Pads, sizes: Shape
) -> Array:
    """Put between and around the multipliers of windows the zeros of a stride-1 convolution.

    `multiplier` is (B, *counts, C). Convolved with a flipped kernel of `reach`, the result gives
    the multipliers of the `sizes` values that the windows, `strides` apart, were laid over.
    """
    around = []
    for axis, (stride, size) in enumerate(zip(strides, sizes, strict=True)):
        count = multiplier.shape[axis + 1]
        if stride > 1:
            apart = ops.expand_dims(multiplier, axis + 2)
            multiplier = fold(apart, axis + 1, stride=stride, length=(count - 1) * stride + 1)
        low, _ = pads[axis]
        around.append((reach[axis] - low, size + low - (count - 1) * stride - 1))
    return pad_or_crop(multiplier, (*around, (0, 0)))


def weigh_windows(
    array: Array,
    kernel: NDArray[np.floating],
    *,
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    halved: bool = False,
) -> Array:
    """Weigh the windows of `array` (B, *sizes, inputs) that fit by `kernel`.

    `halved` allows Winograd's algorithm, with half the products.
    """
    if is_narrow(array, kernel, strides):
        summed = fused(partial(sum_of_taps, dilation=dilation[0]))
        result: Array = summed(array, constant_tensor(kernel, array))
        return result
    return weigh(array, kernel, strides=strides, dilation=dilation, can_halve=halved)


def is_narrow(array: Array, kernel: NDArray[np.floating], strides: tuple[int, ...]) -> bool:
    taps, *_, inputs, outputs = kernel.shape
    return (
        strides == (1,)
        and inputs == array.shape[-1]
        and taps > 1
        and outputs <= FEW_OUTPUTS
        and array.shape[1] * taps * inputs * outputs >= LARGE_PRODUCT
    )


def sum_of_taps(array: Array, kernel: Array, *, dilation: int) -> Array:
    """Weigh the stride-1 windows of `array` (B, size, inputs) by one matrix product."""
    taps, inputs, outputs = kernel.shape
    size = array.shape[1]
    count = size - (taps - 1) * dilation
    # rows that no window reads: spare ones put after all would have to be cut off, by copying
    array = ops.pad(array, ((0, 0), (0, -size % PACKET), (0, 0)))
    columns = ops.reshape(ops.transpose(kernel, (1, 0, 2)), (inputs, taps * outputs))
    # Four outputs fill a quarter of a register; all their taps fill it: 3.5 ms instead of 13.6.
    weighed = matmul(array, columns)
    total = None
    for tap in range(taps):
        start, column = tap * dilation, tap * outputs
        term = weighed[:, start : start + count, column : column + outputs]
        total = term if total is None else total + term
    return total


def exchange_channels(kernel: NDArray[np.floating], groups: int) -> NDArray[np.floating]:
    """Turn (*taps, inputs / groups, outputs) into (*taps, outputs / groups, inputs)."""
    parts = np.split(kernel, groups, axis=-1)
    return np.concatenate([np.swapaxes(part, -1, -2) for part in parts], axis=-1)
