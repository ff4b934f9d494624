"""Candidates of the searches: a sequence on the way, and the moves that a space offers.

A space is a way to write sequences: base by base (`substitutions`), by motifs placed in a
background (`placements`), or by the code of a generator (`generators`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqlift.design.constraints import Constraints

Codes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A sequence (L,), its searched score, and the edit that made it of its parent.

    `code` is what the space needs besides the bases.
    """

    codes: Codes
    value: float
    edit: str = ""
    parent: "Candidate | None" = None
    step: int = 0
    code: Any = None

    def path(self) -> list["Candidate"]:
        """List the candidates from the first one to this."""
        before = self.parent.path() if self.parent else []
        return [*before, self]


class Relaxed(Protocol):
    """The parameters of a distribution over sequences, which a gradient search raises."""

    theta: NDArray[np.float64]

    def sample(self, noise: float, draw: np.random.Generator) -> tuple[Codes, str, Any]:
        """Draw a sequence with so much noise, how it is written if not by bases, and its code."""

    def slope(self, gradient: NDArray[np.float64], code: Any) -> NDArray[np.float64]:
        """Turn the gradient at a sequence (L, 4) into that of `theta`, of its shape."""

    def scale(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share out the mean squares of slopes that a step is divided by."""

    def bounded(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bound parameters, so that noise goes on drawing other sequences."""


class Space(Protocol):
    """The moves from one sequence to the next."""

    @property
    def constraints(self) -> Constraints:
        """Constraints that every sequence keeps."""

    @property
    def most(self) -> int | None:
        """The most edits, where none are asked for."""

    def first(self, codes: Codes, draw: np.random.Generator) -> Candidate:
        """Take a sequence in, changed as little as the constraints need."""

    def shaken(self, first: Candidate, edits: int | None, draw: np.random.Generator) -> Candidate:
        """Make half of so many random edits."""

    def moves(self, candidate: Candidate) -> Iterator[Candidate]:
        """Yield the sequences one edit away that keep all constraints, the best first."""

    def relaxed(self, first: Candidate, draw: np.random.Generator) -> Relaxed:
        """Make the distribution that a gradient search begins with."""


def edits_between(before: Codes, after: Codes) -> str:
    """Write the substitutions between two sequences: ``12A>G,40N>C``, positions from 0."""
    changed = np.flatnonzero(before != after)
    return ",".join(f"{i}{'ACGTN'[before[i]]}>{'ACGTN'[after[i]]}" for i in changed)
