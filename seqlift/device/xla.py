"""Instructions to XLA itself, where it compiles a function of TensorFlow's as a whole.

Only the modules of this folder name a backend.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any

_CONDITION: ContextVar[Array | None] = ContextVar("condition", default=None)


@cache
def opaque_true() -> Array:
    """Make a True to be passed at run time, so that XLA cannot fold the condition away."""
    import tensorflow as tf

    return tf.constant(True)


@contextmanager
def compiled_by_xla(condition: Array) -> Iterator[None]:
    """Have functions traced inside instruct XLA; `condition` is their `opaque_true`."""
    token = _CONDITION.set(condition)
    try:
        yield
    finally:
        _CONDITION.reset(token)


def compiles() -> bool:
    """Tell whether XLA compiles the function being traced as a whole, for TensorFlow."""
    return _CONDITION.get() is not None


def stored(weights: NDArray[np.floating]) -> Array:
    """Store weights in float32, as an argument of each call of a compiled function.

    A constant inside is copied and examined on the way: 9 MB take 0.15 s longer to compile.
    """
    import tensorflow as tf

    with tf.init_scope():  # outside of what is traced: an argument of it, not a constant
        return tf.constant(weights, tf.float32)


def computed_once(first: Callable[[], Array], other: Callable[[], Array]) -> Array:
    """Compute ``first()``, with the arrays it reads computed once and stored.

    XLA makes one loop of what it can, and has each of several loops compute what they all read
    anew. It does not look into the two branches of a condition. `other` is the branch that is never
    taken: another way to the same array.
    """
    import tensorflow as tf

    return tf.cond(_CONDITION.get(), first, other)


def barrier(array: Array) -> Array:
    """Have XLA compute `array` as it stands, without joining it to the operation that reads it."""
    from tensorflow.compiler.tf2xla.python import xla

    (whole,) = xla.optimization_barrier(array)
    return whole


def convolve_xla(
    array: Array,
    kernel: Array,
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    *,
    exact: bool = True,
    spare: int = 0,
) -> Array:
    """Weigh the windows of `array` (B, size, inputs) that fit by `kernel`.

    `kernel` is (taps, inputs, outputs). TensorFlow's own convolution is one of images. The axis it
    inserts blocks an optimisation of XLA, which then computes what a convolution reads again for
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
    wanted = kind.HIGHEST if exact else kind.DEFAULT  # DEFAULT lets a GPU round factors to TF32
    precision = kind(operand_precision=[wanted, wanted])
    around = [(0, spare)]
    result = xla.conv(
        array, kernel, strides, around, (1,), dilation, axes, precision_config=precision
    )
    last_start = array.shape[1] + spare - (kernel.shape[0] - 1) * dilation[0] - 1
    # The shape function of this operation leaves it open, and the code after it asks for it.
    result.set_shape((array.shape[0], last_start // strides[0] + 1, kernel.shape[2]))
    return result
