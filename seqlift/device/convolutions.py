"""Convolution in the form that `seqlift.device.forms` chooses for the device and the precision."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.device import forms, processor, products, winograd, xla
from seqlift.device.forms import Case, Form
from seqlift.device.precision import Precision
from seqlift.device.stored_weights import constant_tensor

Array = Any
Kernel = NDArray[np.floating]
Weigh = Callable[[Array, Kernel, tuple[int, ...], tuple[int, ...]], Array]


def weigh(
    array: Array,
    kernel: Kernel,
    *,
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    can_halve: bool = False,
) -> Array:
    """Weigh the windows of `array` (B, *sizes, channels) that fit by `kernel`.

    `kernel` is (*taps, channels / groups, outputs). `can_halve` allows Winograd's algorithm, with
    half the products.
    """
    case = Case(
        tuple(array.shape[1:-1]),
        array.shape[-1],
        kernel.shape,
        strides,
        dilation,
        allowed(array, can_halve=can_halve),
    )
    backend = keras.backend.backend()
    form = forms.chosen(case, backend, processor.kind(), precision_of(array))
    return WAYS[form](array, kernel, strides, dilation)


def precision_of(array: Array) -> Precision:
    rounded = products.rounded()
    if rounded is not None:
        return rounded
    return "float64" if ops.dtype(array) == "float64" else "float32"


def allowed(array: Array, *, can_halve: bool) -> frozenset[Form]:
    """List the forms that backend and precision have."""
    found: set[Form] = {"direct", "image", "columns"}
    if precision_of(array) == "float32":
        on_jax = keras.backend.backend() == "jax"
        # On TensorFlow only where XLA compiles, which is where it was measured to pay (0014).
        if can_halve and (on_jax or xla.compiles()):
            found.add("halved")
    return frozenset(found)


def direct(
    array: Array, kernel: Kernel, strides: tuple[int, ...], dilation: tuple[int, ...]
) -> Array:
    return products.convolve(
        array, constant_tensor(kernel, array), strides=strides, dilation=dilation
    )


def image(array: Array, kernel: Kernel, _: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Read positions that are `dilation` apart as neighbours along the first axis of an image.

    The last row is filled up with zeros, which only windows that are cut off afterwards read.
    """
    size, step = array.shape[1], dilation[0]
    # read by windows cut off below only
    padded = ops.pad(array, ((0, 0), (0, -size % step), (0, 0)))
    rows = ops.reshape(padded, (-1, padded.shape[1] // step, step, array.shape[2]))
    weights = constant_tensor(kernel[:, None], array)
    weighed = products.convolve(rows, weights, strides=(1, 1), dilation=(1, 1))
    count = size - (len(kernel) - 1) * step
    return ops.reshape(weighed, (-1, weighed.shape[1] * step, kernel.shape[-1]))[:, :count]


def columns(array: Array, kernel: Kernel, _: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Lay what each tap reads next to each other, and multiply by all taps at once."""
    taps, inputs, outputs = kernel.shape
    count = array.shape[1] - (taps - 1) * dilation[0]
    starts = (tap * dilation[0] for tap in range(taps))
    factor = products.factor_of_product(array)
    read = ops.concatenate([factor[:, start : start + count] for start in starts], axis=2)
    weights = constant_tensor(kernel.reshape(1, taps * inputs, outputs), array)
    # A product of two arrays of bfloat16 keeps its sums in float32; a convolution rounds them.
    if products.in_bfloat16():
        return products.matmul(read, weights[0])
    return products.convolve(read, weights, strides=(1,), dilation=(1,))


def halved(array: Array, kernel: Kernel, _: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    return winograd.winograd_windows(array, kernel, dilation[0])


WAYS: dict[Form, Weigh] = {
    "direct": direct,
    "image": image,
    "columns": columns,
    "halved": halved,
}
