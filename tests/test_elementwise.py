"""Functions of one number: derivatives, kinks, and the Rescale multiplier near and far."""

from typing import Any

import decimals
import numpy as np
import pytest
from elementwise_table import ACTIVATIONS, FUNCTIONS, IN_DECIMALS, OF_POSITIVE
from keras import ops
from nets import Array, gradients, predicted

from seqlift.attribution.propagation.difference_quotient import difference_quotient
from seqlift.device.backend import at_once
from seqlift.network.primitives import elementwise
from seqlift.network.primitives.elementwise import Elementwise

EXACT = 1e-12

STRAIGHT = [name for name, (function, _) in ACTIVATIONS.items() if function.straight]

# From -9 to 9 in steps that meet no kink of any function of the table.
POINTS = np.linspace(-9.0, 9.0, 200) + np.pi / 1000


def points_of(name: str) -> Array:
    return POINTS[POINTS > 0] if name in OF_POSITIVE else POINTS


def numpy(array: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(array))


def values(function: Elementwise, x: Array) -> Array:
    return numpy(at_once(function.forward)(ops.convert_to_tensor(x)))


def slopes(function: Elementwise, x: Array) -> Array:
    return numpy(at_once(function.derivative)(ops.convert_to_tensor(x)))


def multipliers(function: Elementwise, x: Array, x0: Array) -> Array:
    """Return Rescale multipliers in the dtype of the inputs."""
    x, x0 = ops.convert_to_tensor(x), ops.convert_to_tensor(x0)

    def crossed(x: Any, x0: Any) -> Any:
        return difference_quotient(function, x, x0, function.forward(x), function.forward(x0))

    return numpy(at_once(crossed)(x, x0))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_and_its_derivative_are_those_of_keras(name: str) -> None:
    function, activation = FUNCTIONS[name]
    points = points_of(name)
    y = predicted(activation, points)
    (slope,) = gradients(activation, 1.0, points)
    assert np.all(np.abs(values(function, points) - y) <= EXACT * np.maximum(1.0, np.abs(y)))
    assert np.all(np.abs(slopes(function, points) - slope) <= EXACT * np.maximum(1.0, abs(slope)))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_derivative_jumps_at_the_kinks_and_nowhere_else(name: str) -> None:
    function, _ = ACTIVATIONS[name]
    grid, step = np.linspace(-9.0, 9.0, 181), 1e-6
    jump = np.abs(slopes(function, grid + step) - slopes(function, grid - step))
    quiet = 10 * step * np.maximum(1.0, np.abs(values(function, grid)))
    assert grid[jump > quiet] == pytest.approx(function.kinks, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "hard shrink"])
def test_at_a_kink_a_derivative_is_the_slope_on_its_left(name: str) -> None:
    function, _ = ACTIVATIONS[name]
    kinks = np.array(function.kinks)
    assert slopes(function, kinks) == pytest.approx(slopes(function, kinks - 1e-9), abs=1e-8)


def test_the_slope_of_relu_at_zero_is_zero() -> None:
    assert slopes(elementwise.RELU, np.array([-0.0, 0.0])).tolist() == [0.0, 0.0]


def all_magnitudes(name: str, dtype: str) -> tuple[Array, Array]:
    """Return inputs from 1e-6 to 1e3 on both sides of 0, 1e-12 to 1e3 apart, some not at all.

    Only those at which the function has a value that is a number.
    """
    sizes, deltas = np.logspace(-6, 3, 19), np.logspace(-12, 3, 31)
    x0, delta = np.meshgrid(
        np.concatenate([sizes, -sizes]), np.concatenate([deltas, -deltas, [0.0]])
    )
    x, x0 = (side.astype(dtype).ravel() for side in (x0 + delta, x0))
    known = (x > 0) & (x0 > 0) if name in OF_POSITIVE else (x != 0) & (x0 != 0)
    x, x0 = x[known], x0[known]
    function, _ = FUNCTIONS[name]
    finite = np.isfinite(values(function, x)) & np.isfinite(values(function, x0))
    assert finite.sum() > 900
    return x[finite], x0[finite]


# Of these the values themselves, as every framework computes them, are rounded on a scale of 1.
ON_A_SCALE_OF_1 = {"gelu", "erf", "approximate gelu"}


@pytest.mark.parametrize("name", IN_DECIMALS)
def test_quotients_of_all_magnitudes_are_those_of_60_digit_decimals(name: str) -> None:
    function, _ = FUNCTIONS[name]
    x, x0 = all_magnitudes(name, "float64")
    some = np.random.default_rng(0).permutation(len(x))[:100]
    x, x0 = x[some], x0[some]
    exact = np.array(
        [
            float(decimals.quotient(IN_DECIMALS[name], a, b))
            for a, b in zip(x.tolist(), x0.tolist(), strict=True)
        ]
    )
    scale = np.maximum(np.abs(exact), 1.0 if name in ON_A_SCALE_OF_1 else 1e-30)
    assert np.max(np.abs(multipliers(function, x, x0) - exact) / scale) <= 1e-12


@pytest.mark.parametrize("name", IN_DECIMALS)
def test_float32_quotients_are_right_to_a_few_roundings(name: str) -> None:
    function, _ = FUNCTIONS[name]
    x, x0 = all_magnitudes(name, "float32")
    exact = multipliers(function, x.astype(np.float64), x0.astype(np.float64))
    ours = multipliers(function, x, x0)
    representable = np.abs(exact) < np.finfo(np.float32).max
    missed = np.abs(ours - exact)[representable]
    scale = np.maximum(np.abs(exact), 1.0 if name in ON_A_SCALE_OF_1 else 1e-2)[representable]
    assert ours.dtype == np.float32
    assert np.max(missed / scale) <= 3e-5


@pytest.mark.parametrize("name", STRAIGHT)
def test_on_one_straight_piece_the_multiplier_is_the_slope_to_the_bit(name: str) -> None:
    function, _ = FUNCTIONS[name]
    x, x0 = all_magnitudes(name, "float32")
    same = np.all([(x > kink) == (x0 > kink) for kink in function.kinks], axis=0)
    ours = multipliers(function, x[same], x0[same])
    assert same.sum() > 1000
    assert np.array_equal(ours, slopes(function, x0[same]))


@pytest.mark.parametrize(("dtype", "rounding"), [("float32", 1e-6), ("float64", 2e-15)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_multiplier_times_the_difference_is_the_difference_of_the_function(
    name: str, dtype: str, rounding: float
) -> None:
    function, _ = FUNCTIONS[name]
    x, x0 = all_magnitudes(name, dtype)
    y, y0 = (values(function, side).astype(np.float64) for side in (x, x0))
    delta = x.astype(np.float64) - x0.astype(np.float64)
    missed = np.abs(multipliers(function, x, x0) * delta - (y - y0))
    scale = np.maximum(1.0, np.maximum(np.abs(y), np.abs(y0)))
    assert np.max(missed / scale) <= rounding


@pytest.mark.parametrize("name", IN_DECIMALS)
def test_a_quotient_is_the_same_to_the_bit_at_every_place(name: str) -> None:
    function, _ = FUNCTIONS[name]
    draw = np.abs(np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)) + 0.1
    x, x0 = (np.repeat(side[:, None], 13, axis=1) for side in draw)
    rows = np.stack([multipliers(function, *row) for row in zip(x, x0, strict=True)])
    assert np.array_equal(rows, np.repeat(rows[:, :1], 13, axis=1))
    assert np.array_equal(multipliers(function, x, x0), rows)


def test_a_root_between_two_zeros_has_a_multiplier_that_is_a_number() -> None:
    function, _ = FUNCTIONS["sqrt"]
    assert multipliers(function, np.zeros(2), np.array([0.0, 4.0])).tolist() == [0.0, 0.5]


AT_KINKS = [
    ("relu", 0.0, 0.0, 0.0),
    ("relu", 1e-8, 0.0, 1.0),
    ("relu", 0.0, 1e-8, 1.0),
    ("relu", 0.0, -1e-8, 0.0),
    ("relu", -1e-8, 0.0, 0.0),
    ("relu", 1e-8, -1e-8, 0.5),
    ("relu", -3e-8, 1e-8, 0.25),
    ("relu", 3.0, 3.0, 1.0),
    ("relu", -3.0, -3.0, 0.0),
    ("leaky relu", 0.0, 0.0, 0.25),
    ("leaky relu", 1e-8, -1e-8, 0.625),
    ("relu6", 8.0, 4.0, 0.5),
    ("relu6", 8.0, -8.0, 0.375),
    ("relu6", 6.0, 6.0, 1.0),
    ("relu6", 7.0, 6.0, 0.0),
    ("elu", 1e-7, 0.0, 1.0),
    ("elu", 0.0, 0.0, 1.3),
    ("elu", 1e-7, -1e-7, 1.15),
    ("hard sigmoid", 5.0, -5.0, 0.1),
    ("sigmoid", 0.0, 0.0, 0.25),
    ("sigmoid", 100.0, -100.0, 0.005),
    ("tanh", 0.0, 0.0, 1.0),
    ("exponential", 1.0, 1.0, np.e),
    ("softsign", 0.0, 0.0, 1.0),
    ("hard shrink", -0.7, -1.0, 10 / 3),
    ("hard shrink", 0.7, -0.7, 0.0),
    ("hard shrink", 2.0, -2.0, 1.0),
    ("threshold", 0.5, -4.0, 0.0),
    ("threshold", 1.0, 0.5, 6.0),
    ("abs", 1.0, -1.0, 0.0),
    ("abs", -3.0, 1.0, -0.5),
    ("hard silu", 3.0, -3.0, 0.5),
    ("sparse plus", 3.0, -1.0, 0.75),
    ("softsign", 1.0, -1.0, 0.5),
]


@pytest.mark.parametrize(("name", "x", "x0", "expected"), AT_KINKS)
def test_multipliers_at_kinks_and_for_equal_inputs(
    name: str, x: float, x0: float, expected: float
) -> None:
    function, _ = FUNCTIONS[name]
    sides = (np.array([side], np.float32) for side in (x, x0))
    assert multipliers(function, *sides) == pytest.approx([expected], rel=5e-7, abs=1e-30)
