"""Which rule crosses each activation: one for all, or the genomics preset, or one for a layer.

Knows graphs; knows nothing of how a rule works.
"""

from collections.abc import Mapping

from seqlift.attribution.choices import Preset, Rule
from seqlift.attribution.graph import Graph
from seqlift.attribution.primitives.affine import Dense, Scale
from seqlift.attribution.primitives.base import Linear
from seqlift.errors import ModelError


def rules_of(
    graph: Graph, preset: Preset, overrides: Mapping[str, Rule] | None = None
) -> dict[int, Rule]:
    """Return the rule of each node that is not linear.

    `overrides` names layers, with a rule for all calls of each. Raises ModelError for a layer that
    is not there, or has nothing that a rule crosses.
    """
    rules = {
        i: in_genomics(graph, i) if preset == "genomics" else preset
        for i, node in enumerate(graph.nodes)
        if node.inputs and not isinstance(node.primitive, Linear)
    }
    for layer, rule in (overrides or {}).items():
        nodes = [i for call in graph.calls if call.layer == layer for i in call.nodes if i in rules]
        if not nodes:
            known = dict.fromkeys(c.layer for c in graph.calls for i in c.nodes if i in rules)
            raise ModelError(
                f"layer {layer}: it is not there, or no rule crosses it; layers with a rule are"
                f" {', '.join(known) or 'none'}"
            )
        rules.update(dict.fromkeys(nodes, rule))
    return rules


def in_genomics(graph: Graph, i: int) -> Rule:
    """Return RevealCancel for what follows a dense layer, and Rescale for all else.

    Batch normalisation in between does not count (the original's default, "DeepLIFT_Genomics
    Default", whose answer to anything but a dense layer or a convolution is an error).
    """
    (source, *_) = graph.nodes[i].inputs
    while isinstance(graph.nodes[source].primitive, Scale):
        (source,) = graph.nodes[source].inputs
    return "revealcancel" if isinstance(graph.nodes[source].primitive, Dense) else "rescale"
