"""Every layer the second implementation knows, by the name of its class in Keras."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from oracle import mixing, recurrent, windows
from oracle.activations import ACTIVATIONS, IDENTITY, elu, leaky, relu
from oracle.functions import Function
from oracle.parts import Array
from oracle.tape import Tape, Value

Apply = Callable[..., Value]  # (tape, layer, *values, **values by name)


def called(tape: Tape, layer: Any, *values: Value, **named: Value) -> Value:
    """Compute a layer of values; raise NotImplementedError for one it does not know."""
    name = type(layer).__name__
    if name not in LAYERS or not hasattr(layer, "get_weights"):
        raise NotImplementedError(name)
    return LAYERS[name](tape, layer, *values, **named)


def function_of(activation: Any) -> Function:
    """Return the function that a layer's activation is."""
    name = getattr(activation, "__name__", type(activation).__name__)
    if name not in ACTIVATIONS and name != "linear":
        raise NotImplementedError(f"activation {name}")
    return IDENTITY if name == "linear" else ACTIVATIONS[name]


def activated(tape: Tape, activation: Any, value: Value) -> Value:
    """Return an activation of a value, which may be a softmax or a layer."""
    name = getattr(activation, "__name__", type(activation).__name__)
    if activation is None or name == "linear":
        return value
    if name in LAYERS:
        return called(tape, activation, value)
    if name in ("softmax", "log_softmax"):
        result = tape.softmax(value, -1, logarithm=name == "log_softmax")
    else:
        result = tape.activated(value, function_of(activation))
    if name in ("softmax", "sigmoid"):
        tape.endings[result.number] = (name, value)
    return result


def with_activation(apply: Apply) -> Apply:
    """Compute a layer, followed by the activation it has itself."""
    return lambda tape, layer, value: activated(tape, layer.activation, apply(tape, layer, value))


def bending(function: Callable[[Any], Function]) -> Apply:
    """Compute a layer that is a function of each value with settings of its own."""
    return lambda tape, layer, value: tape.activated(value, function(layer))


def dense(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the product with the kernel, before the activation."""
    return tape.weighed(value, *layer.get_weights(), origin="dense")


def einsum_dense(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the sums of products the layer's equation says, before the activation.

    As a product of the values, laid flat, with one large kernel: the sums of each unit value.
    """
    if "..." in layer.equation:
        raise NotImplementedError(f"{layer.name}: {layer.equation}")
    kernel, *bias = layer.get_weights()
    terms, _, out = layer.equation.partition("->")
    left, right = terms.split(",")
    size = int(np.prod(value.shape))
    units = np.eye(size).reshape(size, *value.shape)
    sums = np.einsum(f"{left},{right}->{out}", units, kernel)
    flat = tape.weighed(tape.reshaped(value, size), sums.reshape(size, -1), origin="einsum")
    product = tape.reshaped(flat, *sums.shape[1:])
    return tape.scaled(product, 1.0, bias[0]) if bias else product


def batch_normalization(tape: Tape, layer: Any, value: Value) -> Value:
    """Return ``gamma (x - mean) / sqrt(variance + epsilon) + beta``."""
    weights = [array.astype(np.float64) for array in layer.get_weights()]
    gamma = weights.pop(0) if layer.scale else 1.0
    beta = weights.pop(0) if layer.center else 0.0
    mean, variance = weights
    factor = gamma / np.sqrt(variance + layer.epsilon)
    (axis,) = mixing.inner_axes(layer.axis, value)
    shape = [-1 if i == axis else 1 for i in range(len(value.shape))]
    return tape.scaled(value, factor.reshape(shape), (beta - mean * factor).reshape(shape))


def flatten(tape: Tape, layer: Any, value: Value) -> Value:
    """Return all values in one axis, channels varying fastest."""
    rank = len(value.shape)
    if layer.data_format == "channels_first" and rank > 1:
        value = tape.turned(value, *range(1, rank), 0)
    return tape.reshaped(value, -1)


def subtract(tape: Tape, _layer: Any, first: Value, second: Value) -> Value:
    """Return the difference."""
    return tape.summed(first, tape.scaled(second, -1.0))


def average(tape: Tape, _layer: Any, *values: Value) -> Value:
    """Return the mean of several values."""
    return tape.scaled(tape.summed(*values), 1.0 / len(values))


def concatenate(tape: Tape, layer: Any, *values: Value) -> Value:
    """Return the values one after another."""
    (axis,) = mixing.inner_axes(layer.axis, values[0])
    return tape.joined(list(values), axis)


def softmax(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the softmax along the layer's axis."""
    axis, *more = mixing.inner_axes(layer.axis, value)
    if more:
        raise NotImplementedError(f"{layer.name}: a softmax over several axes")
    return tape.softmax(value, axis)


def repeated(tape: Tape, layer: Any, value: Value) -> Value:
    """Return UpSampling: each position several times."""

    def inner(value: Value) -> Value:
        sizes = layer.size if isinstance(layer.size, (tuple, list)) else (layer.size,)
        index: Array = np.arange(value.x[0].size).reshape(value.shape)
        for axis, times in enumerate(sizes):
            index = index.repeat(times, axis=axis)
        return tape.rearranged(value, index)

    return windows.channels_last(tape, layer, value, inner)


def normalization(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the value less a mean over a deviation, both constants."""
    if layer.invert:
        raise NotImplementedError(f"{layer.name}: invert")
    mean, deviation = (np.asarray(v)[0] for v in (layer.mean, layer.variance**0.5))
    return tape.scaled(value, 1.0 / deviation, -mean / deviation)


def bidirectional(tape: Tape, layer: Any, value: Value) -> Value:
    """Return one recurrent layer forwards and one backwards, merged."""
    forward = called(tape, layer.forward_layer, value)
    backward = called(tape, layer.backward_layer, value)
    if layer.return_sequences:
        backward = tape.taken(backward, slice(None, None, -1))
    merged: dict[str, Callable[[], Value]] = {
        "concat": lambda: tape.joined([forward, backward], -1),
        "sum": lambda: tape.summed(forward, backward),
        "ave": lambda: average(tape, None, forward, backward),
        "mul": lambda: mixing.multiply(tape, None, forward, backward),
    }
    return merged[layer.merge_mode]()


def time_distributed(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the inner layer applied to each position."""
    results = [called(tape, layer.layer, tape.taken(value, i)) for i in range(value.shape[0])]
    return tape.joined([tape.reshaped(result, 1, *result.shape) for result in results], 0)


def stepping(apply: Callable[..., Value]) -> Apply:
    """Compute a recurrent layer, with its two activations worked out."""

    def run(tape: Tape, layer: Any, value: Value) -> Value:
        gate = getattr(layer, "recurrent_activation", layer.activation)
        return apply(tape, layer, value, function_of(layer.activation), function_of(gate))

    return run


def nothing(_tape: Tape, _layer: Any, value: Value) -> Value:
    """Return the value: the layer does nothing when a model predicts."""
    return value


def each(apply: Apply, *names: str) -> dict[str, Apply]:
    """Return a table in which several layers do the same."""
    return dict.fromkeys(names, apply)


def in_dimensions(name: str, apply: Apply) -> dict[str, Apply]:
    """Return a table of a layer for one, two and three axes, whose name has ``{}`` for them."""
    return {name.format(f"{number}D"): apply for number in (1, 2, 3)}


LAYERS: dict[str, Apply] = {
    "Dense": with_activation(dense),
    "EinsumDense": with_activation(einsum_dense),
    "BatchNormalization": batch_normalization,
    "Flatten": flatten,
    "Reshape": lambda tape, layer, value: tape.reshaped(value, *layer.target_shape),
    "Permute": lambda tape, layer, value: tape.turned(value, *(i - 1 for i in layer.dims)),
    "RepeatVector": lambda tape, layer, value: tape.rearranged(
        value, np.tile(np.arange(value.shape[0]), (layer.n, 1))
    ),
    "Add": lambda tape, layer, *values: tape.summed(*values),
    "Subtract": subtract,
    "Average": average,
    "Concatenate": concatenate,
    "Multiply": mixing.multiply,
    "Maximum": lambda tape, layer, *values: mixing.extreme(tape, values, 1.0),
    "Minimum": lambda tape, layer, *values: mixing.extreme(tape, values, -1.0),
    "Dot": mixing.dot,
    "Attention": mixing.attention,
    "AdditiveAttention": mixing.additive_attention,
    "MultiHeadAttention": mixing.multi_head_attention,
    "LayerNormalization": mixing.layer_normalization,
    "RMSNormalization": mixing.rms_normalization,
    "GroupNormalization": mixing.group_normalization,
    "UnitNormalization": mixing.unit_normalization,
    "Normalization": normalization,
    "Rescaling": lambda tape, layer, value: tape.scaled(value, layer.scale, layer.offset),
    "Activation": lambda tape, layer, value: activated(tape, layer.activation, value),
    "ReLU": bending(
        lambda layer: relu(
            slope=float(layer.negative_slope or 0.0),
            ceiling=None if layer.max_value is None else float(layer.max_value),
            threshold=float(layer.threshold or 0.0),
        )
    ),
    "LeakyReLU": bending(lambda layer: leaky(float(layer.negative_slope))),
    "PReLU": bending(lambda layer: leaky(np.asarray(layer.get_weights()[0], np.float64))),
    "ELU": bending(lambda layer: elu(float(layer.alpha))),
    "Softmax": softmax,
    "SimpleRNN": stepping(recurrent.simple),
    "LSTM": stepping(recurrent.lstm),
    "GRU": stepping(recurrent.gru),
    "Bidirectional": bidirectional,
    "TimeDistributed": time_distributed,
    **in_dimensions("Conv{}", with_activation(windows.convolution)),
    **in_dimensions("Conv{}Transpose", with_activation(windows.transposed_convolution)),
    **in_dimensions("DepthwiseConv{}", with_activation(windows.depthwise_convolution)),
    **in_dimensions("SeparableConv{}", with_activation(windows.separable_convolution)),
    **in_dimensions("MaxPooling{}", windows.max_pooling),
    **in_dimensions("AveragePooling{}", windows.average_pooling),
    **in_dimensions("GlobalMaxPooling{}", partial(windows.over_positions, largest=True)),
    **in_dimensions("GlobalAveragePooling{}", partial(windows.over_positions, largest=False)),
    **in_dimensions("UpSampling{}", repeated),
    **in_dimensions("SpatialDropout{}", nothing),
    **in_dimensions(
        "Cropping{}",
        lambda tape, layer, value: windows.padded(tape, layer, value, layer.cropping, sign=-1),
    ),
    **in_dimensions(
        "ZeroPadding{}",
        lambda tape, layer, value: windows.padded(tape, layer, value, layer.padding, sign=1),
    ),
    **each(nothing, "InputLayer", "Identity", "Dropout", "AlphaDropout", "GaussianDropout"),
    **each(nothing, "GaussianNoise", "ActivityRegularization"),
}
