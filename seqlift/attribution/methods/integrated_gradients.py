"""Integrated gradients: mean gradient on the line from reference to sequence, times the difference.

Sundararajan et al. 2017 (arXiv:1703.01365), equation 3, by the midpoint rule.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from seqlift.attribution.method import Backward, MeanGradient
from seqlift.attribution.registry import STEPS
from seqlift.attribution.rules.gradient import RULE
from seqlift.errors import InputError

Array = Any


@dataclass(frozen=True)
class Straight:
    """The middles of `number` equal pieces of the line from reference to sequence."""

    number: int

    def of(
        self, sequences: NDArray[Any], references: int, shape: tuple[int, ...]
    ) -> Iterator[float]:
        for step in range(self.number):
            # its error falls with the square of the number of pieces
            yield (step + 0.5) / self.number

    @staticmethod
    def place(x: Array, x0: Array, point: Array) -> Array:
        return x0 + point * (x - x0)


def method(
    *, steps: int = STEPS, corrected: bool = False, max_rule: str = "complete"
) -> MeanGradient:
    """Take gradients at `steps` points, `corrected` as those of the method gradient."""
    if steps < 1:
        raise InputError(f"steps {steps}: fewer than one point; give 1 or more")
    return MeanGradient(
        "integrated-gradients",
        Straight(steps),
        Backward("gradient", RULE, max_rule=max_rule, corrected=corrected),
        facts={"steps": steps, "corrected": int(corrected)},
    )
