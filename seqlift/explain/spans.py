"""Read the span of values that a target sums: a number or a range for each axis.

A number is one place along an axis, counted from 0; a range ``A-B`` the places from A up to, and
not including, B. Knows outputs; knows nothing of names.
"""

import re
from collections.abc import Sequence

from seqlift.errors import ModelError
from seqlift.explain.model_outputs import Output
from seqlift.lowering.input_layout import OpenShape

Span = tuple[int, int]
"""Places along one axis: from the first up to, and not including, the second."""

FIELD = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?", re.ASCII)


def is_field(text: str) -> bool:
    """Tell whether text is a number or a range."""
    return FIELD.fullmatch(text) is not None


def spans_of(request: str, fields: Sequence[str], output: Output) -> tuple[Span, ...]:
    """Read a number or a range for each axis of an output.

    Raises ModelError where there is another number of them, or one is not on its axis.
    """
    for text in fields:
        if not is_field(text):
            raise ModelError(
                f"target {request!r}: {text!r} is not a whole number; say {form(output)}"
            )
    if len(fields) != len(output.shape):
        raise ModelError(
            f"target {request!r}: output {output.name!r} has the shape {output.shape}; say"
            f" {form(output)}, each a number or a range A-B, which is summed"
        )
    return tuple(span_of(request, text, axis, output) for axis, text in enumerate(fields))


def span_of(request: str, text: str, axis: int, output: Output) -> Span:
    """Read a number or a range; it must lie on an axis of the output."""
    found = FIELD.fullmatch(text)
    first = int(found[1]) if found else 0
    last = int(found[2]) if found and found[2] else first + 1
    if last <= first:
        raise ModelError(
            f"target {request!r}: the range {text} is empty; A-B goes from A up to, and not"
            " including, B"
        )
    check_span(request, (first, last), axis, output.shape, output.name)
    return first, last


def check_span(request: str, span: Span, axis: int, shape: OpenShape, name: str) -> None:
    """Raise ModelError where a span leaves its axis; an open axis takes any."""
    extent = shape[axis]
    if extent is not None and span[1] > extent:
        word = axis_names(shape)[axis].lower()
        word = "unit" if word == "index" else word
        places = f"the {word}s 0 to {extent - 1}" if extent > 1 else f"the {word} 0 only"
        raise ModelError(f"target {request!r}: output {name!r} has {places}; ask for one")


def axis_names(shape: OpenShape) -> tuple[str, ...]:
    known = {1: ("INDEX",), 2: ("POSITION", "TRACK")}
    return known.get(len(shape)) or tuple(f"AXIS{axis + 1}-PLACE" for axis in range(len(shape)))


def form(output: Output) -> str:
    """Write the form of a request for a value of an output."""
    return ":".join(("NAME", *axis_names(output.shape)))


def span_text(spans: Sequence[Span]) -> str:
    """Write spans as they are asked for."""
    return ":".join(str(first) if last == first + 1 else f"{first}-{last}" for first, last in spans)


def output_range(output: Output, name: str) -> str:
    """Write the first and the last value of an output that are asked for, once where it has one."""
    first = ":".join("0" for _ in output.shape)
    last = ":".join("any" if extent is None else str(extent - 1) for extent in output.shape)
    return f"{name}:{first}" if first == last else f"{name}:{first} to {name}:{last}"
