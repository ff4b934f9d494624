"""Normalisation layers, as compositions: mean, difference, square, root and quotient.

Those that learn their statistics in training are a scale by constants. Batch normalisation, which
is one, is `seqlift.lowering.layers.value`.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from seqlift.lowering.compositions.composition import centred, divide_nodes, unit_length
from seqlift.lowering.compositions.operand import axes_of_node
from seqlift.lowering.compositions.place import Lower, Place, weights_of
from seqlift.network.primitives import powers
from seqlift.network.primitives.affine import Mean, Scale
from seqlift.network.primitives.base import Shape
from seqlift.network.primitives.shape import Reshape


def lower_layer_normalization(layer: layers.LayerNormalization, place: Place, node: int) -> int:
    """Subtract the mean, divide by the standard deviation, scale and move.

    With `rms_scaling`, of older files, the mean stays and nothing is moved.
    """
    axes = axes_of_node(place, node, layer.axis)
    shape = place.shape(node)
    values = centred(place, node, axes)
    spread = mean_square(place, values, axes)
    # Keras's own rms_scaling divides by the deviation, not by the root of the mean square.
    scaled = divided_by_root(place, node if layer.rms_scaling else values, spread, layer.epsilon)
    return apply_scale(place, scaled, layer.gamma, layer.beta, along(shape, axes))


def lower_group_normalization(layer: layers.GroupNormalization, place: Place, node: int) -> int:
    shape, (axis,) = place.shape(node), axes_of_node(place, node, layer.axis)
    parted = (*shape[:axis], layer.groups, shape[axis] // layer.groups, *shape[axis + 1 :])
    groups = place.add(Reshape(parted), node)
    axes = [i for i in range(len(parted)) if i != axis]
    values = centred(place, groups, axes)
    spread = mean_square(place, values, axes)
    whole = place.add(Reshape(shape), divided_by_root(place, values, spread, layer.epsilon))
    return apply_scale(place, whole, layer.gamma, layer.beta, along(shape, [axis]))


def lower_rms_normalization(layer: layers.RMSNormalization, place: Place, node: int) -> int:
    """Divide by the root of the mean square, and scale."""
    axes = axes_of_node(place, node, layer.axis)
    scaled = divided_by_root(place, node, mean_square(place, node, axes), layer.epsilon)
    return apply_scale(place, scaled, layer.scale, None, along(place.shape(node), axes))


def lower_unit_normalization(layer: layers.UnitNormalization, place: Place, node: int) -> int:
    axes = axes_of_node(place, node, layer.axis)
    return unit_length(place, node, axes, 1e-12)  # as Keras's own layer


def lower_normalization(layer: layers.Normalization, place: Place, node: int) -> int:
    """Subtract a constant mean and divide by a constant deviation, or the reverse."""
    if layer.mean is None:
        raise place.refuse(
            "has no mean and variance yet; call its `adapt` and save the model again"
        )
    mean, spread = (
        without_batch(weights_of(array).astype(np.float64), place, node)
        for array in (layer.mean, layer.variance)
    )
    deviation = np.maximum(np.sqrt(spread), keras.config.epsilon())  # as Keras's own layer
    nothing = np.zeros(1)
    if layer.invert:
        return place.add(Scale(deviation, mean), node)
    # In two steps: x / deviation less mean / deviation would cancel.
    return place.add(Scale(1.0 / deviation, nothing), place.add(Scale(np.ones(1), -mean), node))


def lower_rescaling(layer: layers.Rescaling, place: Place, node: int) -> int:
    factor, offset = (weights_of(array) for array in (layer.scale, layer.offset))
    if factor.ndim and keras.config.image_data_format() == "channels_first":
        factor = factor.reshape(factor.shape + (1,) * (3 - factor.ndim))  # as Keras's own layer
    constants = (without_batch(array.astype(np.float64), place, node) for array in (factor, offset))
    return place.add(Scale(*constants), node)


def mean_square(place: Place, node: int, axes: Sequence[int]) -> int:
    return place.add(Mean(tuple(axes), keepdims=True), place.add(powers.SQUARE, node))


def divided_by_root(place: Place, node: int, square: int, epsilon: float) -> int:
    above_zero = place.add(Scale(np.ones(1), np.full(1, epsilon)), square)
    return divide_nodes(place, node, place.add(powers.SQRT, above_zero))


def along(shape: Shape, axes: Sequence[int]) -> Shape:
    return tuple(size if axis in axes else 1 for axis, size in enumerate(shape))


def apply_scale(place: Place, node: int, factor: Any, offset: Any, shape: Shape) -> int:
    if factor is None and offset is None:
        return node
    weights, moves = (
        np.full(1, default) if learned is None else weights_of(learned).reshape(shape)
        for learned, default in ((factor, 1.0), (offset, 0.0))
    )
    return place.add(Scale(weights, moves), node)


def without_batch(array: NDArray[np.floating], place: Place, node: int) -> NDArray[np.floating]:
    """Drop the batch axis of constants that broadcast against a layer's input."""
    rank = len(place.shape(node))
    if array.ndim > rank and array.shape[0] != 1:
        raise place.refuse("has constants along the batch axis; give one set for all sequences")
    return array.reshape(array.shape[-rank:]) if array.ndim > rank else array


NORMALIZATION_LAYERS: dict[type, Lower] = {
    layers.LayerNormalization: lower_layer_normalization,
    layers.GroupNormalization: lower_group_normalization,
    layers.RMSNormalization: lower_rms_normalization,
    layers.UnitNormalization: lower_unit_normalization,
    layers.Normalization: lower_normalization,
    layers.Rescaling: lower_rescaling,
}
