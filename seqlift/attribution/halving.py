"""Which convolutions may use Winograd's algorithm: those whose outputs are summed, never compared.

A plain convolution gives equal windows equal values, and a window of zeros the bias. With half the
products (`device.winograd`) these hold only up to a few roundings, which differ from place to
place. A sum is hardly affected. But of several equal values a maximum finds one winner, a
difference of equal values is not zero, and a ReLU has any slope at nearly zero.

Multipliers on their way back are weighed, summed and, by guided rules, cut off at zero: all of that
changes little by little, so they may always be halved.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from seqlift.attribution.propagation.passes import Rules, asked
from seqlift.network.graph import Graph, Node
from seqlift.network.primitives.affine import WeightedSum
from seqlift.network.primitives.base import Linear
from seqlift.network.primitives.by_length import ByLength
from seqlift.network.primitives.convolution import Convolution
from seqlift.network.primitives.elementwise import Elementwise


def with_halved(graph: Graph, needed: Iterable[int], rules: Rules) -> Graph:
    """Mark every convolution that may use half the products on the way forward.

    `needed` are the nodes that are computed, `rules` those of nodes that depend on the sequence.
    """
    comparing = [i for i in needed if compares(graph, rules, i)]
    compared = set(graph.ancestors(comparing))
    nodes = [node if i in compared else mark_halved(node) for i, node in enumerate(graph.nodes)]
    return replace(graph, nodes=tuple(nodes))


def compares(graph: Graph, rules: Rules, i: int) -> bool:
    node = graph.nodes[i]
    if asked(graph, rules, i) and rules[i].compares:
        return True
    if isinstance(node.primitive, WeightedSum):
        return min(node.primitive.weights) < 0.0  # a difference, which of equal values has to be 0
    return bool(node.inputs) and not isinstance(node.primitive, Linear | Elementwise | ByLength)


def mark_halved(node: Node) -> Node:
    """Mark a convolution whose value for a window of zeros is nowhere zero; leave other nodes."""
    primitive = node.primitive
    if not isinstance(primitive, Convolution) or primitive.bias is None:
        return node
    # By half the products a window of zeros gives about 1e-8 where the bias is 0: a ReLU after it
    # could have either slope.
    return replace(node, primitive=replace(primitive, halved=bool(np.all(primitive.bias != 0.0))))
