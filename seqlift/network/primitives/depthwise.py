"""Convolution of each channel by itself, some 20 times faster on a CPU than one in groups."""

import math
from dataclasses import dataclass

import numpy as np
from keras import ops

from seqlift.device.products import depthwise
from seqlift.device.stored_weights import constant_tensor
from seqlift.network.primitives.base import Array, Shape, Weighted
from seqlift.network.primitives.convolution import reach_of, set_apart
from seqlift.network.primitives.rowwise import sum_along
from seqlift.network.primitives.shape import Pads, pad_or_crop


@dataclass(frozen=True, eq=False)
class Depthwise(Weighted):
    """Cross-correlation of each channel of (B, *sizes, C) with filters of its own, plus `bias`.

    `kernel` is (*taps, C, filters per channel), for one or two axes; the outputs are C times the
    filters, those of one channel together. `pads` are zeros before and after each axis.
    """

    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads

    def shape(self, *shapes: Shape) -> Shape:
        reach = reach_of(self.kernel, self.dilation)
        counts = (
            (size + sum(pads) - span - 1) // stride + 1
            for size, pads, span, stride in zip(
                shapes[0][:-1], self.pads, reach, self.strides, strict=True
            )
        )
        return (*counts, math.prod(self.kernel.shape[-2:]))

    def forward(self, *inputs: Array) -> Array:
        padded = pad_or_crop(inputs[0], (*self.pads, (0, 0)))
        result = self.convolve(padded)
        return result if self.bias is None else result + constant_tensor(self.bias, result)

    def convolve(self, padded: Array) -> Array:
        """Weigh the windows that fit."""
        kernel = self.weights_tensor(padded)
        if len(set(self.strides)) == 1 and set(self.dilation) == {1}:
            return depthwise(padded, kernel, strides=self.strides, dilation=self.dilation)
        # The backend has one stride for all axes, and none together with a dilation.
        whole = depthwise(padded, kernel, strides=(1,) * len(self.strides), dilation=self.dilation)
        return whole[(slice(None), *(slice(None, None, stride) for stride in self.strides))]

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Propagate multipliers to the input: see `Convolution.transpose`."""
        *taps, channels, filters = self.kernel.shape
        flipped = np.flip(self.weights, tuple(range(len(taps)))).reshape(*taps, -1, 1)
        reach = reach_of(self.kernel, self.dilation)
        padded = set_apart(
            multiplier, reach, strides=self.strides, pads=self.pads, sizes=shapes[0][:-1]
        )
        ones = (1,) * len(taps)
        each = depthwise(
            padded, constant_tensor(flipped, padded), strides=ones, dilation=self.dilation
        )
        if filters == 1:
            return (each,)
        apart = ops.reshape(each, (-1, *shapes[0][:-1], channels, filters))
        return (sum_along(apart, len(taps) + 2),)
