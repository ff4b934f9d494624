"""A row's bits do not depend on where in the batch it stands, and sums are sums."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import ops
from nets import Array

from seqlift.device.backend import compiled
from seqlift.network.primitives import elementwise
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.primitives.rowwise import matmul, mean_along, sum_along
from seqlift.network.primitives.softmax import softmax


def numpy(array: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(array))


SMOOTH = [
    elementwise.SIGMOID,
    elementwise.TANH,
    elementwise.SOFTPLUS,
    elementwise.EXPONENTIAL,
    elementwise.SILU,
    elementwise.SOFTSIGN,
    elementwise.elu(1.0),
]


@pytest.mark.parametrize("function", SMOOTH, ids=lambda function: function.name)
def test_a_function_of_a_value_is_the_same_to_the_bit_at_every_place(function: Elementwise) -> None:
    values = np.random.default_rng(0).normal(size=40).astype(np.float32) * 2
    for size in (3, 13):
        places = ops.convert_to_tensor(np.repeat(values[:, None], size, axis=1))
        for computed in (function.forward, function.derivative):
            rows = np.stack([numpy(computed(row)) for row in places])
            assert np.array_equal(rows, np.repeat(rows[:, :1], size, axis=1))


ALONG = [
    ((7, 20, 60), 1),
    ((7, 20, 61, 4), 1),
    ((7, 33, 5), 1),
    ((5, 50, 3), 1),
    ((5, 3, 17, 6), 2),
    ((5, 1, 6), 1),
    ((7, 20, 240), 1),
    ((9, 20, 500, 4), 1),
    ((7, 20, 33, 1), 2),
    ((7, 20, 33), 2),
]


@pytest.mark.parametrize(("shape", "axis"), ALONG)
@pytest.mark.parametrize(
    "function",
    [sum_along, mean_along, softmax],
    ids=["sum", "mean", "softmax"],
)
def test_what_is_summed_in_a_row_is_the_same_to_the_bit_in_any_order_of_rows(
    shape: tuple[int, ...], axis: int, function: Callable[..., Any]
) -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        rows = rng.normal(size=shape).astype(np.float32)
        order = rng.permutation(len(rows))
        once, again = (
            numpy(function(ops.convert_to_tensor(side), axis)) for side in (rows, rows[order])
        )
        assert np.array_equal(once[order], again)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 2, 7])
def test_a_row_of_a_product_is_the_same_to_the_bit_in_any_order_of_rows(
    outputs: int, dtype: str
) -> None:
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(100, outputs)).astype(dtype)
    product = compiled(lambda rows: matmul(rows, ops.convert_to_tensor(matrix)))
    for number in (5, 13, 20, 21):
        rows = rng.normal(size=(number, 100)).astype(dtype)
        order = rng.permutation(number)
        once, again = numpy(product(rows)), numpy(product(rows[order]))
        assert np.array_equal(once[order], again)
        assert once == pytest.approx(rows @ matrix, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("size", range(1, 18))
def test_a_sum_and_a_mean_are_those_of_numpy(size: int, *, keepdims: bool) -> None:
    rows = np.random.default_rng(size).normal(size=(3, size, 5))
    given = ops.convert_to_tensor(rows)
    for ours, theirs in ((sum_along, np.sum), (mean_along, np.mean)):
        expected = theirs(rows, axis=1, keepdims=keepdims)
        assert numpy(ours(given, 1, keepdims=keepdims)) == pytest.approx(expected, abs=1e-14)
