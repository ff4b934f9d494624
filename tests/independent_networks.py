"""Networks that between them have every layer the second implementation knows."""

from typing import Any

from keras import Input, Model, Sequential, layers
from nets import Body

SEQUENCE, IMAGE, SHORT, SHORTEST = (24, 4), (9, 8, 4), (4, 4), (3, 4)

ELEMENTWISE = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "celu",
    "selu",
    "sigmoid",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "tanh",
    "tanh_shrink",
    "softplus",
    "log_sigmoid",
    "squareplus",
    "sparse_sigmoid",
    "sparse_plus",
    "soft_shrink",
    "hard_shrink",
    "silu",
    "softsign",
    "gelu",
    "mish",
    "exponential",
]


def ended(*tensors: Any) -> Any:
    """Return a few nonlinear units of tensors of any rank."""
    flat = [layers.Flatten()(tensor) for tensor in tensors]
    joined = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    hidden = layers.BatchNormalization()(layers.Dense(6)(joined))
    return layers.Dense(3, activation="sigmoid")(layers.Activation("elu")(hidden))


def convolutions(x: Any) -> Any:
    x = layers.Conv1D(6, 5, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv1D(4, 3, dilation_rate=2, padding="causal", use_bias=False)(x)
    x = layers.LeakyReLU(negative_slope=0.1)(layers.BatchNormalization(scale=False)(x))
    x = layers.Conv1D(6, 3, activation="tanh")(layers.ZeroPadding1D((2, 1))(x))
    return ended(layers.MaxPooling1D(3, strides=2)(x))


def groups(x: Any) -> Any:
    """Convolutions whose outputs each see some of the channels only; these are slow to prepare."""
    x = layers.Conv2D(6, (2, 3), activation="relu")(x)
    return ended(layers.Conv2D(4, 2, groups=2, activation="tanh")(x))


def poolings(x: Any) -> Any:
    x = layers.Conv1D(5, 3, activation="relu")(x)
    found = [layers.AveragePooling1D(4, strides=3, padding="same")(x)]
    found += [layers.MaxPooling1D(4, strides=3, padding="same")(x), layers.GlobalMaxPooling1D()(x)]
    found += [layers.GlobalAveragePooling1D(keepdims=True)(x), layers.Cropping1D((2, 15))(x)]
    return ended(*found)


def image(x: Any) -> Any:
    x = layers.Conv2D(6, (3, 2), strides=(1, 2), padding="same", activation="relu")(x)
    one = layers.MaxPooling2D((2, 3), strides=(1, 2), padding="same")(x)
    two = layers.AveragePooling2D((3, 2), strides=(2, 1), padding="same")(x)
    three = layers.GlobalMaxPooling2D()(layers.Cropping2D(((1, 0), (0, 1)))(x))
    four = layers.Conv2D(4, 2, dilation_rate=(2, 1))(layers.ZeroPadding2D(1)(x))
    four = layers.GlobalAveragePooling2D()(layers.Activation("elu")(four))
    five = layers.BatchNormalization(axis=2)(layers.Permute((3, 1, 2))(x))
    five = layers.PReLU(shared_axes=[2])(layers.Reshape((-1, 4))(five))
    return ended(one, two, three, four, five)


def channels_first(x: Any) -> Any:
    x = layers.Permute((2, 1))(layers.Conv1D(5, 3, activation="relu")(x))
    one = layers.MaxPooling1D(3, strides=2, data_format="channels_first")(x)
    two = layers.AveragePooling1D(3, padding="same", data_format="channels_first")(x)
    three = layers.GlobalMaxPooling1D(data_format="channels_first")(x)
    return ended(one, two, three, layers.Flatten(data_format="channels_first")(x))


def activations(x: Any) -> Any:
    found = [layers.Conv1D(2, 5, strides=4, activation=name)(x) for name in ELEMENTWISE]
    return ended(*found)


def activation_layers(x: Any) -> Any:
    made = [layers.PReLU(), layers.ELU(alpha=0.7), layers.ReLU(max_value=0.75)]
    made += [layers.ReLU(negative_slope=0.3, max_value=1.5, threshold=0.2)]
    made += [layers.LeakyReLU(negative_slope=0.25), layers.Softmax(axis=1), layers.Softmax()]
    made += [layers.Activation("log_softmax")]
    return ended(*(layer(layers.Conv1D(3, 3, strides=2)(x)) for layer in made))


def residual(x: Any) -> Any:
    x = layers.Conv1D(5, 5, activation="relu")(layers.Dropout(0.5)(x))
    for dilation in (2, 4):
        grown = layers.Conv1D(5, 3, dilation_rate=dilation, activation="relu")(x)
        x = layers.Add()([grown, layers.Cropping1D(dilation)(x)])
    hidden = layers.Dense(6, activation="softmax")(layers.Flatten()(x))
    return layers.Dense(3, activation="softmax")(hidden)


def nested(x: Any) -> Any:
    """A Sequential in a Functional, and that in the model, called twice."""
    inner = Sequential([layers.Conv1D(4, 3, activation="relu"), layers.MaxPooling1D(2)])
    given = Input((12, 4), dtype="float64")
    outer = Model(given, layers.GlobalMaxPooling1D()(inner(given)))
    halves = [outer(layers.Cropping1D(crops)(x)) for crops in ((0, 12), (12, 0))]
    return ended(layers.Subtract()(halves), layers.Average()(halves))


def products(x: Any) -> Any:
    wide, other = (layers.Conv1D(5, 3, activation="relu")(x) for _ in range(2))
    gate = layers.Dense(5, activation="sigmoid")(layers.GlobalAveragePooling1D(keepdims=True)(wide))
    return ended(layers.Multiply()([wide, gate, other]), layers.Dot((1, 1))([wide, other]))


def extremes(x: Any) -> Any:
    found = [layers.Conv1D(5, 3, strides=2, activation="tanh")(x) for _ in range(2)]
    return ended(layers.Maximum()(found), layers.Minimum()(found))


def normalisations(x: Any) -> Any:
    x = layers.Conv1D(6, 3, strides=2, activation="relu")(x)
    one = layers.Conv1D(4, 3)(layers.LayerNormalization()(x))
    two = layers.GroupNormalization(groups=3)(x)
    return ended(one, two, layers.LayerNormalization(axis=[1, 2], scale=False)(x))


def root_mean_squares(x: Any) -> Any:
    return ended(layers.RMSNormalization()(layers.Dense(6)(x)))


def attention(x: Any) -> Any:
    query, value = (layers.Conv1D(4, 3, strides=3, activation="tanh")(x) for _ in range(2))
    return ended(layers.Attention(use_scale=True)([query, value]))


def additive_attention(x: Any) -> Any:
    query, value = (layers.Conv1D(4, 3, strides=3, activation="tanh")(x) for _ in range(2))
    return ended(layers.AdditiveAttention()([query, value]))


def many_heads(x: Any) -> Any:
    x = layers.Conv1D(5, 3, strides=3)(x)
    return ended(layers.Add()([x, layers.MultiHeadAttention(2, 3)(x, x)]))


def recurrent(x: Any) -> Any:
    one = layers.LSTM(3, return_sequences=True)(layers.Conv1D(3, 2)(x))
    two = layers.GRU(2, reset_after=False, go_backwards=True)(one)
    return ended(one, two, layers.GRU(2)(x), layers.SimpleRNN(3, activation="silu")(x))


def both_directions(x: Any) -> Any:
    one = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    return ended(one, layers.Bidirectional(layers.GRU(2), merge_mode="mul")(x))


def at_each_position(x: Any) -> Any:
    return ended(layers.TimeDistributed(layers.Dense(3, activation="relu"))(x))


def separable(x: Any) -> Any:
    one = layers.DepthwiseConv1D(3, depth_multiplier=2, activation="relu")(x)
    two = layers.SeparableConv1D(5, 3, padding="same", activation="relu")(x)
    return ended(one, layers.UpSampling1D(2)(two))


def transposed(x: Any) -> Any:
    x = layers.Conv1D(3, 4, strides=4, activation="relu")(x)
    one = layers.Conv1DTranspose(2, 3, strides=2, padding="same", activation="relu")(x)
    return ended(one, layers.Conv1DTranspose(2, 2, strides=3, activation="tanh")(x))


def equations(x: Any) -> Any:
    one = layers.EinsumDense("abc,cd->abd", output_shape=(4, 3), bias_axes="d")(x)
    two = layers.RepeatVector(3)(layers.Dense(4, activation="tanh")(layers.Flatten()(x)))
    return ended(layers.Activation("relu")(one), layers.Rescaling(-0.5, 0.25)(two))


NETWORKS: dict[str, tuple[Body, tuple[int, ...]]] = {
    "convolutions": (convolutions, SEQUENCE),
    "groups": (groups, IMAGE),
    "poolings": (poolings, SEQUENCE),
    "image": (image, IMAGE),
    "channels_first": (channels_first, SEQUENCE),
    "activations": (activations, SEQUENCE),
    "activation_layers": (activation_layers, SEQUENCE),
    "residual": (residual, SEQUENCE),
    "nested": (nested, SEQUENCE),
    "products": (products, SEQUENCE),
    "extremes": (extremes, SEQUENCE),
    "normalisations": (normalisations, SEQUENCE),
    "root_mean_squares": (root_mean_squares, SEQUENCE),
    "attention": (attention, SEQUENCE),
    "additive_attention": (additive_attention, SEQUENCE),
    "many_heads": (many_heads, SEQUENCE),
    "recurrent": (recurrent, SHORT),
    "both_directions": (both_directions, SHORTEST),
    "at_each_position": (at_each_position, SHORT),
    "separable": (separable, SEQUENCE),
    "transposed": (transposed, SEQUENCE),
    "equations": (equations, SHORT),
}
