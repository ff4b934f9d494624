"""Expected gradients: mean gradient on the lines to all references, times difference, with error.

    R_i = E[ (x_i - x0_i) g_i(x0 + alpha (x - x0)) ],   x0 a reference, alpha uniform from 0 to 1

Erion et al. 2021 (arXiv:1906.10670), equation 3. The references are draws of x0; each has `samples`
draws of alpha, from a seed, the sequence and the number of the reference alone. Contributions sum
to the difference in expectation only, so each has a standard error.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.contributions import by_pair
from seqlift.attribution.draws import generator_of, one_hot_rows
from seqlift.attribution.method import Backward, MeanGradient, Others, Scores
from seqlift.attribution.rules.gradient import RULE
from seqlift.errors import InputError

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine

Array = Any


@dataclass(frozen=True)
class OnLine:
    """Points drawn on the line from each reference to the sequence, `number` on each."""

    number: int
    seed: int

    def of(
        self, sequences: NDArray[Any], references: int, shape: tuple[int, ...]
    ) -> Iterator[NDArray[Any]]:
        places = np.array(
            [
                [generator_of(row, self.seed, r).random(self.number) for r in range(references)]
                for row in one_hot_rows(sequences, shape)
            ]
        )
        for k in range(self.number):
            yield places[:, :, k].reshape(*places.shape[:2], *(1 for _ in shape))

    @staticmethod
    def place(x: Array, x0: Array, point: Array) -> Array:
        return x0 + point * (x - x0)


@dataclass(frozen=True)
class ExpectedGradients(MeanGradient):
    """The mean over draws, with the standard error of the mean."""

    def scores(
        self, engine: "Engine", sequences: Array, references: Any, others: Others
    ) -> list[Scores]:
        points = list(self.gradients(engine, sequences, references, others))
        means = [sum(draws) / len(draws) for draws in zip(*points, strict=True)]
        outputs = engine.summarised(sequences, references, others, means)
        inputs, x0 = engine.expanded(sequences, references)
        drawn = zip(*(engine.by_head(point) for point in points), strict=True)
        for output, draws, mean in zip(outputs, drawn, engine.by_head(means), strict=True):
            # Draws on one line share their reference: of several references only the means are
            # independent.
            gradients = [mean] if x0.shape[1] > 1 else draws
            pairs = [by_pair(self.at_input(one), inputs, x0) for one in gradients]
            output["standard_error"] = error_of_mean(ops.concatenate(pairs, axis=1))
        return outputs


def error_of_mean(values: Array) -> Array:
    """Estimate the standard error of the mean over axis 1; infinite for a single value."""
    number = values.shape[1]
    if number == 1:
        return ops.full((values.shape[0], *values.shape[2:]), np.inf, dtype=values.dtype)
    return ops.sqrt(ops.var(values, axis=1) / (number - 1))  # `ops.var` divides by n


def method(
    *, samples: int = 1, seed: int = 0, corrected: bool = False, max_rule: str = "complete"
) -> ExpectedGradients:
    """Draw `samples` points on the line to each reference.

    `corrected` is that of the method gradient.
    """
    if samples < 1:
        raise InputError(f"samples {samples}: fewer than one; give 1 or more")
    if seed < 0:
        raise InputError(f"seed {seed}: negative; give 0 or more")
    return ExpectedGradients(
        "expected-gradients",
        OnLine(samples, seed),
        Backward("gradient", RULE, max_rule=max_rule, corrected=corrected),
        facts={"samples": samples, "draws_seed": seed, "corrected": int(corrected)},
    )
