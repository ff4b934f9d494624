"""Activations and normalisations, in small models: rows for `layer_table`."""

from typing import Any

from keras import layers
from nets import Body, chain

ACTIVATIONS = (
    "celu",
    "gelu",
    "hard_shrink",
    "hard_silu",
    "hard_tanh",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "soft_shrink",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "tanh_shrink",
)

ROUNDED_CONSTANTS = frozenset({"activation leaky_relu", "activation gelu"})
"""Activations whose constants TensorFlow keeps in float32, whatever it computes in."""

ON_SEQUENCE = (
    "Softmax(axis=[1, 2])",
    "LayerNormalization()",
    "LayerNormalization(axis=[1, 2])",
    "LayerNormalization(axis=1, epsilon=0.2, center=False)",
    "LayerNormalization(scale=False)",
    "LayerNormalization(center=False, scale=False)",
    "GroupNormalization(groups=3)",
    "GroupNormalization(groups=7, axis=1, epsilon=0.1)",
    "GroupNormalization(groups=-1, scale=False)",
    "GroupNormalization(groups=1, axis=-2, center=False)",
    "RMSNormalization()",
    "RMSNormalization(axis=[1, 2], epsilon=0.1)",
    "UnitNormalization()",
    "UnitNormalization(axis=[1, 2])",
    "Normalization(mean=0.3, variance=2.5)",
    "Normalization(mean=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], variance=[1, 2, 3, 4, 5, 6], invert=True)",
    "Normalization(axis=None, mean=0.5, variance=2)",
    "Rescaling(0.5, offset=-0.25)",
    "Rescaling([1, 2, 3, -4, 5, 6], offset=[1, 2, 3, 4, 5, 6])",
    "SpectralNormalization(Conv1D(5, 3, activation='tanh'))",
    "SpectralNormalization(Dense(5), power_iterations=2)",
)
"""Layers for (21, 6)."""

ON_IMAGE = (
    "LayerNormalization(axis=[2, 3])",
    "GroupNormalization(groups=2)",
    "GroupNormalization(groups=4, axis=1)",
    "UnitNormalization(axis=2)",
    "Softmax(axis=(1, -1))",
)
"""Layers for (8, 6, 6)."""


def after(first: str, text: str) -> Body:
    """Return a chain of the layers that expressions in `keras.layers` make, and a dense one."""
    return chain(lambda: eval(f"[{first}, {text}, Flatten(), Dense(3, 'tanh')]", vars(layers)))


def halved(tensor: Any) -> Any:
    """Return a gated linear unit at the end: Keras takes its output to be twice as wide."""
    return layers.Activation("glu")(layers.Conv1D(6, 4)(tensor))


def dead(text: str) -> Body:
    """Return a layer after values that are all zero wherever the base is not A."""

    def body(tensor: Any) -> Any:
        hidden = layers.Multiply()([layers.Dense(6, "relu")(tensor), tensor[:, :, :1]])
        return layers.Dense(3, "tanh")(layers.Flatten()(eval(text, vars(layers))(hidden)))

    return body


OF_ZEROS = (
    "UnitNormalization()",
    "UnitNormalization(axis=1)",
    "RMSNormalization()",
    "LayerNormalization()",
    "LayerNormalization(epsilon=1e-12)",
    "GroupNormalization(2)",
)

MORE_VALUES: dict[str, tuple[Body, tuple[int, ...]]] = (
    {text: (after("Conv1D(6, 4)", text), (24, 4)) for text in ON_SEQUENCE}
    | {text: (after("Conv2D(6, (2, 3))", text), (9, 8, 4)) for text in ON_IMAGE}
    | {
        f"activation {name}": (after(f"Conv1D(4, 3, activation='{name}')", "Identity()"), (24, 4))
        for name in ACTIVATIONS
    }
    | {f"{text} of zeros": (dead(text), (24, 4)) for text in OF_ZEROS}
    | {"activation glu": (halved, (24, 4))}
)
