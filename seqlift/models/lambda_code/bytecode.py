"""Read the expression of a Lambda's bytecode by following it on symbols.

Nothing runs: names stay words, and each instruction does to a stack of symbols what Python would do
to a stack of values. There are no jumps, so the work is bounded by the length of the code. Where
several versions of Python could have written the bytes, all that understand them must agree.
"""

from collections.abc import Mapping

from seqlift.models.expressions.tree import Expression, NoRecipeError
from seqlift.models.lambda_code.machine import run_code
from seqlift.models.lambda_code.marshalled import Code
from seqlift.models.lambda_code.opcodes import VERSIONS

UNREADABLE_FLAGS = 0x04 | 0x08 | 0x20 | 0x80 | 0x200
"""Bits of a function's flags: ``*args``, ``**kwargs``, a generator, a coroutine, both."""


def code_expression(
    code: Code, arguments: Mapping[str, Expression], closure: Mapping[str, Expression]
) -> Expression:
    """Read the expression of `code` for `arguments`, values by name; `closure` likewise.

    Anything but an expression of known functions raises `NoRecipeError`, which names the cause.
    """
    check_signature(code)
    understood: list[Expression] = []
    problems: list[str] = []
    for instructions in VERSIONS:
        if instructions.layout != code.layout:
            continue
        try:
            found = run_code(code, instructions, variables=arguments, closure=closure)
            understood.append(found)
        except NoRecipeError as problem:
            problems.append(str(problem))
    if not understood:
        raise NoRecipeError(max(problems, key=_says_more_than_version))
    # The file does not say which Python wrote it, and the same bytes may be other instructions.
    if any(other != understood[0] for other in understood):
        raise NoRecipeError("means different things in different versions of Python")
    return understood[0]


def check_signature(code: Code) -> None:
    """Refuse functions of any number of arguments, generators and coroutines."""
    if code.flags & UNREADABLE_FLAGS:
        raise NoRecipeError("takes any number of arguments, or yields")


def _says_more_than_version(problem: str) -> bool:
    return problem.startswith(("calls ", "uses "))
