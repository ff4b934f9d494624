"""Linear primitives that move, join, pick or repeat values."""

import math
from dataclasses import dataclass

import numpy as np
from keras import ops

from seqlift.network.primitives.base import Array, Linear, Shape
from seqlift.network.primitives.rowwise import sum_along

Pads = tuple[tuple[int, int], ...]


def pad_or_crop(array: Array, pads: Pads, *, value: float = 0.0) -> Array:
    """Pad `array` by `pads` (before, after) around each axis after the batch axis.

    A negative pad crops; where it crops all values, the sizes still add up. Padding is with
    `value`.
    """
    axes = list(zip(array.shape[1:], pads, strict=True))
    if any(size + min(around) <= 0 for size, around in axes):  # nothing of the array is left
        sizes = (size + low + high for size, (low, high) in axes)
        return ops.full((ops.shape(array)[0], *sizes), value, dtype=array.dtype)
    if any(low < 0 or high < 0 for low, high in pads):
        kept = (slice(max(-low, 0), size - max(-high, 0)) for size, (low, high) in axes)
        array = array[(slice(None), *kept)]
    if any(low > 0 or high > 0 for low, high in pads):
        amounts = ((max(low, 0), max(high, 0)) for low, high in pads)
        array = ops.pad(array, ((0, 0), *amounts), constant_values=value)
    return array


@dataclass(frozen=True, slots=True)
class Pad(Linear):
    """Zeros put around each axis after the batch axis; a negative amount crops."""

    pads: Pads

    def shape(self, *shapes: Shape) -> Shape:
        sizes = zip(shapes[0], self.pads, strict=True)
        return tuple(size + low + high for size, (low, high) in sizes)

    def forward(self, *inputs: Array) -> Array:
        return pad_or_crop(inputs[0], self.pads)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Undo the pads; cropped positions get zero."""
        return (pad_or_crop(multiplier, tuple((-low, -high) for low, high in self.pads)),)

    def describe(self) -> str:
        return "crop" if any(low < 0 or high < 0 for low, high in self.pads) else "pad"


@dataclass(frozen=True, slots=True)
class Reshape(Linear):
    """The same values in another shape."""

    target: Shape

    def shape(self, *shapes: Shape) -> Shape:
        """Compute the new shape, with one -1 worked out from the size."""
        size = math.prod(shapes[0])
        known = math.prod(extent for extent in self.target if extent != -1)
        return tuple(size // known if extent == -1 else extent for extent in self.target)

    def forward(self, *inputs: Array) -> Array:
        return ops.reshape(inputs[0], (-1, *self.shape(tuple(inputs[0].shape[1:]))))

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        return (ops.reshape(multiplier, (-1, *shapes[0])),)


@dataclass(frozen=True, slots=True)
class Permute(Linear):
    """Axes in another order; `order` counts the axes after the batch axis from 0."""

    order: tuple[int, ...]

    def shape(self, *shapes: Shape) -> Shape:
        return tuple(shapes[0][axis] for axis in self.order)

    def forward(self, *inputs: Array) -> Array:
        return ops.transpose(inputs[0], (0, *(axis + 1 for axis in self.order)))

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        back = sorted(range(len(self.order)), key=self.order.__getitem__)
        return (ops.transpose(multiplier, (0, *(axis + 1 for axis in back))),)


@dataclass(frozen=True, slots=True)
class Concatenate(Linear):
    """Several arrays joined along one axis, counted after the batch axis from 0."""

    axis: int

    def shape(self, *shapes: Shape) -> Shape:
        joined = list(shapes[0])
        joined[self.axis] = sum(shape[self.axis] for shape in shapes)
        return tuple(joined)

    def forward(self, *inputs: Array) -> Array:
        return ops.concatenate(inputs, axis=self.axis + 1)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        ends = [sum(shape[self.axis] for shape in shapes[: i + 1]) for i in range(len(shapes) - 1)]
        return tuple(ops.split(multiplier, ends, axis=self.axis + 1))


@dataclass(frozen=True, slots=True)
class Take(Linear):
    """The values at `indices` along one axis, counted after the batch axis from 0.

    Slices with a step, reversals, repeats and rotations are this. An index may stand several times.
    """

    axis: int
    indices: tuple[int, ...]

    def shape(self, *shapes: Shape) -> Shape:
        taken = list(shapes[0])
        taken[self.axis] = len(self.indices)
        return tuple(taken)

    def forward(self, *inputs: Array) -> Array:
        return ops.take(inputs[0], np.array(self.indices, np.int32), axis=self.axis + 1)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Sum for each value the multipliers of the places it was taken to."""
        nowhere = len(self.indices)
        places: list[list[int]] = [[] for _ in range(shapes[0][self.axis])]
        for place, index in enumerate(self.indices):
            places[index].append(place)
        pads = [(0, 0)] * len(shapes[0])
        pads[self.axis] = (0, 1)
        padded = pad_or_crop(multiplier, tuple(pads))
        total = None
        for turn in range(max(map(len, places), default=0)):
            source = [found[turn] if turn < len(found) else nowhere for found in places]
            part = ops.take(padded, np.array(source, np.int32), axis=self.axis + 1)
            total = part if total is None else total + part
        return (total,)


@dataclass(frozen=True, slots=True)
class Broadcast(Linear):
    """Values repeated along axes of extent 1, to a shape of the same rank."""

    target: Shape

    def shape(self, *shapes: Shape) -> Shape:
        return self.target

    def forward(self, *inputs: Array) -> Array:
        return ops.broadcast_to(inputs[0], (ops.shape(inputs[0])[0], *self.target))

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        return (sum_to_shape(multiplier, shapes[0]),)


def sum_to_shape(array: Array, shape: Shape) -> Array:
    """Sum `array` (B, ...) over the axes that broadcasting from `shape` stretched."""
    for axis, (wide, narrow) in enumerate(zip(array.shape[1:], shape, strict=True), start=1):
        if narrow == 1 and wide != 1:
            array = sum_along(array, axis, keepdims=True)  # one order for every row
    return array
