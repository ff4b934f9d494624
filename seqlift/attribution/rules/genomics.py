"""Genomics: RevealCancel for activations of dense layers, Rescale for everything else.

The default of the original DeepLIFT for genomics, "DeepLIFT_Genomics Default". Batch normalisation
between a dense layer and its activation does not count.
"""

from seqlift.attribution.propagation.rule import Rule
from seqlift.attribution.rules.rescale import RULE as RESCALE
from seqlift.attribution.rules.revealcancel import RULE as REVEALCANCEL
from seqlift.network.graph import Graph
from seqlift.network.primitives.affine import Dense, Scale
from seqlift.network.primitives.elementwise import Elementwise


def RULE(graph: Graph, node: int) -> Rule:  # noqa: N802 - the name every file of a rule exports
    """Choose RevealCancel for an activation of a dense layer, and Rescale for all else."""
    primitive = graph.nodes[node].primitive
    if not (isinstance(primitive, Elementwise) and primitive.activation):
        return RESCALE
    (source,) = graph.nodes[node].inputs
    while isinstance(graph.nodes[source].primitive, Scale):  # batch normalisation
        (source,) = graph.nodes[source].inputs
    return REVEALCANCEL if isinstance(graph.nodes[source].primitive, Dense) else RESCALE
