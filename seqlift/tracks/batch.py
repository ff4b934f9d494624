"""One batch of scores on its way from the engine to the files.

Knows what a row of scores is made of; knows nothing of files or of how scores come about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

UNKNOWN_BASE = 4
"""Code of N and of padding; A, C, G, T are 0 to 3."""

Attribute = str | int | float
"""What a fact about a run may be, when it is stored in a file."""


class NamedRegion(Protocol):
    """A BED row, as far as the output files repeat it."""

    @property
    def chrom(self) -> str:
        """Chromosome or FASTA record."""

    @property
    def name(self) -> str:
        """BED column 4."""

    @property
    def score(self) -> str:
        """BED column 5, as it was written."""

    @property
    def strand(self) -> str:
        """BED column 6."""


class Frame(Protocol):
    """The bases under the columns of a row: column j is base ``start + j``.

    Coordinates are 0-based half-open and may lie outside the chromosome.
    """

    @property
    def region(self) -> NamedRegion:
        """The BED row it was made for."""

    @property
    def start(self) -> int:
        """First base; negative where the frame begins before the chromosome."""

    @property
    def end(self) -> int:
        """Base after the last."""


@dataclass(frozen=True, slots=True)
class ScoreBatch:
    """Scores of n sequences of L bases, in input order.

    Attributes
    ----------
    codes : (n, L) uint8
        A=0 C=1 G=2 T=3; N and padding are 4.
    hypothetical : (n, L, 4) float32
        Hypothetical contributions of A, C, G, T, mean over references.
    prediction, reference_prediction, difference, residual, relative_residual : (n,) float
        Prediction, mean prediction of the references, their difference, and what the
        contributions leave unexplained of it. NaN where a row was not scored.
    windows : n frames
        Where on the genome the columns lie.
    status : n strings
        What the user should know about the row, for example that it is padded.
    scored : (n, 2) int64
        Half-open genome interval whose bases go to the track: the frame clipped to the
        chromosome, or the interval itself. Empty (start = end) where a row has no track.
    multipliers : (n, L, 4) float32, or None
        Mean multipliers of A, C, G, T, where they are to be kept.
    """

    codes: NDArray[np.uint8]
    hypothetical: NDArray[np.float32]
    prediction: NDArray[np.floating]
    reference_prediction: NDArray[np.floating]
    difference: NDArray[np.floating]
    residual: NDArray[np.floating]
    relative_residual: NDArray[np.floating]
    windows: Sequence[Frame]
    status: Sequence[str]
    scored: NDArray[np.int64]
    multipliers: NDArray[np.float32] | None = None

    def rows(self, which: slice) -> "ScoreBatch":
        """Return some of the sequences."""
        values: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        values |= {name: value[which] for name, value in values.items() if value is not None}
        return ScoreBatch(**values)


def middle(start: int, end: int) -> int:
    """Return the base a frame is centred on, ``start + (end - start) // 2``.

    For a window made around a centre this is that centre, for odd and even lengths alike.
    """
    return start + (end - start) // 2
