"""The scores of a target for a batch of sequences, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.system.described import Described


@dataclass(frozen=True, slots=True, repr=False)
class Result(Described):
    """The scores of one target for N sequences and R references each.

    Scores are in units of the target: changes of the logit, log count or other value that it names.
    All arrays are float32, or float64 where the precision is. The input shape of a sequence is
    (L, 4), bases in the order A C G T.

    hypothetical (N, *input shape): contribution if each base stood there, mean over references.
    multipliers (N, *input shape): mean over references.
    contributions (N, *input shape): at the observed base where the input is one-hot, else
    multiplier times difference; mean over references.
    prediction (N,), reference_prediction (N, R): the value of the target.
    difference (N, R): what the contributions of each pair sum to.
    residual (N, R): difference less the sum of the contributions of the pair.
    standard_error (N, *input shape): of the hypothetical contributions, where a method draws what
    it averages over; None for all others.
    """

    hypothetical: NDArray[Any]
    multipliers: NDArray[Any]
    contributions: NDArray[Any]
    prediction: NDArray[Any]
    reference_prediction: NDArray[Any]
    difference: NDArray[Any]
    residual: NDArray[Any]
    standard_error: NDArray[Any] | None = None

    def rows(self, which: slice | NDArray[Any]) -> "Result":
        """Select some of the sequences."""
        return Result(**{name: values[which] for name, values in self.arrays().items()})

    def plot(
        self, row: int = 0, *, scores: str = "contributions", start: int = 0, axes: Any = None
    ) -> Any:
        """Draw the scores of one sequence as letters; beyond about 400 bases as bars.

        Parameters
        ----------
        row
            Which of the N sequences.
        scores
            ``contributions``, ``hypothetical`` or ``multipliers``.
        start
            Coordinate of the first base.
        axes
            Matplotlib axes to draw into; by default those of a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        InputError
            The row or the scores are not there, or the input is not one-hot (L, 4).
        """
        # Imported when drawn: Matplotlib adds up to 0.7 s to a start (decision 0023).
        from seqlift.plots.logos import logo_of_row

        return logo_of_row(self.arrays(), row, scores=scores, start=start, axes=axes)

    def facts(self) -> dict[str, str]:
        """List the shapes of the arrays, and how well the contributions sum up."""
        number, count = self.residual.shape
        largest = float(np.max(np.abs(self.residual), initial=0.0))
        names = ", ".join(
            name
            for name, values in self.arrays().items()
            if values.shape == self.hypothetical.shape
        )
        return {
            "Result": f"{number} sequences, {count} references of each",
            names: " x ".join(map(str, self.hypothetical.shape)),
            "prediction": _range_text(self.prediction),
            "reference_prediction": _range_text(self.reference_prediction),
            "residual": f"at most {largest:.1e}",
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Map the name of each array to it, without those that are None."""
        named = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: values for name, values in named.items() if values is not None}


def _range_text(values: NDArray[Any]) -> str:
    return f"{values.min():.4g} to {values.max():.4g}" if values.size else "none"


def joined_results(parts: Sequence[Result]) -> Result:
    """Join the results of batches, in their order."""
    arrays = [part.arrays() for part in parts]
    return Result(**{name: np.concatenate([some[name] for some in arrays]) for name in arrays[0]})
