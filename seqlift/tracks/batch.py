"""One batch of scores on its way from the engine to the files.

Knows what a row of scores is made of; knows nothing of files or of how scores come about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.intervals import Window

Attribute = str | int | float
"""What a fact about a run may be, when it is stored in a file."""


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
    windows : n windows
        Column j of a row is base ``start + j`` of its window.
    status : n strings
        What the user should know about the row, for example that it is padded.
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
    windows: Sequence[Window]
    status: Sequence[str]
    multipliers: NDArray[np.float32] | None = None

    def rows(self, which: slice) -> "ScoreBatch":
        """Take some of the sequences."""
        values: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        values |= {name: value[which] for name, value in values.items() if value is not None}
        return ScoreBatch(**values)
