"""The outputs of a model: their names, their shapes, and which is a profile and which counts.

Knows nothing of what is asked of them.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

PROFILE_EXCESS = 10
"""How many times larger than the count output an output without a telling name must be."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a model: its names, its own first, and its shape without the batch axis."""

    number: int
    names: tuple[str, ...]
    shape: tuple[int | None, ...]

    @property
    def name(self) -> str:
        """Return the output's own name."""
        return self.names[0]

    @property
    def units(self) -> int | None:
        """Return the number of units of a vector output, None for any other output."""
        return self.shape[0] if len(self.shape) == 1 else None

    @property
    def size(self) -> float:
        """Return the number of values, infinite when the file leaves it open."""
        return math.prod(math.inf if axis is None else axis for axis in self.shape)


def outputs_of(model: keras.Model) -> tuple[Output, ...]:
    """Return the outputs of a model in the order of `model.outputs`."""
    return tuple(
        Output(number, tuple(_names(tensor)), tuple(tensor.shape[1:]))
        for number, tensor in enumerate(model.outputs)
    )


def _names(tensor: Any) -> Iterator[str]:
    """Yield the name of the layer that gives a tensor, then the name it has before activation."""
    operation, node, _ = tensor._keras_history
    yield operation.name
    if isinstance(operation, keras.layers.Activation | keras.layers.Softmax):
        before = operation._inbound_nodes[node].input_tensors[0]._keras_history.operation
        if not isinstance(before, keras.layers.InputLayer):
            yield before.name


def positional(outputs: Sequence[Output]) -> Output | None:
    """Return the profile output if it is beyond doubt that its values are not units of their own.

    A guess by size is enough to answer "profile", not to hide 919 tasks beside a small output.
    """
    profile, _ = profile_and_counts(outputs)
    if profile is None:
        return None
    told = len(outputs) == 2 and "profile" in profile.name.lower()
    return profile if told or len(profile.shape) == 2 else None


def profile_and_counts(outputs: Sequence[Output]) -> tuple[Output | None, Output | None]:
    """Return the profile and the count output of a BPNet-like model, None for what it has not.

    A profile has the shape (positions,) or (positions, tracks), counts the shape (tracks,). Of two
    outputs the profile is the one whose name says so, or else one far larger than the other.
    """
    profiles = [o for o in outputs if len(o.shape) in (1, 2) and o.size > 1]
    for word in ("profile", "logits"):
        named = [o for o in profiles if word in o.name.lower()]
        if len(named) == 1 and len(outputs) == 2:
            (other,) = (o for o in outputs if o is not named[0])
            if other.units is not None and other.size < named[0].size:
                return named[0], other
    if len(outputs) == 2:
        small, large = sorted(outputs, key=lambda o: o.size)
        if large in profiles and small.units and large.size >= PROFILE_EXCESS * small.size:
            return large, small
    if len(outputs) == 1 and profiles:
        (only,) = profiles
        if len(only.shape) == 2 or "profile" in only.name.lower():
            return only, None
    return None, None
