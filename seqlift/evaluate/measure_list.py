"""The measures by name: what each says, what it needs, and the function that computes it."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from seqlift.errors import InputError
from seqlift.evaluate import faithfulness, recovery, selectivity, stability
from seqlift.evaluate.explained import Explained, Measured

Needs = Literal["scores", "model", "mutagenesis", "instances", "tasks"]
"""What a measure is computed from, besides scores: the model, in-silico mutagenesis, a BED file of
motifs, or that and the motifs of two targets."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number for each sequence.

    `better` says which way is better, `counted` whether it is a share of counted things, `mixes`
    whether it scores mixtures of bases. `scorings` counts, of a sequence's bases and targets, how
    often each sequence is scored anew, where that is what it costs.
    """

    name: str
    about: str
    better: Literal["low", "high"]
    needs: Needs
    compute: Callable[[Explained], Measured]
    scorings: Callable[[int, int], int] | None = None
    counted: bool = False
    mixes: bool = False

    @property
    def costly(self) -> bool:
        """Tell whether it takes more than a few predictions of each sequence."""
        return self.scorings is not None


def _only(name: str, compute: Callable[[Explained], object]) -> Callable[[Explained], Measured]:
    def measured(explained: Explained) -> Measured:
        found: Measured = {name: compute(explained)}  # type: ignore[dict-item]  # a pair of arrays
        return found

    return measured


def _selectivity(name: str, about: str, better: Literal["low", "high"]) -> Measure:
    compute = getattr(selectivity, name.replace("-", "_"))
    again = name.endswith("recompute")
    return Measure(
        name,
        about,
        better,
        "model",
        _only(name, compute),
        scorings=selectivity.scorings if again else None,
        mixes=name == "deletion-recompute",
    )


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("completeness", "what contributions leave of their sum", "low", "scores",
                faithfulness.sum_left),
        _selectivity("deletion-static", "area while the best windows are deleted", "low"),
        _selectivity("deletion-recompute", "the same, scored anew after each window", "low"),
        _selectivity("insertion-static", "area while the best windows are inserted", "high"),
        _selectivity("insertion-recompute", "the same, scored anew after each window", "high"),
        Measure("continuity", "steepest change of scores among substitutions", "low", "model",
                stability.continuity, stability.continuity_scorings),
        Measure("continuity-normalised", "the same of scores whose sizes sum to 1", "low", "model",
                stability.continuity, stability.continuity_scorings),
        Measure("ism-pearson", "correlation with in-silico mutagenesis", "high", "mutagenesis",
                faithfulness.agreement),
        Measure("ism-spearman", "rank correlation with in-silico mutagenesis", "high",
                "mutagenesis", faithfulness.agreement),
        Measure("infidelity", "error of the change that scores predict, squared", "low", "model",
                faithfulness.infidelity),
        Measure("infidelity-normalised", "the same of scores in the scale that fits best", "low",
                "model", faithfulness.infidelity),
        Measure("max-sensitivity", "largest relative change of scores by noise", "low", "model",
                stability.max_sensitivity, stability.noise_scorings, mixes=True),
        Measure("motif-auroc", "bases in motifs above others", "high", "instances",
                recovery.recovery),
        Measure("motif-auprc", "the same as average precision", "high", "instances",
                recovery.recovery),
        Measure("motif-share", "share of |score| in motifs", "high", "instances",
                recovery.recovery),
        Measure("false-negatives", "instances that score 0 or less", "low", "instances",
                recovery.recovery, counted=True),
        Measure("off-task", "|score| of instances for other tasks over their own", "low", "tasks",
                recovery.off_task),
    )
}  # fmt: skip

NEED_REMEDIES: dict[Needs, str] = {
    "model": "it needs the model: give MODEL and REGIONS",
    "mutagenesis": "it needs the model: give MODEL and REGIONS",
    "instances": "it needs instances of motifs: give them with --instances FILE.bed",
    "tasks": "it needs the motifs of two targets: give --instances and --on TARGET=MOTIF twice",
}


def choose_measures(asked: Sequence[str], *, has: frozenset[Needs]) -> list[Measure]:
    """Choose measures by name, in the order of `MEASURES`.

    Without names these are all that can be computed and are not costly; ``all`` are all that can be
    computed. Raises InputError for an unknown name, with the nearest, and for a measure that needs
    what is not there.
    """
    names = [name for name in asked if name != "all"]
    problems = [problem_of(name, has) for name in names]
    if any(problems):
        raise InputError(*(problem for problem in problems if problem))
    return [
        one
        for one in MEASURES.values()
        if one.name in names
        or (one.needs in has and ("all" in asked or (not asked and not one.costly)))
    ]


def problem_of(name: str, has: frozenset[Needs]) -> str:
    """Say why a measure cannot be computed; nothing where it can."""
    if name not in MEASURES:
        near = difflib.get_close_matches(name, MEASURES, n=1, cutoff=0.4)
        meant = f"did you mean {near[0]}?" if near else f"use {', '.join(MEASURES)}, or all"
        return f"measure {name}: there is none of this name; {meant}"
    needs = MEASURES[name].needs
    return "" if needs in has else f"measure {name}: {NEED_REMEDIES[needs]}"
