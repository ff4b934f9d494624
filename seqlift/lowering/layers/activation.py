"""Activation functions and activation layers."""

from collections.abc import Callable
from typing import Any

from keras import activations, layers

from seqlift.lowering.compositions.composition import log_sum_exp, subtract_nodes
from seqlift.lowering.compositions.operand import axes_of_node
from seqlift.lowering.compositions.place import Lower, Place, Tensor, weights_of
from seqlift.lowering.compositions.traced import traced
from seqlift.network.primitives import curves, elementwise
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.primitives.product import Multiply
from seqlift.network.primitives.shape import Pad
from seqlift.network.primitives.softmax import Softmax

KERAS_ACTIVATIONS: dict[Any, Elementwise] = {
    activations.relu: elementwise.RELU,
    activations.relu6: elementwise.general_relu(slope=0.0, ceiling=6.0, threshold=0.0),
    # the function's default; the layer's is 0.3
    activations.leaky_relu: elementwise.leaky_relu(0.2),
    activations.elu: elementwise.elu(1.0),
    activations.selu: elementwise.SELU,
    activations.celu: elementwise.celu(1.0),
    activations.sigmoid: elementwise.SIGMOID,
    activations.hard_sigmoid: elementwise.HARD_SIGMOID,
    activations.sparse_sigmoid: elementwise.SPARSE_SIGMOID,
    activations.log_sigmoid: curves.LOG_SIGMOID,
    activations.tanh: elementwise.TANH,
    activations.hard_tanh: elementwise.HARD_TANH,
    activations.softplus: elementwise.SOFTPLUS,
    activations.sparse_plus: curves.SPARSE_PLUS,
    activations.squareplus: curves.squareplus(4.0),
    activations.exponential: elementwise.EXPONENTIAL,
    activations.silu: elementwise.SILU,
    activations.hard_silu: curves.HARD_SILU,
    activations.gelu: curves.GELU,
    activations.mish: curves.MISH,
    activations.softsign: elementwise.SOFTSIGN,
    activations.soft_shrink: elementwise.soft_shrink(0.5),
    activations.hard_shrink: elementwise.hard_shrink(0.5),
    activations.tanh_shrink: curves.TANH_SHRINK,
}


# Functions that a model file's reader puts in place of what today's Keras defines otherwise.
ACTIVATIONS_BY_NAME: dict[str, Elementwise] = {
    "hard_sigmoid_of_keras_2": elementwise.clipped_line(
        "hard_sigmoid", slope=0.2, low=0.0, high=1.0, offset=0.5
    ),
}


def activate(activation: Any, place: Place, node: int) -> int:
    """Apply an activation function to `node`; a linear one adds nothing."""
    if activation is None or activation is activations.linear:
        return node
    if activation in ALONG_AN_AXIS:
        return ALONG_AN_AXIS[activation](place, node)
    if type(activation) in ACTIVATION_LAYERS:  # a layer may serve as an activation
        return int(ACTIVATION_LAYERS[type(activation)](activation, place, node))
    name = getattr(activation, "__name__", type(activation).__name__)
    primitive = KERAS_ACTIVATIONS.get(activation) or ACTIVATIONS_BY_NAME.get(name)
    if primitive is not None:
        return place.add(primitive, node)
    model = traced(activation, ((Tensor(node),), {}), shape=place.shape, name=name)
    if model is None:
        known = {*KERAS_ACTIVATIONS, *ALONG_AN_AXIS} - {activations.sparsemax}
        names = sorted(function.__name__ for function in known)
        raise place.refuse(
            f"has the activation {name}, which is not written with keras.ops alone; write it so, or"
            f" use one of {', '.join(names)} and linear"
        )
    (result,) = place.walk(model, [node], place.builder, f"{place.layer}/")
    return result


def softmax(place: Place, node: int, *, axis: Any = -1) -> int:
    """Add the softmax along `axis`, counted from the batch axis, or along several at once."""
    axes = axes_of_node(place, node, axis)
    if len(axes) == 1:
        return place.add(Softmax(axes[0]), node)
    exponent = log_softmax(place, node, axis=axis)
    return place.add(elementwise.EXPONENTIAL, exponent)


def log_softmax(place: Place, node: int, *, axis: Any = -1) -> int:
    """Add the logarithm of the softmax along one or several axes, counted from the batch."""
    axes = axes_of_node(place, node, axis)
    return subtract_nodes(place, node, log_sum_exp(place, node, axes, keepdims=True))


def gated_linear(place: Place, node: int, *, axis: int = -1) -> int:
    """Multiply the first half along `axis` by the sigmoid of the second half."""
    shape, (halved,) = place.shape(node), axes_of_node(place, node, axis)
    half = shape[halved] // 2
    if 2 * half != shape[halved]:
        raise place.refuse(f"halves an axis of {shape[halved]}; give an even number of channels")
    pads = [[(0, 0)] * len(shape) for _ in range(2)]
    pads[0][halved], pads[1][halved] = (0, -half), (-half, 0)
    value, gate = (place.add(Pad(tuple(pad)), node) for pad in pads)
    return place.add(Multiply(), value, place.add(elementwise.SIGMOID, gate))


def refuse_sparsemax(place: Place, _node: int) -> int:
    raise place.refuse(
        "has the activation sparsemax, which has no rule that sums up; use softmax, or explain the"
        " output before it"
    )


ALONG_AN_AXIS: dict[Any, Callable[[Place, int], int]] = {
    activations.softmax: softmax,
    activations.log_softmax: log_softmax,
    activations.glu: gated_linear,
    activations.sparsemax: refuse_sparsemax,
}


def lower_activation(layer: layers.Activation, place: Place, node: int) -> int:
    return activate(layer.activation, place, node)


def lower_relu(layer: layers.ReLU, place: Place, node: int) -> int:
    slope, ceiling = float(layer.negative_slope or 0.0), layer.max_value  # None in old files
    threshold = float(layer.threshold or 0.0)
    ceiling = None if ceiling is None else float(ceiling)
    relu = elementwise.general_relu(slope=slope, ceiling=ceiling, threshold=threshold)
    return place.add(relu, node)


def lower_leaky_relu(layer: layers.LeakyReLU, place: Place, node: int) -> int:
    return place.add(elementwise.leaky_relu(float(layer.negative_slope)), node)


def lower_prelu(layer: layers.PReLU, place: Place, node: int) -> int:
    return place.add(elementwise.leaky_relu(weights_of(layer.alpha), name="prelu"), node)


def lower_elu(layer: layers.ELU, place: Place, node: int) -> int:
    return place.add(elementwise.elu(float(layer.alpha)), node)


def lower_softmax_layer(layer: layers.Softmax, place: Place, node: int) -> int:
    return softmax(place, node, axis=layer.axis)


ACTIVATION_LAYERS: dict[type, Lower] = {
    layers.Activation: lower_activation,
    layers.ReLU: lower_relu,
    layers.LeakyReLU: lower_leaky_relu,
    layers.PReLU: lower_prelu,
    layers.ELU: lower_elu,
    layers.Softmax: lower_softmax_layer,
}
