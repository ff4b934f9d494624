"""What XLA is told directly, where it compiles a function of TensorFlow's as a whole.

Beside `backend` and `products` the only room that names a backend.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any

_TRUTH: ContextVar[Array | None] = ContextVar("truth", default=None)


@cache
def truth() -> Array:
    """Return true, to be given to a function that XLA compiles: it cannot know what it is given."""
    import tensorflow as tf

    return tf.constant(True)


@contextmanager
def compiled_by_xla(given: Array) -> Iterator[None]:
    """Have what is traced inside say to XLA what it can; `given` is the function's own `truth`."""
    token = _TRUTH.set(given)
    try:
        yield
    finally:
        _TRUTH.reset(token)


def compiles() -> bool:
    """Return whether what is being traced is compiled as a whole by XLA for TensorFlow."""
    return _TRUTH.get() is not None


def on_cpu() -> bool:
    """Return whether what is being traced is compiled so, for a CPU."""
    if not compiles():
        return False
    import tensorflow as tf

    return not tf.config.get_visible_devices("GPU")


def stored(weights: NDArray[np.floating]) -> Array:
    """Return weights in float32, as a value that what is compiled is given with each call.

    A constant inside is copied and looked through on the way: 9 MB take 0.15 s longer to compile.
    """
    import tensorflow as tf

    with tf.init_scope():
        return tf.constant(weights, tf.float32)


def computed_once(first: Callable[[], Array], other: Callable[[], Array]) -> Array:
    """Return ``first()``, for which what it reads is computed once and stored.

    XLA makes one loop of what it can, and has each of several loops compute what they all read
    anew. It does not look into the two branches of a condition. `other` is the branch that is never
    taken: another way to the same array.
    """
    import tensorflow as tf

    return tf.cond(_TRUTH.get(), first, other)


def barrier(array: Array) -> Array:
    """Have XLA compute `array` as it stands, without joining it to the operation that reads it."""
    from tensorflow.compiler.tf2xla.python import xla

    (whole,) = xla.optimization_barrier(array)
    return whole


def convolve(
    array: Array,
    kernel: Array,
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    *,
    exact: bool = True,
    spare: int = 0,
) -> Array:
    """Return the windows of `array` (B, size, inputs) that fit, weighed by `kernel`.

    `kernel` is (taps, inputs, outputs). TensorFlow's own convolution is one of images. The axis it
    puts in between stands in XLA's way, which then computes what a convolution reads again for
    every other reader: in a network with skips, all the layers before. `spare` positions of zeros
    are put after the array; without `exact` XLA may round factors.
    """
    from tensorflow.compiler.tf2xla.python import xla
    from tensorflow.compiler.xla import xla_data_pb2

    axes = xla_data_pb2.ConvolutionDimensionNumbers(
        input_spatial_dimensions=[1],
        input_feature_dimension=2,
        kernel_spatial_dimensions=[0],
        kernel_input_feature_dimension=1,
        kernel_output_feature_dimension=2,
        output_spatial_dimensions=[1],
        output_feature_dimension=2,
    )
    kind = xla_data_pb2.PrecisionConfig
    wanted = kind.HIGHEST if exact else kind.DEFAULT
    precision = kind(operand_precision=[wanted, wanted])
    around = [(0, spare)]
    result = xla.conv(
        array, kernel, strides, around, (1,), dilation, axes, precision_config=precision
    )
    room = array.shape[1] + spare - (kernel.shape[0] - 1) * dilation[0] - 1
    result.set_shape((array.shape[0], room // strides[0] + 1, kernel.shape[2]))
    return result
