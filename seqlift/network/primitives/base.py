"""The kinds of primitive, told apart by how a multiplier crosses them.

A `Linear` primitive is crossed by its transpose, whatever the rule. The other kinds are crossed by
a rule (`seqlift.attribution.rules`), which needs their inputs and outputs on the sequence and on
the reference. What reads nothing, an `Input` or a `Constant`, is where multipliers end.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.device.stored_weights import constant

Array = Any  # a tensor of whatever backend Keras runs on
Shape = tuple[int, ...]  # without the batch axis


class Primitive:
    """An operation on arrays of shape (B, *shape)."""

    def shape(self, *shapes: Shape) -> Shape:
        """Return the output shape for inputs of `shapes`, both without the batch axis."""
        raise NotImplementedError

    def forward(self, *inputs: Array) -> Array:
        """Return the output, (B, *output shape)."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return what `seqlift inspect` calls this primitive."""
        return type(self).__name__.lower()


class Input(Primitive):
    """What is fed to the model; it reads nothing."""


class Constant(Primitive):
    """An array that is the same for every sequence; it reads nothing."""

    def __init__(self, value: NDArray[np.floating]) -> None:
        """Take the array, without a batch axis."""
        self.value = np.asarray(value)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the array."""
        return tuple(self.value.shape)

    def forward(self, *inputs: Array) -> Array:
        """Return the array for each row of ``inputs[0]``, (B, ...), in its dtype."""
        value = constant(self.value, inputs[0])
        return ops.broadcast_to(value[None], (ops.shape(inputs[0])[0], *self.value.shape))


class Linear(Primitive):
    """An operation whose output difference is a fixed linear map of its input differences."""

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Return the multipliers of the inputs, given those of the output (B, *output shape).

        `shapes` are the input shapes without the batch axis; one multiplier per input.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Weighted(Linear):
    """A linear map by a `kernel` of weights and a `bias` that differences do not see.

    `dataclasses.replace` with another kernel of the same shape, and no bias, gives the same map
    with other weights.
    """

    kernel: NDArray[np.floating]
    bias: NDArray[np.floating] | None
