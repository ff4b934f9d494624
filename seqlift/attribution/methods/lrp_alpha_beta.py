"""LRP-alpha-beta: positive and negative contributions share relevance separately.

    R_j = a_j [ alpha sum_k w+_jk R_k / (z+_k + b+_k) - beta sum_k w-_jk R_k / (z-_k + b-_k) ]

with z+ and z- the sums of the positive and of the negative a_j w_jk, and alpha - beta = 1 (Bach et
al. 2015, doi:10.1371/journal.pone.0130140, equation 60).
"""

from typing import Any

from keras import ops

from seqlift.attribution.propagation.rule import (
    Multiplier,
    NodeView,
    One,
    Parts,
    Propagate,
    Row,
    Two,
    flatten_pairs,
    only,
    parts_of,
)
from seqlift.attribution.propagation.signed_parts import one_before, parts_made
from seqlift.attribution.relevance import (
    Relevance,
    bias_of,
    ratio,
    relevance,
    relevance_rule,
    share_kept,
)
from seqlift.errors import InputError


def alpha_beta_row(alpha: float, beta: float) -> Row:
    """Share relevance out among positive contributions, and take back among negative ones."""

    def totals(node: NodeView) -> Parts:
        def summed() -> Parts:
            plus, minus = parts_made(node.primitive, flatten_pairs(node.x[0]))
            up, down = parts_of(bias_of(node, plus))
            return Parts(plus + up, minus + down)

        found: Parts = node.once("totals", summed)
        return found

    def start(node: NodeView) -> Propagate:
        weights, a, z = node.primitive, flatten_pairs(node.x[0]), flatten_pairs(node.y)
        plus, minus = totals(node)
        shares = Two(alpha * ratio(z, plus), -beta * ratio(z, minus))
        # An absent base (a = 0) counts as if it were there: hypothetical contributions are its own.
        present = ops.where(ops.equal(a, 0.0), 1.0, a)

        def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
            both = Two(only(multiplier) * shares.positive, only(multiplier) * shares.negative)
            return (One(one_before(weights, both, present)),)

        return propagate

    def keeps(node: NodeView) -> Any:
        z, (plus, minus) = flatten_pairs(node.y), totals(node)
        up, down = parts_of(bias_of(node, z))
        return z * (alpha * share_kept(up, plus) - beta * share_kept(down, minus))

    return Row(start, keeps=keeps)


def check_alpha_beta(alpha: float, beta: float) -> None:
    """Raise InputError unless alpha - beta is 1 and neither is negative."""
    if abs(alpha - beta - 1.0) > 1e-9 or beta < 0.0:
        raise InputError(f"alpha {alpha:g}, beta {beta:g}: give alpha = 1 + beta, beta 0 or more")


def method(*, alpha: float = 1.0, beta: float = 0.0) -> Relevance:
    """Make LRP-alpha-beta, by default alpha 1 and beta 0; 2 and 1 is the other common choice."""
    check_alpha_beta(alpha, beta)
    rule = relevance_rule("lrp-alpha-beta", alpha_beta_row(alpha, beta))
    return relevance("lrp-alpha-beta", rule, alpha=alpha, beta=beta)
