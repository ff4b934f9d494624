"""Sizes of the gradient: what sensitivity and saliency have in common.

Scores are sizes of the gradient at the observed base, without a sign, and of the other three bases
where they are hypothetical. They sum to nothing in particular.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqlift.attribution.contributions import at_observed, with_scores
from seqlift.attribution.method import Backward, Others, Scores
from seqlift.attribution.rules.gradient import RULE

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine

Array = Any


@dataclass(frozen=True)
class GradientSize(Backward):
    """The gradient at the sequence, each of its values replaced by its `size`."""

    size: Callable[[Array], Array] = abs

    def scores(
        self, engine: "Engine", sequences: Array, references: Any, others: Others
    ) -> list[Scores]:
        inputs = engine.expand(sequences, batch_axes=1)
        found = []
        for output in engine.propagated(sequences, references, others):
            sizes = self.size(output["multipliers"])
            found.append(with_scores(output, sizes, at_observed(sizes, inputs)))
        return found


def gradient_size(
    name: str, size: Callable[[Array], Array], *, max_rule: str, corrected: bool
) -> GradientSize:
    """Make the method whose scores are the `size` of each value of the gradient."""
    return GradientSize(
        name,
        RULE,
        max_rule=max_rule,
        sums_to="nothing",
        linear_in_target=False,
        needs_references=False,
        facts={"corrected": int(corrected)},
        signed=False,
        corrected=corrected,
        size=size,
    )
