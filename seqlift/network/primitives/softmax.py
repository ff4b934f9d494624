"""Softmax along one axis; multipliers propagate through it as through exp(x - logsumexp(x))."""

from dataclasses import dataclass

from keras import ops

from seqlift.network.primitives.base import Array, Primitive, Shape
from seqlift.network.primitives.rowwise import aligned, sum_along


def softmax(x: Array, axis: int) -> Array:
    """Divide the exponentials of `x` by their sum along `axis`, counted from 0."""
    # none above 1, and one is 1
    powers = aligned(ops.exp)(x - ops.max(x, axis=axis, keepdims=True))
    return powers / sum_along(powers, axis, keepdims=True)


def log_sum_exp(x: Array, axis: int) -> tuple[Array, Array]:
    """Split the logarithm of the sum of exponentials into the largest x and the rest.

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
        return shapes[0]

    def forward(self, *inputs: Array) -> Array:
        return softmax(inputs[0], self.axis + 1)
