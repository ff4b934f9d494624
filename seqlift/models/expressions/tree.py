"""An expression: functions of known names, applied to inputs, numbers and each other.

Plain values without behaviour. Knows no Keras and no way of writing an expression down but one,
`text`, for people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

MOST_PARTS = 400
"""Parts an expression may have; the longest real ones have some forty."""

DEEPEST_EXPRESSION = 100
"""Deepest nesting of parts: every term of a sum is one level more."""

MOST_LISTED = 100
"""Numbers that are kept one by one; a layer's axes, shapes and indices are fewer."""

LARGEST_INTEGER = 1 << 63  # the first beyond int64, the largest type of an array
PLAIN = (bool, int, float, str, type(None), type(...))


class NoRecipeError(Exception):
    """Something that cannot be an expression; the message completes "the layer ..."."""


@dataclass(frozen=True, slots=True)
class InputTensor:
    """An input tensor of the layer, by its place among the tensors it is called on."""

    number: int


@dataclass(frozen=True, slots=True)
class ConstantValue:
    """A number, a word, None, True, False or Ellipsis."""

    value: Any


@dataclass(frozen=True, slots=True)
class Several:
    """A tuple or list."""

    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """``start:stop:step`` within a subscript."""

    start: "Expression"
    stop: "Expression"
    step: "Expression"


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of `seqlift.models.expressions.functions`, by its name, and its arguments."""

    function: str
    args: tuple["Expression", ...]
    kwargs: tuple[tuple[str, "Expression"], ...] = ()


@dataclass(frozen=True, slots=True)
class Numbers:
    """Many numbers, as an array of a shape and a type of NumPy; one part, however many they are."""

    shape: tuple[int, ...]
    dtype: str
    data: bytes

    @property
    def array(self) -> NDArray[Any]:
        return np.frombuffer(self.data, self.dtype).reshape(self.shape)


Expression: TypeAlias = InputTensor | ConstantValue | Numbers | Several | Slice | Apply

OPERATORS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "floor_divide": "//",
    "mod": "%", "power": "**", "matmul": "@", "greater": ">", "greater_equal": ">=",
    "less": "<", "less_equal": "<=", "equal": "==", "not_equal": "!=",
}  # fmt: skip
"""Functions of two arguments and the operators they are written as."""

NONE = ConstantValue(None)


def constant_expression(value: Any) -> Expression:
    """Convert a plain value, or nested tuples and lists of them, to an expression."""
    if isinstance(value, tuple | list):
        return long_numbers(value) or several(constant_expression(item) for item in value)
    if isinstance(value, slice):
        return Slice(
            constant_expression(value.start),
            constant_expression(value.stop),
            constant_expression(value.step),
        )
    if isinstance(value, int) and abs(value) >= LARGEST_INTEGER:
        raise NoRecipeError("has a whole number of more than 63 bits")
    if not isinstance(value, PLAIN):
        raise NoRecipeError(f"has a constant that is not a number ({type(value).__name__})")
    return ConstantValue(value)


def long_numbers(value: Any) -> Numbers | None:
    """Store a long list of numbers as one part; None for anything else."""
    if not isinstance(value, tuple | list) or _length(value) <= MOST_LISTED:
        return None
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError, RecursionError):  # no array has such a shape
        return None
    if array.dtype.kind not in "if":  # a number of more than 63 bits makes an array of objects
        return None
    return Numbers(array.shape, array.dtype.str, array.tobytes())


def _length(value: Any) -> int:
    total = 1
    while isinstance(value, tuple | list) and value:
        total, value = total * len(value), value[0]
    return total


def several(items: Iterable[Expression]) -> Expression:
    return _of_allowed_size(Several(tuple(items)))


def apply(function: str, *args: Expression, **kwargs: Expression) -> Expression:
    return _of_allowed_size(Apply(function, args, tuple(kwargs.items())))


def subscript(value: Expression, key: Expression) -> Expression:
    """Take ``value[key]``; of several inputs, the one asked for."""
    if not isinstance(value, Several):
        return apply("getitem", value, key)
    try:
        if isinstance(key, Slice):
            return Several(value.items[slice(*(plain(end) for end in children(key)))])
        item: Expression = value.items[plain(key)]
        return item
    except (IndexError, TypeError) as problem:
        raise NoRecipeError(
            f"takes [{text(key)}] of {len(value.items)} values, which is not there"
        ) from problem


def plain(value: Expression) -> Any:
    if not isinstance(value, ConstantValue):
        raise NoRecipeError(f"needs a number where it has {text(value)}")
    return value.value


def children(value: Expression) -> tuple[Expression, ...]:
    """List the direct parts of an expression."""
    if isinstance(value, Several):
        return value.items
    if isinstance(value, Slice):
        return value.start, value.stop, value.step
    if isinstance(value, Apply):
        return *value.args, *(argument for _, argument in value.kwargs)
    return ()


def inputs(value: Expression) -> set[int]:
    """Collect the numbers of the input tensors that an expression uses."""
    if isinstance(value, InputTensor):
        return {value.number}
    return {number for part in children(value) for number in inputs(part)}


def text(value: Expression) -> str:
    """Write an expression as people do."""
    if isinstance(value, InputTensor):
        return f"x[{value.number}]" if value.number else "x"
    if isinstance(value, Numbers):
        return f"numbers of the shape {value.shape}"
    if isinstance(value, ConstantValue):
        return "..." if value.value is ... else repr(value.value)
    if isinstance(value, Several):
        comma = "," if len(value.items) == 1 else ""
        return f"({', '.join(map(text, value.items))}{comma})"
    if isinstance(value, Slice):
        start, stop, step = ("" if end == NONE else text(end) for end in children(value))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    return _applied_text(value)


def _applied_text(value: Apply) -> str:
    operator, written = OPERATORS.get(value.function), [text(arg) for arg in value.args]
    if value.function == "getitem" and len(written) == 2:
        key = value.args[1]
        inside = ", ".join(map(text, children(key))) if isinstance(key, Several) else written[1]
        return f"{written[0]}[{inside}]"
    if operator and len(written) == 2 and not value.kwargs:
        return f"({written[0]} {operator} {written[1]})"
    written += [f"{name}={text(argument)}" for name, argument in value.kwargs]
    return f"{value.function}({', '.join(written)})"


def apply_function(
    function: str, args: Iterable[Expression], kwargs: Mapping[str, Expression]
) -> Apply:
    """Apply `function` to arguments that are already collected."""
    made = Apply(function, tuple(args), tuple(kwargs.items()))
    _of_allowed_size(made)
    return made


def _of_allowed_size(value: Expression) -> Expression:
    size, depth = _measure(value)
    if size > MOST_PARTS:
        raise NoRecipeError(f"has more than {MOST_PARTS} parts")
    if depth > DEEPEST_EXPRESSION:
        raise NoRecipeError(f"is nested more than {DEEPEST_EXPRESSION} deep")
    return value


def _measure(value: Expression) -> tuple[int, int]:
    parts = [_measure(part) for part in children(value)]
    return 1 + sum(size for size, _ in parts), 1 + max((depth for _, depth in parts), default=0)
