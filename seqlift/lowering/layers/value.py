"""Layers that weigh or move values, and those that do nothing at inference."""

from typing import Any

import numpy as np
from keras import layers
from numpy.typing import NDArray

from seqlift.lowering.compositions.operand import axes_of_node
from seqlift.lowering.compositions.place import Lower, Place, weights_of
from seqlift.lowering.layers.activation import activate
from seqlift.network.primitives.affine import Dense, Scale
from seqlift.network.primitives.shape import Permute, Reshape


def lower_dense(layer: layers.Dense, place: Place, node: int) -> int:
    bias = weights_of(layer.bias) if layer.use_bias else None
    return activate(layer.activation, place, place.add(Dense(weights_of(layer.kernel), bias), node))


OF_THE_BATCH = (
    "is called with training=True, so that a score would depend on the other sequences of its"
    " batch; leave that out of the call"
)


def lower_batch_normalization(
    layer: layers.BatchNormalization, place: Place, node: int, *, training: bool = False
) -> int:
    """Lower batch normalisation to the scale per channel that it is at inference."""
    if training and layer.trainable:  # a frozen layer uses its averages even then
        raise place.refuse(OF_THE_BATCH)
    (axis,) = axes_of_node(place, node, layer.axis)
    return batch_normalised(
        place,
        node,
        axis,
        (weights_of(layer.moving_mean), weights_of(layer.moving_variance), layer.epsilon),
        weights_of(layer.gamma) if layer.scale else None,
        weights_of(layer.beta) if layer.center else None,
    )


def batch_normalised(
    place: Place,
    node: int,
    axis: int,
    statistics: tuple[NDArray[Any], NDArray[Any], float],
    scale: NDArray[Any] | None,
    offset: NDArray[Any] | None,
) -> int:
    """Subtract constant means along an axis, divide by deviations, scale and move."""
    mean, variance, epsilon = statistics
    # Once for all sequences, so that float64 costs nothing.
    factor = 1.0 / np.sqrt(variance.astype(np.float64) + epsilon)
    factor = factor if scale is None else factor * scale
    move = -mean * factor if offset is None else -mean * factor + offset
    shape = (-1,) + (1,) * (len(place.shape(node)) - axis - 1)
    return place.add(Scale(factor.reshape(shape), move.reshape(shape)), node)


def lower_flatten(layer: layers.Flatten, place: Place, node: int) -> int:
    if layer.data_format == "channels_first" and len(place.shape(node)) > 1:
        # Keras flattens channels last
        node = place.add(Permute((*range(1, len(place.shape(node))), 0)), node)
    return place.add(Reshape((-1,)), node)


def lower_reshape_layer(layer: layers.Reshape, place: Place, node: int) -> int:
    return place.add(Reshape(tuple(layer.target_shape)), node)


def lower_permute(layer: layers.Permute, place: Place, node: int) -> int:
    return place.add(Permute(tuple(axis - 1 for axis in layer.dims)), node)


def lower_inactive(_layer: Any, _at: Place, node: int) -> int:  # when a model predicts
    return node


VALUE_LAYERS: dict[type, Lower] = {
    layers.Dense: lower_dense,
    layers.BatchNormalization: lower_batch_normalization,
    layers.Flatten: lower_flatten,
    layers.Reshape: lower_reshape_layer,
    layers.Permute: lower_permute,
    layers.InputLayer: lower_inactive,
    layers.Identity: lower_inactive,
    layers.Dropout: lower_inactive,
    layers.SpatialDropout1D: lower_inactive,
    layers.SpatialDropout2D: lower_inactive,
    layers.SpatialDropout3D: lower_inactive,
    layers.AlphaDropout: lower_inactive,
    layers.GaussianDropout: lower_inactive,
    layers.GaussianNoise: lower_inactive,
    layers.ActivityRegularization: lower_inactive,
    layers.RandomFlip: lower_inactive,
    layers.RandomTranslation: lower_inactive,
    layers.RandomRotation: lower_inactive,
    layers.RandomZoom: lower_inactive,
    layers.RandomContrast: lower_inactive,
    layers.RandomBrightness: lower_inactive,
}
