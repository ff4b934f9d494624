"""Inputs that take the sequence again: as it is, or read from the other strand.

Knows the inputs of a model and their layouts; knows nothing of values.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.lowering.input_layout import Copy, layout_of
from seqlift.models.model_inputs import ModelInput, find_input, shape_text

InputValue = float | str | NDArray[Any] | None
COPIES = ("sequence", "reverse-complement")
TWIN = "--input NAME=sequence or NAME=reverse-complement"
INPUT_FORMS = "--input NAME=zeros, NAME=NUMBER or NAME=FILE.npy"


def is_copy(value: InputValue) -> bool:
    """Tell whether a value stands for the sequence itself."""
    return isinstance(value, str) and value in COPIES


def strand_codes(
    inputs: tuple[ModelInput, ...], copied: Mapping[str, InputValue], values: Mapping[int, Any]
) -> dict[int, str]:
    """Find the inputs that take the sequence, by number, and their strand.

    Raises InputError, with a line for each name that does not fit.
    """
    found: dict[int, str] = {}
    problems: list[str] = []
    for name, value in copied.items():
        try:
            one = find_input(str(name), inputs)
            if one.number in found or one.number in values:
                raise InputError(f"input {name}: it is set twice; leave one out")
            found[one.number] = str(value)
        except InputError as problem:
            problems += problem.problems
    if problems:
        raise InputError(*problems)
    return found


def copy_of(one: ModelInput, sequence: ModelInput, strand: str) -> Copy:
    """Lay out the sequence as another input takes it.

    Raises InputError where that input does not take as many bases.
    """
    layout, first = layout_of(one.shape), layout_of(sequence.shape)
    bases = None if first is None else first.shape[0]
    if layout is None or layout.shape[0] not in (None, bases):
        raise InputError(
            f"input {one.name}={strand}: its shape is {shape_text(one.shape)}, and {sequence}"
            f" takes the sequence; give another value, {INPUT_FORMS}"
        )
    return Copy(layout, turned=strand == "reverse-complement")


def twin_warnings(
    inputs: tuple[ModelInput, ...], sequence: int, fixed: Mapping[int, str]
) -> tuple[str, ...]:
    """Warn of every input of the sequence's own shape that does not vary along with it.

    `fixed` says what inputs are fed that are the same for a sequence and its references.
    """
    own = layout_of(inputs[sequence].shape)
    return tuple(
        f"input {one.name} has the shape of the sequence and is the same ({fixed[one.number]}) for"
        " a sequence and its references: if it takes the sequence too, its share is missing; give"
        f" --input {one.name}=sequence or {one.name}=reverse-complement"
        for one in inputs
        if one.number in fixed
        for layout in (layout_of(one.shape),)
        if own is not None and layout is not None and layout.shape == own.shape
    )
