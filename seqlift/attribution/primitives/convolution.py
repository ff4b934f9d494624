"""Convolution along one or two axes, and its transpose as a convolution with the flipped kernel."""

from dataclasses import dataclass
from itertools import starmap

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.primitives.affine import constant
from seqlift.attribution.primitives.base import Array, Linear, Shape
from seqlift.attribution.primitives.shape import Pads, pad_or_crop
from seqlift.attribution.primitives.windows import fold


def same_pads(size: int, *, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the zeros before and after an axis that give ``ceil(size / stride)`` outputs."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


@dataclass(frozen=True, eq=False)
class Convolution(Linear):
    """Cross-correlation of (B, *sizes, inputs) with `kernel` (*taps, inputs / groups, outputs).

    `pads` are zeros before and after each axis; `strides` and `dilation` have one number per axis.
    The number of groups is the ratio of the inputs to the kernel's.
    """

    kernel: NDArray[np.floating]
    bias: NDArray[np.floating] | None
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads

    def shape(self, *shapes: Shape) -> Shape:
        """Return the number of whole windows along each axis, then the number of outputs."""
        return (*starmap(self.windows, enumerate(shapes[0][:-1])), self.kernel.shape[-1])

    def windows(self, axis: int, size: int) -> int:
        """Return how many windows fit along `axis`; 0 or less where the axis is too short."""
        room = size + sum(self.pads[axis]) - (self.kernel.shape[axis] - 1) * self.dilation[axis] - 1
        return int(room // self.strides[axis]) + 1

    def forward(self, *inputs: Array) -> Array:
        """Return the convolution plus bias."""
        padded = pad_or_crop(inputs[0], (*self.pads, (0, 0)))
        result = convolve(padded, self.kernel, strides=self.strides, dilation=self.dilation)
        return result if self.bias is None else result + constant(self.bias, result)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Return the multipliers of the input.

        They are the stride-1 convolution of the multipliers, set apart by the stride, with the
        kernel flipped along its taps and its inputs and outputs exchanged.
        """
        groups = shapes[0][-1] // self.kernel.shape[-2]
        flipped = exchange_channels(np.flip(self.kernel, tuple(range(len(self.strides)))), groups)
        pads = []
        for axis, (stride, dilation) in enumerate(zip(self.strides, self.dilation, strict=True)):
            count = multiplier.shape[axis + 1]
            if stride > 1:
                apart = ops.expand_dims(multiplier, axis + 2)
                multiplier = fold(apart, axis + 1, stride=stride, length=(count - 1) * stride + 1)
            low, _ = self.pads[axis]
            reach = (self.kernel.shape[axis] - 1) * dilation
            pads.append((reach - low, shapes[0][axis] + low - (count - 1) * stride - 1))
        padded = pad_or_crop(multiplier, (*pads, (0, 0)))
        ones = (1,) * len(self.strides)
        return (convolve(padded, flipped, strides=ones, dilation=self.dilation),)


def convolve(
    array: Array,
    kernel: NDArray[np.floating],
    *,
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Array:
    """Return the windows of `array` (B, *sizes, inputs) that fit, weighed by `kernel`."""
    return ops.conv(
        array,
        constant(kernel, array),
        strides=strides,
        padding="valid",
        data_format="channels_last",
        dilation_rate=dilation,
    )


def exchange_channels(kernel: NDArray[np.floating], groups: int) -> NDArray[np.floating]:
    """Return (*taps, inputs / groups, outputs) as (*taps, outputs / groups, inputs)."""
    parts = np.split(kernel, groups, axis=-1)
    return np.concatenate([np.swapaxes(part, -1, -2) for part in parts], axis=-1)
