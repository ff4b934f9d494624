"""The kinds of primitive, told apart by how a multiplier crosses them.

A `Linear` primitive is crossed by its transpose, whatever the rule. The other kinds are crossed by
a rule (`seqlift.attribution.rules`), which needs their inputs and outputs on the sequence and on
the reference.
"""

from typing import Any

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
    """What is fed to the model; the only primitive without inputs."""


class Linear(Primitive):
    """An operation whose output difference is a fixed linear map of its input differences."""

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Return the multipliers of the inputs, given those of the output (B, *output shape).

        `shapes` are the input shapes without the batch axis; one multiplier per input.
        """
        raise NotImplementedError
