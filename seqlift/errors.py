"""The kinds of failure a user can meet, one class per exit code.

Every message has the place, the value and the remedy, in one line. A check that finds several
problems raises them together: ``InputError("a.bed:3: ...", "a.bed:9: ...")``.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class SeqliftError(Exception):
    """Any failure whose message is meant for the user; `exit_code` is what the shell sees.

    `unlisted` counts the problems that are not in `problems`, where there are too many to list.
    """

    exit_code = 1

    def __init__(self, *problems: str, unlisted: int = 0) -> None:
        super().__init__(*problems)
        self.problems = problems
        self.unlisted = unlisted

    def of_kind(self, *problems: str, unlisted: int = 0) -> "SeqliftError":
        """Make an error of the same exit code with these problems.

        Those that this error does not list are counted in it too, and so many `unlisted` ones.

        What a narrower class was made from is not repeated: its constructor may take other things.
        """
        kind = next(one for one in type(self).__mro__ if "exit_code" in vars(one))
        error: SeqliftError = kind(*problems, unlisted=self.unlisted + unlisted)
        return error

    def lines(self, most: int | None = None) -> list[str]:
        """Describe the problems, `most` of them, a line each; a last line counts the others."""
        shown = list(self.problems[:most])
        more = self.unlisted + len(self.problems) - len(shown)
        return [*shown, f"and {more} more problem{'s' * (more > 1)}"] if more else shown

    def __str__(self) -> str:
        """Describe the problems, a line each."""
        return "\n".join(self.lines())


class Problems:
    """Gathers the errors of several checks, to be raised together."""

    def __init__(self) -> None:
        self.errors: list[SeqliftError] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep an error that is raised inside for later."""
        try:
            yield
        except SeqliftError as error:
            self.errors.append(error)

    def raise_any(self) -> None:
        """Raise one error with all problems, of the kind of the first, where there are some."""
        if self.errors:
            problems = [problem for error in self.errors for problem in error.problems]
            first, *others = self.errors
            unlisted = sum(error.unlisted for error in others)
            raise first.of_kind(*dict.fromkeys(problems), unlisted=unlisted) from first


class InputError(SeqliftError):
    """Regions, sequences or arguments that cannot be used (exit code 2)."""

    exit_code = 2


class ModelError(SeqliftError):
    """A model file, layer or target that cannot be used (exit code 3)."""

    exit_code = 3


class DeviceError(SeqliftError):
    """A device that was asked for and is not there, or ran out of memory (exit code 4)."""

    exit_code = 4


class DeviceMemoryError(DeviceError):
    """A batch that the device's memory does not hold; a smaller one may fit."""


class OutputError(SeqliftError):
    """A file that cannot be written (exit code 5)."""

    exit_code = 5


class NumericError(SeqliftError):
    """Scores that do not add up, or are not finite (exit code 6)."""

    exit_code = 6
