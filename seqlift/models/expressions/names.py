"""Translate a dotted name in a program to a function of expressions or a constant.

Knows where libraries keep their functions; `seqlift.models.expressions.tables` lists them.
"""

import inspect
from collections.abc import Iterable, Mapping

from seqlift.models.expressions import tree
from seqlift.models.expressions.functions import FUNCTIONS
from seqlift.models.expressions.tables import OLD_PARAMETERS, TABLES, LibraryFunction
from seqlift.models.expressions.tree import Expression, NoRecipeError

SPACES = {"tf", "tensorflow", "K", "keras", "backend", "ops", "np", "numpy", "activations"}
WITHIN_TENSORFLOW = {"math", "nn", "linalg", "compat", "v1", "v2", "__operators__", "python"}

BUILTINS = {"abs", "int", "float", "len"}
"""Python's own functions, which are used without a library before them."""

NUMBERS_ONLY = {"np", "numpy", "math"}
"""Libraries whose functions take numbers: on tensors they mean something else, or nothing."""

CONSTANTS = {
    "newaxis": None, "pi": 3.141592653589793, "e": 2.718281828459045, "inf": float("inf"),
    "float16": "float16", "bfloat16": "bfloat16", "float32": "float32", "float64": "float64",
    "int32": "int32", "int64": "int64", "bool": "bool",
}  # fmt: skip


def called(
    path: str, args: Iterable[Expression], kwargs: Mapping[str, Expression]
) -> tree.Expression:
    """Apply the function with the dotted name `path`, as a program writes it.

    A function without a row raises `NoRecipeError`, and so does an argument without meaning.
    """
    arguments = list(args)
    space, name = _space(path)
    if space in TABLES:
        return _translated(path, TABLES[space].get(name), arguments, kwargs)
    if space in NUMBERS_ONLY and any(map(tree.inputs, (*arguments, *kwargs.values()))):
        raise NoRecipeError(f"calls {path} on a tensor, which has no recipe")
    if space is None or name not in FUNCTIONS:
        raise NoRecipeError(f"calls {path}, which has no recipe")
    return tree.apply_function(name, arguments, kwargs)


def named_value(path: str) -> Expression:
    """Look up the value of the dotted name `path`; only a few constants have one."""
    space, name = _space(path)
    if space is None or name not in CONSTANTS:
        unknown = "which has no recipe" if "." in path else "whose value is not in the file"
        raise NoRecipeError(f"uses {path}, {unknown}")
    return tree.ConstantValue(CONSTANTS[name])


def attribute(value: Expression, name: str, *, is_called: bool) -> Expression:
    """Read ``value.name``, or ``value.name()``: the shape of a tensor."""
    is_shape = isinstance(value, tree.Apply) and value.function == "shape"
    if name == "as_list" and is_called and is_shape:
        return value
    if (name, is_called) in (("shape", False), ("get_shape", True)):
        return tree.apply("shape", value)
    if (name, is_called) == ("dtype", False):
        return tree.ConstantValue("float32")  # everything is computed in the model's one precision
    what = "calls the method" if is_called else "uses the attribute"
    raise NoRecipeError(f"{what} {name} of {tree.text(value)}, which has no recipe")


def _space(path: str) -> tuple[str | None, str]:
    """Split a dotted name into its library, None if unknown, and its last word."""
    *spaces, name = path.split(".")
    if not spaces:
        return ("ops", name) if name in BUILTINS else (None, name)
    home = {"tensorflow": "tf"}.get(spaces[0], spaces[0])
    if home not in SPACES | {"math"}:
        return None, name
    for space in spaces[1:]:
        if space in SPACES:
            home = {"tensorflow": "tf"}.get(space, space)
        elif home != "tf" or space not in WITHIN_TENSORFLOW:
            return None, name
    return (None if home == "keras" else home), name


def _translated(
    path: str, row: LibraryFunction | None, args: list[Expression], kwargs: Mapping[str, Expression]
) -> Expression:
    """Translate a call of a library's function to one of ours."""
    if row is None:
        raise NoRecipeError(f"calls {path}, which has no recipe")
    names = list(row.parameters)
    if len(args) > len(names):
        raise NoRecipeError(f"calls {path} with {len(args)} arguments, which has no recipe")
    by_name = dict(zip(names, args, strict=False)) | dict(kwargs)
    meant = {name: tree.constant_expression(value) for name, value in row.defaults.items()}
    for name, value in by_name.items():
        if name == "name" or value == tree.NONE:  # None is every library's word for the default
            continue
        if name not in row.parameters:
            name = OLD_PARAMETERS.get(name, name)
        if name not in row.parameters:
            raise NoRecipeError(f"calls {path} with the argument {name}, which has no recipe")
        if name in row.fixed and value != tree.ConstantValue(row.fixed[name]):
            raise NoRecipeError(f"calls {path} with {name}={tree.text(value)}, which has no recipe")
        if row.parameters[name] != "-":
            meant[row.parameters[name]] = value
    return _with_operands_first(row.function, meant)


def _with_operands_first(function: str, by_name: dict[str, Expression]) -> Expression:
    positional: list[Expression] = []
    for name in inspect.signature(FUNCTIONS[function]).parameters:
        if name not in OPERANDS or name not in by_name:
            break
        positional.append(by_name.pop(name))
    return tree.apply_function(function, positional, by_name)


OPERANDS = ("condition", "x", "x1", "x2", "xs", "key")
