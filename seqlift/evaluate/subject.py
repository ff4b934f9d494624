"""A model and a method to be measured: what gives the scores of sequences, and the predictions.

Knows explainers; knows nothing of the measures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from seqlift.attribution.result import Result
    from seqlift.explain.explainer import Explainer

PREDICTED_AT_ONCE = 64
"""Sequences of one prediction call: one size, so that one program is compiled."""

Array = NDArray[np.floating[Any]]
Others = Mapping[int, NDArray[Any]]
"""Values of model inputs other than the sequence, by input number, one row per sequence."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of N sequences for T targets.

    tracks (T, N, L): contribution of each position, summed over the four bases.
    hypothetical (T, N, L, 4): score that each base would have there.
    prediction (T, N). residual (T, N): what the contributions leave of the sum that the method
    divides, mean over references.
    """

    tracks: Array
    hypothetical: Array
    prediction: Array
    residual: Array


class Subject(Protocol):
    """A model explained by a method: what measures ask of it.

    Contributions of one that is not `signed` are sizes. `at_once` is how many sequences it scores
    best at a time.
    """

    @property
    def targets(self) -> Sequence[str]:
        """Name the targets, T."""

    @property
    def signed(self) -> bool:
        """Tell whether scores have signs."""

    @property
    def at_once(self) -> int:
        """Count the sequences that are scored best at a time."""

    def scored(self, sequences: Array, references: Array, others: Others) -> Scored:
        """Score sequences (N, L, 4) against references, (N, R, L, 4) or for all (R, L, 4)."""

    def predicted(self, sequences: Array, others: Others) -> Array:
        """Predict each target for sequences (N, L, 4): (T, N)."""


class ExplainedModel:
    """The subject that an explainer is, for sequences of bases."""

    def __init__(self, explainer: "Explainer") -> None:
        self._explainer = explainer
        self.targets = [target.name for target in explainer.targets]
        self.signed = explainer.method.signed
        self.sequences_at_once = explainer.method.sequences_at_once
        self._length = 0

    @property
    def at_once(self) -> int:
        """Count the sequences of the batches that run at the same time."""
        if not self._length:
            return 1
        explainer = self._explainer
        schedule = explainer.schedule_for(explainer.engine((self._length, 4)), 1)
        return schedule.size * schedule.lanes

    def scored(self, sequences: Array, references: Array, others: Others) -> Scored:
        """Score sequences; a method that uses no reference has zeros, as everywhere."""
        self._length = sequences.shape[1]
        compared = references.astype(np.float32, copy=False)
        if not self._explainer.method.needs_references:
            compared = np.zeros((1, *sequences.shape[1:]), np.float32)
        results = self._explainer.explain(sequences.astype(np.float32), compared, dict(others))
        return scored_of(list(results.values()))

    def predicted(self, sequences: Array, others: Others) -> Array:
        """Predict in calls of one size, the last filled up with its first sequence."""
        from seqlift.lowering.input_layout import row_nodes  # imports Keras

        engine = self._explainer.engine(sequences.shape[1:], frozenset(others))
        predict = engine.compiled("predictions of measures", engine.predictions)
        nodes = dict(zip(sorted(others), row_nodes(engine.graph), strict=True))
        found = []
        for start in range(0, len(sequences), PREDICTED_AT_ONCE):
            rows = np.arange(start, start + PREDICTED_AT_ONCE)
            rows[rows >= len(sequences)] = start  # filled up: one size is one program
            fed = {nodes[n]: np.asarray(values[rows], engine.dtype) for n, values in others.items()}
            values = predict(sequences[rows].astype(np.float32), fed)
            found.append(np.stack([np.asarray(one, np.float64) for one in values]))
        return np.concatenate(found, axis=1)[:, : len(sequences)]


def scored_of(results: "Sequence[Result]") -> Scored:
    """Make the scores of the results of all targets."""
    tracks = [result.contributions.sum(axis=-1, dtype=float) for result in results]
    return Scored(
        tracks=across_targets(tracks),
        hypothetical=across_targets([result.hypothetical for result in results]),
        prediction=across_targets([result.prediction for result in results]),
        residual=across_targets([result.residual.mean(axis=1, dtype=float) for result in results]),
    )


def across_targets(arrays: Sequence[NDArray[Any]]) -> Array:
    return np.stack(arrays).astype(np.float64)
