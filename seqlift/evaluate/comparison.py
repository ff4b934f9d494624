"""The measures of several methods on the same sequences, batch by batch, and their table.

Knows measures; knows nothing of where sequences come from. Of a sequence it keeps two numbers for
each measure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.evaluate.explained import Compared, Explained, Instance
from seqlift.evaluate.measure_list import MEASURES, Measure, Needs, choose_measures
from seqlift.evaluate.subject import Array, ExplainedModel, Scored, Subject
from seqlift.evaluate.uncertainty import Estimate, Tally

if TYPE_CHECKING:
    from seqlift.explain.explainer import Explainer

MEASURE_COLUMNS = ("method", "target", "measure", "mean", "low", "high", "sequences")

SIZES_NOTE = "its scores are sizes: windows are ranked by size, and no instance scores below 0"
SOFTMAX_NOTE = (
    "of a softmax some methods take the logit less the mean over classes and some the logit itself,"
    " and a measure is of the value that its method explains"
)
SAME_VALUE = 1e-2
"""Of the largest prediction: more than half precision rounds away."""

MIXTURES_NOTE = "it takes whole bases, and this measure asks about mixtures of bases"


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """A line of the table: a measure of a method for a target."""

    method: str
    target: str
    measure: str
    estimate: Estimate

    def cells(self) -> tuple[str, ...]:
        """Write the line as text, in the order of `MEASURE_COLUMNS`, with six digits."""
        found = self.estimate
        numbers = (f"{number:.6g}" for number in (found.mean, found.low, found.high))
        return (self.method, self.target, self.measure, *numbers, str(found.sequences))


class MethodComparison:
    """Collects measures of methods.

    Attributes
    ----------
    notes : list of str
        What a reader of the table should know, a sentence each.
    """

    def __init__(self, measures: Sequence[Measure], *, seed: int = 0) -> None:
        self.measures, self._seed = measures, seed
        self._tallies: dict[tuple[str, str, str], Tally] = {}
        self._left_out: set[tuple[str, str]] = set()
        self.notes: list[str] = []

    def add(self, method: str, explained: Explained) -> None:
        """Measure a batch of sequences that a method has explained."""
        if not explained.signed:
            self.note(f"{method}: {SIZES_NOTE}")
        wanted = [one for one in self.measures if (method, one.name) not in self._left_out]
        # several measures come from one computation
        for compute in dict.fromkeys(one.compute for one in wanted):
            names = [one.name for one in wanted if one.compute == compute]
            try:
                found = compute(explained)
            except InputError:
                if not MEASURES[names[0]].mixes:
                    raise
                self._left_out |= {(method, name) for name in names}
                self.note(f"{method}: {', '.join(names)} left out; {MIXTURES_NOTE}")
                continue
            for name in names:
                self._keep(method, explained.targets, name, *found[name])

    def _keep(
        self, method: str, targets: Sequence[str], name: str, above: Array, below: Array
    ) -> None:
        for t, target in enumerate(targets):
            self._tallies.setdefault((method, target, name), Tally()).add(above[t], below[t])

    def note(self, text: str) -> None:
        """Note something once."""
        if text not in self.notes:
            self.notes.append(text)

    def rows(self) -> list[MeasureRow]:
        """Estimate every mean; methods, targets and measures are in the order they came in.

        A measure that no sequence has is noted, and has no row.
        """
        found = []
        for (method, target, name), tally in self._tallies.items():
            estimate = tally.estimate(seed=self._seed, counted=MEASURES[name].counted)
            if estimate.sequences:
                found.append(MeasureRow(method, target, name, estimate))
            else:
                self.note(f"{name} for {target}: no sequence allows to compute it")
        return found


def other_values(values: Array, known: Array) -> NDArray[np.bool_]:
    """Tell for each target whether values (T, N) are more than a rounding from those known."""
    size = np.abs(known).max(axis=1, initial=0.0)
    difference = np.abs(values - known).max(axis=1, initial=0.0)
    return np.asarray(difference > SAME_VALUE * size)


@dataclass(frozen=True, slots=True)
class Side:
    """The methods of a comparison by the names they have in the table, and what measures need.

    `motifs` are the names of the motifs of targets, by target; `mutagenesis` is the method that
    agreement is measured with.
    """

    subjects: Mapping[str, Subject]
    mutagenesis: Subject | None = None
    motifs: Mapping[str, str] | None = None


def compare(side: Side, compared: Compared, comparison: MethodComparison) -> None:
    """Explain a batch by every method and measure it."""
    tracks, arrays = None, (compared.sequences, compared.references, compared.others)
    scores: dict[int, Scored] = {}
    if any(one.needs == "mutagenesis" for one in comparison.measures):
        if side.mutagenesis is None:
            raise ValueError("agreement needs a subject that is in-silico mutagenesis")
        scores[id(side.mutagenesis)] = side.mutagenesis.scored(*arrays)
        tracks = scores[id(side.mutagenesis)].tracks
    first: tuple[str, Array] | None = None
    for method, subject in side.subjects.items():
        # mutagenesis may be compared itself
        scored = scores.get(id(subject)) or subject.scored(*arrays)
        first = first or (method, scored.prediction)
        other = other_values(scored.prediction, first[1])
        if other.any():
            names = ", ".join(name for name, one in zip(subject.targets, other, strict=True) if one)
            comparison.note(
                f"{method}: explains another value of {names} than {first[0]}; {SOFTMAX_NOTE}"
            )
        explained = Explained(
            compared,
            scored,
            subject.targets,
            subject.signed,
            subject=subject,
            mutagenesis=tracks,
            motifs=dict(side.motifs or {}),
        )
        comparison.add(method, explained)


def measure_methods(
    explainers: "Mapping[str, Explainer]",
    one_hot: NDArray[Any],
    references: NDArray[Any],
    *,
    measures: Sequence[str] = (),
    mutagenesis: "Explainer | None" = None,
    instances: Sequence[Sequence[tuple[int, int, str]]] = (),
    motifs: Mapping[str, str] | None = None,
    seed: int = 0,
) -> list[MeasureRow]:
    """Measure explanations of the same sequences, against the same references.

    Parameters
    ----------
    explainers
        By the names they get in the table; of the same targets.
    one_hot
        Sequences (N, L, 4).
    references
        Of each sequence, (N, R, L, 4), or for all, (R, L, 4) or (L, 4).
    measures
        Names of `seqlift.evaluate.measure_list.MEASURES`, by default all that can be computed and
        cost few predictions.
    mutagenesis
        An explainer of the method ``ism``, which agreement needs.
    instances
        Of each sequence, its motifs: (start, end, name), counted from its first base.
    motifs
        By target, the name of the motif that it should explain; all where it has none.
    seed
        Of random perturbations and of the bootstrap.

    Returns
    -------
    list of MeasureRow
        With the mean over sequences and a 95 % interval each.

    Raises
    ------
    InputError
        For an unknown measure, and for one that needs what is not there.
    """
    has: set[Needs] = {"scores", "model"}
    if mutagenesis:
        has.add("mutagenesis")
    if instances:
        has.add("instances")
    if instances and len(set((motifs or {}).values())) > 1:
        has.add("tasks")
    comparison = MethodComparison(choose_measures(measures, has=frozenset(has)), seed=seed)
    every = np.asarray(references, np.float32)
    is_shared = every.ndim < 4
    if is_shared:
        shared = every.reshape(-1, *every.shape[-2:])
        every = np.broadcast_to(shared, (len(one_hot), *shared.shape))
    compared = Compared(
        np.asarray(one_hot, np.float32),
        every,
        keys=np.arange(len(one_hot), dtype=np.uint64) + np.uint64(seed),
        instances=[[Instance(name, a, b) for a, b, name in one] for one in instances],
        shared=is_shared,
    )
    subjects = {name: ExplainedModel(one) for name, one in explainers.items()}
    standard = ExplainedModel(mutagenesis) if mutagenesis else None
    compare(Side(subjects, standard, motifs), compared, comparison)
    return comparison.rows()
