"""CAM, class activation map: activations of the last layer with positions, by the dense weights.

    map(p) = sum_k w_k A_k(p)

Zhou et al. 2016 (arXiv:1512.04150). It needs a global average of the layer and dense layers without
activations after it; w_k is then what channel k counts in the target.
"""

import math

from keras import ops

from seqlift.attribution.activation_map import (
    ActivationMap,
    Array,
    activation_map,
    over_positions,
)
from seqlift.network.graph import Graph
from seqlift.network.primitives.affine import Mean
from seqlift.network.primitives.base import Linear


def weighed(activations: Array, gradient: Array) -> Array:
    number = math.prod(activations.shape[axis] for axis in over_positions(activations))
    # the gradient of a mean over P is w / P
    return ops.sum(activations * gradient, axis=-1) * number


def unsuited(graph: Graph, node: int) -> str | None:
    """Say why a layer has no class activation map, if it has none."""
    after = {node}
    averaged = False
    for i in range(node + 1, len(graph.nodes)):
        at = graph.nodes[i]
        if after.isdisjoint(at.inputs):
            continue
        after.add(i)
        is_last = i in graph.outputs
        if isinstance(at.primitive, Mean) and node in at.inputs:
            averaged = set(at.primitive.axes) == set(range(len(graph.nodes[node].shape) - 1))
        # The last node may be the softmax or sigmoid of the target, which is explained before it.
        elif not isinstance(at.primitive, Linear) and not is_last:
            return f"{at.primitive.describe()} follows it, and not only {NEEDED}"
    return None if averaged else f"it is not averaged over all positions: {NEEDED}"


NEEDED = "a global average and dense layers without activation; use --method grad-cam"


def method(*, layer: str = "", spread: str = "field") -> ActivationMap:
    """Make CAM of a `layer`, by default the last convolution; `spread` is field or nearest."""
    made: ActivationMap = activation_map(
        "cam", weighed, layer=layer, spread=spread, suits=unsuited, signed=True
    )
    return made
