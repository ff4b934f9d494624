"""What a model's inputs are given: one takes the sequence, the others values that are told.

Knows the inputs of a model and `.npy` files; of sequences it knows only where they go.

A value is one of
    a number            everywhere, for every sequence
    zeros               the same as 0
    an array of the input's own shape, or a `.npy` file of it
                        for every sequence
    an array with one axis more in front, or a `.npy` file of it
                        a row for each sequence, in their order
    None                a row for each sequence, given with every call
"""

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError, ModelError

Array = NDArray[Any]
Given = float | str | Array | None
REMEDY = "--input NAME=zeros, NAME=NUMBER or NAME=FILE.npy"


@dataclass(frozen=True, slots=True)
class ModelInput:
    """An input of a model: its place, its name, its shape without the batch axis, None if open."""

    number: int
    name: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        """Return name and shape."""
        return f"{self.name} {shown(self.shape)}"


@dataclass(frozen=True, slots=True)
class GivenInputs:
    """Where the sequence goes, and what else a model is fed, by the number of the input.

    `held` are (*shape), the same for every sequence; `rows` (N, *shape), None where they come with
    a call. `told` says what each was given, by name, for the record.
    """

    sequence: int
    held: dict[int, Array] = field(default_factory=dict)
    rows: dict[int, Array | None] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)


def shown(shape: tuple[int | None, ...]) -> str:
    """Return a shape as text, ``any`` where it is open."""
    return f"({', '.join('any' if extent is None else str(extent) for extent in shape)})"


def inputs_of(model: Any) -> tuple[ModelInput, ...]:
    """Return the inputs of a model, in its order."""
    return tuple(
        ModelInput(number, tensor.name, tuple(tensor.shape[1:]))
        for number, tensor in enumerate(model.inputs)
    )


def resolve(model: Any, given: Mapping[str, Given] | None = None) -> GivenInputs:
    """Return what the inputs of `model` are given, `given` by name or number; the rest is sequence.

    Raises InputError for a name or value that does not fit, ModelError where not exactly one input
    is left.
    """
    inputs = inputs_of(model)
    values = values_of(model, given or {})
    left = [one for one in inputs if one.number not in values]
    if len(left) != 1:
        raise ModelError(undecided(model, left))
    found = GivenInputs(left[0].number)
    for number, (value, told) in values.items():
        found.told[inputs[number].name] = told
        if value is None or value.ndim > len(inputs[number].shape):
            found.rows[number] = value
        else:
            found.held[number] = value
    return found


def values_of(model: Any, given: Mapping[str, Given]) -> dict[int, tuple[Array | None, str]]:
    """Return each value as an array, and what it was given as, by the number of the input.

    Raises InputError, with a line for each name or value that does not fit.
    """
    inputs = inputs_of(model)
    found: dict[int, tuple[Array | None, str]] = {}
    problems: list[str] = []
    for name, value in given.items():
        try:
            one = named(str(name), inputs)
            if one.number in found:
                raise InputError(f"input {name}: it is given twice; leave one out")
            found[one.number] = value_of(one, value)
        except InputError as problem:
            problems += problem.problems
    if problems:
        raise InputError(*problems)
    return found


def undecided(model: Any, left: list[ModelInput]) -> str:
    """Return why it is not known which input takes the sequence, and what to do."""
    if not left:
        return (
            f"model {model.name}: all its inputs are given values, and none is left for the"
            " sequence; leave that one out"
        )
    number = len(model.inputs)
    rest = "" if len(left) == number else f", of which {len(left)} are given nothing"
    return (
        f"model {model.name}: it has {number} inputs{rest}: {', '.join(map(str, left))}; give all"
        f" but the sequence by {REMEDY}"
    )


def no_bases(model: Any, given: GivenInputs) -> str:
    """Return why the input that is left for the sequence takes no bases, and what to do."""
    tensor = model.inputs[given.sequence]
    shape = tuple(tensor.shape[1:])
    first = [type(layer).__name__ for layer in model.layers if layer.input is tensor]
    if "Embedding" in first or "int" in str(tensor.dtype):
        return (
            f"its input is {shown(shape)}, numbers that stand for words; DeepLIFT divides up"
            " differences of one-hot bases (length, 4), so build a model that takes these, with a"
            " Dense layer of the Embedding's weights"
        )
    return (
        f"its input is {shown(shape)}, not one-hot bases (length, 4) in the order A C G T, nor"
        " (4, length), nor either with an axis of 1; build a model around it that takes these"
    )


def named(name: str, inputs: tuple[ModelInput, ...]) -> ModelInput:
    """Return the input of that name or, where none has it, of that number."""
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


def value_of(one: ModelInput, given: Given) -> tuple[Array | None, str]:
    """Return what an input is given as an array, (*shape) or (N, *shape), and in words.

    Raises InputError for a value that does not fit it.
    """
    if given is None:
        return None, "given with every call"
    if None in one.shape:
        raise InputError(
            f"input {one.name}: its shape {shown(one.shape)} is open; only the sequence's may be,"
            " so build the model with a fixed one"
        )
    place, words = f"input {one.name}", ""
    if isinstance(given, str):
        value = number_in(given)
        if value is None:
            place, given = f"{place}: {given}", array_in(one, given)
            words = f"{place.partition(': ')[2]}, "
        else:
            words, given = given, value
    array = np.asarray(given)
    if array.ndim == 0 and array.dtype.kind in "fiub":
        words = words or str(given)
        array = np.full(one.shape, array, np.float64)  # type: ignore[arg-type]  # no extent is open
    check_values(array, one, place=place)
    return array, words if words and not words.endswith(", ") else words + digest(array)


def number_in(text: str) -> float | None:
    """Return the number a text is, None if it is none."""
    if text == "zeros":
        return 0.0
    try:
        return float(text)
    except ValueError:
        return None


def array_in(one: ModelInput, path: str) -> Array:
    """Return the array in a `.npy` file; nothing in it is run."""
    try:
        with Path(path).open("rb") as file:
            array: Array = np.load(file, allow_pickle=False)
    except OSError as error:
        raise InputError(
            f"input {one.name}: {path} is no number, nor a file that can be read"
            f" ({error.strerror}); give zeros, a number or a .npy file"
        ) from error
    except (ValueError, EOFError) as error:
        raise InputError(
            f"input {one.name}: {path} is no .npy file of numbers; save one with numpy.save"
        ) from error
    if not isinstance(array, np.ndarray):
        array.close()  # an archive of several
        raise InputError(f"input {one.name}: {path} holds several arrays; give one, as .npy")
    return array


def check_values(array: Array, one: ModelInput, *, place: str) -> None:
    """Raise InputError unless `array` is finite numbers, (*shape) or (N, *shape) of the input."""
    if array.dtype.kind not in "fiub":
        raise InputError(f"{place}: its type is {array.dtype}, not real numbers; give float32")
    rows = array.ndim == len(one.shape) + 1
    if array.shape[rows:] != one.shape:
        raise InputError(
            f"{place}: its shape is {array.shape}, and the input's {shown(one.shape)}; give that,"
            f" or (N, {', '.join(map(str, one.shape))}) with a row for each sequence"
        )
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        where = f"row {bad[0][0]}" if rows else "a value"
        raise InputError(f"{place}: {where} is not finite; give finite numbers")


def digest(array: Array) -> str:
    """Return the SHA-256 of an array's values as float64, with its shape, in words."""
    data = np.ascontiguousarray(array, dtype="<f8").tobytes()
    return f"{array.shape} sha256 {hashlib.sha256(data).hexdigest()}"


def rows_for(
    model: Any, given: Mapping[str, Given], known: GivenInputs, number: int
) -> dict[int, Array]:
    """Return (N, *shape) of each input that has a row for each of `number` sequences.

    What is `given` with a call goes before what is `known` of all calls, and is repeated where it
    is the same for every sequence. Raises InputError where there are more rows or fewer.
    """
    inputs = inputs_of(model)
    found = dict(known.rows)
    for key, (value, _) in values_of(model, given).items():
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
            raise InputError(f"{place}: it is given nothing; give a row for each sequence")
        if len(values) != number:
            raise InputError(
                f"{place}: it has {len(values)} rows for {number} sequences; give as many, in the"
                " order of the sequences"
            )
        rows[key] = values
    return rows
