"""Deep Taylor decomposition: relevance by positive weights, with a box rule at the bases.

    inside:  R_j = a_j sum_k w+_jk R_k / (sum_j a_j w+_jk + 1e-10)
    at the input, zb:  R_j = sum_k (x_j w_jk - w-_jk) R_k / sum_j (x_j w_jk - w-_jk)
    at the input, w2:  R_j = sum_k w_jk^2 R_k / sum_j w_jk^2

Montavon et al. 2017 (doi:10.1016/j.patcog.2016.11.008). A one-hot base lies in the box from 0 to 1.
Biases get nothing, so relevance sums to the output; of a maximum all inputs get relevance in
proportion to their values, or the winner takes all.
"""

from functools import partial
from typing import Any

from keras import ops

from seqlift.attribution.propagation.maximum import folded, unfold_windows
from seqlift.attribution.propagation.rule import NodeView, Row
from seqlift.attribution.relevance import Relevance, ratio, relevance, relevance_rule
from seqlift.attribution.relevance_at_input import Z_PLUS, presets_of, share_named
from seqlift.attribution.rules.rescale import first_winner, merging_row
from seqlift.errors import InputError


def in_proportion(node: NodeView) -> Any:
    """Share the relevance of each window of a maximum in proportion to its values."""
    values = unfold_windows(node.primitive, node.x[0])
    y = ops.expand_dims(node.y, -2)
    inside = ops.where(ops.isfinite(values * 2.0), values, 0.0)  # padding is the lowest number
    # Per value: y / sum of values, which times a value is its share of y.
    return folded(node, ratio(y, ops.sum(inside, axis=-2, keepdims=True)) * ops.ones_like(values))


POOLS = {
    "proportional": Row(merging_row(in_proportion), label="max (in proportion)"),
    "winner": first_winner,
}


def method(*, input: str = "zb", pool: str = "proportional") -> Relevance:  # noqa: A002
    """Make deep Taylor decomposition.

    `input` is the rule of the layers that read the sequence: zb, w2 or z+; `pool` is how relevance
    passes a maximum: proportional, or winner, which takes all.
    """
    if pool not in POOLS:
        raise InputError(f"pool {pool!r}: give one of {', '.join(POOLS)}")
    rule = partial(relevance_rule, "deep-taylor", maximum=POOLS[pool])
    slopes, offsets = presets_of(share_named(input), rule, rule(Z_PLUS))
    return relevance("deep-taylor", slopes, offsets=offsets, input=input, pool=pool)
