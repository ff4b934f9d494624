"""Mean-normalise the weights that read the sequence: each base against the mean base.

Of a one-hot base one channel is 1, so taking the mean over the channels from the weights of a
position, and adding it to the bias, changes no prediction; a multiplier then says how a base
differs from the mean of the four. As in the original DeepLIFT, whose helper for sequences does this
to the first convolution, N (no channel is 1) comes to count as the mean base: predictions of
sequences with N and of a reference of zeros do change. Those of frequencies that sum to 1, such as
the gc reference's, do not.

Knows graphs; knows nothing of rules.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import ModelError
from seqlift.network.graph import Graph
from seqlift.network.primitives.affine import Dense
from seqlift.network.primitives.base import Primitive, Weighted
from seqlift.network.primitives.convolution import Convolution
from seqlift.network.primitives.shape import Permute, Reshape, Take

Places = NDArray[np.intp]  # of a node with the values of the sequence: the base each belongs to


def mean_normalised(graph: Graph) -> Graph:
    """Subtract the mean over channels from the weights that read the sequence.

    Every convolution and dense layer that reads node 0, (bases, channels), is changed, also where
    the values are in another order or shape. Raises ModelError where there is none, for a
    convolution that pads (zeros are not a base), and for one that does not weigh all channels of a
    base at once.
    """
    if len(graph.nodes[0].shape) != 2:
        raise ModelError("the model takes no sequence (length, 4); leave --mean-normalise out")
    bases, channels = graph.nodes[0].shape
    places = {0: np.repeat(np.arange(bases)[:, None], channels, axis=1)}
    nodes = list(graph.nodes)
    for i, node in enumerate(graph.nodes):
        if len(node.inputs) != 1 or node.inputs[0] not in places:
            continue
        read = places[node.inputs[0]]
        if isinstance(node.primitive, Permute):
            places[i] = read.transpose(node.primitive.order)
        elif (
            isinstance(node.primitive, Take)
            and len({*node.primitive.indices})
            == len(node.primitive.indices)
            == read.shape[node.primitive.axis]
        ):
            places[i] = read.take(node.primitive.indices, axis=node.primitive.axis)
        elif isinstance(node.primitive, Reshape):
            places[i] = read.reshape(node.shape)
        elif isinstance(node.primitive, Weighted):
            layer = next((call.layer for call in graph.calls if i in call.nodes), "")
            nodes[i] = replace(node, primitive=normalised(node.primitive, read, layer=layer))
    if all(new is old for new, old in zip(nodes, graph.nodes, strict=True)):
        raise ModelError(
            "no convolution or dense layer reads the sequence as it is; leave --mean-normalise out"
        )
    return replace(graph, nodes=tuple(nodes))


def normalised(primitive: Weighted, places: Places, *, layer: str) -> Primitive:
    """Subtract the mean from the weights of `primitive`, which reads values of the bases `places`.

    The means are taken in float64.
    """
    kernel = primitive.kernel.astype(np.float64)
    if isinstance(primitive, Convolution):
        mean = mean_of_convolution(primitive, kernel, places, layer=layer)
    elif isinstance(primitive, Dense):
        mean = mean_of_dense(kernel, places, layer=layer)
    else:
        raise refusal(layer, "is neither a convolution nor a dense layer")
    # The mean is spread over the channels of a base, of which the sum is its share of the bias.
    each = np.broadcast_to(mean, kernel.shape) / places_per_base(places)
    offset = each.sum(axis=tuple(range(kernel.ndim - 1)))
    bias = offset if primitive.bias is None else primitive.bias.astype(np.float64) + offset
    changed: dict[str, Any] = {"kernel": kernel - mean, "bias": bias}
    return replace(primitive, **changed)


def places_per_base(places: Places) -> int:
    return int(places.size // (places.max() + 1))


def mean_of_convolution(
    convolution: Convolution, kernel: NDArray[np.float64], places: Places, *, layer: str
) -> NDArray[np.float64]:
    # The offset would go into the bias for padding as well, and change predictions at the ends.
    if any(low > 0 or high > 0 for low, high in convolution.pads):
        raise refusal(layer, "pads it with zeros, which are not a base")
    channels = places_per_base(places)
    along = [
        axis
        for axis, extent in enumerate(places.shape)
        if extent == channels and (places == places.take([0], axis)).all()
    ]
    if not along or kernel.shape[along[0]] != channels:
        raise refusal(layer, "does not weigh all channels of a base at once")
    mean: NDArray[np.float64] = kernel.mean(axis=along[0], keepdims=True)
    return mean


def mean_of_dense(
    kernel: NDArray[np.float64], places: Places, *, layer: str
) -> NDArray[np.float64]:
    rows = places.reshape(-1, places.shape[-1])
    bases, groups = np.unique(rows[0], return_inverse=True)
    counts = np.bincount(groups)
    like_first = all((np.unique(row, return_inverse=True)[1] == groups).all() for row in rows)
    if not like_first or (counts != places_per_base(places)).any():
        raise refusal(layer, "does not weigh all channels of a base at once")
    member = groups == np.arange(len(bases))[:, None]
    mean: NDArray[np.float64] = (member @ kernel / counts[:, None])[groups]
    return mean


def refusal(layer: str, reason: str) -> ModelError:
    return ModelError(
        f"layer {layer} reads the sequence and {reason}, so its weights cannot be mean-normalised;"
        " leave --mean-normalise out"
    )
