"""Signs near zero: the smallest real difference counts, and what is equal is computed equal."""

from typing import Any

import numpy as np
import pytest
from keras import Model, layers
from nets import Array, eager, graph_of, largest, made, numpy, random_head

from seqlift.device.backend import compiled
from seqlift.network.graph import Graph
from seqlift.network.primitives.convolution import Convolution
from seqlift.network.primitives.rowwise import sum_in_any_order


def dense(shape: tuple[int, ...], *before: layers.Layer) -> Graph:
    """Return a network with RevealCancel after its dense layer."""

    def body(tensor: Any) -> Any:
        for layer in before:
            tensor = layer(tensor)
        hidden = layers.Dense(8, activation="relu")(layers.Flatten()(tensor))
        return layers.Dense(2, activation="tanh")(hidden)

    model: Model = made(body, shape)
    return graph_of(model)


def test_a_difference_of_3e_7_of_two_thirds_keeps_its_sign() -> None:
    """Before a dense layer a value that rises has other multipliers than one that falls."""
    graph = dense((5,))
    head = random_head(graph)
    start, roundings = np.float32(0.65), np.array([1, 2, 3, 4, 8, -1, -5])
    x = np.tile(np.array([0.0, 2.9, -2.9, -1.3, 1.2], np.float32), (len(roundings), 1))
    x[:, 0] = start + roundings.astype(np.float32) * np.spacing(start)
    x0 = np.tile(np.array([start, -2.1, 1.4, 1.3, -2.7], np.float32), (len(roundings), 1, 1))
    gaps = x[:, 0].astype(np.float64) - x0[:, 0, 0]
    assert np.array_equal(np.sign(gaps), np.sign(roundings))
    assert 5e-8 < np.abs(gaps).min() < 3e-7 * 0.65 < np.abs(gaps).max() < 6e-7
    ours = eager(graph, head, x, x0, rule="genomics", dtype="float32").multipliers
    exact = eager(graph, head, x, x0, rule="genomics", dtype="float64").multipliers
    assert largest(ours, exact) <= 1e-5 * np.abs(exact).max()
    assert np.abs(exact[0, 0] - exact[-1, 0]) > 1e-2 * np.abs(exact).max()


@pytest.mark.parametrize(
    "pool",
    [
        lambda: layers.GlobalAveragePooling1D(),
        lambda: layers.GlobalMaxPooling1D(),
        lambda: layers.AveragePooling1D(60),
    ],
    ids=["mean", "max", "window"],
)
def test_the_same_values_in_another_order_differ_by_nothing(pool: Any) -> None:
    """Shuffled references of what looks at single bases: no sign is left to roundings."""
    graph = dense((60, 4), layers.Conv1D(6, 1, activation="relu"), pool())
    head = random_head(graph)
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, (3, 60))
    x = np.eye(4)[codes]
    x0 = np.eye(4)[np.stack([[rng.permutation(row) for _ in range(4)] for row in codes])]
    ours, exact = (
        eager(graph, head, x.astype(dtype), x0.astype(dtype), rule="genomics", dtype=dtype)
        for dtype in ("float32", "float64")
    )
    assert np.abs(exact.difference).max() == 0.0
    assert np.abs(ours.difference).max() == 0.0
    assert np.abs(exact.hypothetical).max() > 0.01
    assert largest(ours.hypothetical, exact.hypothetical) <= 1e-6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "axis"), [((9, 500, 3), 1), ((5, 37), 1), ((2, 4, 2000, 2), 2)])
def test_a_sum_is_the_same_to_the_bit_in_any_order(
    shape: tuple[int, ...], axis: int, dtype: str
) -> None:
    rng = np.random.default_rng(3)
    values = (rng.normal(size=shape) * 10 ** rng.uniform(-3, 3, size=shape)).astype(dtype)
    values[0] = 0.0
    found = [
        numpy(sum_in_any_order(np.take(values, rng.permutation(shape[axis]), axis=axis), axis))
        for _ in range(4)
    ]
    assert all(np.array_equal(found[0], other) for other in found[1:])
    exact = values.astype(np.longdouble).sum(axis=axis)
    size = np.abs(values).astype(np.longdouble).sum(axis=axis)
    assert np.all(np.abs(found[0] - exact) <= np.finfo(dtype).eps * size)


LINES = [((5, 4, 7), 1, 1), ((21, 4, 16), 1, 1), ((3, 30, 32), 4, 1), ((8, 5, 1), 1, 3)]
IMAGES = [((3, 3, 1, 16), 1, 1), ((3, 3, 16, 32), 1, 1), ((5, 4, 3, 7), 2, 1), ((2, 6, 8, 9), 1, 2)]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize(("shapes", "size"), [(LINES, (101,)), (IMAGES, (17, 23))])
def test_equal_windows_have_equal_values_to_the_bit(
    shapes: list[tuple[tuple[int, ...], int, int]], size: tuple[int, ...], fused: bool
) -> None:
    """Of a constant reference, or a repeat: for the signs and the ties that are made of them."""
    rng = np.random.default_rng(5)
    axes = len(size)
    convolutions = [
        Convolution(
            rng.normal(size=shape).astype(np.float32),
            rng.normal(size=shape[-1]).astype(np.float32),
            (stride,) * axes,
            (dilation,) * axes,
            ((0, 0),) * axes,
        )
        for shape, dilation, stride in shapes
    ]
    constant = (rng.normal(size=(5, *(1,) * axes, c.kernel.shape[-2])) for c in convolutions)
    rows = [np.tile(one.astype(np.float32), (1, *size, 1)) for one in constant]
    forward = compiled(
        lambda arrays: [c.forward(x) for c, x in zip(convolutions, arrays, strict=True)],
        fused=fused,
    )
    found: list[Array] = [numpy(values) for values in forward(rows)]
    for values, convolution in zip(found, convolutions, strict=True):
        assert values.shape[1:] == convolution.shape((*size, convolution.kernel.shape[-2]))
        windows = values.reshape(5, -1, values.shape[-1])
        assert np.array_equal(windows, np.repeat(windows[:, :1], windows.shape[1], axis=1))
