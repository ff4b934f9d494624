"""Linear primitives of a track of which only the first positions are real; the rest is padding.

They read the track (B, extent, C) and the length of each sequence, (B,). They are not `Linear`, as
their transpose needs the length.
"""

from dataclasses import dataclass
from typing import NamedTuple

from keras import ops

from seqlift.network.primitives.base import Array, Primitive, Shape
from seqlift.network.primitives.rowwise import sum_in_any_order


class Extent(NamedTuple):
    """How many positions a node has for a sequence of n bases: ``(n + plus) // stride``."""

    plus: int = 0
    stride: int = 1

    def then(self, plus: int, stride: int = 1) -> "Extent":
        """Find the extent of a node with ``(extent + plus) // stride`` positions."""
        return Extent(self.plus + plus * self.stride, self.stride * stride)

    def of(self, length: Array) -> Array:
        """Count the positions for lengths, whole numbers in any type."""
        return ops.floor((length + self.plus) / self.stride)


@dataclass(frozen=True)
class ByLength(Primitive):
    """A linear map with weights of 0 or more, which depends on the length alone."""

    extent: Extent

    def real(self, length: Array, positions: int) -> Array:
        """Mark the real positions of each row: (B, positions, 1)."""
        places = ops.arange(positions, dtype=length.dtype)
        return ops.expand_dims(places[None] < self.extent.of(length)[:, None], -1)

    def part(self, track: Array, length: Array) -> Array:
        """Map a part of the difference of a track."""
        return self.forward(track, length)

    def back(self, multiplier: Array, length: Array, shape: Shape) -> Array:
        """Propagate multipliers of the output to a track of `shape`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Mask(ByLength):
    """The track with `fill` in the place of all that is not real."""

    fill: float = 0.0

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def forward(self, *inputs: Array) -> Array:
        track, length = inputs
        return ops.where(self.real(length, track.shape[1]), track, self.fill)

    def part(self, track: Array, length: Array) -> Array:
        return ops.where(self.real(length, track.shape[1]), track, 0.0)

    def back(self, multiplier: Array, length: Array, shape: Shape) -> Array:
        return self.part(multiplier, length)


@dataclass(frozen=True)
class RealSum(ByLength):
    """The sum over the real positions, or their mean."""

    mean: bool = False
    keepdims: bool = False

    def shape(self, *shapes: Shape) -> Shape:
        channels = shapes[0][1:]
        return (1, *channels) if self.keepdims else channels

    def forward(self, *inputs: Array) -> Array:
        track, length = inputs
        real = ops.where(self.real(length, track.shape[1]), track, 0.0)
        total = sum_in_any_order(real, 1, keepdims=True) * self.share(length)
        return ops.reshape(total, (-1, *self.shape(tuple(track.shape[1:]))))

    def share(self, length: Array) -> Array:
        count = ops.reshape(self.extent.of(length), (-1, 1, 1))
        return 1.0 / count if self.mean else ops.ones_like(count)

    def back(self, multiplier: Array, length: Array, shape: Shape) -> Array:
        spread = ops.reshape(multiplier, (-1, 1, *shape[1:])) * self.share(length)
        return ops.where(self.real(length, shape[0]), spread, 0.0)
