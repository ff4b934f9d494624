"""Layers that put several tensors together: sums, products, extremes, concatenation, dot products.

Tensors of fewer axes get new ones of extent 1 right after the batch axis, as Keras has it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from seqlift.lowering.compositions.composition import (
    concatenated,
    largest_of,
    padded_rank,
    product,
    reshaped,
    smallest_of,
    unit_length,
)
from seqlift.lowering.compositions.contractions import Factor, contracted
from seqlift.lowering.compositions.place import Lower, Place
from seqlift.network.primitives.affine import WeightedSum


def of_one_rank(place: Place, nodes: Sequence[int]) -> list[int]:
    rank = max(len(place.shape(node)) for node in nodes)
    return [reshaped(place, node, padded_rank(place.shape(node), rank)) for node in nodes]


def merging(merge: Callable[[Place, list[int]], int]) -> Lower:
    """Make the lowering of a layer that merges nodes of one rank, which broadcast."""

    def lower(_layer: Any, place: Place, *nodes: int) -> int:
        return merge(place, of_one_rank(place, nodes))

    return lower


def total(place: Place, nodes: list[int]) -> int:
    return place.add(WeightedSum((1.0,) * len(nodes)), *nodes)


def first_less_second(place: Place, nodes: list[int]) -> int:
    return place.add(WeightedSum((1.0, -1.0)), *nodes)


def average_nodes(place: Place, nodes: list[int]) -> int:
    return place.add(WeightedSum((1.0 / len(nodes),) * len(nodes)), *nodes)


def lower_concatenate_layer(layer: layers.Concatenate, place: Place, *nodes: int) -> int:
    axis = layer.axis + len(place.shape(nodes[0])) if layer.axis < 0 else layer.axis - 1
    return concatenated(place, nodes, axis)


def lower_dot_layer(layer: layers.Dot, place: Place, first: int, second: int) -> int:
    """Sum products over one axis of each of two tensors.

    The other axes of the first come first. Of two vectors it is one value.
    """
    nodes = [first, second]
    both = [layer.axes] * 2 if isinstance(layer.axes, int) else list(layer.axes)
    axes = [axis % (len(place.shape(n)) + 1) - 1 for axis, n in zip(both, nodes, strict=True)]
    if layer.normalize:
        epsilon = keras.config.epsilon()  # that of Keras's own layer
        nodes = [unit_length(place, n, (a,), epsilon) for n, a in zip(nodes, axes, strict=True)]
    ranks = [len(place.shape(node)) for node in nodes]
    left = "abcdefghijklm"[: ranks[0]]
    right = "nopqrstuvwxyz"[: ranks[1]]
    right = right.replace(right[axes[1]], left[axes[0]])
    shared = left[axes[0]]
    result = (left + right).replace(shared, "")
    node = contracted(place, [Factor(nodes[0], left), Factor(nodes[1], right)], result)
    return node if result else reshaped(place, node, (1,))


MERGING_LAYERS: dict[type, Lower] = {
    layers.Add: merging(total),
    layers.Subtract: merging(first_less_second),
    layers.Average: merging(average_nodes),
    layers.Multiply: merging(lambda place, nodes: product(place, *nodes)),
    layers.Maximum: merging(largest_of),
    layers.Minimum: merging(smallest_of),
    layers.Concatenate: lower_concatenate_layer,
    layers.Dot: lower_dot_layer,
}
