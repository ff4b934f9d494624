"""Common functions of one number, with the slopes and quotients that rules need.

A straight function has its slope and its kinks, a curved one its difference quotient. Others are in
`seqlift.network.primitives.curves` and `seqlift.network.primitives.powers`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.device import backend
from seqlift.device.stored_weights import constant_tensor
from seqlift.network.primitives import quotients
from seqlift.network.primitives.base import Array, Primitive, Shape
from seqlift.network.primitives.quotients import Quotient
from seqlift.network.primitives.rowwise import aligned


@dataclass(frozen=True, eq=False)
class Elementwise(Primitive):
    """``function`` of each value; Rescale or a gradient propagates multipliers through it.

    `kinks` are where the derivative jumps. A `straight` function is a straight line between them,
    so that between two values with no kink in between its slope is one constant. At a kink,
    `derivative` is the slope on its left: 0 for ReLU at 0, as in the original DeepLIFT. `quotient`
    gives (f(x) - f(x0)) / (x - x0), and the derivative where both are equal; functions without one
    are straight. Without `activation` it is a step of a larger formula, perhaps without a value
    everywhere: RevealCancel, which looks beyond x and x0, leaves it to Rescale. `exponent` is that
    of a power of x.
    """

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    kinks: tuple[float, ...] = ()
    straight: bool = False
    quotient: Quotient | None = None
    activation: bool = True
    exponent: float | None = None

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def forward(self, *inputs: Array) -> Array:
        return self.function(inputs[0])

    def describe(self) -> str:
        return self.name


def curved(
    name: str,
    function: Callable[[Array], Array],
    quotient: Quotient,
    kinks: tuple[float, ...] = (),
) -> Elementwise:
    """Make a function that is curved between its kinks, the same wherever a value stands.

    Its derivative is its quotient between a value and itself.
    """
    between = aligned(quotient)  # an exponential has other bits at the end of an array
    return Elementwise(name, aligned(function), lambda x: between(x, x), kinks, quotient=between)


def step(x: Array, at: float = 0.0) -> Array:
    return ops.cast(x > at, x.dtype)


def clipped_line(
    name: str, *, slope: float, low: float, high: float, offset: float = 0.0
) -> Elementwise:
    """Make ``clip(slope * x + offset, low, high)``: hard sigmoid, hard tanh and the like.

    The slope is positive; a bound may be infinite.
    """
    start, end = ((bound - offset) / slope for bound in (low, high))

    def function(x: Array) -> Array:
        return ops.minimum(ops.maximum(slope * x + offset, low), high)

    def derivative(x: Array) -> Array:
        # at a kink the slope on its left, like all
        return slope * step(x, start) * (1.0 - step(x, end))

    def quotient(x: Array, x0: Array) -> Array:
        return slope * within(x, x0)

    within = quotients.clip_of(start, end)
    kinks = tuple(float(kink) for kink in (start, end) if np.isfinite(kink))
    return Elementwise(name, function, derivative, kinks, straight=True, quotient=quotient)


RELU = Elementwise("relu", ops.relu, step, (0.0,), straight=True)


def leaky_relu(slope: float | NDArray[np.floating], *, name: str = "leaky_relu") -> Elementwise:
    """Make ``x`` above 0 and ``slope * x`` elsewhere; `slope` may differ by position (PReLU)."""
    slopes = np.asarray(slope, dtype=np.float64)

    def function(x: Array) -> Array:
        return ops.where(x > 0, x, constant_tensor(slopes, x) * x)

    def derivative(x: Array) -> Array:
        return ops.where(x > 0, ops.ones_like(x), constant_tensor(slopes, x) * ops.ones_like(x))

    return Elementwise(name, function, derivative, (0.0,), straight=True)


def general_relu(*, slope: float, ceiling: float | None, threshold: float) -> Elementwise:
    """Make Keras's ReLU with a negative slope, a ceiling and a threshold, any of them unused.

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


def soft_shrink(threshold: float) -> Elementwise:
    """Move x towards 0 by `threshold`, to 0 where it is nearer."""

    def function(x: Array) -> Array:
        return x - ops.clip(x, -threshold, threshold)

    def derivative(x: Array) -> Array:
        return 1.0 - step(x, -threshold) * (1.0 - step(x, threshold))

    kinks = (-threshold, threshold) if threshold else ()
    return Elementwise("soft_shrink", function, derivative, kinks, straight=True)


def hard_shrink(threshold: float) -> Elementwise:
    """Make x where it is farther from 0 than `threshold`, else 0: it jumps at both sides."""

    def function(x: Array) -> Array:
        return ops.where(ops.abs(x) > threshold, x, ops.zeros_like(x))

    def slope(x: Array) -> Array:
        return ops.cast(ops.abs(x) > threshold, x.dtype)

    def piece(x: Array) -> Array:
        return ops.sign(x) * slope(x)  # -1, 0 and 1, from left to right

    return stepped("hard_shrink", function, slope, piece, (-threshold, threshold))


def threshold_at(threshold: float, otherwise: float) -> Elementwise:
    """Make x above `threshold`, where it may jump, and the number `otherwise` elsewhere."""

    def function(x: Array) -> Array:
        return ops.where(x > threshold, x, otherwise * ops.ones_like(x))

    return Elementwise(
        "threshold", function, lambda x: step(x, threshold), (threshold,), straight=True
    )


def stepped(
    name: str,
    function: Callable[[Array], Array],
    slope: Callable[[Array], Array],
    piece: Callable[[Array], Array],
    kinks: tuple[float, ...],
) -> Elementwise:
    """Make a function of straight pieces whose ends do not all belong to the piece on the left.

    `piece` numbers the pieces.
    """

    def quotient(x: Array, x0: Array) -> Array:
        same = ops.equal(piece(x), piece(x0))
        return ops.where(same, slope(x), quotients.far(function, x, x0))

    return Elementwise(name, function, slope, kinks, straight=True, quotient=quotient)


ABSOLUTE = Elementwise("abs", ops.abs, lambda x: 2.0 * step(x) - 1.0, (0.0,), straight=True)


HARD_SIGMOID = clipped_line("hard_sigmoid", slope=1 / 6, low=0.0, high=1.0, offset=0.5)
SPARSE_SIGMOID = clipped_line("sparse_sigmoid", slope=0.5, low=0.0, high=1.0, offset=0.5)
HARD_TANH = clipped_line("hard_tanh", slope=1.0, low=-1.0, high=1.0)


def clip(low: float | None, high: float | None) -> Elementwise:
    """Make ``min(max(x, low), high)``; a bound of None does not apply."""
    bounds = (-np.inf if low is None else low, np.inf if high is None else high)
    return clipped_line("clip", slope=1.0, low=bounds[0], high=bounds[1])


def elu(alpha: float, *, scale: float = 1.0, name: str = "elu") -> Elementwise:
    """Make ``scale * x`` above 0 and ``scale * alpha * (exp(x) - 1)`` elsewhere (ELU, SELU)."""
    return bent_exponential(name, above=scale, below=scale * alpha, width=1.0)


def celu(alpha: float) -> Elementwise:
    """Make ``x`` above 0 and ``alpha * (exp(x / alpha) - 1)`` elsewhere."""
    return bent_exponential("celu", above=1.0, below=alpha, width=alpha)


def bent_exponential(name: str, *, above: float, below: float, width: float) -> Elementwise:
    """Make ``above * x`` above 0 and ``below * (exp(x / width) - 1)`` elsewhere."""
    positive, negative = quotients.clip_of(0.0, np.inf), quotients.clip_of(-np.inf, 0.0)

    def function(x: Array) -> Array:
        # The minimum keeps the exponential of a large x, which is not taken, from overflowing.
        return ops.where(x > 0, above * x, below * ops.expm1(ops.minimum(x, 0.0) / width))

    def quotient(x: Array, x0: Array) -> Array:
        falls = (ops.minimum(side, 0.0) / width for side in (x, x0))
        curve = (below / width) * quotients.exponential(*falls)
        return above * positive(x, x0) + curve * negative(x, x0)

    return curved(name, function, quotient, () if above * width == below else (0.0,))


# Klambauer et al. 2017 (arXiv:1706.02515), with the digits that Keras has.
SELU = elu(1.6732632423543772, scale=1.0507009873554805, name="selu")
SIGMOID = curved("sigmoid", ops.sigmoid, quotients.sigmoid)
TANH = curved("tanh", backend.tanh, quotients.tanh_quotient)
SOFTPLUS = curved("softplus", ops.softplus, quotients.softplus)
EXPONENTIAL = curved("exp", ops.exp, quotients.exponential)
SILU = curved("silu", ops.silu, quotients.gated(ops.sigmoid, quotients.sigmoid))
SOFTSIGN = curved("softsign", ops.softsign, quotients.softsign)
