"""Windows along any axes: their maxima, their means, and their values next to each other."""

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.device.stored_weights import constant_tensor
from seqlift.network.primitives.base import Array, Linear, Primitive, Shape
from seqlift.network.primitives.rowwise import sum_in_any_order
from seqlift.network.primitives.shape import Pads, pad_or_crop
from seqlift.network.primitives.sliding import fold, unfold


@dataclass(frozen=True, slots=True)
class Pooling:
    """The windows of a pooling layer: one size and stride per axis, and the padding around it."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    pads: Pads

    def counts(self, shape: Shape) -> Shape:
        """Count the windows that fit along each axis of `shape` (*sizes, channels)."""
        return tuple(
            (extent + sum(pads) - size) // stride + 1
            for extent, pads, size, stride in zip(
                shape[:-1], self.pads, self.sizes, self.strides, strict=True
            )
        )

    def unfold(self, array: Array, *, fill: float) -> Array:
        """Cut `array` (B, *sizes, C) into windows: (B, *counts, window, C).

        `fill` stands in the padding.
        """
        counts = self.counts(tuple(array.shape[1:]))
        array = pad_or_crop(array, (*self.pads, (0, 0)), value=fill)
        for i, (size, stride, count) in enumerate(
            zip(self.sizes, self.strides, counts, strict=True)
        ):
            axis = 1 + 2 * i  # every axis before has become two
            array = unfold(array, axis, size=size, stride=stride, count=count, fill=fill)
        rank = len(counts)
        order = (0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
        array = array if rank == 1 else ops.transpose(array, order)
        return ops.reshape(array, (-1, *counts, math.prod(self.sizes), array.shape[-1]))

    def fold(self, windows: Array, shape: Shape) -> Array:
        """Sum the windows (B, *counts, window, C) over each value of `shape`."""
        counts = self.counts(shape)
        rank = len(counts)
        array = ops.reshape(windows, (-1, *counts, *self.sizes, shape[-1]))
        if rank > 1:
            pairs = (axis for i in range(rank) for axis in (1 + i, 1 + rank + i))
            array = ops.transpose(array, (0, *pairs, 2 * rank + 1))
        for i in range(rank):
            length = shape[i] + sum(self.pads[i])
            array = fold(array, i + 1, stride=self.strides[i], length=length)
        return pad_or_crop(array, (*((-low, -high) for low, high in self.pads), (0, 0)))


@dataclass(frozen=True, slots=True)
class AveragePool(Linear):
    """The mean of each window; padding is left out of the mean."""

    pooling: Pooling

    def shape(self, *shapes: Shape) -> Shape:
        return (*self.pooling.counts(shapes[0]), shapes[0][-1])

    def shares(self, shape: Shape) -> NDArray[np.float64]:
        """Divide one by the number of real values in each window: (*counts, 1)."""
        shares = []
        for size, stride, extent, pads in zip(
            self.pooling.sizes, self.pooling.strides, shape[:-1], self.pooling.pads, strict=True
        ):
            starts = np.arange(-pads[0], extent + pads[1] - size + 1, stride)
            # as Keras counts under `same`
            real = np.minimum(starts + size, extent) - np.maximum(starts, 0)
            shares.append(1.0 / real)
        return reduce(np.multiply.outer, shares)[..., None]

    def forward(self, *inputs: Array) -> Array:
        windows = self.pooling.unfold(inputs[0], fill=0.0)
        total = sum_in_any_order(windows, len(windows.shape) - 2)  # as in `Sum`
        return total * constant_tensor(self.shares(tuple(inputs[0].shape[1:])), total)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Divide each window's multiplier equally among the values in it."""
        shared = multiplier * constant_tensor(self.shares(shapes[0]), multiplier)
        window = math.prod(self.pooling.sizes)
        spread = ops.repeat(ops.expand_dims(shared, -2), window, axis=-2)
        return (self.pooling.fold(spread, shapes[0]),)


@dataclass(frozen=True, slots=True)
class Windows(Linear):
    """The values of each window side by side: (B, *counts, window, C)."""

    pooling: Pooling

    def shape(self, *shapes: Shape) -> Shape:
        counts = self.pooling.counts(shapes[0])
        return (*counts, math.prod(self.pooling.sizes), shapes[0][-1])

    def forward(self, *inputs: Array) -> Array:
        """Cut out the windows, with zeros in their padding."""
        return self.pooling.unfold(inputs[0], fill=0.0)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Sum for each value the multipliers of its copies."""
        return (self.pooling.fold(multiplier, shapes[0]),)


@dataclass(frozen=True, slots=True)
class MaxPool(Primitive):
    """The largest value of each window; the max rule propagates multipliers through it."""

    pooling: Pooling

    def shape(self, *shapes: Shape) -> Shape:
        return (*self.pooling.counts(shapes[0]), shapes[0][-1])

    def unfold(self, array: Array) -> Array:
        """Cut out the windows, (B, *counts, window, C), with padding that never wins."""
        lowest = float(np.finfo(ops.dtype(array)).min)  # not -inf, whose differences are NaN
        return self.pooling.unfold(array, fill=lowest)

    def forward(self, *inputs: Array) -> Array:
        return ops.max(self.unfold(inputs[0]), axis=-2)
