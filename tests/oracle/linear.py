"""Operations whose output differences are a fixed linear map of their input differences.

A bias never has a part in a difference. What only has positive weights passes parts on as they are;
what has negative ones exchanges them; a kernel makes its parts anew (section 3.5.1 of the paper).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from oracle.parts import Array, Parts, both, swapped

if TYPE_CHECKING:
    from oracle.tape import Value


class Operation:
    """A step of a computation; `origin` is the kind of layer it is the last step of, if it matters.

    The kinds are ``dense`` and ``conv``, for the rule of the activation that follows.
    """

    origin: str | None = None

    def forward(self, *arrays: Array) -> Array:
        """Return the output for inputs (B, ...)."""
        raise NotImplementedError

    def parts(self, delta: Array, *sources: "Value") -> Parts:
        """Return the parts of `delta`, the difference of the output."""
        raise NotImplementedError

    def back(self, multiplier: Parts, delta: Array, *sources: "Value") -> Sequence[Parts]:
        """Return the multipliers of the inputs from those of the output."""
        raise NotImplementedError


class Passing(Operation):
    """A linear map with no negative weights."""

    def through(self, *arrays: Array) -> Array:
        """Return the map of differences (B, ...)."""
        raise NotImplementedError

    def transposed(self, multiplier: Array, *shapes: tuple[int, ...]) -> Sequence[Array]:
        """Return the transpose of the map, for inputs of `shapes`."""
        raise NotImplementedError

    def forward(self, *arrays: Array) -> Array:
        return self.through(*arrays)

    def parts(self, delta: Array, *sources: "Value") -> Parts:
        return Parts(
            self.through(*(source.parts.positive for source in sources)),
            self.through(*(source.parts.negative for source in sources)),
        )

    def back(self, multiplier: Parts, delta: Array, *sources: "Value") -> Sequence[Parts]:
        shapes = [source.x.shape for source in sources]
        sides = (self.transposed(side, *shapes) for side in multiplier)
        return [Parts(*pair) for pair in zip(*sides, strict=True)]


@dataclass(frozen=True, eq=False)
class Gather(Passing):
    """Values taken by `index` from an input laid flat; where it is -1 there stands `fill`.

    Every layer that moves, repeats, crops or pads is one of these, and so are the windows of a
    convolution or a pooling layer.
    """

    index: Array
    fill: float = 0.0

    def forward(self, *arrays: Array) -> Array:
        return np.where(self.index < 0, self.fill, self.through(*arrays))

    def through(self, *arrays: Array) -> Array:
        (array,) = arrays
        flat = array.reshape(len(array), -1)
        spare = np.concatenate([flat, np.zeros((len(array), 1))], axis=1)
        return spare[:, self.index]

    def transposed(self, multiplier: Array, *shapes: tuple[int, ...]) -> Sequence[Array]:
        (shape,) = shapes
        rows, size = shape[0], int(np.prod(shape[1:]))
        where = np.where(self.index < 0, size, self.index).reshape(-1)
        places = where + (size + 1) * np.arange(rows)[:, None]
        sums = np.bincount(places.reshape(-1), multiplier.reshape(-1), rows * (size + 1))
        return [sums.reshape(rows, size + 1)[:, :size].reshape(shape)]


class Sum(Passing):
    """The sum of inputs that broadcast."""

    def through(self, *arrays: Array) -> Array:
        return sum(arrays[1:], start=arrays[0])

    def transposed(self, multiplier: Array, *shapes: tuple[int, ...]) -> Sequence[Array]:
        return [unbroadcast(multiplier, shape) for shape in shapes]


@dataclass(frozen=True)
class Total(Passing):
    """The sum along `axes`, the batch axis being 0; they stay, with extent 1."""

    axes: tuple[int, ...]

    def through(self, *arrays: Array) -> Array:
        return arrays[0].sum(axis=self.axes, keepdims=True)

    def transposed(self, multiplier: Array, *shapes: tuple[int, ...]) -> Sequence[Array]:
        return [np.broadcast_to(multiplier, shapes[0])]


@dataclass(frozen=True)
class Concatenate(Passing):
    """The inputs one after another along `axis`, the batch axis being 0."""

    axis: int

    def through(self, *arrays: Array) -> Array:
        return np.concatenate(arrays, axis=self.axis)

    def transposed(self, multiplier: Array, *shapes: tuple[int, ...]) -> Sequence[Array]:
        ends = np.cumsum([shape[self.axis] for shape in shapes])[:-1]
        return np.split(multiplier, ends, axis=self.axis)


@dataclass(frozen=True, eq=False)
class Scale(Operation):
    """``factor x + offset``: a negative factor exchanges the parts."""

    factor: Array
    offset: Array

    def forward(self, *arrays: Array) -> Array:
        return self.factor * arrays[0] + self.offset

    def parts(self, delta: Array, *sources: "Value") -> Parts:
        turned = swapped(sources[0].parts, self.factor < 0)
        return Parts(self.factor * turned.positive, self.factor * turned.negative)

    def back(self, multiplier: Parts, delta: Array, *sources: "Value") -> Sequence[Parts]:
        turned = swapped(multiplier, self.factor < 0)
        return [Parts(self.factor * turned.positive, self.factor * turned.negative)]


@dataclass(frozen=True, eq=False)
class Kernel(Operation):
    """The product of the last axis with `weights` (inputs, outputs), plus `bias` (outputs,).

    With K+ the positive weights, K- the negative ones, D+ and D- the parts of the inputs' whole
    differences D:

        P = D+ K+ + D- K-,   Q = D+ K- + D- K+
        m = mp K+ + mq K- where D > 0,  mp K- + mq K+ where D < 0,  (mp + mq) / 2 K where D = 0
    """

    weights: Array
    bias: Array
    origin: str | None

    def forward(self, *arrays: Array) -> Array:
        return arrays[0] @ self.weights + self.bias

    def parts(self, delta: Array, *sources: "Value") -> Parts:
        up, down = np.maximum(sources[0].delta, 0.0), np.minimum(sources[0].delta, 0.0)
        positive, negative = self.signed()
        return Parts(up @ positive + down @ negative, up @ negative + down @ positive)

    def back(self, multiplier: Parts, delta: Array, *sources: "Value") -> Sequence[Parts]:
        positive, negative = (side.T for side in self.signed())
        mp, mq = multiplier
        rising = mp @ positive + mq @ negative
        falling = mp @ negative + mq @ positive
        still = 0.5 * (mp + mq) @ self.weights.T
        moved = sources[0].delta
        return [both(np.where(moved > 0, rising, np.where(moved < 0, falling, still)))]

    def signed(self) -> tuple[Array, Array]:
        """Return the positive and the negative weights, with zeros elsewhere."""
        return np.maximum(self.weights, 0.0), np.minimum(self.weights, 0.0)


def unbroadcast(array: Array, shape: tuple[int, ...]) -> Array:
    """Return `array` summed over the axes that `shape` was broadcast along."""
    spare = array.ndim - len(shape)
    array = array.sum(axis=tuple(range(spare)))
    axes = tuple(i for i, size in enumerate(shape) if size == 1)
    return array.sum(axis=axes, keepdims=True)
