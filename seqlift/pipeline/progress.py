"""Progress of the stages of the work: how much there is, and how much is done."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class ProgressBar(Protocol):
    """Something that counts how many more are done."""

    def update(self, n: int) -> object:
        """Count `n` more."""


Progress = Callable[[str, int], AbstractContextManager[ProgressBar]]
"""Makes a bar, of a stage's name and the number of its steps."""
