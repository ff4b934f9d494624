"""Functions that numba compiles: loops over bytes, which run without Python's lock.

The only importer of numba, which takes half a second. Knows nothing of the functions.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

Arguments = ParamSpec("Arguments")
Function = TypeVar("Function", bound=Callable[..., object])


def inner(function: Function) -> Function:
    """Compile a function that kernels call."""
    return cast(Function, numba.njit(nogil=True)(function))


def kernel(function: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Compile `function` on first use, and keep it on disk where that is possible.

    numba refuses at once when neither the package's folder nor the user's cache folder can be
    written (a container); it fails at the end of the first call when the disk is full. Either way
    the compiled code works: by then it is in memory, and a second call only runs it.
    """
    try:
        compiled: Callable[Arguments, None] = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:
        compiled = numba.njit(nogil=True)(function)

    def run(*arguments: Arguments.args, **named: Arguments.kwargs) -> None:
        try:
            compiled(*arguments, **named)
        except OSError:
            compiled(*arguments, **named)

    return run
