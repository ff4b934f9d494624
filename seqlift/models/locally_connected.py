"""Locally connected layers of Keras 2, which Keras 3 lacks: a convolution that shares no weights.

What they compute, and the shapes of their weights, are those of Keras 2 with ``implementation=1``:
each position has a matrix of its own for its window. Knows nothing of files; weights start as
zeros, to be replaced.
"""

import math
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from seqlift.errors import ModelError

Tensor = Any
BUILD_ANEW = "build it anew in Keras 2 with {wanted}, give it the weights and save the model again"


class LocallyConnected(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """A matrix per position, times the window there, plus a bias per position.

    The input is (B, *sizes, C), the output (B, *counts, filters). `kernel` is (positions, window,
    filters), where a window is its taps in the order of the axes, each with its C values; `bias` is
    (*counts, filters). Settings Keras 2 knew and this does not have raise ModelError.
    """

    rank: ClassVar[int]

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str = "channels_last",
        activation: Any = None,
        use_bias: bool = True,
        implementation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = int(filters)
        self.kernel_size = self._per_axis(kernel_size)
        self.strides = self._per_axis(strides)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self._require("padding", padding or "valid", "valid")
        self._require("data_format", data_format or "channels_last", "channels_last")
        self._require("implementation", implementation, 1)

    def _per_axis(self, value: Any) -> tuple[int, ...]:
        values = tuple(value) if isinstance(value, tuple | list) else (value,)
        return tuple(map(int, values * self.rank if len(values) == 1 else values))

    def _require(self, setting: str, value: Any, known: Any) -> None:
        if value != known:
            raise ModelError(
                f"layer {self.name!r} ({type(self).__name__}) has {setting}={value!r}, which cannot"
                f" be read; {BUILD_ANEW.format(wanted=f'{setting}={known!r}')}"
            )

    def counts(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Count the windows that fit along each axis of `sizes`."""
        return tuple(
            (size - taps) // stride + 1
            for size, taps, stride in zip(sizes, self.kernel_size, self.strides, strict=True)
        )

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of `input_shape`, whose sizes must be known."""
        *sizes, channels = input_shape[1:]
        if None in (*sizes, channels):
            raise ModelError(
                f"layer {self.name!r} ({type(self).__name__}) has weights for each position, and"
                " its input has no fixed length; build the model with keras.Input((length, 4))"
            )
        counts = self.counts(tuple(sizes))
        window = math.prod(self.kernel_size) * channels
        self.kernel = self.add_weight(
            name="kernel", shape=(math.prod(counts), window, self.filters), initializer="zeros"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(*counts, self.filters), initializer="zeros"
            )

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        return (input_shape[0], *self.counts(tuple(input_shape[1:-1])), self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        """Multiply each window by its matrix, add its bias, and activate."""
        counts = self.counts(tuple(inputs.shape[1:-1]))
        rows = inputs
        for i, (count, taps, stride) in enumerate(
            zip(counts, self.kernel_size, self.strides, strict=True)
        ):
            places = np.arange(count)[:, None] * stride + np.arange(taps)
            rows = ops.take(rows, places, axis=1 + 2 * i)  # every axis before has become two
        order = [*range(1, 2 * self.rank, 2), *range(2, 2 * self.rank + 1, 2)]
        rows = ops.transpose(rows, (0, *order, 2 * self.rank + 1))
        # taps in order, each with its channels
        rows = ops.reshape(rows, (-1, *self.kernel.shape[:2]))
        sums = ops.einsum("npi,pio->npo", rows, self.kernel)
        sums = ops.reshape(sums, (-1, *counts, self.filters))
        if self.bias is not None:
            sums = sums + self.bias
        return self.activation(sums)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        return config | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
        }


class LocallyConnected1D(LocallyConnected):
    """Weights of their own at each position of a sequence (B, L, C)."""

    rank = 1


class LocallyConnected2D(LocallyConnected):
    """Weights of their own at each position of an image (B, rows, columns, C)."""

    rank = 2
