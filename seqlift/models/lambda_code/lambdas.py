"""Read the expression of a Lambda layer from its record.

Keras has written a Lambda's function in three ways: marshalled bytecode in base64 with the values
of defaults and closure, the same in a mapping, and the bare name of a function, which may be
anyone's. None is ever run.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from seqlift.models.expressions import tree
from seqlift.models.expressions.tree import Expression, NoRecipeError
from seqlift.models.lambda_code import bytecode, marshalled

LONGEST_TEXT = 1 << 18
"""Characters of base64 that are decoded at most."""


def lambda_expression(
    settings: Mapping[str, Any], source: Expression, *, training: bool = False
) -> Expression:
    """Read the expression of a Lambda with these settings, applied to `source`, its inputs.

    `training` is the value of a function's argument of that name. Raises `NoRecipeError`, which
    names the part that has no recipe.
    """
    function = settings.get("function")
    arguments = settings.get("arguments") or {}
    if not isinstance(arguments, Mapping):
        raise NoRecipeError("has arguments that are not a mapping")
    constants = {str(name): _constant(value) for name, value in arguments.items()}
    if isinstance(function, Mapping) and function.get("class_name") == "function":
        function = function.get("config")
    if isinstance(function, str) and settings.get("function_type") != "lambda":
        raise NoRecipeError(f"calls {function}, whose code is not in the file")
    return _of_code(*_stored(function), source, constants, training=training)


def _stored(function: Any) -> tuple[Any, Any, Any]:
    """Find the code, defaults and closure in any of the ways in which they were written."""
    if isinstance(function, Mapping):
        function = function.get("config", function)
        function = function.get("value", function) if isinstance(function, Mapping) else function
    if isinstance(function, Mapping):
        return function.get("code"), function.get("defaults"), function.get("closure")
    if isinstance(function, list | tuple) and len(function) == 3:
        return function[0], function[1], function[2]
    if isinstance(function, list | tuple | str):
        return (
            (function if isinstance(function, str) else function[0] if function else None),
            (),
            (),
        )
    raise NoRecipeError("has no code in the file")


def _of_code(
    code: Any,
    defaults: Any,
    closure: Any,
    source: Expression,
    constants: Mapping[str, Expression],
    *,
    training: bool,
) -> Expression:
    function = marshalled.read_code(_decoded(code))
    takes = function.variables[: function.arguments]
    bytecode.check_signature(function)
    if not takes or function.keyword_only:
        raise NoRecipeError("takes no input, or arguments by keyword only")
    values = [_constant(value) for value in _listed(defaults)]
    arguments = {takes[0]: source}
    arguments |= dict(zip(takes[len(takes) - len(values) :], values, strict=True))
    always = {"training": tree.constant_expression(training)} | dict(constants)
    arguments |= {name: value for name, value in always.items() if name in takes[1:]}
    missing = [name for name in takes if name not in arguments]
    if missing or set(constants) - set(takes):
        raise NoRecipeError(f"takes the arguments {', '.join(takes)}, not all of them in the file")
    outside = [_constant(value) for value in _listed(closure)]
    free = function.free[len(function.free) - len(outside) :] if outside else ()
    if len(free) != len(outside):
        raise NoRecipeError("has a closure that does not fit its code")
    arguments[takes[0]] = source  # last: no default or keyword may take the input's place
    return bytecode.code_expression(function, arguments, dict(zip(free, outside, strict=True)))


def _decoded(code: Any) -> bytes:
    if not isinstance(code, str):
        raise NoRecipeError("has no code in the file")
    if len(code) > LONGEST_TEXT:
        raise NoRecipeError(f"holds {len(code)} characters of code, more than can be read")
    try:
        return base64.b64decode("".join(code.split()), validate=True)  # Keras breaks its lines
    except (binascii.Error, ValueError) as problem:
        raise NoRecipeError(marshalled.NOT_CODE) from problem


def _listed(values: Any) -> list[Any]:
    if isinstance(values, Mapping) and values.get("class_name") == "__tuple__":
        values = values.get("items")
    if values is None:
        return []
    if not isinstance(values, list | tuple):
        raise NoRecipeError("has defaults or a closure that are not plain values")
    return list(values)


def _constant(value: Any) -> Expression:
    if isinstance(value, Mapping) and value.get("class_name") == "__tuple__":
        return tree.several(_constant(item) for item in _listed(value))
    return tree.constant_expression(value)
