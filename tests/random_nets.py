"""Random networks: a few dozen kinds of layer, put together at random, with random weights."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from hypothesis import strategies as st
from keras import layers, ops
from nets import made

LENGTH = 10
WIDEST, LONGEST = 6, 12

Make = Callable[[Any, Any], Any]  # (tensor, an earlier tensor of the same shape) -> tensor


def layer(text: str) -> Make:
    """Return the call of the layer that an expression such as ``Conv1D(5, 3)`` makes."""
    return lambda tensor, _: eval(text, vars(layers))(tensor)


def operation(text: str) -> Make:
    """Return an expression of x and of keras.ops."""
    return lambda tensor, other: eval(text, vars(ops) | {"x": tensor, "y": other})


def merged(text: str) -> Make:
    return lambda tensor, other: eval(text, vars(layers))([tensor, other])


def gate(tensor: Any, _: Any) -> Any:
    """Return squeeze and excite: each channel times what the mean over positions says."""
    squeezed = layers.GlobalAveragePooling1D(keepdims=True)(tensor)
    return layers.Multiply()([tensor, layers.Dense(tensor.shape[-1], "sigmoid")(squeezed)])


def gated_units(tensor: Any, _: Any) -> Any:
    """Return values times the sigmoid of others, all from one convolution."""
    values, gates = ops.split(layers.Conv1D(6, 3, padding="same")(tensor), 2, axis=-1)
    return values * ops.sigmoid(gates)


def attended(tensor: Any, other: Any) -> Any:
    return layers.MultiHeadAttention(num_heads=2, key_dim=3)(tensor, other)


def residual(tensor: Any, _: Any) -> Any:
    grown = layers.Conv1D(tensor.shape[-1], 3, dilation_rate=2, padding="same")(tensor)
    return layers.Add()([tensor, layers.Activation("gelu")(grown)])


def shared(tensor: Any, other: Any) -> Any:
    convolution = layers.Conv1D(3, 2, padding="same", activation="relu")
    return layers.Subtract()([convolution(tensor), convolution(other)])


def nested(tensor: Any, _: Any) -> Any:
    inner = [layers.Conv1D(4, 2, activation="elu", padding="same"), layers.LayerNormalization()]
    return keras.Sequential(inner)(tensor)


FUNCTIONS = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "sigmoid",
    "log_sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "tanh",
    "hard_tanh",
    "tanh_shrink",
    "softplus",
    "softsign",
    "squareplus",
    "softmax",
    "log_softmax",
    "soft_shrink",
    "hard_shrink",
    "sparse_plus",
    "exponential",
]

ON_ANY: dict[str, Make] = {
    f"activation {name}": layer(f"Activation('{name}')") for name in FUNCTIONS
}
ON_ANY |= {
    text: layer(text)
    for text in (
        "BatchNormalization()",
        "LayerNormalization()",
        "UnitNormalization()",
        "RMSNormalization()",
        "Rescaling(0.5, offset=0.25)",
        "Dense(4)",
        "Dense(5, activation='relu')",
        "PReLU()",
        "Dropout(0.5)",
        "Softmax()",
    )
}
ON_ANY |= {
    text: merged(text)
    for text in ("Add()", "Multiply()", "Maximum()", "Minimum()", "Average()", "Concatenate()")
}
ON_ANY |= {
    text: operation(text)
    for text in (
        "x * 0.5 - y",
        "x * y",
        "x / (1.0 + y * y)",
        "log(1.0 + square(x))",
        "exp(-square(x))",
        "maximum(x, 0.1 * y)",
        "sqrt(0.1 + absolute(x))",
        "x - mean(x, axis=-1, keepdims=True)",
        "logsumexp(x, axis=-1, keepdims=True) + y",
        "x[:, ::-1]",
        "stack([x, y], axis=1)[:, 0]",
    )
}
ON_SEQUENCES: dict[str, Make] = {
    text: layer(text)
    for text in (
        "Conv1D(5, 3)",
        "Conv1D(4, 3, activation='relu', padding='same')",
        "Conv1D(4, 2, dilation_rate=2, padding='causal', activation='softplus')",
        "Conv1D(3, 3, strides=2, padding='same')",
        "SeparableConv1D(4, 3)",
        "DepthwiseConv1D(2, depth_multiplier=2)",
        "Conv1DTranspose(3, 3, strides=2)",
        "MaxPooling1D(2)",
        "MaxPooling1D(3, strides=2, padding='same')",
        "AveragePooling1D(3, strides=1)",
        "UpSampling1D(2)",
        "ZeroPadding1D(1)",
        "Cropping1D((1, 0))",
        "GroupNormalization(groups=1)",
        "TimeDistributed(Dense(3, activation='tanh'))",
        "SimpleRNN(3, return_sequences=True)",
        "GRU(3, return_sequences=True)",
        "LSTM(3, return_sequences=True)",
        "Bidirectional(LSTM(2, return_sequences=True))",
        "Permute((2, 1))",
    )
} | {
    "gate": gate,
    "gated units": gated_units,
    "EinsumDense": lambda tensor, _: layers.EinsumDense(
        "abc,cd->abd", output_shape=(tensor.shape[1], 4), bias_axes="d"
    )(tensor),
    "MultiHeadAttention": attended,
    "Attention": merged("Attention()"),
    "residual": residual,
    "shared": shared,
    "nested": nested,
    "Dot": lambda tensor, other: layers.Dot(axes=(2, 2), normalize=True)([tensor, other]),
    "max over positions": operation("x - max(y, axis=1, keepdims=True)"),
    "zeros at many positions": lambda tensor, _: layers.Activation("relu")(
        layers.Dense(3, bias_initializer="ones")(tensor) - 2.0
    ),
    "steps": operation("x[:, 1:] - x[:, :-1]"),
}
TO_VECTORS: dict[str, Make] = {
    text: layer(text)
    for text in (
        "Flatten()",
        "GlobalMaxPooling1D()",
        "GlobalAveragePooling1D()",
        "LSTM(3)",
        "GRU(4)",
    )
}
TO_SEQUENCES: dict[str, Make] = {"RepeatVector(3)": layer("RepeatVector(3)")}
ALL = ON_ANY | ON_SEQUENCES | TO_VECTORS | TO_SEQUENCES

Plan = tuple[tuple[str, int], ...]


def plans(*, largest: int = 6) -> st.SearchStrategy[Plan]:
    """Return plans of networks: names of layers, each with which earlier tensor it may read too."""
    step = st.tuples(st.sampled_from(sorted(ALL)), st.integers(0, 9))
    return st.lists(step, min_size=1, max_size=largest).map(tuple)


def fits(name: str, shape: Sequence[int]) -> bool:
    """Return whether a layer may follow a tensor of `shape`, without the batch axis."""
    if name in ON_ANY:
        return True
    if len(shape) == 1:
        return name in TO_SEQUENCES
    return name not in TO_SEQUENCES and shape[0] >= 3


def network(plan: Plan, *, seed: int) -> keras.Model:
    """Return the network of a plan; layers that do not fit where they stand are left out."""

    def body(tensor: Any) -> Any:
        tensors = [tensor]
        for name, which in plan:
            shape = tuple(tensor.shape[1:])
            alike = [other for other in tensors if tuple(other.shape[1:]) == shape]
            if not fits(name, shape):
                continue
            found = ALL[name](tensor, alike[which % len(alike)])
            size = found.shape[1:]
            if size[-1] <= 4 * WIDEST and size[0] <= 4 * LONGEST:
                tensor = found
                tensors.append(tensor)
        return layers.Dense(2, name="end")(layers.Flatten()(tensor))

    return made(body, (LENGTH, 4), seed=seed)
