"""The kinds of primitive, distinguished by how multipliers propagate through them.

Multipliers propagate through a `Linear` primitive by its transpose, whatever the rule, and through
the other kinds by a rule (`seqlift.attribution.propagation`), which needs their inputs and outputs
on the sequence and on the reference. They end at an `Input` or a `Constant`, which read nothing.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.device.stored_weights import Change, changed, constant_tensor

Array = Any  # a tensor of whatever backend Keras runs on
Shape = tuple[int, ...]  # without the batch axis


class Primitive:
    """An operation on arrays of shape (B, *shape)."""

    def shape(self, *shapes: Shape) -> Shape:
        """Compute the output shape for inputs of `shapes`, both without the batch axis."""
        raise NotImplementedError

    def forward(self, *inputs: Array) -> Array:
        """Compute the output, (B, *output shape)."""
        raise NotImplementedError

    def describe(self) -> str:
        """Name this primitive for `seqlift inspect`."""
        return type(self).__name__.lower()


class Input(Primitive):
    """An input of the model; it reads no other node."""


class Constant(Primitive):
    """An array that is the same for every sequence; it reads nothing."""

    def __init__(self, value: NDArray[np.floating]) -> None:
        self.value = np.asarray(value)

    def shape(self, *shapes: Shape) -> Shape:
        return tuple(self.value.shape)

    def forward(self, *inputs: Array) -> Array:
        """Repeat the array for each row of ``inputs[0]``, (B, ...), in its dtype."""
        value = constant_tensor(self.value, inputs[0])
        return ops.broadcast_to(value[None], (ops.shape(inputs[0])[0], *self.value.shape))


class Linear(Primitive):
    """An operation whose output difference is a fixed linear map of its input differences."""

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        """Propagate the multipliers of the output (B, *output shape) to the inputs.

        `shapes` are the input shapes without the batch axis; one multiplier per input.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Weighted(Linear):
    """A linear map by a `kernel` of weights and a `bias` that differences do not see.

    `dataclasses.replace` with another kernel of the same shape, and no bias, gives the same map
    with other weights; with `changes`, which keep the shape, it gives the map by the changed
    kernel, which the device makes where the kernel is large.
    """

    kernel: NDArray[np.floating]
    bias: NDArray[np.floating] | None
    changes: tuple[Change, ...] = field(default=(), kw_only=True)

    @property
    def weights(self) -> NDArray[np.floating]:
        """The changed kernel."""
        return np.asarray(changed(self.kernel, self.changes))

    def weights_tensor(self, like: Array, *further: Change) -> Array:
        """Make a tensor of the kernel after all changes, in the dtype of `like`."""
        return constant_tensor(self.kernel, like, *self.changes, *further)
