"""Layer-wise relevance propagation: what its methods have in common (Bach et al. 2015).

Relevance R starts from the output and is shared out among the inputs of each layer until it reaches
the bases; doi:10.1371/journal.pone.0130140. A multiplier is relevance per value, M = R / a, so that
contributions keep their form, multiplier times value, with a reference of zeros. The relevance of
an output z_k is therefore R_k = M_k z_k: a row multiplies by z_k over its own denominator, then
propagates through the weights.
"""

from dataclasses import dataclass
from typing import Any

from keras import ops

from seqlift.attribution.method import Backward
from seqlift.attribution.propagation.rule import (
    Multiplier,
    NodeView,
    One,
    Propagate,
    Row,
    Rule,
    flatten_pairs,
    only,
)
from seqlift.attribution.rules.gradient import RULE as GRADIENT
from seqlift.attribution.rules.rescale import first_winner
from seqlift.network.folding import with_folded_scales
from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Linear, Primitive, Weighted
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.primitives.pooling import MaxPool


def ratio(z: Any, total: Any) -> Any:
    """Divide, with 0 where the divisor is 0: there is nothing to share out."""
    empty = ops.equal(total, 0.0)
    return ops.where(empty, 0.0, z / ops.where(empty, ops.ones_like(total), total))


def unchanged(node: NodeView) -> Propagate:
    """Pass relevance through an activation: a multiplier times f(x) / x."""
    x, y = flatten_pairs(node.x[0]), flatten_pairs(node.y)
    still = ops.equal(x, 0.0)
    ratio = ops.where(still, 0.0, y / ops.where(still, ops.ones_like(x), x))

    def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
        return (One(only(multiplier) * ratio),)

    return propagate


def undefined(primitive: Primitive) -> str | None:
    """Say why relevance does not pass through a primitive, if it does not."""
    if isinstance(primitive, Linear | MaxPool):
        return None
    if isinstance(primitive, Elementwise):
        if primitive.quotient is None and float(primitive.function(ops.zeros(()))) == 0.0:
            return None
        return (
            f"relevance propagation is not defined for {primitive.describe()}, only for ReLU and"
            " other functions of straight pieces through zero; use --method deeplift"
        )
    return f"relevance propagation is not defined for {primitive.describe()}; use --method deeplift"


def relevance_rule(name: str, row: Row) -> Rule:
    """Make a rule of relevance propagation from its row for layers of weights."""
    return GRADIENT.but(
        name,
        {Weighted: row, Elementwise: unchanged, MaxPool: first_winner},
        sums_to="output",
        linear_in_target=False,
        compares=True,
        refuses=undefined,
    )


@dataclass(frozen=True)
class Relevance(Backward):
    """A backward pass of relevance, with batch normalisation folded into the layer before it."""

    def prepared(self, graph: Graph) -> Graph:
        return with_folded_scales(graph)


def relevance(name: str, row: Row, **facts: float) -> Relevance:
    """Make the method of relevance propagation with a row for layers of weights."""
    return Relevance(
        name,
        relevance_rule(name, row),
        max_rule="winner",
        sums_to="output",
        linear_in_target=False,
        needs_references=False,
        facts=facts,
    )
