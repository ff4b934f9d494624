"""Layer-wise relevance propagation: what its methods have in common (Bach et al. 2015).

Relevance R starts from the output and is shared out among the inputs of each layer until it reaches
the bases; doi:10.1371/journal.pone.0130140. A multiplier is relevance per value, M = R / a, so that
contributions keep their form, multiplier times value, with a reference of zeros. The relevance of
an output z_k is therefore R_k = M_k z_k: a row multiplies by z_k over its own denominator, then
propagates through the weights. What a bias gets stays with it: rows count it (`Row.keeps`), and the
contributions sum to the output less what was kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras import ops

from seqlift.attribution.contributions import SEQUENCE_RANK, with_scores
from seqlift.attribution.heads import Head
from seqlift.attribution.method import Backward, Others, Scores, next_to_references
from seqlift.attribution.presets import rules_of
from seqlift.attribution.propagation.passes import BackwardPass
from seqlift.attribution.propagation.rule import (
    ASKED,
    Multiplier,
    NodeView,
    One,
    Preset,
    Propagate,
    Row,
    Rule,
    flatten_pairs,
    only,
)
from seqlift.attribution.rules.gradient import RULE as GRADIENT
from seqlift.attribution.rules.rescale import first_winner, transposed
from seqlift.device.stored_weights import constant_tensor
from seqlift.network.folding import with_folded_scales
from seqlift.network.graph import Graph
from seqlift.network.primitives.affine import Scale
from seqlift.network.primitives.base import Linear, Primitive, Weighted
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.primitives.pooling import MaxPool

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine


def ratio(z: Any, total: Any) -> Any:
    """Divide, with 0 where the divisor is 0: there is nothing to share out."""
    empty = ops.equal(total, 0.0)
    return ops.where(empty, 0.0, z / ops.where(empty, ops.ones_like(total), total))


def share_kept(bias: Any, total: Any) -> Any:
    """Divide what a bias adds by all that adds up; where nothing does, all stays."""
    return ops.where(ops.equal(total, 0.0), 1.0, ratio(bias, total))


def unchanged(node: NodeView) -> Propagate:
    """Pass relevance through an activation: a multiplier times f(x) / x."""
    x, y = flatten_pairs(node.x[0]), flatten_pairs(node.y)
    still = ops.equal(x, 0.0)  # f(0) = 0 here: an input of 0 has nothing to pass on
    ratio = ops.where(still, 0.0, y / ops.where(still, ops.ones_like(x), x))

    def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
        return (One(only(multiplier) * ratio),)

    return propagate


def undefined(primitive: Primitive) -> str | None:
    """Say why relevance does not pass through a primitive, if it does not."""
    if isinstance(primitive, Linear | MaxPool):
        return None
    if isinstance(primitive, Elementwise):
        # Where a is 0 and f(0) is not, relevance per value, R / a, has no value.
        if primitive.quotient is None and float(primitive.function(ops.zeros(()))) == 0.0:
            return None
        return (
            f"relevance propagation is not defined for {primitive.describe()}, only for ReLU and"
            " other functions of straight pieces through zero; use --method deeplift"
        )
    return f"relevance propagation is not defined for {primitive.describe()}; use --method deeplift"


def offset_kept(node: NodeView) -> Any:
    values = flatten_pairs(node.y)
    return constant_tensor(node.primitive.offset, values) * ops.ones_like(values)


def bias_of(node: NodeView, like: Any) -> Any:
    """Broadcast the bias of a layer to its outputs, zeros where it has none."""
    bias = node.primitive.bias
    return (
        ops.zeros_like(like) if bias is None else ops.zeros_like(like) + constant_tensor(bias, like)
    )


SCALE = Row(transposed, asks=ASKED, label="linear", keeps=offset_kept)


def relevance_rule(name: str, row: Row, maximum: Row = first_winner) -> Rule:
    """Make a rule of relevance propagation from its row for layers of weights."""
    return GRADIENT.but(
        name,
        {Weighted: row, Elementwise: unchanged, MaxPool: maximum, Scale: SCALE},
        sums_to="output",
        linear_in_target=False,
        compares=True,
        refuses=undefined,
    )


@dataclass(frozen=True)
class Relevance(Backward):
    """A backward pass of relevance, with batch normalisation folded into the layer before it.

    Where the first layers share relevance among absent bases too, `offsets` has the rules of a
    second pass: the relevance of an input x is slope times x, less the offset.
    """

    offsets: Preset | None = None

    def prepared(self, graph: Graph) -> Graph:
        return with_folded_scales(graph)

    def scores(
        self, engine: "Engine", sequences: Any, references: Any, others: Others
    ) -> list[Scores]:
        return next_to_references(
            engine, "relevance", self.relevances, sequences, references, others
        )

    def relevances(
        self, engine: "Engine", sequences: Any, activations0: Mapping[int, Any], others: Others
    ) -> list[Scores]:
        """Compute the scores of each group of heads, to be compiled."""
        inputs = engine.expand(sequences, batch_axes=1)
        activations = engine.pass_pairs(inputs[:, None], others)
        back = BackwardPass(engine.graph, engine.rules, activations, activations)
        apart = None
        if self.offsets is not None:
            # compiled, both passes share all but the first layers
            rules = rules_of(engine.graph, self.offsets)
            apart = BackwardPass(engine.graph, rules, activations, activations)

        def scored(head: Head) -> Scores:
            y, y0 = activations[head.node], activations0[head.node]
            seed = head.seed(y, y)
            slopes = back.run(head.node, seed)
            kept = ops.zeros_like(head.value(y)) + ops.reshape(back.kept, (-1, 1))
            offsets = ops.zeros_like(slopes) if apart is None else apart.run(head.node, seed)
            scores, unknown = scores_of(inputs, slopes, offsets)
            output = {
                "multipliers": slopes,
                "prediction": head.value(y)[:, 0],
                "reference_prediction": head.value(y0) + ops.zeros_like(kept),
                "difference": head.value(y) - kept - unknown[:, None],
            }
            return with_scores(output, *scores)

        return [group.each(scored, inputs) for group in engine.groups]


def scores_of(inputs: Any, slopes: Any, offsets: Any) -> tuple[tuple[Any, Any], Any]:
    """Make the hypothetical and the observed relevance of inputs, and sum that of unknown bases.

    A position has the relevance of its four channels at its base. Relevance that an unknown base
    gets, which has none, belongs to no base.
    """
    if len(inputs.shape) != SEQUENCE_RANK:  # of images and vectors each value is its own
        relevance = slopes * inputs - offsets
        return (relevance, relevance), ops.zeros(inputs.shape[0], inputs.dtype)
    at_position = ops.sum(offsets, axis=-1, keepdims=True)
    hypothetical = slopes - at_position
    absent = 1.0 - ops.sum(inputs, axis=-1, keepdims=True)  # 1 for an unknown base, which is zeros
    unknown = ops.sum(-at_position * absent, axis=(1, 2))
    return (hypothetical, hypothetical * inputs), unknown


def relevance(
    name: str, preset: Preset, *, offsets: Preset | None = None, **facts: Any
) -> Relevance:
    """Make a method of relevance propagation by a preset."""
    return Relevance(
        name,
        preset,
        max_rule="winner",
        sums_to="output",
        linear_in_target=False,
        needs_references=False,
        facts=facts,
        offsets=offsets,
    )
