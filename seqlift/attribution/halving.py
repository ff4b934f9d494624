"""Which convolutions may be made of half the products: those whose roundings nothing compares.

As products stand, equal windows have equal values, and a window of zeros has the bias. Of half the
products (`primitives.winograd`) they have so but for a few roundings of the products, which differ
from place to place. That is nothing to a sum. But of several equal values a maximum finds one
winner, a difference of equal values is not zero, and a ReLU has any slope at nearly zero.

Multipliers on their way back are weighed, summed and, by guided rules, cut off at zero: all of that
changes little by little, so they may always be halved.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from seqlift.attribution.choices import Rule
from seqlift.network.graph import Graph, Node
from seqlift.network.primitives.affine import WeightedSum
from seqlift.network.primitives.base import Linear
from seqlift.network.primitives.convolution import Convolution
from seqlift.network.primitives.elementwise import Elementwise


def with_halved(graph: Graph, needed: Iterable[int], rules: Mapping[int, Rule]) -> Graph:
    """Return the graph with every convolution marked that may be halved on the way forward.

    `needed` are the nodes that are computed, `rules` those of nodes that are not linear.
    """
    comparing = [i for i in needed if compares(graph.nodes[i], rules.get(i))]
    compared = set(graph.ancestors(comparing))
    nodes = [node if i in compared else halved(node) for i, node in enumerate(graph.nodes)]
    return replace(graph, nodes=tuple(nodes))


def compares(node: Node, rule: Rule | None) -> bool:
    """Return whether a node tells equal values from nearly equal ones; RevealCancel does."""
    primitive = node.primitive
    if rule == "revealcancel":
        return True
    if isinstance(primitive, WeightedSum):
        return min(primitive.weights) < 0.0
    return bool(node.inputs) and not isinstance(primitive, Linear | Elementwise)


def halved(node: Node) -> Node:
    """Return a convolution that gives nowhere zero for a window of zeros, marked; others as is."""
    primitive = node.primitive
    if not isinstance(primitive, Convolution) or primitive.bias is None:
        return node
    return replace(node, primitive=replace(primitive, halved=bool(np.all(primitive.bias != 0.0))))
