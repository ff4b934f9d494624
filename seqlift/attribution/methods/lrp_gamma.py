"""LRP-gamma: relevance shared out with positive weights enlarged; sums to the output.

    R_j = a_j sum_k (w_jk + gamma w+_jk) R_k / (sum_j a_j (w_jk + gamma w+_jk) + b_k + gamma b+_k)

with w+ and b+ the positive weights and biases, and zeros elsewhere (Montavon et al. 2019,
doi:10.1007/978-3-030-28954-6_10). Activations and maxima are those of LRP-epsilon.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops

from seqlift.attribution.propagation.rule import (
    Multiplier,
    NodeView,
    One,
    Propagate,
    Row,
    flatten_pairs,
    only,
)
from seqlift.attribution.relevance import (
    Relevance,
    bias_of,
    ratio,
    relevance,
    relevance_rule,
    share_kept,
)
from seqlift.errors import InputError
from seqlift.network.primitives.base import Weighted


def gamma_row(gamma: float) -> Row:
    """Share relevance out in proportion to what each input adds through the enlarged weights."""

    def total(node: NodeView) -> Any:
        weights = enlarged(node.primitive, gamma)
        return node.once("total", lambda: weights.forward(flatten_pairs(node.x[0])))

    def start(node: NodeView) -> Propagate:
        weights = enlarged(node.primitive, gamma)
        share = ratio(flatten_pairs(node.y), total(node))

        def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
            (value,) = weights.transpose(only(multiplier) * share, *node.input_shapes)
            return (One(value),)

        return propagate

    def keeps(node: NodeView) -> Any:
        z = flatten_pairs(node.y)
        bias = bias_of(node, z)
        bias = bias + gamma * ops.maximum(bias, 0.0)
        return z * share_kept(bias, total(node))

    return Row(start, keeps=keeps)


def enlarged(primitive: Weighted, gamma: float) -> Weighted:
    def larger(values: Any) -> Any:
        exact = np.asarray(values, np.float64)  # a float32 sum would be all that float64 runs see
        return exact + gamma * np.maximum(exact, 0.0)

    bias = None if primitive.bias is None else larger(primitive.bias)
    return replace(primitive, kernel=larger(primitive.kernel), bias=bias)


def method(*, gamma: float = 0.25) -> Relevance:
    """Make LRP-gamma; the larger `gamma`, the less negative weights count."""
    if not gamma >= 0.0:
        raise InputError(f"gamma {gamma:g}: not 0 or more; give a number such as 0.25")
    return relevance("lrp-gamma", relevance_rule("lrp-gamma", gamma_row(gamma)), gamma=gamma)
