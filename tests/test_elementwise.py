"""Functions of one number: derivatives, kinks, and the Rescale multiplier near and far."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from keras import activations, ops
from nets import Array, largest

from seqlift.attribution.primitives import elementwise
from seqlift.attribution.primitives.elementwise import Elementwise
from seqlift.attribution.rules import local_threshold, rescale

EXACT = 1e-12

FUNCTIONS: dict[str, tuple[Elementwise, Callable[[Any], Any]]] = {
    "relu": (elementwise.RELU, activations.relu),
    "relu6": (elementwise.general_relu(slope=0.0, ceiling=6.0, threshold=0.0), activations.relu6),
    "leaky relu": (
        elementwise.leaky_relu(0.25),
        lambda x: activations.leaky_relu(x, negative_slope=0.25),
    ),
    "relu with everything": (
        elementwise.general_relu(slope=0.1, ceiling=2.5, threshold=0.5),
        lambda x: activations.relu(x, negative_slope=0.1, max_value=2.5, threshold=0.5),
    ),
    "elu": (elementwise.elu(1.3), lambda x: activations.elu(x, alpha=1.3)),
    "selu": (
        elementwise.elu(1.6732632423543772, scale=1.0507009873554805, name="selu"),
        activations.selu,
    ),
    "hard sigmoid": (
        elementwise.clipped_line("hard_sigmoid", slope=1 / 6, low=0.0, high=1.0, offset=0.5),
        activations.hard_sigmoid,
    ),
    "sigmoid": (elementwise.SIGMOID, activations.sigmoid),
    "tanh": (elementwise.TANH, activations.tanh),
    "softplus": (elementwise.SOFTPLUS, activations.softplus),
    "exponential": (elementwise.EXPONENTIAL, activations.exponential),
    "silu": (elementwise.SILU, activations.silu),
    "softsign": (elementwise.SOFTSIGN, activations.softsign),
}

# Largest third derivative, in units of the function where that is above one; most have under 2.
THIRD_DERIVATIVE = dict.fromkeys(FUNCTIONS, 2.0) | {"softsign": 6.0}

STRAIGHT = [name for name, (function, _) in FUNCTIONS.items() if function.straight]
SMOOTH = [name for name in FUNCTIONS if name not in STRAIGHT]

# From -9 to 9 in steps that meet no kink of any function of the table.
POINTS = np.linspace(-9.0, 9.0, 200) + np.pi / 1000


def numpy(array: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(array))


def values(function: Elementwise, x: Array) -> Array:
    return numpy(function.forward(ops.convert_to_tensor(x)))


def slopes(function: Elementwise, x: Array) -> Array:
    return numpy(function.derivative(ops.convert_to_tensor(x)))


def multipliers(function: Elementwise, x: Array, x0: Array) -> Array:
    """Return Rescale multipliers in the dtype of the inputs."""
    x, x0 = ops.convert_to_tensor(x), ops.convert_to_tensor(x0)
    return numpy(rescale(function, x, x0, function.forward(x), function.forward(x0)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_and_its_derivative_are_those_of_keras(name: str) -> None:
    function, activation = FUNCTIONS[name]
    x = tf.constant(POINTS)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = activation(x)
    scale = np.maximum(1.0, np.abs(numpy(y)))
    assert largest(values(function, POINTS) / scale, numpy(y) / scale) <= EXACT
    assert largest(slopes(function, POINTS) / scale, numpy(tape.gradient(y, x)) / scale) <= EXACT


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_derivative_jumps_at_the_kinks_and_nowhere_else(name: str) -> None:
    function, _ = FUNCTIONS[name]
    grid, step = np.linspace(-9.0, 9.0, 181), 1e-6
    jump = np.abs(slopes(function, grid + step) - slopes(function, grid - step))
    quiet = 10 * step * np.maximum(1.0, np.abs(values(function, grid)))
    assert grid[jump > quiet] == pytest.approx(function.kinks, abs=1e-9)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_at_a_kink_a_derivative_is_the_slope_on_its_left(name: str) -> None:
    function, _ = FUNCTIONS[name]
    kinks = np.array(function.kinks)
    assert slopes(function, kinks) == pytest.approx(slopes(function, kinks - 1e-9), abs=1e-8)


def test_the_slope_of_relu_at_zero_is_zero() -> None:
    assert slopes(elementwise.RELU, np.array([-0.0, 0.0])).tolist() == [0.0, 0.0]


def precise(function: Elementwise, x: Array, x0: Array) -> Array:
    """Return Rescale multipliers in float64, right to 1e-10: quotients, and derivatives near 0."""
    delta = x - x0
    near = np.abs(delta) < 1e-5
    quotient = (values(function, x) - values(function, x0)) / np.where(near, 1.0, delta)
    return np.where(near, slopes(function, 0.5 * (x + x0)), quotient)


def near_and_far() -> tuple[Array, Array]:
    """Return float32 inputs whose differences run from 1e-8 to 10, and a few of exactly 0."""
    deltas = np.concatenate([np.logspace(-8, 1, 181), [0.0]])
    x0, delta = np.meshgrid(POINTS[::4], np.concatenate([deltas, -deltas]))
    return (x0 + delta).astype(np.float32).ravel(), x0.astype(np.float32).ravel()


@pytest.mark.parametrize("name", SMOOTH)
def test_float32_multipliers_are_right_for_differences_from_1e_8_to_10(name: str) -> None:
    """The two errors are those of `local_threshold`, where they are equal.

    At that difference d the quotient's is eps / d for each eps that y is off (2, for the two
    outputs), and the midpoint derivative's is the same for each unit of the third derivative.
    """
    function, _ = FUNCTIONS[name]
    x, x0 = near_and_far()
    ours, wide = multipliers(function, x, x0), (x.astype(np.float64), x0.astype(np.float64))
    size = np.maximum(1.0, np.maximum(*(np.abs(values(function, side)) for side in wide)))
    unit = np.finfo(np.float32).eps / local_threshold("float32")
    assert ours.dtype == np.float32
    assert (
        largest(ours / size, precise(function, *wide) / size) <= (2 + THIRD_DERIVATIVE[name]) * unit
    )


@pytest.mark.parametrize("name", STRAIGHT)
def test_on_one_straight_piece_the_multiplier_is_the_slope_to_the_bit(name: str) -> None:
    function, _ = FUNCTIONS[name]
    x, x0 = near_and_far()
    same = np.all([(x > kink) == (x0 > kink) for kink in function.kinks], axis=0)
    ours = multipliers(function, x[same], x0[same])
    assert same.sum() > 1000
    assert np.array_equal(ours, slopes(function, x0[same]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_multiplier_times_the_difference_is_the_difference_of_the_function(
    name: str, dtype: str
) -> None:
    function, _ = FUNCTIONS[name]
    x, x0 = (side.astype(dtype) for side in near_and_far())
    y, y0 = values(function, x), values(function, x0)
    missed = np.abs(multipliers(function, x, x0) * (x - x0) - (y - y0))
    scale = np.maximum(1.0, np.maximum(np.abs(y), np.abs(y0)))
    assert np.max(missed / scale) <= (2 + THIRD_DERIVATIVE[name]) * np.finfo(dtype).eps


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
    ("softsign", 1.0, -1.0, 0.5),
]


@pytest.mark.parametrize(("name", "x", "x0", "expected"), AT_KINKS)
def test_multipliers_at_kinks_and_for_equal_inputs(
    name: str, x: float, x0: float, expected: float
) -> None:
    function, _ = FUNCTIONS[name]
    sides = (np.array([side], np.float32) for side in (x, x0))
    assert multipliers(function, *sides) == pytest.approx([expected], rel=5e-7, abs=1e-30)
