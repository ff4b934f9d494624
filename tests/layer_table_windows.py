"""Layers that slide a window or resize an axis, in small models: rows for `layer_table`."""

from keras import layers
from nets import Body, chain

ON_SEQUENCE = (
    "Activation('relu'), Flatten(), Dense(6), RepeatVector(3)",
    "DepthwiseConv1D(3)",
    "DepthwiseConv1D(3, depth_multiplier=2, strides=2, padding='same', activation='relu')",
    "DepthwiseConv1D(4, dilation_rate=3, padding='same', use_bias=False)",
    "SeparableConv1D(5, 4, strides=3, padding='same', activation='relu')",
    "SeparableConv1D(5, 3, depth_multiplier=2, dilation_rate=2, use_bias=False)",
    "Conv1DTranspose(5, 4, activation='relu')",
    "Conv1DTranspose(5, 3, strides=2, padding='same')",
    "Conv1DTranspose(5, 4, strides=3, padding='same', use_bias=False)",
    "Conv1DTranspose(5, 2, strides=3)",
    "Conv1DTranspose(5, 3, strides=3, output_padding=1)",
    "Conv1DTranspose(5, 3, strides=2, padding='same', output_padding=1)",
    "Conv1DTranspose(5, 3, strides=3, padding='same', output_padding=0)",
    "UpSampling1D(3)",
    "AdaptiveAveragePooling1D(5)",
    "AdaptiveAveragePooling1D(7)",
    "AdaptiveAveragePooling1D(30)",
    "AdaptiveMaxPooling1D(8)",
)
"""Layers for (21, 6)."""

ON_IMAGE = (
    "DepthwiseConv2D((2, 3), strides=2, padding='same')",
    "DepthwiseConv2D(2, depth_multiplier=3, dilation_rate=(2, 3), activation='relu')",
    "SeparableConv2D(5, (3, 2), padding='same')",
    "Conv2DTranspose(4, (3, 2), strides=(2, 3), padding='same')",
    "Conv2DTranspose(4, (2, 3), strides=(3, 2), output_padding=(1, 0))",
    "UpSampling2D((2, 3))",
    "AdaptiveAveragePooling2D((3, 4))",
    "AdaptiveMaxPooling2D((5, 2))",
)
"""Layers for (8, 6, 6)."""

ON_VOLUME = (
    "Conv3D(3, (2, 3, 2), strides=(1, 2, 1), padding='same')",
    "Conv3DTranspose(3, 2, strides=(2, 1, 1), padding='same')",
    "MaxPooling3D((2, 1, 2), dtype='float32')",
    "AveragePooling3D(2, padding='same', dtype='float32')",
    "GlobalMaxPooling3D()",
    "GlobalAveragePooling3D()",
    "Cropping3D(((1, 0), (0, 1), (1, 1)))",
    "ZeroPadding3D(((1, 0), (0, 1), (0, 0)))",
    "UpSampling3D((2, 1, 2))",
    "SpatialDropout3D(0.5)",
)
"""Layers for (3, 4, 3, 4)."""

SINGLE = frozenset(text for text in ON_VOLUME if "dtype='float32'" in text)
"""Layers that TensorFlow computes in float32 only."""

CHANNELS_FIRST = {
    "UpSampling2D(2, data_format='channels_first')": (4, 5, 4),
    "AdaptiveAveragePooling1D(5, data_format='channels_first')": (4, 12),
    "AdaptiveMaxPooling2D((2, 3), data_format='channels_first')": (4, 5, 4),
    "Cropping3D(1, data_format='channels_first')": (2, 3, 4, 5),
}
"""Layers with channels first that run on a CPU, and the shapes of their inputs."""


def between(first: str, text: str, last: str) -> Body:
    """Return a chain of the layers that expressions in `keras.layers` make."""
    return chain(lambda: eval(f"[{first}, {text}, {last}]", vars(layers)))


MORE_WINDOWS: dict[str, tuple[Body, tuple[int, ...]]] = {
    text: (between(first, text, last), shape)
    for texts, first, last in (
        (dict.fromkeys(ON_SEQUENCE, (24, 4)), "Conv1D(6, 4)", "Flatten(), Dense(3, 'tanh')"),
        (dict.fromkeys(ON_IMAGE, (9, 8, 4)), "Conv2D(6, (2, 3))", "Flatten(), Dense(3, 'tanh')"),
        (dict.fromkeys(ON_VOLUME, (4, 5, 4, 2)), "Conv3D(4, 2)", "Flatten(), Dense(3, 'tanh')"),
        (CHANNELS_FIRST, "Activation('softplus')", "Activation('tanh')"),
    )
    for text, shape in texts.items()
}
