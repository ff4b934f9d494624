"""LRP-epsilon: relevance shared out in proportion to what each input adds; sums to the output.

    R_j = a_j sum_k w_jk R_k / (z_k + epsilon sign z_k)

Layer-wise relevance propagation (Bach et al. 2015, doi:10.1371/journal.pone.0130140, equation 58).
Relevance starts from the output, and a multiplier is relevance per value, R / a. Activations pass
relevance on as it is; of a maximum the winner takes all. Biases keep the relevance they explain.
"""

from dataclasses import dataclass

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
from seqlift.attribution.rules.rescale import first_winner, transposed
from seqlift.errors import InputError
from seqlift.network.folding import with_folded_scales
from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Linear, Primitive, Weighted
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.primitives.pooling import MaxPool


def epsilon_row(epsilon: float) -> Row:
    """Share relevance out in proportion to a_j w_jk, with `epsilon` for sums of nearly zero."""

    def start(node: NodeView) -> Propagate:
        z = flatten_pairs(node.y)
        sign = ops.where(z < 0.0, -ops.ones_like(z), ops.ones_like(z))
        share, back = z / (z + epsilon * sign), transposed(node)

        def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
            return back(One(only(multiplier) * share))

        return propagate

    return Row(start)


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


def method(*, epsilon: float = 1e-6) -> Relevance:
    """Make LRP-epsilon; `epsilon` damps sums that are nearly zero."""
    if not epsilon > 0.0:
        raise InputError(f"epsilon {epsilon}: not above 0; give a small positive number")
    return Relevance(
        "lrp-epsilon",
        relevance_rule("lrp-epsilon", epsilon_row(epsilon)),
        sums_to="output",
        linear_in_target=False,
        needs_references=False,
        facts={"epsilon": epsilon},
    )
