"""Report a damaged model file, whatever the damage, in one line with place and remedy.

Files may be wrong in more ways than have a sentence of their own. Whatever is raised on the way
from a record to a model is then the file's fault, and becomes one line. Knows nothing of layers.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqlift.errors import ModelError, SeqliftError
from seqlift.system.printable import printable
from seqlift.system.refusals import is_full_memory, is_refusal, memory_error, reading_error

CAUSES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Exceptions of code that meets values of another kind than those it is for."""

WRAPPING = "Exception encountered when calling"
"""Start of the line under which Keras puts the cause of a failure inside a layer."""

COLOUR_CODES = re.compile(r"\x1b\[[0-9;]*m")


@contextmanager
def report_as_model_error(path: Path, *, what: str = "architecture") -> Iterator[None]:
    """Raise every failure inside as a `ModelError` whose lines begin with the name of the file.

    `what` is the part of the file that is damaged where nothing else is known of the failure. A
    full memory is a `DeviceError`.
    """
    try:
        yield
    except ModelError as problem:
        lines = map(printable, problem.problems)
        problem.problems = tuple(
            line if line.startswith(f"{path}:") else f"{path}: {line}" for line in lines
        )
        raise
    except SeqliftError:
        raise
    except Exception as problem:
        refused = system_refusal(path, problem)  # a full memory is not the file's fault
        if refused is None and not isinstance(problem, CAUSES):
            raise
        raise refused or ModelError(
            f"{path}: the {what} is damaged ({type(problem).__name__}: "
            f"{printable(cause(problem))}); save the model again with model.save()"
        ) from problem


def system_refusal(path: Path, problem: Exception) -> SeqliftError | None:
    """Make the error for a full memory or a refusal of the system, None where it is neither."""
    if is_full_memory(problem):
        return memory_error(path, "the model")
    if isinstance(problem, OSError) and is_refusal(problem):
        return reading_error(problem.filename or path, problem, kind=ModelError)
    return None


def raise_refusal(problem: Exception) -> None:
    """Raise a full memory, or a refusal of the system, as it is: the file is not damaged."""
    if system_refusal(Path(), problem) is not None:
        raise problem


def cause(problem: Exception) -> str:
    """Find the line of an error's message that names the cause, without its full stop."""
    lines = [
        line.strip() for line in COLOUR_CODES.sub("", str(problem)).splitlines() if line.strip()
    ]
    # the wrapping lines name layers only
    found = [line for line in lines if not line.startswith(WRAPPING)]
    return next(iter(found or lines), repr(problem)).rstrip(".")
