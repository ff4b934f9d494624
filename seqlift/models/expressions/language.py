"""Parse expressions that people write: ``logsumexp(x, axis=-1)[:, None] * 2``.

Python's own grammar, of which only functions by name, the input ``x`` (``x[0]``, ``x[1]`` of
several), numbers, tuples, slices and arithmetic are taken. Parsed, never run.
"""

import ast
import difflib
from typing import Any

from seqlift.models.expressions import names, tree
from seqlift.models.expressions.functions import FUNCTIONS
from seqlift.models.expressions.tree import Expression, NoRecipeError

LONGEST_RECIPE = 2000
"""Characters of an expression."""

PARSED_OPERATORS = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide",
    ast.FloorDiv: "floor_divide", ast.Mod: "mod", ast.Pow: "power", ast.MatMult: "matmul",
    ast.Gt: "greater", ast.GtE: "greater_equal", ast.Lt: "less", ast.LtE: "less_equal",
    ast.Eq: "equal", ast.NotEq: "not_equal",
}  # fmt: skip


def parse_expression(text: str, source: Expression) -> Expression:
    """Parse an expression, with `source` for ``x``.

    Anything else than an expression of known functions raises `NoRecipeError`.
    """
    if len(text) > LONGEST_RECIPE:
        raise NoRecipeError(f"is longer than {LONGEST_RECIPE} characters")
    try:
        # parsed only: nothing of it is ever compiled or run
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise NoRecipeError(
            f"is not an expression ({getattr(problem, 'msg', None) or 'too deeply nested'})"
        ) from problem
    try:
        return _read(node, source)
    except RecursionError as problem:
        raise NoRecipeError("is not an expression (too deeply nested)") from problem


def _read(node: ast.AST, source: Expression) -> Expression:
    if isinstance(node, ast.Constant):
        return tree.constant_expression(node.value)
    if isinstance(node, ast.Name):
        return source if node.id == "x" else names.named_value(f"ops.{node.id}")
    if isinstance(node, ast.Tuple | ast.List):
        return tree.several(_read(item, source) for item in node.elts)
    if isinstance(node, ast.Subscript):
        return tree.subscript(_read(node.value, source), _read(node.slice, source))
    if isinstance(node, ast.Slice):
        ends = (node.lower, node.upper, node.step)
        return tree.Slice(*(tree.NONE if end is None else _read(end, source) for end in ends))
    if isinstance(node, ast.Call):
        return _call(node, source)
    if isinstance(node, ast.Attribute):
        path = _path(node)
        if path is not None and not path.startswith("x."):
            return names.named_value(path)
        return names.attribute(_read(node.value, source), node.attr, is_called=False)
    return _operation(node, source)


def _operation(node: ast.AST, source: Expression) -> Expression:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _read(node.operand, source)
        if isinstance(node.op, ast.UAdd):
            return value
        if isinstance(value, tree.ConstantValue) and isinstance(value.value, int | float):
            return tree.constant_expression(-value.value)
        return tree.apply("negative", value)
    if isinstance(node, ast.BinOp) and type(node.op) in PARSED_OPERATORS:
        left, right = _read(node.left, source), _read(node.right, source)
        return tree.apply(PARSED_OPERATORS[type(node.op)], left, right)
    if (
        isinstance(node, ast.Compare)
        and len(node.ops) == 1
        and type(node.ops[0]) in PARSED_OPERATORS
    ):
        left, right = _read(node.left, source), _read(node.comparators[0], source)
        return tree.apply(PARSED_OPERATORS[type(node.ops[0])], left, right)
    raise NoRecipeError(f"has a part that is not arithmetic ({ast.unparse(node)})")


def _call(node: ast.Call, source: Expression) -> Expression:
    if any(isinstance(arg, ast.Starred) for arg in node.args) or any(
        keyword.arg is None for keyword in node.keywords
    ):
        raise NoRecipeError("unpacks arguments with *")
    path = _path(node.func)
    if path is None:
        raise NoRecipeError(f"calls {ast.unparse(node.func)}, which is not a function by name")
    args = [_read(argument, source) for argument in node.args]
    kwargs: dict[str, Any] = {str(k.arg): _read(k.value, source) for k in node.keywords}
    if "." in path:
        return names.called(path, args, kwargs)
    if path not in FUNCTIONS:
        near = difflib.get_close_matches(path, FUNCTIONS, n=3, cutoff=0.5)
        known = f"; did you mean {', '.join(near)}?" if near else ""
        raise NoRecipeError(f"calls {path}, which has no recipe{known}")
    return tree.apply_function(path, args, kwargs)


def _path(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _path(node.value)
        return None if before is None else f"{before}.{node.attr}"
    return None
