"""LRP-epsilon: relevance shared out in proportion to what each input adds; sums to the output.

    R_j = a_j sum_k w_jk R_k / (z_k + epsilon sign z_k)

Bach et al. 2015, doi:10.1371/journal.pone.0130140, equation 58. How relevance becomes multipliers
is in `seqlift.attribution.relevance`. Activations pass relevance on as it is; of a maximum the
winner takes all. Biases keep the relevance they explain.
"""

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
from seqlift.attribution.relevance import Relevance, relevance
from seqlift.attribution.rules.rescale import transposed
from seqlift.errors import InputError


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


def method(*, epsilon: float = 1e-6) -> Relevance:
    """Make LRP-epsilon; `epsilon` damps sums that are nearly zero."""
    if not epsilon > 0.0:
        raise InputError(f"epsilon {epsilon}: not above 0; give a small positive number")
    return relevance("lrp-epsilon", epsilon_row(epsilon), epsilon=epsilon)
