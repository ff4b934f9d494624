"""Layers that slide a window or resize an axis: their definitions, RevealCancel, rows apart."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from keras import layers, ops
from layer_table_windows import MORE_WINDOWS
from nets import (
    Array,
    chain,
    computed,
    eager,
    graph_of,
    inputs_for,
    largest,
    made,
    predicted,
    random_head,
    relative_residual,
)

from seqlift.lowering.layers.adaptive import windows

EXACT = 1e-12  # float64 sums of a few hundred products of order one

RNG = np.random.default_rng(12)


def numpy(array: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(array))


def put_apart(x: Array, kernel: Array, *, stride: int, dilation: int, low: int, size: int) -> Array:
    """Return a transposed convolution of (B, count, inputs), product by product."""
    result = np.zeros((len(x), size, kernel.shape[1]))
    for i in range(x.shape[1]):
        for j, matrix in enumerate(kernel):
            place = i * stride + j * dilation - low
            if 0 <= place < size:
                result[:, place] += x[:, i] @ matrix.T
    return result


@pytest.mark.parametrize(
    ("settings", "low", "size"),
    [
        ({"padding": "valid"}, 0, 8),
        ({"padding": "same"}, 1, 6),
        ({"padding": "valid", "dilation_rate": 3}, 0, 12),
        ({"padding": "same", "dilation_rate": 3}, 3, 6),
        ({"padding": "same", "strides": 2}, 0, 12),
        ({"padding": "same", "strides": 2, "output_padding": 0}, 1, 11),
        ({"padding": "valid", "strides": 4, "output_padding": 1}, 0, 24),
    ],
)
def test_a_transposed_convolution_is_that_of_its_definition(
    settings: dict[str, Any], low: int, size: int
) -> None:
    """TensorFlow itself cannot run a dilated one on a CPU: hence not the layer but its meaning."""
    model = made(chain(lambda: [layers.Conv1DTranspose(2, 3, use_bias=False, **settings)]), (6, 4))
    assert model.output_shape == (None, size, 2)
    x = RNG.normal(size=(3, 6, 4))
    graph = graph_of(model)
    (output,) = graph.outputs
    ours = computed(graph, x)[output]
    kernel = numpy(model.layers[-1].kernel)
    stride, dilation = settings.get("strides", 1), settings.get("dilation_rate", 1)
    expected = put_apart(x, kernel, stride=stride, dilation=dilation, low=low, size=size)
    assert largest(ours, expected) <= EXACT


@pytest.mark.parametrize("factor", [2, 3, 5])
@pytest.mark.parametrize("kind", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
def test_an_interpolation_is_that_of_keras_and_linear(kind: str, factor: int) -> None:
    """TensorFlow interpolates in float32, whatever its input."""
    upsampling = layers.UpSampling2D((factor, 2), interpolation=kind)
    model = made(chain(lambda: [upsampling]), (23, 3, 4))
    x, x0 = inputs_for((23, 3, 4), 2, 3)
    graph = graph_of(model)
    (output,) = graph.outputs
    ours = computed(graph, x)[output]
    assert largest(ours, predicted(model, x)) <= 2e-6
    for rule in ("rescale", "revealcancel"):
        result = eager(graph, random_head(graph), x, x0, dtype="float64", rule=rule)
        assert relative_residual(result) <= 1e-10


def test_adaptive_windows_cover_the_axis_in_order() -> None:
    for size in range(1, 13):
        for count in range(1, 15):
            found = windows(size, count)
            assert (found[0].start, found[-1].stop) == (0, size)
            assert all(b.start in (a.stop - 1, a.stop) for a, b in pairwise(found)) or count > size
            assert max(map(len, found)) - min(map(len, found)) <= 1


ONE_OF_EACH = (
    "DepthwiseConv1D(3, depth_multiplier=2, strides=2, padding='same', activation='relu')",
    "SeparableConv1D(5, 4, strides=3, padding='same', activation='relu')",
    "Conv1DTranspose(5, 3, strides=2, padding='same', output_padding=1)",
    "UpSampling1D(3)",
    "AdaptiveAveragePooling1D(7)",
    "AdaptiveMaxPooling1D(8)",
    "Activation('relu'), Flatten(), Dense(6), RepeatVector(3)",
    "DepthwiseConv2D(2, depth_multiplier=3, dilation_rate=(2, 3), activation='relu')",
)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_revealcancel_completes_across_every_kind_of_window(name: str) -> None:
    body, shape = MORE_WINDOWS[name]
    graph = graph_of(made(body, shape))
    head = random_head(graph)
    x, x0 = inputs_for(shape, 3, 4)
    for dtype, completes in (("float64", 1e-10), ("float32", 1e-5)):
        result = eager(graph, head, x, x0, dtype=dtype, rule="revealcancel")
        assert np.abs(result.difference).max() > 1e-3
        assert relative_residual(result) <= completes


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_scores_across_windows_have_the_same_bits_in_any_order_of_rows(name: str) -> None:
    body, shape = MORE_WINDOWS[name]
    graph = graph_of(made(body, shape))
    head = random_head(graph)
    x, x0 = inputs_for(shape, 7, 3)
    order = RNG.permutation(7)
    once = eager(graph, head, x, x0, dtype="float32")
    again = eager(graph, head, x[order], x0[order], dtype="float32")
    for field in ("hypothetical", "prediction", "residual"):
        assert np.array_equal(getattr(once, field)[order], getattr(again, field)), field
