"""Softmax along one axis, crossed as the composition exp(x - logsumexp(x))."""

from dataclasses import dataclass

from keras import ops

from seqlift.attribution.primitives.base import Array, Primitive, Shape
from seqlift.attribution.primitives.rowwise import aligned, sum_along


def softmax(x: Array, axis: int) -> Array:
    """Return the exponentials of `x` over their sum along `axis`, counted from 0."""
    powers = aligned(ops.exp)(x - ops.max(x, axis=axis, keepdims=True))
    return powers / sum_along(powers, axis, keepdims=True)


@dataclass(frozen=True, slots=True)
class Softmax(Primitive):
    """Exponentials along `axis`, counted after the batch axis from 0, divided by their sum."""

    axis: int

    def shape(self, *shapes: Shape) -> Shape:
        """Return the input shape."""
        return shapes[0]

    def forward(self, *inputs: Array) -> Array:
        """Return values that add up to 1 along the axis."""
        return softmax(inputs[0], self.axis + 1)
