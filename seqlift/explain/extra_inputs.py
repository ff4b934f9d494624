"""Values of a model's inputs: one takes the sequence, the others values or the sequence again.

Knows the inputs of a model and `.npy` files; of sequences it knows only where they go.

A value is one of
    a number            everywhere, for every sequence
    zeros               the same as 0
    an array of the input's own shape, or a `.npy` file of it
                        for every sequence
    an array with one axis more in front, or a `.npy` file of it
                        a row for each sequence, in their order
    None                a row for each sequence, passed with every call
    sequence, reverse-complement
                        the sequence itself, or read from the other strand: it varies along, and
                        what it contributes is added to the same bases
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError, ModelError
from seqlift.explain import wrapper_code
from seqlift.explain.copied_inputs import (
    INPUT_FORMS,
    TWIN,
    InputValue,
    copy_of,
    is_copy,
    strand_codes,
    twin_warnings,
)
from seqlift.inputs.arrays import read_array
from seqlift.lowering.input_layout import Copy, layout_of
from seqlift.models.load import LoadedModel
from seqlift.models.model_inputs import ModelInput, find_input, model_inputs, shape_text

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ExtraInputs:
    """The input that takes the sequence, and the values of the others, by number of the input.

    `held` are (*shape), the same for every sequence; `rows` (N, *shape), None where they come with
    a call; `copies` take the sequence too. `descriptions` records the value of each, by name.
    """

    sequence: int
    held: dict[int, Array] = field(default_factory=dict)
    rows: dict[int, Array | None] = field(default_factory=dict)
    copies: dict[int, Copy] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)

    def without(self, rows: frozenset[int]) -> dict[str, Any]:
        """Make the keyword arguments of `lower`; inputs fed by `rows` are left out."""
        held = {number: value for number, value in self.held.items() if number not in rows}
        copies = {number: copy for number, copy in self.copies.items() if number not in rows}
        return {"sequence": self.sequence, "held": held, "copies": copies}

    def warnings(self, model: Any) -> tuple[str, ...]:
        """Warn of inputs of the sequence's own shape that do not vary along with it."""
        inputs = model_inputs(model)
        fixed = {n: self.descriptions[inputs[n].name] for n in sorted((*self.held, *self.rows))}
        return twin_warnings(inputs, self.sequence, fixed)


def resolve(model: Any, requested: Mapping[str, InputValue] | None = None) -> ExtraInputs:
    """Find the input that takes the sequence, and the values of the others.

    The one input without a value takes the sequence. Raises InputError for a name or value that
    does not fit, ModelError where not exactly one input is left.
    """
    inputs, requested = model_inputs(model), requested or {}
    copied = {name: value for name, value in requested.items() if is_copy(value)}
    values = values_of(model, {name: v for name, v in requested.items() if name not in copied})
    strands = strand_codes(inputs, copied, values)
    left = [one for one in inputs if one.number not in values and one.number not in strands]
    # Where no input is left, the first that is fed the sequence as it is counts as the sequence.
    first = next((number for number, strand in strands.items() if strand == "sequence"), None)
    if not left and first is not None:
        del strands[first]
        left = [inputs[first]]
    if len(left) != 1:
        raise ModelError(undecided(model, left))
    found = ExtraInputs(left[0].number)
    for number, strand in strands.items():
        found.copies[number] = copy_of(inputs[number], left[0], strand)
        found.descriptions[inputs[number].name] = strand
    for number, (value, description) in values.items():
        found.descriptions[inputs[number].name] = description
        if value is None or value.ndim > len(inputs[number].shape):
            found.rows[number] = value
        else:
            found.held[number] = value
    return found


def values_of(
    model: Any, requested: Mapping[str, InputValue]
) -> dict[int, tuple[Array | None, str]]:
    """Read the value of each input as an array, with its description, by the input's number.

    Raises InputError, with a line for each name or value that does not fit.
    """
    inputs = model_inputs(model)
    found: dict[int, tuple[Array | None, str]] = {}
    problems: list[str] = []
    for name, value in requested.items():
        try:
            one = find_input(str(name), inputs)
            if one.number in found:
                raise InputError(f"input {name}: it is set twice; leave one out")
            found[one.number] = input_value(one, value)
        except InputError as problem:
            problems += problem.problems
    if problems:
        raise InputError(*problems)
    return found


def undecided(model: Any, left: list[ModelInput]) -> str:
    """Word the error for a model where not exactly one input is left for the sequence."""
    if not left:
        return (
            f"model {model.name}: all its inputs have values, and none is left for the"
            " sequence; leave that one out"
        )
    number = len(model.inputs)
    rest = "" if len(left) == number else f", of which {len(left)} have no value"
    shapes = [one.shape for one in left if layout_of(one.shape)]
    twins = f"; where several take the sequence, by {TWIN}" if len(shapes) > 1 else ""
    return (
        f"model {model.name}: it has {number} inputs{rest}: {', '.join(map(str, left))}; give all"
        f" but the sequence by {INPUT_FORMS}{twins}"
    )


def no_bases(model: Any, extra_inputs: ExtraInputs, loaded: LoadedModel | None = None) -> str:
    """Explain why the input left for the sequence does not take bases, and how to fix it.

    For a model that was `loaded`, the command that wraps it is shown.
    """
    tensor = model.inputs[extra_inputs.sequence]
    shape = tuple(tensor.shape[1:])
    first = [type(layer).__name__ for layer in model.layers if layer.input is tensor]
    if "Embedding" in first or "int" in str(tensor.dtype):
        return (
            f"its input is {shape_text(shape)}, numbers that stand for words; DeepLIFT divides up"
            " differences of one-hot bases (length, 4), so build a model that takes these, with a"
            " Dense layer of the Embedding's weights"
        )
    command = None
    if loaded is not None and len(model.inputs) == 1:
        command = wrapper_code.command(loaded.path, loaded.arch, shape)
    code = f": {wrapper_code.meaning(shape)}, {command}" if command else ""
    return (
        f"its input is {shape_text(shape)}, not one-hot bases (length, 4) in the order A C G T, nor"
        " (4, length), nor either with an axis of 1; build a model around it that takes these"
        f"{code}"
    )


def input_value(one: ModelInput, setting: InputValue) -> tuple[Array | None, str]:
    """Read the value of an input: an array, (*shape) or (N, *shape), and its description.

    Raises InputError for a value that does not fit the input.
    """
    if setting is None:
        return None, "passed with every call"
    if None in one.shape:
        raise InputError(
            f"input {one.name}: its shape {shape_text(one.shape)} is open; only the sequence's may"
            " be, so build the model with a fixed one"
        )
    place, words = f"input {one.name}", ""
    if isinstance(setting, str):
        value = number_in(setting)
        if value is None:
            place, setting = f"{place}: {setting}", array_in(one, setting)
            words = f"{place.partition(': ')[2]}, "
        else:
            words, setting = setting, value
    array = np.asarray(setting)
    if array.ndim == 0 and array.dtype.kind in "fiub":
        words = words or str(setting)
        array = np.full(one.shape, array, np.float64)  # type: ignore[arg-type]  # no extent is open
    check_values(array, one, place=place)
    return array, words if words and not words.endswith(", ") else words + array_digest(array)


def number_in(text: str) -> float | None:
    if text == "zeros":
        return 0.0
    try:
        return float(text)
    except ValueError:
        return None


def array_in(one: ModelInput, path: str) -> Array:
    """Read a `.npy` file, of which no code is run."""
    try:
        return read_array(Path(path))
    except OSError as error:
        raise InputError(
            f"input {one.name}: {path} is neither a number nor a file that can be read"
            f" ({error.strerror}); give zeros, a number or a .npy file"
        ) from error
    except InputError as error:
        raise InputError(*(f"input {one.name}: {line}" for line in error.problems)) from error


def check_values(array: Array, one: ModelInput, *, place: str) -> None:
    """Raise InputError unless `array` is finite numbers, (*shape) or (N, *shape) of the input."""
    if array.dtype.kind not in "fiub":
        raise InputError(f"{place}: its type is {array.dtype}, not real numbers; give float32")
    rows = array.ndim == len(one.shape) + 1
    if array.shape[rows:] != one.shape:
        raise InputError(
            f"{place}: its shape is {array.shape}, and the input's {shape_text(one.shape)}; give"
            f" that, or (N, {', '.join(map(str, one.shape))}) with a row for each sequence"
        )
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = f"row {bad[0][0]}" if rows else "a value"
        raise InputError(f"{place}: {where} is not finite; give finite numbers")


def array_digest(array: Array) -> str:
    data = np.ascontiguousarray(array, dtype="<f8").tobytes()  # one digest on every processor
    return f"{array.shape} sha256 {hashlib.sha256(data).hexdigest()}"


def rows_for(
    model: Any, requested: Mapping[str, InputValue], known: ExtraInputs, number: int
) -> dict[int, Array]:
    """Collect (N, *shape) of each input that has a row for each of `number` sequences.

    Values that come with a call replace those `known` of all calls, and are repeated where they are
    the same for every sequence. Raises InputError where there are more rows or fewer.
    """
    inputs = model_inputs(model)
    found = dict(known.rows)
    for name in (name for name, value in requested.items() if is_copy(value)):
        raise InputError(
            f"input {name}: what takes the sequence is decided before a call; give it"
            " to the Explainer"
        )
    for key, (value, _) in values_of(model, requested).items():
        one = inputs[key]
        if key == known.sequence:
            raise InputError(f"input {one.name}: it takes the sequence; leave it out")
        if value is not None and value.ndim == len(one.shape):
            value = np.broadcast_to(value, (number, *value.shape))
        found[key] = value
    rows: dict[int, Array] = {}
    for key, values in sorted(found.items()):
        place = f"input {inputs[key].name}"
        if values is None:
            raise InputError(f"{place}: it has no value; give a row for each sequence")
        if len(values) != number:
            raise InputError(
                f"{place}: it has {len(values)} rows for {number} sequences; give as many, in the"
                " order of the sequences"
            )
        rows[key] = values
    return rows
