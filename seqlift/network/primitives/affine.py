"""Linear primitives that weigh and add values: matrix product, scale, sums, means."""

import math
from dataclasses import dataclass

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.device.stored_weights import axes_reversed, constant_tensor
from seqlift.network.primitives.base import Array, Linear, Shape, Weighted
from seqlift.network.primitives.rowwise import matmul, sum_in_any_order
from seqlift.network.primitives.shape import sum_to_shape


@dataclass(frozen=True, eq=False)
class Dense(Weighted):
    """A product of the last axis with `kernel` (inputs, outputs), plus `bias` (outputs,)."""

    def shape(self, *shapes: Shape) -> Shape:
        return (*shapes[0][:-1], self.kernel.shape[1])

    def forward(self, *inputs: Array) -> Array:
        product = matmul(inputs[0], self.weights_tensor(inputs[0]))
        return product if self.bias is None else product + constant_tensor(self.bias, product)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        return (matmul(multiplier, self.weights_tensor(multiplier, axes_reversed)),)


@dataclass(frozen=True, eq=False)
class Scale(Linear):
    """``factor * x + offset``, both broadcast against the axes after the batch axis."""

    factor: NDArray[np.floating]
    offset: NDArray[np.floating]

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def forward(self, *inputs: Array) -> Array:
        return inputs[0] * constant_tensor(self.factor, inputs[0]) + constant_tensor(
            self.offset, inputs[0]
        )

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        return (multiplier * constant_tensor(self.factor, multiplier),)


@dataclass(frozen=True)
class WeightedSum(Linear):
    """``sum(weight_i * x_i)`` of arrays that broadcast: add, subtract and average."""

    weights: tuple[float, ...]

    def shape(self, *shapes: Shape) -> Shape:
        return tuple(np.broadcast_shapes(*shapes))

    def forward(self, *inputs: Array) -> Array:
        terms = [self.weigh(x, weight) for x, weight in zip(inputs, self.weights, strict=True)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Weigh the multiplier for each input, and sum it where the input was broadcast."""
        return tuple(
            sum_to_shape(self.weigh(multiplier, weight), shape)
            for shape, weight in zip(shapes, self.weights, strict=True)
        )

    def weigh(self, array: Array, weight: float) -> Array:
        return array if weight == 1.0 else array * weight

    def describe(self) -> str:
        if all(weight == 1.0 for weight in self.weights):
            return "add"
        return "subtract" if self.weights == (1.0, -1.0) else "average"


@dataclass(frozen=True)
class Sum(Linear):
    """The sum over some axes, counted after the batch axis from 0."""

    axes: tuple[int, ...]
    keepdims: bool = False

    def shape(self, *shapes: Shape) -> Shape:
        kept = self.kept(shapes[0])
        return kept if self.keepdims else tuple(np.delete(np.array(kept, int), self.axes).tolist())

    def share(self, shape: Shape) -> float:
        return 1.0

    def kept(self, shape: Shape) -> Shape:
        """Give the summed axes the extent 1."""
        return tuple(1 if axis in self.axes else size for axis, size in enumerate(shape))

    def forward(self, *inputs: Array) -> Array:
        total = inputs[0]
        for axis in self.axes:
            # A shuffled sequence has the same values in another order, and so the same sum.
            total = sum_in_any_order(total, axis + 1, keepdims=True)
        shape = tuple(inputs[0].shape[1:])
        return ops.reshape(total * self.share(shape), (-1, *self.shape(shape)))

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        spread = ops.reshape(multiplier * self.share(shapes[0]), (-1, *self.kept(shapes[0])))
        batch = ops.shape(multiplier)[0]
        return (ops.broadcast_to(spread, (batch, *shapes[0])),)


@dataclass(frozen=True)
class Mean(Sum):
    """The mean over some axes, counted after the batch axis from 0."""

    def share(self, shape: Shape) -> float:
        return 1.0 / math.prod(shape[axis] for axis in self.axes)
