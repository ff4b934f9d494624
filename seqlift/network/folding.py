"""Batch normalisation folded into the layer of weights before it: the same function."""

from collections import Counter
from dataclasses import replace

import numpy as np

from seqlift.network.graph import Graph, Node
from seqlift.network.primitives.affine import Dense, Scale
from seqlift.network.primitives.convolution import Convolution


def with_folded_scales(graph: Graph) -> Graph:
    """Fold every scale per channel into the dense layer or convolution that it alone reads.

    Nodes keep their numbers: a folded scale becomes one by 1.
    """
    readers = Counter(j for node in graph.nodes for j in node.inputs)
    nodes = list(graph.nodes)
    for i, node in enumerate(graph.nodes):
        scale = node.primitive
        if not isinstance(scale, Scale) or not is_per_channel(scale):
            continue
        (before,) = node.inputs
        layer = nodes[before].primitive
        alone = readers[before] == 1 and before not in graph.outputs  # others would read it scaled
        if not alone or not isinstance(layer, Dense | Convolution):
            continue
        factor, offset = (
            np.broadcast_to(np.ravel(array), node.shape[-1:])
            for array in (scale.factor, scale.offset)
        )
        bias = 0.0 if layer.bias is None else layer.bias
        folded = replace(layer, kernel=layer.kernel * factor, bias=bias * factor + offset)
        nodes[before] = replace(nodes[before], primitive=folded)
        # numbers stay as they are
        nodes[i] = Node(Scale(np.ones(1), np.zeros(1)), node.inputs, node.shape)
    return replace(graph, nodes=tuple(nodes))


def is_per_channel(scale: Scale) -> bool:
    """Tell whether a scale has one factor and one offset per channel, or the same for all."""
    arrays = (np.shape(scale.factor), np.shape(scale.offset))
    return all(shape[:-1] == (1,) * len(shape[:-1]) for shape in arrays)
