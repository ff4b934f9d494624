"""Find the outputs of a model, their names and shapes, and its profile and counts.

Knows nothing of targets.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

PROFILE_EXCESS = 10
"""Least ratio in size of a profile without a clear name to the count output."""


ENDING_FUNCTIONS = ("Softmax", "ReLU", "Relu", "Exp", "Softplus", "Sigmoid")
"""Layers and operations that are functions of each value, by class."""

KEEPS_VALUES = (
    "Flatten", "Reshape", "Permute", "Cropping1D", "Dropout", "Identity", "Activation:linear",
)  # fmt: skip
"""Layers that keep the values as they are."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a model: its names, its own first, and its shape without the batch axis.

    `ending` names the function its values come out of, such as ``softplus``; it is empty where they
    come out of something linear, or of what is not known. A softmax over the last of several axes
    is ``softmax over tracks``.
    """

    number: int
    names: tuple[str, ...]
    shape: tuple[int | None, ...]
    ending: str = ""

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def units(self) -> int | None:
        """Count the units of a vector output; None for one with several axes.

        A number for each sequence, without an axis, is one unit; a vector of open length has none.
        """
        return (*self.shape, 1)[0] if len(self.shape) < 2 else None

    @property
    def has_logits(self) -> bool:
        """Tell whether a softmax over positions makes sense of the values."""
        return self.ending in ("", "softmax")

    @property
    def is_profile(self) -> bool:
        """Tell whether the values may be a profile: (positions,) or (positions, tracks) logits."""
        return len(self.shape) in (1, 2) and self.size > 1 and self.has_logits

    @property
    def size(self) -> float:
        """Count the values; infinite where the file leaves an axis open."""
        return math.prod(math.inf if axis is None else axis for axis in self.shape)


def model_outputs(model: keras.Model) -> tuple[Output, ...]:
    """List the outputs of a model in the order of `model.outputs`."""
    return tuple(
        Output(number, tuple(_names(tensor)), tuple(tensor.shape[1:]), _ending(tensor))
        for number, tensor in enumerate(model.outputs)
    )


def shapes(outputs: Sequence[Output]) -> str:
    """Write the names and shapes of outputs."""
    return ", ".join(f"{output.name} {output.shape}" for output in outputs)


def outputs_named(name: str, outputs: Sequence[Output]) -> list[Output]:
    """Find the outputs of a name; own names go before those of layers before an activation."""
    own = [output for output in outputs if output.name == name]
    return own or [output for output in outputs if name in output.names]


def outputs_numbered(number: str, outputs: Sequence[Output]) -> list[Output]:
    """Find the output of a number, counted from 0; an empty list where there is none."""
    return [output for output in outputs if str(output.number) == number]


def own_name(output: Output, outputs: Sequence[Output]) -> str:
    """Name an output, by its number where several outputs share the name."""
    return output.name if len(outputs_named(output.name, outputs)) == 1 else str(output.number)


def _names(tensor: Any) -> Iterator[str]:
    operation, node, _ = tensor._keras_history  # Keras has no public way from a tensor to its layer
    yield operation.name
    if isinstance(operation, keras.layers.Activation | keras.layers.Softmax):
        before = operation._inbound_nodes[node].input_tensors[0]._keras_history.operation
        if not isinstance(before, keras.layers.InputLayer):
            yield before.name


def _ending(tensor: Any) -> str:
    """Name the function that the values of a tensor come out of, empty where it is linear."""
    operation, node, index = tensor._keras_history
    kind = type(operation).__name__
    if isinstance(operation, keras.Model):
        return _ending(operation.outputs[index]) if operation.outputs else ""
    function = getattr(getattr(operation, "activation", None), "__name__", "")
    if kind in KEEPS_VALUES or f"{kind}:{function}" in KEEPS_VALUES:
        before = operation._inbound_nodes[node].input_tensors
        return _ending(before[0]) if len(before) == 1 else ""
    name = function or (kind.lower() if kind in ENDING_FUNCTIONS else "")
    if name == "softmax" and len(tensor.shape) > 2:
        axis = getattr(operation, "axis", -1)
        return "softmax over tracks" if axis in (-1, len(tensor.shape) - 1) else name
    return "" if name == "linear" else name


def positional(outputs: Sequence[Output]) -> Output | None:
    """Find the profile output where its values certainly are not units of their own.

    A guess by size is enough for the target "profile", but must not hide 919 tasks next to a small
    output.
    """
    profile, _ = profile_and_counts(outputs)
    if profile is None:
        return None
    named_profile = len(outputs) == 2 and "profile" in profile.name.lower()
    return profile if named_profile or len(profile.shape) == 2 else None


def profile_and_counts(outputs: Sequence[Output]) -> tuple[Output | None, Output | None]:
    """Find the profile and the count output of a BPNet-like model, or None for each.

    A profile has the shape (positions,) or (positions, tracks), counts the shape (tracks,). Of two
    outputs the profile is the one named so, or else the one that is far larger. Its values are
    logits: the output of a softplus, for example, does not count as a profile.
    """
    profiles = [o for o in outputs if o.is_profile]
    for word in ("profile", "logits"):
        named = [o for o in profiles if word in o.name.lower()]
        if len(named) == 1 and len(outputs) == 2:
            (other,) = (o for o in outputs if o is not named[0])
            if other.units is not None and other.size < named[0].size:
                return named[0], other
    if len(outputs) == 2:
        small, large = sorted(outputs, key=lambda o: o.size)
        likely = large in profiles and not large.ending
        if likely and small.units and large.size >= PROFILE_EXCESS * small.size:
            return large, small
    if len(outputs) == 1 and profiles:
        (only,) = profiles
        if len(only.shape) == 2 or "profile" in only.name.lower():
            return only, None
    return None, None
