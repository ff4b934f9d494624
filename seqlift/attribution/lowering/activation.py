"""Activation functions and activation layers."""

from typing import Any

from keras import activations, layers

from seqlift.attribution.lowering.place import Lower, Place, weights_of
from seqlift.attribution.primitives import elementwise
from seqlift.attribution.primitives.elementwise import Elementwise
from seqlift.attribution.primitives.softmax import Softmax

ACTIVATIONS: dict[Any, Elementwise] = {
    activations.relu: elementwise.RELU,
    activations.relu6: elementwise.general_relu(slope=0.0, ceiling=6.0, threshold=0.0),
    activations.leaky_relu: elementwise.leaky_relu(0.2),
    activations.elu: elementwise.elu(1.0),
    activations.selu: elementwise.elu(1.6732632423543772, scale=1.0507009873554805, name="selu"),
    activations.sigmoid: elementwise.SIGMOID,
    activations.hard_sigmoid: elementwise.clipped_line(
        "hard_sigmoid", slope=1 / 6, low=0.0, high=1.0, offset=0.5
    ),
    activations.tanh: elementwise.TANH,
    activations.softplus: elementwise.SOFTPLUS,
    activations.exponential: elementwise.EXPONENTIAL,
    activations.silu: elementwise.SILU,
    activations.softsign: elementwise.SOFTSIGN,
}


# Functions that a model file's reader puts in place of what today's Keras defines otherwise.
ACTIVATIONS_BY_NAME: dict[str, Elementwise] = {
    "hard_sigmoid_of_keras_2": elementwise.clipped_line(
        "hard_sigmoid", slope=0.2, low=0.0, high=1.0, offset=0.5
    ),
}


def activate(activation: Any, at: Place, node: int) -> int:
    """Return `node` with an activation function applied; a linear one adds nothing."""
    if activation is None or activation is activations.linear:
        return node
    if activation is activations.softmax:
        return at.add(Softmax(len(at.shape(node)) - 1), node)
    if type(activation) in ACTIVATION_LAYERS:  # a layer may serve as an activation
        return ACTIVATION_LAYERS[type(activation)](activation, at, node)
    name = getattr(activation, "__name__", type(activation).__name__)
    primitive = ACTIVATIONS.get(activation) or ACTIVATIONS_BY_NAME.get(name)
    if primitive is None:
        raise at.refuse(
            f"has the activation {name}, which has no rule; known are"
            f" {', '.join(sorted(known.__name__ for known in ACTIVATIONS))}, softmax and linear"
        )
    return at.add(primitive, node)


def lower_activation(layer: layers.Activation, at: Place, node: int) -> int:
    """Return the activation."""
    return activate(layer.activation, at, node)


def lower_relu(layer: layers.ReLU, at: Place, node: int) -> int:
    """Return ReLU with its slope, ceiling and threshold."""
    slope, ceiling = float(layer.negative_slope or 0.0), layer.max_value
    threshold = float(layer.threshold or 0.0)
    ceiling = None if ceiling is None else float(ceiling)
    relu = elementwise.general_relu(slope=slope, ceiling=ceiling, threshold=threshold)
    return at.add(relu, node)


def lower_leaky_relu(layer: layers.LeakyReLU, at: Place, node: int) -> int:
    """Return leaky ReLU."""
    return at.add(elementwise.leaky_relu(float(layer.negative_slope)), node)


def lower_prelu(layer: layers.PReLU, at: Place, node: int) -> int:
    """Return leaky ReLU with learned slopes."""
    return at.add(elementwise.leaky_relu(weights_of(layer.alpha), name="prelu"), node)


def lower_elu(layer: layers.ELU, at: Place, node: int) -> int:
    """Return ELU."""
    return at.add(elementwise.elu(float(layer.alpha)), node)


def lower_softmax(layer: layers.Softmax, at: Place, node: int) -> int:
    """Return softmax along one axis."""
    if not isinstance(layer.axis, int):
        raise at.refuse("is over several axes, which has no rule; use one axis")
    rank = len(at.shape(node))
    return at.add(Softmax(layer.axis + rank if layer.axis < 0 else layer.axis - 1), node)


ACTIVATION_LAYERS: dict[type, Lower] = {
    layers.Activation: lower_activation,
    layers.ReLU: lower_relu,
    layers.LeakyReLU: lower_leaky_relu,
    layers.PReLU: lower_prelu,
    layers.ELU: lower_elu,
    layers.Softmax: lower_softmax,
}
