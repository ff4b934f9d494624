"""List the inputs of a model: their names and shapes.

Knows nothing of their values.
"""

import difflib
from dataclasses import dataclass
from typing import Any

from seqlift.errors import InputError


@dataclass(frozen=True, slots=True)
class ModelInput:
    """An input of a model: its place, its name, its shape without the batch axis, None if open."""

    number: int
    name: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        return f"{self.name} {shape_text(self.shape)}"


def shape_text(shape: tuple[int | None, ...]) -> str:
    """Write a shape as text, ``any`` where it is open."""
    return f"({', '.join('any' if extent is None else str(extent) for extent in shape)})"


def model_inputs(model: Any) -> tuple[ModelInput, ...]:
    return tuple(
        ModelInput(number, tensor.name, tuple(tensor.shape[1:]))
        for number, tensor in enumerate(model.inputs)
    )


def find_input(name: str, inputs: tuple[ModelInput, ...]) -> ModelInput:
    """Find the input of a name or, where none has it, of a number."""
    for text in ("name", "number"):
        found = [one for one in inputs if str(getattr(one, text)) == name]
        if len(found) > 1:
            numbers = " or ".join(str(one.number) for one in found)
            raise InputError(f"input {name}: several have this name; give the number, {numbers}")
        if found:
            return found[0]
    names = [one.name for one in inputs]
    near = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(names)}"
    raise InputError(f"input {name}: the model has no such input; {remedy}")
