"""The logarithm of a sum of exponentials along one axis, which never leaves the range of floats."""

from dataclasses import dataclass

from keras import ops

from seqlift.network.primitives.base import Array, Primitive, Shape
from seqlift.network.primitives.rowwise import aligned, sum_along


@dataclass(frozen=True, slots=True)
class LogSumExp(Primitive):
    """``log(sum(exp(x)))`` along `axis`, which stays with extent 1.

    The axis is counted after the batch axis from 0.
    """

    axis: int

    def shape(self, *shapes: Shape) -> Shape:
        reduced = list(shapes[0])
        reduced[self.axis] = 1
        return tuple(reduced)

    def forward(self, *inputs: Array) -> Array:
        """Subtract the largest value, sum the exponentials, and add it to their logarithm."""
        top = ops.max(inputs[0], axis=self.axis + 1, keepdims=True)
        powers = aligned(ops.exp)(inputs[0] - top)
        return top + aligned(ops.log)(sum_along(powers, self.axis + 1, keepdims=True))
