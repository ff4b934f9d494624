"""Symbols for Python's values while bytecode is read: expressions, names, methods.

Knows no instructions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from seqlift.models.expressions import tree
from seqlift.models.expressions.names import attribute, called, named_value
from seqlift.models.expressions.tree import Expression, NoRecipeError

OTHER_VERSION = "has code of another version of Python"


@dataclass(frozen=True, slots=True)
class Path:
    """A dotted name, ``tf.math.exp``, of something outside the code."""

    name: str


@dataclass(frozen=True, slots=True)
class BoundMethod:
    """An attribute of a value: ``x.get_shape``."""

    value: Expression
    name: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """The empty entry that Python pushes next to a plain function."""


Symbol: TypeAlias = Expression | Path | BoundMethod | Nothing


def symbol_value(symbol: Symbol) -> Expression:
    """Convert a symbol to the value that it stands for."""
    if isinstance(symbol, Path):
        return named_value(symbol.name)
    if isinstance(symbol, BoundMethod):
        return attribute(symbol.value, symbol.name, is_called=False)
    if isinstance(symbol, Nothing):
        raise NoRecipeError(OTHER_VERSION)
    return symbol


def attribute_of(symbol: Symbol, name: str) -> Symbol:
    """Read ``symbol.name``."""
    if isinstance(symbol, Path):
        return Path(f"{symbol.name}.{name}")
    return BoundMethod(symbol_value(symbol), name)


def plain_tuple(value: Expression) -> tuple[Any, ...]:
    """Take the constants out of a tuple."""
    if not isinstance(value, tree.Several):
        raise NoRecipeError(OTHER_VERSION)
    return tuple(tree.plain(item) for item in value.items)


def words(value: Any) -> tuple[str, ...]:
    """Check that a value is a tuple of words."""
    if not (isinstance(value, tuple) and all(isinstance(word, str) for word in value)):
        raise NoRecipeError(OTHER_VERSION)
    return value


def applied(
    beneath: Sequence[Symbol], arguments: Sequence[Expression], names: Sequence[str]
) -> Expression:
    """Call the one symbol in `beneath`; the last arguments have `names`."""
    if len(beneath) != 1 or len(names) > len(arguments):
        raise NoRecipeError("calls something that is not a function by name")
    positional = arguments[: len(arguments) - len(names)]
    keywords = dict(zip(names, arguments[len(positional) :], strict=True))
    (function,) = beneath
    if isinstance(function, BoundMethod):
        if arguments:
            raise NoRecipeError(f"calls the method {function.name}, which has no recipe")
        return attribute(function.value, function.name, is_called=True)
    if isinstance(function, Path):
        return called(function.name, positional, keywords)
    raise NoRecipeError("calls something that is not a function by name")
