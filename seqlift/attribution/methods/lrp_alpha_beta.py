"""LRP-alpha-beta: positive and negative contributions share relevance separately.

    R_j = a_j [ alpha sum_k w+_jk R_k / (z+_k + b+_k) - beta sum_k w-_jk R_k / (z-_k + b-_k) ]

with z+ and z- the sums of the positive and of the negative a_j w_jk, and alpha - beta = 1 (Bach et
al. 2015, doi:10.1371/journal.pone.0130140, equation 60).
"""

from keras import ops

from seqlift.attribution.propagation.rule import (
    Multiplier,
    NodeView,
    One,
    Propagate,
    Row,
    Two,
    flatten_pairs,
    only,
)
from seqlift.attribution.propagation.signed_parts import one_before, parts_made
from seqlift.attribution.relevance import Relevance, ratio, relevance
from seqlift.device.stored_weights import constant
from seqlift.errors import InputError


def alpha_beta_row(alpha: float, beta: float) -> Row:
    """Share relevance out among positive contributions, and take back among negative ones."""

    def start(node: NodeView) -> Propagate:
        weights, a, z = node.primitive, flatten_pairs(node.x[0]), flatten_pairs(node.y)
        plus, minus = parts_made(weights, a)
        if weights.bias is not None:
            bias = constant(weights.bias, z)
            plus, minus = plus + ops.maximum(bias, 0.0), minus + ops.minimum(bias, 0.0)
        shares = Two(alpha * ratio(z, plus), -beta * ratio(z, minus))
        # An absent base (a = 0) counts as if it were there: hypothetical contributions are its own.
        present = ops.where(ops.equal(a, 0.0), 1.0, a)

        def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
            both = Two(only(multiplier) * shares.positive, only(multiplier) * shares.negative)
            return (One(one_before(weights, both, present)),)

        return propagate

    return Row(start)


def method(*, alpha: float = 1.0, beta: float = 0.0) -> Relevance:
    """Make LRP-alpha-beta, by default alpha 1 and beta 0; 2 and 1 is the other common choice."""
    if abs(alpha - beta - 1.0) > 1e-9 or beta < 0.0:
        raise InputError(f"alpha {alpha:g}, beta {beta:g}: give alpha = 1 + beta, beta 0 or more")
    return relevance("lrp-alpha-beta", alpha_beta_row(alpha, beta), alpha=alpha, beta=beta)
