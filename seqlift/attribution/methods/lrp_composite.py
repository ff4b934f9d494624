"""LRP composite: zB at the bases, alpha-beta in convolutions, epsilon in dense layers.

Each layer has the rule that is known to work there (Kohlbrenner et al. 2020, arXiv:1910.09840;
Montavon et al. 2019, doi:10.1007/978-3-030-28954-6_10): zB gives relevance to what is in the box of
one-hot bases, alpha-beta keeps evidence for and against apart, epsilon is exact where neurons are
few. The equations are in `deep_taylor`, `lrp_alpha_beta` and `lrp_epsilon`.
"""

from functools import partial

from seqlift.attribution.methods.lrp_alpha_beta import alpha_beta_row, check_alpha_beta
from seqlift.attribution.methods.lrp_epsilon import epsilon_row
from seqlift.attribution.propagation.rule import Rule
from seqlift.attribution.relevance import Relevance, relevance, relevance_rule
from seqlift.attribution.relevance_at_input import presets_of, share_named
from seqlift.network.graph import Graph
from seqlift.network.primitives.affine import Dense


def method(
    *,
    input: str = "zb",  # noqa: A002
    alpha: float = 1.0,
    beta: float = 0.0,
    epsilon: float = 1e-6,
) -> Relevance:
    """Make the composite; `input` is the rule of the layers that read the sequence."""
    check_alpha_beta(alpha, beta)
    rule = partial(relevance_rule, "lrp-composite")
    dense, others = rule(epsilon_row(epsilon)), rule(alpha_beta_row(alpha, beta))

    def inner(graph: Graph, node: int) -> Rule:
        return dense if isinstance(graph.nodes[node].primitive, Dense) else others

    slopes, offsets = presets_of(share_named(input), rule, inner)
    facts = {"input": input, "alpha": alpha, "beta": beta, "epsilon": epsilon}
    return relevance("lrp-composite", slopes, offsets=offsets, **facts)
