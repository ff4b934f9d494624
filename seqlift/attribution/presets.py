"""Which rule crosses each activation: one for all, or the genomics preset, or one for a layer.

Knows graphs; knows nothing of how a rule works.
"""

from collections.abc import Mapping

from seqlift.attribution.choices import Preset, Rule
from seqlift.errors import ModelError
from seqlift.network.graph import Graph
from seqlift.network.primitives.affine import Dense, Scale
from seqlift.network.primitives.base import Linear
from seqlift.network.primitives.elementwise import Elementwise


def rules_of(
    graph: Graph, preset: Preset, overrides: Mapping[str, Rule] | None = None
) -> dict[int, Rule]:
    """Return the rule of each node that is not linear.

    `overrides` names layers, with a rule for all calls of each. Raises ModelError for a layer that
    is not there, or has nothing that a rule crosses.
    """
    rules = {i: rule_in(graph, i, preset) for i in crossed(graph)}
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


def rules_inside(step: Graph, rule: Rule) -> dict[int, Rule]:
    """Return the rule of each node of the step of a recurrence that `rule` crosses."""
    return dict.fromkeys(crossed(step), rule)


def crossed(graph: Graph) -> list[int]:
    """Return the nodes that a rule crosses: those that depend on the sequence, and not linearly."""
    varying = sorted(graph.varying() - set(graph.sources))
    return [i for i in varying if not isinstance(graph.nodes[i].primitive, Linear)]


def rule_in(graph: Graph, i: int, preset: Preset) -> Rule:
    """Return the rule that a preset has for node `i`."""
    if preset == "genomics":
        return in_genomics(graph, i)
    return "gradient" if preset == "integrated-gradients" else preset


def in_genomics(graph: Graph, i: int) -> Rule:
    """Return RevealCancel for an activation of a dense layer, and Rescale for all else.

    Batch normalisation in between does not count (the original's default, "DeepLIFT_Genomics
    Default", whose answer to anything but a dense layer or a convolution is an error).
    """
    primitive = graph.nodes[i].primitive
    if not (isinstance(primitive, Elementwise) and primitive.activation):
        return "rescale"
    (source,) = graph.nodes[i].inputs
    while isinstance(graph.nodes[source].primitive, Scale):
        (source,) = graph.nodes[source].inputs
    return "revealcancel" if isinstance(graph.nodes[source].primitive, Dense) else "rescale"
