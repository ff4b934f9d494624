"""Turn each target into the head that computes its scalar from a graph.

Knows targets, graphs and heads; knows nothing of rules or arrays.
"""

from collections.abc import Sequence

from seqlift.attribution.heads import (
    BoxHead,
    Head,
    ProfileHead,
    WeightedHead,
    box_factors,
    unit_weights,
)
from seqlift.explain.spans import check_span
from seqlift.explain.target import Target
from seqlift.network.graph import Graph
from seqlift.network.primitives.elementwise import SIGMOID
from seqlift.network.primitives.shape import Reshape
from seqlift.network.primitives.softmax import Softmax


def head_of(target: Target, graph: Graph, *, pre_activation: bool, centred: bool) -> Head:
    """Make the head of `graph` for a target.

    With `pre_activation` it explains the input of a final sigmoid or softmax; with `centred` a
    softmax logit less the mean over classes.
    """
    output = node = graph.outputs[target.output]
    was_softmax = False
    if pre_activation:
        node, was_softmax = before_activation(graph, node)
    if target.kind in ("profile", "profile-complete"):
        return ProfileHead(node, complete=target.kind == "profile-complete")
    shape = graph.nodes[node].shape
    spans = target.spans or ([(target.index, target.index + 1)] if target.index is not None else [])
    for place, span in enumerate(spans):  # an axis that the file leaves open has its extent now
        check_span(target.name, span, place, shape, target.name.partition(":")[0])
    if target.spans:
        softmax = graph.nodes[output].primitive if was_softmax and centred else None
        axis = softmax.axis if isinstance(softmax, Softmax) else None
        return BoxHead(node, box_factors(shape, target.spans, centred=axis))
    return WeightedHead(node, unit_weights(shape, target.index, centred=was_softmax and centred))


def heads_of(
    targets: Sequence[Target], graph: Graph, *, pre_activation: bool, centred: bool
) -> list[Head]:
    """Make the head of each target: see `head_of`."""
    options = {"pre_activation": pre_activation, "centred": centred}
    return [head_of(target, graph, **options) for target in targets]


def unvarying(targets: Sequence[Target], heads: Sequence[Head], graph: Graph) -> frozenset[str]:
    """Find the targets, by name, that do not depend on the sequence."""
    varying = graph.varying()
    named = zip(targets, heads, strict=True)
    return frozenset(target.name for target, head in named if head.node not in varying)


def before_activation(graph: Graph, node: int) -> tuple[int, bool]:
    """Find the node before a final sigmoid or softmax, and whether it is a softmax."""
    primitive = graph.nodes[node].primitive
    single = node  # one number may lose its axis after the activation
    while isinstance(graph.nodes[single].primitive, Reshape) and graph.nodes[node].shape == ():
        (single,) = graph.nodes[single].inputs
    if graph.nodes[single].primitive is SIGMOID:  # the one object: a hard sigmoid has no logit
        return graph.nodes[single].inputs[0], False
    if isinstance(primitive, Softmax):
        return graph.nodes[node].inputs[0], True
    return node, False
