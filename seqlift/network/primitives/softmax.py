"""Softmax along one axis, crossed as the composition exp(x - logsumexp(x))."""

from dataclasses import dataclass

from keras import ops

from seqlift.network.primitives.base import Array, Primitive, Shape
from seqlift.network.primitives.rowwise import aligned, sum_along


def softmax(x: Array, axis: int) -> Array:
    """Return the exponentials of `x` over their sum along `axis`, counted from 0."""
    powers = aligned(ops.exp)(x - ops.max(x, axis=axis, keepdims=True))
    return powers / sum_along(powers, axis, keepdims=True)


def log_sum_exp(x: Array, axis: int) -> tuple[Array, Array]:
    """Return the two parts of the logarithm of the sum of exponentials: the largest x, the rest.

    `axis` is counted from 0. Apart they are exact to the last digit of the rest, added only to that
    of the largest x.
    """
    top = ops.max(x, axis=axis, keepdims=True)
    powers = aligned(ops.exp)(x - top)
    return top, aligned(ops.log)(sum_along(powers, axis, keepdims=True))


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
