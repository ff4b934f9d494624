"""Primitives against the Keras layers they stand for, and transposes against their forward."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import layers, ops
from nets import Array, chain, computed, graph_of, largest, made, predicted

from seqlift.device.backend import compiled
from seqlift.network.primitives import convolution as convolutions
from seqlift.network.primitives.affine import Dense, Mean, Scale, WeightedSum
from seqlift.network.primitives.base import Linear, Shape
from seqlift.network.primitives.convolution import (
    Convolution,
    TransposedConvolution,
    same_pads,
)
from seqlift.network.primitives.depthwise import Depthwise
from seqlift.network.primitives.pooling import AveragePool, MaxPool, Pooling, Windows
from seqlift.network.primitives.shape import Concatenate, Pad, Permute, Reshape
from seqlift.network.primitives.sliding import fold, unfold

EXACT = 1e-12  # float64 sums of a few hundred products of order one

RNG = np.random.default_rng(11)


def normal(*shape: int) -> Array:
    return RNG.normal(size=shape)


def numpy(array: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(array))


def convolution(
    size: int,
    kernel: tuple[int, ...],
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "valid",
) -> Convolution:
    """Return a convolution of axes of `size` values; `kernel` is (*taps, inputs, outputs)."""
    rank = len(kernel) - 2
    reach = (kernel[0] - 1) * dilation
    pads = {
        "valid": (0, 0),
        "causal": (reach, 0),
        "same": same_pads(size, kernel=kernel[0], stride=stride, dilation=dilation),
    }[padding]
    bias = normal(kernel[-1])
    return Convolution(normal(*kernel), bias, (stride,) * rank, (dilation,) * rank, (pads,) * rank)


def pool(size: int, stride: int, pads: tuple[int, int] = (0, 0), *, rank: int = 1) -> AveragePool:
    return AveragePool(Pooling((size,) * rank, (stride,) * rank, (pads,) * rank))


CONVOLUTIONS: dict[str, tuple[Linear, tuple[Shape, ...]]] = {
    f"conv1d {size} positions, kernel {taps}, stride {stride}, dilation {dilation}, {padding}": (
        convolution(size, (taps, 3, 2), stride=stride, dilation=dilation, padding=padding),
        ((size, 3),),
    )
    for size, taps, stride, dilation, padding in [
        (11, 1, 1, 1, "valid"),
        (11, 4, 1, 1, "valid"),
        (11, 11, 1, 1, "valid"),
        (11, 5, 2, 1, "valid"),
        (12, 5, 2, 1, "valid"),
        (13, 2, 3, 1, "valid"),
        (13, 1, 3, 1, "valid"),
        (14, 7, 3, 1, "valid"),
        (11, 3, 1, 3, "valid"),
        (11, 5, 1, 1, "same"),
        (11, 4, 1, 1, "same"),
        (12, 4, 2, 1, "same"),
        (13, 2, 3, 1, "same"),
        (5, 9, 1, 1, "same"),
        (11, 3, 1, 4, "same"),
        (11, 4, 1, 1, "causal"),
        (11, 3, 1, 2, "causal"),
        (12, 3, 2, 1, "causal"),
    ]
}

WINDOWED: dict[str, tuple[Linear, tuple[Shape, ...]]] = {
    "depthwise": (Depthwise(normal(3, 5, 1), normal(5), (1,), (1,), ((0, 0),)), ((9, 5),)),
    "depthwise, 3 filters a channel, stride 2": (
        Depthwise(normal(4, 5, 3), normal(15), (2,), (1,), ((1, 2),)),
        ((10, 5),),
    ),
    "depthwise, stride and dilation": (
        Depthwise(normal(3, 5, 2), None, (2,), (3,), ((2, 0),)),
        ((12, 5),),
    ),
    "depthwise 2-D, a stride for each axis": (
        Depthwise(normal(3, 2, 5, 2), normal(10), (1, 3), (1, 1), ((1, 0), (0, 1))),
        ((6, 7, 5),),
    ),
    "depthwise 2-D, dilated": (
        Depthwise(normal(3, 2, 5, 1), None, (1, 1), (2, 3), ((1, 1), (0, 2))),
        ((6, 7, 5),),
    ),
    "transposed": (
        TransposedConvolution(normal(4, 3, 2), normal(3), (1,), (1,), ((0, 0),), (9,)),
        ((6, 2),),
    ),
    "transposed, stride 3, longer than its windows": (
        TransposedConvolution(normal(2, 3, 2), normal(3), (3,), (1,), ((0, -1),), (9,)),
        ((3, 2),),
    ),
    "transposed, stride 2, cropped": (
        TransposedConvolution(normal(4, 3, 2), None, (2,), (1,), ((1, 1),), (10,)),
        ((5, 2),),
    ),
    "transposed, dilated": (
        TransposedConvolution(normal(3, 3, 2), normal(3), (1,), (3,), ((3, 3),), (7,)),
        ((7, 2),),
    ),
    "transposed 2-D": (
        TransposedConvolution(normal(3, 2, 3, 2), None, (2, 1), (1, 1), ((1, 0), (0, 1)), (6, 5)),
        ((3, 5, 2),),
    ),
    "windows 3/2": (Windows(Pooling((3,), (2,), ((0, 0),))), ((10, 2),)),
    "windows 2-D, padded": (Windows(Pooling((3, 2), (1, 2), ((1, 1), (0, 1)))), ((4, 5, 2),)),
}

LINEAR: dict[str, tuple[Linear, tuple[Shape, ...]]] = (
    CONVOLUTIONS
    | WINDOWED
    | {
        "conv1d in 2 groups": (convolution(9, (3, 2, 6)), ((9, 4),)),
        "conv1d depthwise, stride 2": (convolution(9, (3, 1, 4), stride=2), ((9, 4),)),
        "conv2d": (convolution(6, (3, 3, 2, 3)), ((6, 6, 2),)),
        "conv2d same, stride 2": (
            convolution(7, (4, 4, 2, 3), stride=2, padding="same"),
            ((7, 7, 2),),
        ),
        "conv2d, a stride for each axis": (
            Convolution(normal(2, 4, 3, 2), None, (3, 2), (1, 1), ((0, 0), (3, 2))),
            ((8, 7, 3),),
        ),
        "conv2d, a dilation for each axis": (
            Convolution(normal(2, 4, 3, 2), None, (1, 1), (3, 2), ((0, 1), (3, 2))),
            ((8, 7, 3),),
        ),
        "average of windows side by side": (pool(3, 3), ((10, 2),)),
        "average 4/2": (pool(4, 2), ((11, 2),)),
        "average 10/5": (pool(10, 5), ((23, 2),)),
        "average 3/1": (pool(3, 1), ((8, 2),)),
        "average with gaps 2/3": (pool(2, 3), ((12, 2),)),
        "average same 3/2": (pool(3, 2, (0, 1)), ((6, 2),)),
        "average same 5/1": (pool(5, 1, (2, 2)), ((4, 2),)),
        "average 2-D 3/2": (pool(3, 2, (1, 1), rank=2), ((5, 7, 2),)),
        "pad": (Pad(((2, 1), (0, 0))), ((5, 3),)),
        "crop": (Pad(((-2, -1), (0, 0))), ((7, 3),)),
        "crop before, pad after": (Pad(((-2, 3), (1, -1))), ((7, 3),)),
        "reshape": (Reshape((4, -1, 2)), ((6, 4),)),
        "permute": (Permute((2, 0, 1)), ((2, 3, 4),)),
        "concatenate positions": (Concatenate(0), ((2, 3), (4, 3), (1, 3))),
        "concatenate channels": (Concatenate(1), ((4, 2), (4, 5))),
        "sum of three": (WeightedSum((1.0, -1.0, 0.25)), ((4, 3), (4, 3), (4, 3))),
        "sum, one broadcast along positions": (WeightedSum((1.0, 2.0)), ((4, 3), (1, 3))),
        "sum, each broadcast along an axis": (WeightedSum((0.5, 0.5)), ((4, 1), (1, 3))),
        "mean over positions": (Mean((0,)), ((5, 3),)),
        "mean over two axes, kept": (Mean((0, 1), keepdims=True), ((5, 3, 2),)),
        "mean over the first and last axis": (Mean((0, 2)), ((5, 3, 2),)),
        "dense": (Dense(normal(6, 4), normal(4)), ((6,),)),
        "dense at every position": (Dense(normal(3, 4), None), ((5, 3),)),
        "scale of channels": (Scale(normal(3), normal(3)), ((5, 3),)),
        "scale of positions": (Scale(normal(5, 1), normal(5, 1)), ((5, 3),)),
    }
)


@pytest.mark.parametrize("name", LINEAR)
def test_the_transpose_is_the_adjoint_of_the_forward_pass(name: str) -> None:
    primitive, shapes = LINEAR[name]
    inputs = [normal(2, *shape) for shape in shapes]
    zeros = [np.zeros_like(x) for x in inputs]
    change = numpy(primitive.forward(*map(ops.convert_to_tensor, inputs))) - numpy(
        primitive.forward(*map(ops.convert_to_tensor, zeros))
    )
    multiplier = normal(*change.shape)
    back = primitive.transpose(ops.convert_to_tensor(multiplier), *shapes)
    assert [tuple(m.shape) for m in back] == [x.shape for x in inputs]
    through_output = np.vdot(change, multiplier)
    through_inputs = sum(np.vdot(x, numpy(m)) for x, m in zip(inputs, back, strict=True))
    scale = np.abs(change * multiplier).sum()
    assert scale > 0.0
    assert abs(through_output - through_inputs) <= EXACT * scale


@pytest.mark.parametrize(("taps", "dilation"), [(2, 1), (5, 1), (3, 4)])
@pytest.mark.parametrize("outputs", [1, 4])
def test_a_convolution_of_few_outputs_is_the_same_summed_tap_by_tap(
    taps: int, dilation: int, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    array, kernel = ops.convert_to_tensor(normal(3, 31, 6)), normal(taps, 6, outputs)
    settings: dict[str, Any] = {"strides": (1,), "dilation": (dilation,)}
    assert not convolutions.is_narrow(array, kernel, (1,))
    plain = numpy(convolutions.weigh_windows(array, kernel, **settings))
    monkeypatch.setattr(convolutions, "LARGE_PRODUCT", 0)
    assert convolutions.is_narrow(array, kernel, (1,))
    by_taps = numpy(convolutions.weigh_windows(array, kernel, **settings))
    assert largest(by_taps, plain) <= EXACT


@pytest.mark.parametrize("name", LINEAR)
def test_a_primitive_foretells_the_shape_of_its_output(name: str) -> None:
    primitive, shapes = LINEAR[name]
    output = primitive.forward(*(ops.convert_to_tensor(normal(2, *shape)) for shape in shapes))
    assert tuple(output.shape) == (2, *primitive.shape(*shapes))


@pytest.mark.parametrize("name", WINDOWED)
def test_a_row_of_a_convolution_has_the_same_bits_in_any_order_of_rows(name: str) -> None:
    primitive, (shape,) = WINDOWED[name]
    rows = RNG.normal(size=(11, *shape)).astype(np.float32)
    above = RNG.normal(size=(11, *primitive.shape(shape))).astype(np.float32)
    order = RNG.permutation(11)
    forward, back = (
        lambda given: primitive.forward(ops.convert_to_tensor(given)),
        lambda given: primitive.transpose(ops.convert_to_tensor(given), shape)[0],
    )
    for function, given in ((forward, rows), (back, above)):
        whole = numpy(function(given))
        assert np.array_equal(whole[order], numpy(function(given[order])))
        assert np.array_equal(whole[4:7], numpy(function(given[4:7])))


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (1, 2), (3, 1)])
def test_a_convolution_is_the_same_compiled_as_a_whole(stride: int, dilation: int) -> None:
    primitive = convolution(12, (4, 3, 5), stride=stride, dilation=dilation, padding="same")
    above = normal(2, *primitive.shape((12, 3)))

    def there_and_back(given: Any, multiplier: Any) -> tuple[Any, ...]:
        return primitive.forward(given), *primitive.transpose(multiplier, (12, 3))

    given = normal(2, 12, 3)
    stepwise = there_and_back(ops.convert_to_tensor(given), ops.convert_to_tensor(above))
    for ours, expected in zip(compiled(there_and_back)(given, above), stepwise, strict=True):
        assert largest(numpy(ours), numpy(expected)) <= EXACT


def windows_one_by_one(array: Array, *, size: int, stride: int, count: int, fill: float) -> Array:
    """Return the windows of (B, length, C), looked up value by value."""
    result = np.full((len(array), count, size, array.shape[-1]), fill)
    for i in range(count):
        for j in range(size):
            if i * stride + j < array.shape[1]:
                result[:, i, j] = array[:, i * stride + j]
    return result


WINDOWS = [
    (length, size, stride, (length - size) // stride + 1)
    for length in (5, 9)
    for size in (1, 2, 3, 5)
    for stride in (1, 2, 3, 4)
]


@pytest.mark.parametrize(("length", "size", "stride", "count"), [*WINDOWS, (6, 4, 2, 3)])
def test_folding_is_the_transpose_of_unfolding(
    length: int, size: int, stride: int, count: int
) -> None:
    x, w = normal(2, length, 3), normal(2, count, size, 3)
    unfolded = unfold(ops.convert_to_tensor(x), 1, size=size, stride=stride, count=count, fill=-7.0)
    expected = windows_one_by_one(x, size=size, stride=stride, count=count, fill=-7.0)
    assert np.array_equal(numpy(unfolded), expected)
    folded = numpy(fold(ops.convert_to_tensor(w), 1, stride=stride, length=length))
    inside = expected != -7.0
    assert np.vdot(x, folded) == pytest.approx(np.vdot(expected[inside], w[inside]), abs=EXACT)


def test_windows_slide_along_any_axis() -> None:
    x = normal(2, 3, 8, 2)
    moved = unfold(ops.convert_to_tensor(x), 2, size=3, stride=2, count=3, fill=0.0)
    for i in range(3):
        row = windows_one_by_one(x[:, i], size=3, stride=2, count=3, fill=0.0)
        assert np.array_equal(numpy(moved)[:, i], row)


KERAS: dict[str, tuple[Callable[[], Any], Shape]] = {
    "conv1d stride 2 same": (lambda: layers.Conv1D(3, 4, strides=2, padding="same"), (11, 4)),
    "conv1d stride 3 same": (lambda: layers.Conv1D(3, 2, strides=3, padding="same"), (13, 4)),
    "conv1d dilated causal": (
        lambda: layers.Conv1D(3, 3, dilation_rate=2, padding="causal"),
        (11, 4),
    ),
    "conv1d strided causal": (lambda: layers.Conv1D(3, 3, strides=2, padding="causal"), (12, 4)),
    "conv1d dilated same": (lambda: layers.Conv1D(3, 4, dilation_rate=3, padding="same"), (11, 4)),
    "conv2d stride 2 same": (
        lambda: layers.Conv2D(3, (4, 3), strides=2, padding="same"),
        (7, 6, 2),
    ),
    "conv2d dilated": (lambda: layers.Conv2D(3, (2, 3), dilation_rate=(3, 2)), (8, 9, 2)),
    "average 4/2 same": (lambda: layers.AveragePooling1D(4, 2, padding="same"), (11, 3)),
    "average 2/3": (lambda: layers.AveragePooling1D(2, 3), (12, 3)),
    "average 2-D same": (lambda: layers.AveragePooling2D((3, 2), 2, padding="same"), (7, 5, 3)),
    "max 4/2 same": (lambda: layers.MaxPooling1D(4, 2, padding="same"), (11, 3)),
    "max 10/5": (lambda: layers.MaxPooling1D(10, 5), (23, 3)),
    "max 3/1 same": (lambda: layers.MaxPooling1D(3, 1, padding="same"), (6, 3)),
    "max 2/3": (lambda: layers.MaxPooling1D(2, 3), (12, 3)),
    "max 2/3 same": (lambda: layers.MaxPooling1D(2, 3, padding="same"), (11, 3)),
    "max 2-D same": (lambda: layers.MaxPooling2D((3, 2), (1, 2), padding="same"), (7, 5, 3)),
    "global max": (layers.GlobalMaxPooling1D, (7, 3)),
    "crop": (lambda: layers.Cropping1D((2, 1)), (9, 3)),
    "crop 2-D": (lambda: layers.Cropping2D(((1, 0), (2, 3))), (5, 9, 2)),
    "zeros 2-D": (lambda: layers.ZeroPadding2D(((1, 0), (2, 3))), (5, 4, 2)),
    "reshape": (lambda: layers.Reshape((3, -1)), (6, 4)),
    "permute": (lambda: layers.Permute((3, 1, 2)), (2, 3, 4)),
}


@pytest.mark.parametrize("name", KERAS)
def test_the_forward_pass_is_that_of_the_keras_layer(name: str) -> None:
    layer, shape = KERAS[name]
    model = made(chain(lambda: [layer()]), shape)
    x = ops.convert_to_tensor(normal(2, *shape) - 3.0)  # mostly negative: padding must not win
    graph = graph_of(model)
    (output,) = graph.outputs
    assert largest(computed(graph, x)[output], predicted(model, x)) <= EXACT


def test_no_padding_of_a_max_pool_is_ever_the_maximum() -> None:
    pooling = MaxPool(Pooling((3,), (1,), ((1, 1),)))
    lowest = np.full((1, 4, 1), -3e38, dtype=np.float32)
    assert np.array_equal(numpy(pooling.forward(ops.convert_to_tensor(lowest))), lowest)
