"""Functions that numba compiles: loops over bytes, which run without Python's lock.

The only importer of numba, which takes half a second. Knows nothing of the functions.
"""

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

import numba

Arguments = ParamSpec("Arguments")
Function = TypeVar("Function", bound=Callable[..., object])


def inner(function: Function) -> Function:
    """Compile a function that kernels call."""
    return cast(Function, numba.njit(nogil=True)(function))


@cache
def digest_of_sources(folder: Path) -> str:
    """Digest all modules of a folder, which is what its kernels are compiled from."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def kernel(function: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Compile `function` on first use, and keep it on disk where that is possible.

    What is kept has a name of its own for each state of the sources of its folder. numba keeps one
    file for a function, writes the record of the source that it is of before the file itself, and
    looks at no other module that the function uses: ended in between, or with two processes of
    two versions, it would run what an earlier version had compiled.

    numba refuses at once when neither the package's folder nor the user's cache folder can be
    written (a container); it fails at the end of the first call when the disk is full. Either way
    the compiled code works: by then it is in memory, and a second call only runs it.
    """
    digest = digest_of_sources(Path(inspect.getfile(function)).parent)
    function.__qualname__ += f"-{digest}"
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
