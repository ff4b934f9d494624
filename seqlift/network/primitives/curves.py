"""Curved activation functions that are made of others, with their difference quotients."""

import math

import numpy as np
from keras import ops

from seqlift.device import backend
from seqlift.network.primitives import quotients
from seqlift.network.primitives.base import Array
from seqlift.network.primitives.elementwise import Elementwise, curved
from seqlift.network.primitives.quotients import Function, Quotient


def bell_below(x: Array) -> Array:
    return 0.5 * (1.0 + ops.erf(math.sqrt(0.5) * x))  # the normal distribution below x


def bell_below_quotient(x: Array, x0: Array) -> Array:
    root = math.sqrt(0.5)
    return 0.5 * root * quotients.error_function(root * x, root * x0)  # of f(g(x)): f's times g's


RATE = 2.0 * math.sqrt(2.0 / math.pi)  # 0.5 (1 + tanh(RATE / 2 (x + CUBE x**3))) is near bell_below
CUBE = 0.044715  # Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2


def nearly_bell_below(x: Array) -> Array:
    return ops.sigmoid(RATE * (x + CUBE * x * ops.square(x)))


def nearly_bell_below_quotient(x: Array, x0: Array) -> Array:
    inner = (RATE * (side + CUBE * side * ops.square(side)) for side in (x, x0))
    # x^3 - x0^3 over x - x0
    slope = RATE * (1.0 + CUBE * (ops.square(x) + x * x0 + ops.square(x0)))
    return quotients.sigmoid(*inner) * slope


def mish_gate(x: Array) -> Array:
    return backend.tanh(ops.softplus(x))


def mish_gate_quotient(x: Array, x0: Array) -> Array:
    return quotients.tanh_quotient(ops.softplus(x), ops.softplus(x0)) * quotients.softplus(x, x0)


def self_gated(name: str, gate: Function, gate_quotient: Quotient) -> Elementwise:
    return curved(name, lambda x: x * gate(x), quotients.gated(gate, gate_quotient))


GELU = self_gated("gelu", bell_below, bell_below_quotient)
APPROXIMATE_GELU = self_gated("gelu", nearly_bell_below, nearly_bell_below_quotient)
MISH = self_gated("mish", mish_gate, mish_gate_quotient)
LOG_SIGMOID = curved(
    "log_sigmoid", lambda x: -ops.softplus(-x), lambda x, x0: quotients.softplus(-x, -x0)
)
TANH_SHRINK = curved("tanh_shrink", lambda x: x - backend.tanh(x), quotients.tanh_shrink)


def squareplus(b: float) -> Elementwise:
    """Make ``(x + sqrt(x**2 + b)) / 2``."""

    def function(x: Array) -> Array:
        value, _ = quotients.squareplus_and_root(x, b)
        return value

    kinks = () if b else (0.0,)  # b = 0 makes it a ReLU
    return curved("squareplus", function, quotients.squareplus_of(b), kinks)


def parabola(name: str, *, bound: float, shift: float, scale: float) -> Elementwise:
    """Make 0 below -bound, ``scale * (x + shift) * (x + bound)`` up to bound, then x.

    It must be continuous: ``scale * (bound + shift) * 2`` is 1.
    """
    within, above = quotients.clip_of(-bound, bound), quotients.clip_of(bound, np.inf)

    def function(x: Array) -> Array:
        middle = ops.clip(x, -bound, bound)
        return scale * (middle + shift) * (middle + bound) + ops.maximum(x - bound, 0.0)

    def quotient(x: Array, x0: Array) -> Array:
        high, low, _ = quotients.span(*(ops.clip(side, -bound, bound) for side in (x, x0)))
        return scale * ((low + bound) + (high + shift)) * within(x, x0) + above(x, x0)

    # a parabola that starts at its vertex is smooth
    kinks = () if shift == bound else (-bound, bound)
    return curved(name, function, quotient, kinks)


SPARSE_PLUS = parabola("sparse_plus", bound=1.0, shift=1.0, scale=0.25)
HARD_SILU = parabola("hard_silu", bound=3.0, shift=0.0, scale=1.0 / 6.0)
