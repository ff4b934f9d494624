"""Products of arrays with weights and with each other, in the precision that was asked for.

Only the modules of this folder name a backend. Everything that is not a product (sums, activations,
rules) is computed in the arrays' own precision, whatever is asked of products; so are products
themselves unless `rounded_to` sets another:

tf32
    Factors are rounded to 10 bits after the leading one, as NVIDIA's tensor cores do; sums of
    products are kept in float32.
bfloat16
    Factors are rounded to 7 bits, sums of products are kept in float32.

A device that cannot multiply so gets the rounded factors in float32: the same numbers, slower.
On a GPU JAX multiplies matrices of the type bfloat16, with results in float32. A convolution of
that type would have its sums rounded too: it is written as such a product
(`seqlift.device.convolutions`), or its factors go to tensor cores as factors of 10 bits that end in
zeros, as they do with TensorFlow.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import keras

from seqlift.device import processor, xla
from seqlift.device.precision import Products

Array = Any

KEPT_BITS: dict[Products, int] = {"tf32": 10, "bfloat16": 7}
"""Bits of a factor after the leading one."""

FLOAT32_BITS = 23  # of the fraction, IEEE 754; the leading one is not stored

SMALL_KERNEL = 2
"""Values of a float32 kernel that is too small for the library XLA has on a CPU."""

WHOLE = {"padding": "valid", "data_format": "channels_last"}
"""Arguments of every convolution: whole windows only, channels last."""

_PRODUCTS: ContextVar[Products | None] = ContextVar("products", default=None)


@contextmanager
def rounded_to(products: Products | None) -> Iterator[None]:
    """Have products that are traced inside computed with rounded factors; None leaves them be."""
    token = _PRODUCTS.set(products)
    try:
        with nullcontext() if products is None else jax_tensor_cores():
            yield
    finally:
        _PRODUCTS.reset(token)


def jax_tensor_cores() -> Any:
    if keras.backend.backend() != "jax":
        return nullcontext()
    import jax

    # Overrides the "highest" of `use_device`, for what is traced inside.
    return jax.default_matmul_precision("tensorfloat32")


def rounded() -> Products | None:
    """Tell what factors are rounded to, if they are."""
    return _PRODUCTS.get()


def in_bfloat16() -> bool:
    """Tell whether matrices are multiplied as arrays of bfloat16, with sums in float32."""
    jax = keras.backend.backend() == "jax"
    return jax and rounded() == "bfloat16" and not processor.on_cpu()


def factors(*arrays: Array) -> tuple[Array, ...]:
    """Round float32 arrays to the precision of products before they are multiplied."""
    products = _PRODUCTS.get()
    if products is None:
        return arrays
    if keras.backend.backend() == "jax":
        return tuple(_jax_factor(array, products) for array in arrays)
    return tuple(_rounded(array, KEPT_BITS[products]) for array in arrays)


def _jax_factor(array: Array, products: Products) -> Array:
    if products == "tf32" and not processor.on_cpu():  # tensor cores round by themselves
        return array
    return leading(array, KEPT_BITS[products])


def leading(array: Array, bits: int) -> Array:
    import jax

    # Not a cast to bfloat16 and back, which XLA takes out again.
    return jax.lax.reduce_precision(array, exponent_bits=8, mantissa_bits=bits)


def _rounded(array: Array, bits: int) -> Array:
    import tensorflow as tf

    spare = FLOAT32_BITS - bits
    whole = tf.bitcast(array, tf.int32)  # as whole numbers: XLA removes a cast there and back
    odd = tf.bitwise.bitwise_and(tf.bitwise.right_shift(whole, spare), 1)
    # half a unit, less 1 before an even bit: ties go to even
    raised = whole + (1 << (spare - 1)) - 1 + odd
    return tf.bitcast(tf.bitwise.bitwise_and(raised, ~((1 << spare) - 1)), tf.float32)


def matmul(array: Array, matrix: Array) -> Array:
    """Multiply rows (B, inputs) by (inputs, outputs)."""
    if in_bfloat16():
        return einsum("...i,ij->...j", array, matrix)
    return keras.ops.matmul(*factors(array, matrix))


def einsum(equation: str, array: Array, other: Array) -> Array:
    if in_bfloat16():
        import jax

        both = (factor_of_product(side) for side in (array, other))
        return jax.numpy.einsum(equation, *both, preferred_element_type="float32")
    return keras.ops.einsum(equation, *factors(array, other))


def factor_of_product(array: Array) -> Array:
    """Make the factor of a matrix product of an array: half as large where it is bfloat16."""
    return array.astype("bfloat16") if in_bfloat16() else array


def convolve(
    array: Array, kernel: Array, *, strides: tuple[int, ...], dilation: tuple[int, ...]
) -> Array:
    """Weigh the windows of `array` (B, *sizes, inputs) that fit by `kernel`.

    `kernel` is (*taps, inputs / groups, outputs).
    """
    first, second = factors(apart(array, kernel, kernel.shape[-1]), kernel)
    one_axis = len(strides) == 1 and array.shape[-1] == kernel.shape[-2]
    if keras.backend.backend() == "tensorflow" and one_axis:
        if xla.compiles():
            # Not as an image: XLA would compute the array once for each of its readers.
            return xla.convolve_xla(first, second, strides, dilation, exact=rounded() is None)
        # TensorFlow's has either a stride or a dilation
        if max(strides) == 1 or max(dilation) == 1:
            return _convolve_image(first, second, strides, dilation)
    return keras.ops.conv(first, second, strides=strides, dilation_rate=dilation, **WHOLE)


def apart(array: Array, kernel: Array, outputs: int) -> Array:
    """Keep XLA from making zeros around `array` the padding of a convolution that cannot have any.

    On a CPU it hands most convolutions to a library, and writes loops for those of a kernel of at
    most 8 bytes, in float64, or with more taps than the array has positions before padding. Where
    the loops take several positions at once, as with one output, they load those of the padding
    too: they read before and after the array, and end the process where no memory is
    (`tests/convolution_search.py --raw` finds these shapes). Without padding they read the array
    only.
    """
    # Each of the three is a shape that XLA on a CPU writes as loops, not as a call of its library.
    small = math.prod(kernel.shape) <= SMALL_KERNEL
    if not (small or outputs == 1 or array.dtype == "float64"):
        return array
    if keras.backend.backend() == "jax":
        import jax

        return jax.lax.optimization_barrier(array)
    return xla.barrier(array) if xla.compiles() else array


def _convolve_image(
    array: Array, kernel: Array, strides: tuple[int, ...], dilation: tuple[int, ...]
) -> Array:
    import tensorflow as tf

    image, window = tf.expand_dims(array, 1), tf.expand_dims(kernel, 0)
    # Along one axis TensorFlow cuts dilated arrays into parts, which takes a quarter of its time.
    result = tf.nn.conv2d(image, window, (1, *strides), "VALID", dilations=(1, *dilation))
    return tf.squeeze(result, 1)


def depthwise(
    array: Array, kernel: Array, *, strides: tuple[int, ...], dilation: tuple[int, ...]
) -> Array:
    """Weigh each channel of the windows of `array` (B, *sizes, C) that fit by itself.

    `kernel` is (*taps, C, filters per channel).
    """
    first, second = factors(apart(array, kernel, math.prod(kernel.shape[-2:])), kernel)
    return keras.ops.depthwise_conv(first, second, strides=strides, dilation_rate=dilation, **WHOLE)


def tensor_cores(products: Products | None) -> Any:
    """Make the context for calls: TensorFlow asks for it when it computes."""
    if products is None or keras.backend.backend() != "tensorflow":
        return nullcontext()
    return _tensorflow_tensor_cores()


@contextmanager
def _tensorflow_tensor_cores() -> Iterator[None]:
    import tensorflow as tf

    # read when it computes, not traced
    tf.config.experimental.enable_tensor_float_32_execution(True)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(False)
