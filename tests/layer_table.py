"""Every layer that is lowered, in small models: the table that the tests of lowering go through."""

from typing import Any

import keras
from keras import layers
from layer_table_merge import MERGING
from layer_table_recurrent import RECURRENT
from layer_table_values import MORE_VALUES
from layer_table_windows import MORE_WINDOWS
from nets import Body, chain

SEQUENCE = (24, 4)
IMAGE = (9, 8, 4)

Case = tuple[Body, tuple[int, ...]]


def ended(tensor: Any) -> Any:
    """Return a few nonlinear units of a tensor of any rank."""
    return layers.Dense(3, activation="tanh")(layers.Flatten()(tensor))


def on_sequence(*made: str) -> dict[str, Case]:
    """Return a case per expression in `keras.layers`, between a convolution and a dense layer."""

    def case(text: str) -> Case:
        def body(tensor: Any) -> Any:
            return ended(built(text)(layers.Conv1D(6, 4)(tensor)))

        return body, SEQUENCE

    return {text: case(text) for text in made}


def on_image(*made: str) -> dict[str, Case]:
    """Return a case per expression in `keras.layers`, between a 2-D convolution and a dense one."""

    def case(text: str) -> Case:
        def body(tensor: Any) -> Any:
            return ended(built(text)(layers.Conv2D(6, (2, 3))(tensor)))

        return body, IMAGE

    return {text: case(text) for text in made}


def built(text: str) -> layers.Layer:
    """Return the layer that an expression such as ``Conv1D(5, 3)`` makes."""
    return eval(text, vars(layers))  # a table of expressions names each case by what it is


ACTIVATIONS = (
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "softplus",
    "exponential",
    "silu",
    "softsign",
    "softmax",
    "linear",
)


def activated(name: str) -> Case:
    def body(tensor: Any) -> Any:
        return ended(layers.Conv1D(3, 3, activation=name)(tensor))

    return body, SEQUENCE


def residual_sum(tensor: Any) -> Any:
    """Return BPNet's sums of dilated convolutions with cropped inputs."""
    tensor = layers.Conv1D(5, 5, activation="relu")(tensor)
    for dilation in (2, 4):
        grown = layers.Conv1D(5, 3, dilation_rate=dilation, activation="relu")(tensor)
        tensor = layers.Add()([grown, layers.Cropping1D(dilation)(tensor)])
    return ended(tensor)


def shared_layer(tensor: Any) -> Any:
    """Return two calls of one layer, the second on what the first gave."""
    convolution = layers.Conv1D(4, 3, padding="same", activation="relu")
    return ended(convolution(convolution(tensor)))


def shared_branches(tensor: Any) -> Any:
    """Return a layer called on two parts of the input, as in a Siamese net."""
    convolution = layers.Conv1D(4, 5, activation="relu")
    parts = [layers.Cropping1D(crops)(tensor) for crops in ((0, 12), (12, 0))]
    return ended(layers.Concatenate(axis=1)([convolution(part) for part in parts]))


def nested_models(tensor: Any) -> Any:
    """Return a Sequential in a Functional in the model, the outer one called twice."""
    inner = keras.Sequential([layers.Conv1D(4, 3, activation="relu"), layers.MaxPooling1D(2)])
    given = keras.Input((12, 4), dtype="float64")
    outer = keras.Model(given, layers.GlobalMaxPooling1D()(inner(given)))
    halves = [layers.Cropping1D(crops)(tensor) for crops in ((0, 12), (12, 0))]
    return ended(layers.Subtract()([outer(half) for half in halves]))


def broadcast_sums(tensor: Any) -> Any:
    """Return sums of arrays of different shapes."""
    wide = layers.Conv1D(5, 3, activation="relu")(tensor)
    row = layers.GlobalAveragePooling1D(keepdims=True)(wide)
    column = layers.Conv1D(1, 3)(tensor)
    return ended(layers.Average()([layers.Add()([wide, row]), column, wide]))


def two_axes_of_concatenation(tensor: Any) -> Any:
    left = layers.Conv1D(3, 5, padding="same", activation="relu")(tensor)
    wide = layers.Concatenate()([left, tensor])
    return ended(layers.Concatenate(axis=1)([wide, wide]))


def layer_as_activation(tensor: Any) -> Any:
    tensor = layers.Conv1D(4, 3, activation=layers.LeakyReLU(negative_slope=0.125))(tensor)
    return ended(layers.Conv1D(4, 3, activation=layers.ReLU(max_value=1.0))(tensor))


def dense_on_positions(tensor: Any) -> Any:
    return ended(layers.Dense(5, activation="relu", use_bias=False)(tensor))


def class_probabilities(tensor: Any) -> Any:
    hidden = layers.Dense(8, activation="relu")(layers.Flatten()(tensor))
    return layers.Softmax()(layers.Dense(4)(hidden))


WINDOWS = on_sequence(
    "Conv1D(5, 1)",
    "Conv1D(5, 4, strides=3)",
    "Conv1D(5, 2, strides=3, padding='same')",
    "Conv1D(5, 4, strides=2, padding='same')",
    "Conv1D(5, 3, dilation_rate=3, padding='same')",
    "Conv1D(5, 3, dilation_rate=2, padding='causal', use_bias=False)",
    "Conv1D(5, 3, strides=2, padding='causal')",
    "Conv1D(4, 3, groups=2)",
    "MaxPooling1D(2)",
    "MaxPooling1D(4, strides=2)",
    "MaxPooling1D(10, strides=5)",
    "MaxPooling1D(3, strides=1, padding='same')",
    "MaxPooling1D(2, strides=3)",
    "AveragePooling1D(4, strides=2)",
    "AveragePooling1D(4, strides=3, padding='same')",
    "AveragePooling1D(2, strides=3)",
    "GlobalMaxPooling1D()",
    "GlobalMaxPooling1D(keepdims=True)",
    "GlobalAveragePooling1D()",
    "GlobalAveragePooling1D(keepdims=True)",
    "Cropping1D((3, 0))",
    "ZeroPadding1D((0, 3))",
) | on_image(
    "Conv2D(5, (3, 1), strides=(2, 1), padding='same')",
    "Conv2D(5, (2, 3), strides=(1, 2))",
    "Conv2D(5, 2, dilation_rate=(3, 2))",
    "MaxPooling2D((2, 3), strides=(1, 2))",
    "MaxPooling2D(3, strides=2, padding='same')",
    "AveragePooling2D((3, 2), strides=(2, 3), padding='same')",
    "GlobalMaxPooling2D()",
    "GlobalAveragePooling2D()",
    "Cropping2D(((1, 0), (0, 2)))",
    "ZeroPadding2D(((1, 0), (0, 2)))",
)

VALUES = on_sequence(
    "BatchNormalization()",
    "BatchNormalization(scale=False)",
    "BatchNormalization(center=False)",
    "BatchNormalization(axis=1)",
    "BatchNormalization(axis=2, epsilon=0.1)",
    "Activation('relu')",
    "ReLU()",
    "ReLU(negative_slope=0.3, max_value=1.5, threshold=0.2)",
    "ReLU(max_value=0.75)",
    "LeakyReLU(negative_slope=0.25)",
    "PReLU()",
    "PReLU(shared_axes=[1])",
    "ELU(alpha=0.7)",
    "Softmax()",
    "Softmax(axis=1)",
    "Softmax(axis=-2)",
    "Flatten()",
    "Reshape((7, -1))",
    "Reshape((-1,))",
    "Permute((2, 1))",
    "Identity()",
    "Dropout(0.5)",
    "SpatialDropout1D(0.5)",
    "AlphaDropout(0.5)",
    "GaussianDropout(0.5)",
    "GaussianNoise(0.5)",
    "ActivityRegularization(0.1)",
) | on_image(
    "BatchNormalization(axis=2)",
    "PReLU(shared_axes=[1, 2])",
    "SpatialDropout2D(0.5)",
    "RandomFlip()",
    "RandomTranslation(0.2, 0.2)",
    "RandomRotation(0.2)",
    "RandomZoom(0.2)",
    "RandomContrast(0.2)",
    "RandomBrightness(0.2)",
    "Permute((3, 1, 2))",
    "Reshape((-1, 12))",
)

WHOLE: dict[str, Case] = {f"activation {name}": activated(name) for name in ACTIVATIONS} | {
    body.__name__: (body, SEQUENCE)
    for body in (
        residual_sum,
        shared_layer,
        shared_branches,
        nested_models,
        broadcast_sums,
        two_axes_of_concatenation,
        layer_as_activation,
        dense_on_positions,
        class_probabilities,
    )
}

CHANNELS_FIRST = {
    text: (chain(lambda text=text, shape=shape: [layers.Dense(shape[-1]), built(text)]), shape)
    for text, shape in {
        "MaxPooling1D(3, strides=2, data_format='channels_first')": (4, 24),
        "AveragePooling1D(3, padding='same', data_format='channels_first')": (4, 24),
        "MaxPooling2D(2, data_format='channels_first')": (4, 9, 8),
        "AveragePooling2D(2, data_format='channels_first')": (4, 9, 8),
        "GlobalMaxPooling1D(data_format='channels_first')": (4, 24),
        "GlobalAveragePooling1D(data_format='channels_first')": (4, 24),
        "GlobalMaxPooling2D(data_format='channels_first', keepdims=True)": (4, 9, 8),
        "GlobalAveragePooling2D(data_format='channels_first')": (4, 9, 8),
        "Cropping2D(((1, 2), (0, 3)), data_format='channels_first')": (4, 9, 8),
        "ZeroPadding1D((1, 2), data_format='channels_first')": (4, 24),
        "ZeroPadding2D(((1, 2), (0, 3)), data_format='channels_first')": (4, 9, 8),
        "Flatten(data_format='channels_first')": (4, 9, 8),
    }.items()
}

CASES: dict[str, Case] = WINDOWS | MORE_WINDOWS | VALUES | WHOLE | CHANNELS_FIRST
CASES |= RECURRENT | MORE_VALUES | MERGING
