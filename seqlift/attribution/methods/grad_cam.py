"""Grad-CAM: activations of a layer, each channel weighed by its mean gradient, cut off at zero.

    map(p) = ReLU( sum_k mean_q(df / dA_k(q)) A_k(p) )

Selvaraju et al. 2017 (arXiv:1610.02391), equations 1 and 2.
"""

from keras import ops

from seqlift.attribution.activation_map import (
    ActivationMap,
    Array,
    activation_map,
    over_positions,
)


def weighed(activations: Array, gradient: Array) -> Array:
    weights = ops.mean(gradient, axis=over_positions(gradient), keepdims=True)
    return ops.relu(ops.sum(weights * activations, axis=-1))


def method(*, layer: str = "", spread: str = "field") -> ActivationMap:
    """Make Grad-CAM of a `layer`, by default the last convolution; `spread` is field or nearest."""
    made: ActivationMap = activation_map("grad-cam", weighed, layer=layer, spread=spread)
    return made
