"""Methods that only predict: what in-silico mutagenesis, occlusion and Shapley sampling share.

A batch is one sequence: each is many predictions, whose number depends on the method alone, so that
no score has neighbours. Knows engines and arrays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.contributions import SEQUENCE_RANK
from seqlift.attribution.method import Others, Scores
from seqlift.attribution.propagation.rule import Rule, SumsTo
from seqlift.device.processor import on_cpu
from seqlift.errors import ModelError
from seqlift.network.graph import Graph

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine

Array = Any

ROWS_ON_CPU, ROWS_ON_GPU = 48, 1024
"""Predictions computed at once; more gain nothing on two cores: their values leave the cache."""


@dataclass(frozen=True)
class ForwardOnly:
    """A method that propagates nothing back."""

    name: str
    sums_to: SumsTo = "nothing"
    needs_references: bool = True
    linear_in_target: bool = True
    signed: bool = True
    max_rule: str = "complete"
    passes: int = 2
    sequences_at_once: int | None = 1
    facts: Mapping[str, Any] = field(default_factory=dict)

    def prepared(self, graph: Graph) -> Graph:
        return graph

    def rules(self, graph: Graph) -> dict[int, Rule]:
        return {}

    def at_input(self, multipliers: Array) -> Array:
        return multipliers

    def compared(self, engine: "Engine", references: Any, others: Others) -> list[NDArray[Any]]:
        """Predict each head for the references: (N or 1, R)."""
        activations = engine.passed(references, others).activations
        return [numpy(head.value(activations[head.node])) for head in engine.heads]


def rows_at_once() -> int:
    """Choose how many predictions are computed at once."""
    return ROWS_ON_CPU if on_cpu() else ROWS_ON_GPU


def numpy(array: Array) -> NDArray[Any]:
    return np.asarray(ops.convert_to_numpy(array))


def predicted(engine: "Engine", rows: NDArray[Any], others: Others) -> NDArray[Any]:
    """Predict each head for any number of inputs, in batches of one size: (heads, rows)."""
    size = rows_at_once()
    repeated = {i: np.repeat(values, size, axis=0) for i, values in others.items()}
    predict = engine.compiled("predict", engine.predictions)
    found = []
    for start in range(0, len(rows), size):
        batch = rows[start : start + size]
        # The last batch is filled up: a batch of another size would be compiled anew.
        filled = np.concatenate([batch, np.repeat(batch[:1], size - len(batch), axis=0)])
        values = predict(filled, repeated)
        found.append(np.stack([numpy(one)[: len(batch)] for one in values]))
    return np.concatenate(found, axis=1)


def check_sequence(graph: Graph, name: str) -> None:
    """Raise ModelError where a model takes no bases."""
    shape = graph.nodes[0].shape
    if len(shape) + 1 != SEQUENCE_RANK:
        raise ModelError(
            f"method {name}: it substitutes bases (length, 4), and the model takes {shape}; choose"
            " another --method, such as deeplift"
        )


def scores_at_observed(values: NDArray[Any], inputs: NDArray[Any]) -> NDArray[Any]:
    """Give the score of each position (N, *positions) to its base; without one, to all channels."""
    channels = inputs.shape[-1]
    # floats may be off by a rounding
    is_base = np.abs(inputs.sum(axis=-1, keepdims=True) - 1.0) < 1e-6
    # An unknown base is zeros, and its score is spread so that the sum over channels keeps it.
    shared: NDArray[Any] = np.where(is_base, inputs, 1.0 / channels) * values[..., None]
    return shared


def output_of(
    hypothetical: NDArray[Any],
    observed: NDArray[Any],
    multipliers: NDArray[Any],
    prediction: NDArray[Any],
    compared: NDArray[Any],
) -> Scores:
    """Make the output of a head; predictions are (N,), those of references (N or 1, R)."""
    difference = prediction[:, None] - compared
    total = observed.reshape(len(observed), -1).sum(axis=1)
    return {
        "hypothetical": hypothetical,
        "contributions": observed,
        "multipliers": multipliers,
        "prediction": prediction,
        "reference_prediction": np.broadcast_to(compared, difference.shape),
        "difference": difference,
        "residual": difference - total[:, None],
    }
