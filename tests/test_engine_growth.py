"""Making an engine looks at each node a few times, however deep the network is."""

import numpy as np
import pytest

from seqlift.attribution.engine import Engine
from seqlift.attribution.heads import WeightedHead
from seqlift.attribution.registry import method_named
from seqlift.network.graph import Graph, GraphBuilder, Node
from seqlift.network.primitives.affine import WeightedSum
from seqlift.network.primitives.elementwise import SIGMOID

MANY = 100_000
"""Looks at which a search that follows every path anew is stopped; it would not end."""


def chain(blocks: int) -> Graph:
    """Make a chain of blocks x + sigmoid(x), of which each doubles the number of paths."""
    graph = GraphBuilder()
    x = graph.add_input((3, 4), "bases")
    for _ in range(blocks):
        x = graph.add(WeightedSum((1.0, 1.0)), x, graph.add(SIGMOID, x))
    return graph.finish([x])


def looks_at_nodes(graph: Graph, rule: str) -> int:
    """Count how often making the engine of a graph looks at what a node is or reads."""
    looks = 0

    def counting(node: Node, name: str) -> object:
        nonlocal looks
        looks += 1
        assert looks < MANY
        return object.__getattribute__(node, name)

    head = WeightedHead(graph.outputs[0], np.ones((3, 4), np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Node, "__getattribute__", counting, raising=False)
        Engine(graph, [head], method_named("deeplift", {"rule": rule}))
    return looks


@pytest.mark.parametrize("rule", ["genomics", "rescale", "revealcancel"])
def test_looks_at_nodes_grow_as_the_depth(rule: str) -> None:
    """Every further block costs the same; if paths were followed anew, twice as much as before."""
    ten, twenty, thirty = (looks_at_nodes(chain(blocks), rule) for blocks in (10, 20, 30))
    assert ten > 0
    assert thirty - twenty == twenty - ten
