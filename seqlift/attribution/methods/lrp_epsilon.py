"""LRP-epsilon: relevance shared out in proportion to what each input adds; sums to the output.

    R_j = a_j sum_k w_jk R_k / (z_k + epsilon sign z_k)

Bach et al. 2015, doi:10.1371/journal.pone.0130140, equation 58. How relevance becomes multipliers
is in `seqlift.attribution.relevance`. Activations pass relevance on as it is; of a maximum the
winner takes all. Biases keep the relevance they explain.
"""

from typing import Any

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
from seqlift.attribution.relevance import Relevance, bias_of, relevance, relevance_rule
from seqlift.attribution.rules.rescale import transposed
from seqlift.errors import InputError


def epsilon_row(epsilon: float) -> Row:
    """Share relevance out in proportion to a_j w_jk, with `epsilon` for sums of nearly zero."""

    def damped(z: Any) -> Any:
        # Not `ops.sign`, which is 0 at 0, where the divisor needs it most.
        return epsilon * ops.where(z < 0.0, -ops.ones_like(z), ops.ones_like(z))

    def start(node: NodeView) -> Propagate:
        z = flatten_pairs(node.y)
        share, back = z / (z + damped(z)), transposed(node)

        def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
            return back(One(only(multiplier) * share))

        return propagate

    def keeps(node: NodeView) -> Any:
        z = flatten_pairs(node.y)
        # what epsilon takes is kept like a bias
        return z / (z + damped(z)) * (bias_of(node, z) + damped(z))

    return Row(start, keeps=keeps)


def method(*, epsilon: float = 1e-6) -> Relevance:
    """Make LRP-epsilon; `epsilon` damps sums that are nearly zero."""
    if not epsilon > 0.0:
        raise InputError(f"epsilon {epsilon}: not above 0; give a small positive number")
    rule = relevance_rule("lrp-epsilon", epsilon_row(epsilon))
    return relevance("lrp-epsilon", rule, epsilon=epsilon)
