"""Grad-CAM++: Grad-CAM with a weight for each position's gradient, for several instances.

    alpha_k(p) = 1 / (2 + g_k(p) sum_q A_k(q)),   w_k = sum_p alpha_k(p) ReLU(g_k(p)),
    map(p) = ReLU( sum_k w_k A_k(p) )

Chattopadhay et al. 2018 (arXiv:1710.11063), equations 10, 14 and 19, with the exponential of the
score as output; its factor exp(f) is the same for all positions and is left out.
"""

from keras import ops

from seqlift.attribution.activation_map import (
    ActivationMap,
    Array,
    activation_map,
    over_positions,
)


def weighed(activations: Array, gradient: Array) -> Array:
    axes = over_positions(gradient)
    total = ops.sum(activations, axis=axes, keepdims=True)
    divisor = 2.0 + gradient * total  # equation 19 with g^2 divided out
    alpha = ops.where(ops.equal(divisor, 0.0), 0.0, 1.0 / ops.where(divisor == 0.0, 1.0, divisor))
    weights = ops.sum(alpha * ops.relu(gradient), axis=axes, keepdims=True)
    return ops.relu(ops.sum(weights * activations, axis=-1))


def method(*, layer: str = "", spread: str = "field") -> ActivationMap:
    """Make Grad-CAM++ of a `layer`, by default the last convolution; `spread`: field or nearest."""
    made: ActivationMap = activation_map("grad-cam++", weighed, layer=layer, spread=spread)
    return made
