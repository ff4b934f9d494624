"""The scores of a target for a batch of sequences, as arrays."""

from dataclasses import dataclass, fields
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a head for N sequences and R references.

    hypothetical (N, *input shape): contribution if each base stood there, mean over references.
    multipliers (N, *input shape): mean over references.
    contributions (N, *input shape): at the observed base where the input is one-hot, else
    multiplier times difference; mean over references.
    prediction (N,), reference_prediction (N, R): the head's value.
    difference (N, R): what the contributions of each pair sum to.
    residual (N, R): difference less the sum of the contributions of the pair.
    """

    hypothetical: NDArray[Any]
    multipliers: NDArray[Any]
    contributions: NDArray[Any]
    prediction: NDArray[Any]
    reference_prediction: NDArray[Any]
    difference: NDArray[Any]
    residual: NDArray[Any]

    def rows(self, which: slice | NDArray[Any]) -> "Result":
        """Select some of the sequences."""
        return Result(**{item.name: getattr(self, item.name)[which] for item in fields(self)})
