"""Keras's activation functions, put together from `oracle.functions` as its documentation says."""

from math import pi, sqrt
from typing import Any

from oracle.functions import (
    EXPONENTIAL,
    HINGE,
    NORMAL,
    ROOT,
    SIGMOID,
    SOFTPLUS,
    SOFTSIGN,
    SQUARE,
    TANH,
    Function,
    after,
    jump,
    line,
    pieces,
    plus,
    times,
)

NEGATIVE_SIDE = pieces([0.0], [1.0, 0.0])  # min(x, 0)
IDENTITY = line(1.0)


def relu(*, slope: float = 0.0, ceiling: float | None = None, threshold: float = 0.0) -> Function:
    """Return ``x`` from the threshold to the ceiling, and ``slope (x - threshold)`` below.

    At a threshold other than 0 it jumps.
    """
    kinks, slopes = [threshold], [slope, 1.0]
    if ceiling is not None:
        kinks, slopes = [threshold, ceiling], [slope, 1.0, 0.0]
    straight = pieces(kinks, slopes)
    return plus(straight, jump(threshold, threshold)) if threshold else straight


def leaky(slope: Any) -> Function:
    """Return ``x`` above 0 and ``slope x`` elsewhere; `slope` may differ by position."""
    return pieces([0.0], [slope, 1.0])


def elu(alpha: float, *, scale: float = 1.0, width: float = 1.0) -> Function:
    """Return ``scale`` times x above 0 and ``alpha (exp(x / width) - 1)`` elsewhere."""
    below = after(EXPONENTIAL, after(line(1.0 / width), NEGATIVE_SIDE))
    return after(line(scale), plus(HINGE, after(line(alpha, -alpha), below)))


def clipped(slope: float, offset: float, low: float, high: float) -> Function:
    """Return ``slope x + offset``, kept between `low` and `high`."""
    return pieces([(low - offset) / slope, (high - offset) / slope], [0.0, slope, 0.0], start=low)


def soft_shrink(threshold: float) -> Function:
    """Return x moved towards 0 by `threshold`, and 0 where that would cross it."""
    return pieces([-threshold, threshold], [1.0, 0.0, 1.0])


HARD_SIGMOID = clipped(1 / 6, 0.5, 0.0, 1.0)
STEPS_AT_HALF = plus(jump(-0.5, 0.5), jump(0.5, 0.5))
SQUARED_HINGE = after(SQUARE, HINGE)
CUBIC = plus(IDENTITY, after(line(0.044715), times(IDENTITY, SQUARE)))
APPROXIMATE_NORMAL = after(line(0.5, 0.5), after(TANH, after(line(sqrt(2.0 / pi)), CUBIC)))

ACTIVATIONS: dict[str, Function] = {
    "relu": HINGE,
    "relu6": relu(ceiling=6.0),
    "leaky_relu": leaky(0.2),
    "elu": elu(1.0),
    "celu": elu(1.0),
    "selu": elu(1.6732632423543772, scale=1.0507009873554805),
    "sigmoid": SIGMOID,
    "hard_sigmoid": HARD_SIGMOID,
    "hard_sigmoid_of_keras_2": clipped(0.2, 0.5, 0.0, 1.0),
    "hard_silu": times(IDENTITY, HARD_SIGMOID),
    "hard_tanh": clipped(1.0, 0.0, -1.0, 1.0),
    "tanh": TANH,
    "tanh_shrink": plus(IDENTITY, after(line(-1.0), TANH)),
    "softplus": SOFTPLUS,
    "log_sigmoid": after(line(-1.0), after(SOFTPLUS, line(-1.0))),
    "squareplus": after(line(0.5), plus(IDENTITY, after(ROOT, after(line(1.0, 4.0), SQUARE)))),
    "sparse_sigmoid": clipped(0.5, 0.5, 0.0, 1.0),
    "sparse_plus": plus(
        after(line(0.25), after(SQUARED_HINGE, line(1.0, 1.0))),
        after(line(-0.25), after(SQUARED_HINGE, line(1.0, -1.0))),
    ),
    "soft_shrink": soft_shrink(0.5),
    "hard_shrink": plus(soft_shrink(0.5), plus(STEPS_AT_HALF, line(0.0, -0.5))),
    "exponential": EXPONENTIAL,
    "silu": times(IDENTITY, SIGMOID),
    "softsign": SOFTSIGN,
    "gelu": times(IDENTITY, NORMAL),
    "mish": times(IDENTITY, after(TANH, SOFTPLUS)),
}
APPROXIMATE_GELU = times(IDENTITY, APPROXIMATE_NORMAL)
