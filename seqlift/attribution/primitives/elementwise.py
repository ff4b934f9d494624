"""Functions of one number, with the derivative and the kinks a rule needs to cross them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.primitives.affine import constant
from seqlift.attribution.primitives.base import Array, Primitive, Shape
from seqlift.attribution.primitives.rowwise import aligned


@dataclass(frozen=True, eq=False)
class Elementwise(Primitive):
    """``function`` of each value; crossed by Rescale or a gradient.

    `kinks` are where the derivative jumps. A `straight` function is a straight line between them,
    so that between two values with no kink in between its slope is one constant.
    At a kink, `derivative` is the slope on its left: 0 for ReLU at 0, as in the original DeepLIFT.
    """

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    kinks: tuple[float, ...] = ()
    straight: bool = False

    def shape(self, *shapes: Shape) -> Shape:
        """Return the input shape."""
        return shapes[0]

    def forward(self, *inputs: Array) -> Array:
        """Return the function of each value."""
        return self.function(inputs[0])

    def describe(self) -> str:
        """Return the function's name."""
        return self.name


def smooth(
    name: str,
    function: Callable[[Array], Array],
    derivative: Callable[[Array], Array],
    kinks: tuple[float, ...] = (),
) -> Elementwise:
    """Return a function that is curved between its kinks, the same wherever a value stands."""
    return Elementwise(name, aligned(function), aligned(derivative), kinks)


def step(x: Array, at: float = 0.0) -> Array:
    """Return 1 where x is above `at`, else 0, in the dtype of x."""
    return ops.cast(x > at, x.dtype)


def clipped_line(
    name: str, *, slope: float, low: float, high: float, offset: float = 0.0
) -> Elementwise:
    """Return ``clip(slope * x + offset, low, high)``: hard sigmoid, ReLU6 and their like."""
    kinks = tuple((bound - offset) / slope for bound in (low, high) if np.isfinite(bound))

    def derivative(x: Array) -> Array:
        inside = step(x, kinks[0])
        return slope * (inside if len(kinks) == 1 else inside * (1.0 - step(x, kinks[1])))

    def function(x: Array) -> Array:
        return ops.minimum(ops.maximum(slope * x + offset, low), high)

    return Elementwise(name, function, derivative, kinks, straight=True)


RELU = Elementwise("relu", ops.relu, step, (0.0,), straight=True)


def leaky_relu(slope: float | NDArray[np.floating], *, name: str = "leaky_relu") -> Elementwise:
    """Return ``x`` above 0 and ``slope * x`` elsewhere; `slope` may differ by position (PReLU)."""
    slopes = np.asarray(slope, dtype=np.float64)

    def function(x: Array) -> Array:
        return ops.where(x > 0, x, constant(slopes, x) * x)

    def derivative(x: Array) -> Array:
        return ops.where(x > 0, ops.ones_like(x), constant(slopes, x) * ops.ones_like(x))

    return Elementwise(name, function, derivative, (0.0,), straight=True)


def general_relu(*, slope: float, ceiling: float | None, threshold: float) -> Elementwise:
    """Return Keras's ReLU with a negative slope, a ceiling and a threshold, any of them unused.

    It is x from the threshold up to the ceiling, the ceiling above, ``slope * (x - threshold)``
    below. At the threshold itself a positive threshold makes it jump.
    """
    if ceiling is None and threshold == 0.0:
        return RELU if slope == 0.0 else leaky_relu(slope)
    top = np.inf if ceiling is None else ceiling
    kinks = (threshold,) if ceiling is None else (threshold, ceiling)

    def function(x: Array) -> Array:
        return ops.where(x > threshold, ops.minimum(x, top), slope * (x - threshold))

    def derivative(x: Array) -> Array:
        return ops.where(x > threshold, 1.0 - step(x, top), slope * ops.ones_like(x))

    return Elementwise("relu", function, derivative, kinks, straight=True)


def elu(alpha: float, *, scale: float = 1.0, name: str = "elu") -> Elementwise:
    """Return ``scale * x`` above 0 and ``scale * alpha * (exp(x) - 1)`` elsewhere (ELU, SELU)."""

    def function(x: Array) -> Array:
        return scale * ops.where(x > 0, x, alpha * ops.expm1(ops.minimum(x, 0.0)))

    def derivative(x: Array) -> Array:
        return scale * ops.where(x > 0, ops.ones_like(x), alpha * ops.exp(ops.minimum(x, 0.0)))

    return smooth(name, function, derivative, (0.0,))


def sigmoid_slope(x: Array) -> Array:
    """Return the derivative of the logistic sigmoid."""
    return ops.sigmoid(x) * ops.sigmoid(-x)


def tanh_slope(x: Array) -> Array:
    """Return the derivative of the hyperbolic tangent."""
    return 1.0 - ops.square(ops.tanh(x))


def silu_slope(x: Array) -> Array:
    """Return the derivative of x times its sigmoid."""
    return ops.sigmoid(x) * (1.0 + x * ops.sigmoid(-x))


def softsign_slope(x: Array) -> Array:
    """Return the derivative of x / (1 + |x|)."""
    return 1.0 / ops.square(1.0 + ops.abs(x))


SIGMOID = smooth("sigmoid", ops.sigmoid, sigmoid_slope)
TANH = smooth("tanh", ops.tanh, tanh_slope)
SOFTPLUS = smooth("softplus", ops.softplus, ops.sigmoid)
EXPONENTIAL = smooth("exp", ops.exp, ops.exp)
SILU = smooth("silu", ops.silu, silu_slope)
SOFTSIGN = smooth("softsign", ops.softsign, softsign_slope)
