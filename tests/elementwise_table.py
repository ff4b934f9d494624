"""Functions of one number, with Keras's own and with themselves in 60-digit decimals."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import decimals
from keras import activations, ops

from seqlift.network.primitives import curves, elementwise, powers
from seqlift.network.primitives.elementwise import Elementwise

Row = tuple[Elementwise, Callable[[Any], Any]]

ACTIVATIONS: dict[str, Row] = {
    "relu": (elementwise.RELU, activations.relu),
    "relu6": (elementwise.general_relu(slope=0.0, ceiling=6.0, threshold=0.0), activations.relu6),
    "leaky relu": (
        elementwise.leaky_relu(0.25),
        partial(activations.leaky_relu, negative_slope=0.25),
    ),
    "relu with everything": (
        elementwise.general_relu(slope=0.1, ceiling=2.5, threshold=0.5),
        partial(activations.relu, negative_slope=0.1, max_value=2.5, threshold=0.5),
    ),
    "elu": (elementwise.elu(1.3), partial(activations.elu, alpha=1.3)),
    "selu": (elementwise.SELU, activations.selu),
    "celu": (elementwise.celu(0.7), partial(activations.celu, alpha=0.7)),
    "hard sigmoid": (elementwise.HARD_SIGMOID, activations.hard_sigmoid),
    "sparse sigmoid": (elementwise.SPARSE_SIGMOID, activations.sparse_sigmoid),
    "hard tanh": (elementwise.HARD_TANH, activations.hard_tanh),
    "soft shrink": (elementwise.soft_shrink(0.7), partial(activations.soft_shrink, threshold=0.7)),
    "hard shrink": (elementwise.hard_shrink(0.7), partial(activations.hard_shrink, threshold=0.7)),
    "threshold": (elementwise.threshold_at(0.5, -2.0), lambda x: ops.threshold(x, 0.5, -2.0)),
    "abs": (elementwise.ABSOLUTE, ops.abs),
    "clip": (elementwise.clip(-2.0, None), lambda x: ops.maximum(x, -2.0)),
    "clip from above": (elementwise.clip(None, 1.5), lambda x: ops.minimum(x, 1.5)),
    "sigmoid": (elementwise.SIGMOID, activations.sigmoid),
    "log sigmoid": (curves.LOG_SIGMOID, activations.log_sigmoid),
    "tanh": (elementwise.TANH, activations.tanh),
    "tanh shrink": (curves.TANH_SHRINK, activations.tanh_shrink),
    "softplus": (elementwise.SOFTPLUS, activations.softplus),
    "squareplus": (curves.squareplus(3.0), partial(activations.squareplus, b=3.0)),
    "sparse plus": (curves.SPARSE_PLUS, activations.sparse_plus),
    "exponential": (elementwise.EXPONENTIAL, activations.exponential),
    "silu": (elementwise.SILU, activations.silu),
    "hard silu": (curves.HARD_SILU, activations.hard_silu),
    "gelu": (curves.GELU, lambda x: 0.5 * x * (1.0 + ops.erf(x * 0.5**0.5))),
    "approximate gelu": (
        curves.APPROXIMATE_GELU,
        lambda x: x * ops.sigmoid(curves.RATE * (x + curves.CUBE * x**3)),
    ),
    "mish": (curves.MISH, activations.mish),
    "softsign": (elementwise.SOFTSIGN, activations.softsign),
}

POWERS: dict[str, Row] = {
    "square": (powers.SQUARE, ops.square),
    "cube": (powers.power(3.0), lambda x: x**3),
    "fourth power": (powers.power(4.0), lambda x: x**4),
    "reciprocal": (powers.RECIPROCAL, ops.reciprocal),
    "inverse square": (powers.power(-2.0), lambda x: x**-2),
    "inverse cube": (powers.power(-3.0), lambda x: x**-3),
    "power of 2": (powers.power_of_base(2.0), lambda x: 2.0**x),
    "expm1": (powers.EXPM1, ops.expm1),
    "erf": (powers.ERF, ops.erf),
    "sin": (powers.SIN, ops.sin),
    "cos": (powers.COS, ops.cos),
}

OF_POSITIVE: dict[str, Row] = {
    "sqrt": (powers.SQRT, ops.sqrt),
    "rsqrt": (powers.RSQRT, ops.rsqrt),
    "log": (powers.LOG, ops.log),
    "log1p": (powers.LOG1P, ops.log1p),
    "log2": (powers.LOG2, ops.log2),
    "log10": (powers.LOG10, ops.log10),
    "power 1.7": (powers.power(1.7), lambda x: x**1.7),
    "power -0.3": (powers.power(-0.3), lambda x: x**-0.3),
    "norm": (powers.norm(0.5), lambda x: ops.sqrt(ops.maximum(x, 0.25))),
}

FUNCTIONS = ACTIVATIONS | POWERS | OF_POSITIVE


def clipped(x: Decimal, low: str, high: str) -> Decimal:
    return min(max(x, Decimal(low)), Decimal(high))


def bent(x: Decimal, below: float, width: float) -> Decimal:
    return x if x > 0 else Decimal(below) * ((x / Decimal(width)).exp() - 1)


def half_erf(x: Decimal) -> Decimal:
    return (1 + decimals.erf(x / Decimal(2).sqrt())) / 2


def nearly_half_erf(x: Decimal) -> Decimal:
    return decimals.sigmoid(Decimal(curves.RATE) * (x + Decimal(curves.CUBE) * x**3))


def sparse_plus(x: Decimal) -> Decimal:
    return clipped(x + 1, "0", "2") ** 2 / 4 + max(x - 1, Decimal(0))


IN_DECIMALS: dict[str, decimals.Function] = {
    "elu": lambda x: bent(x, 1.3, 1.0),
    "celu": lambda x: bent(x, 0.7, 0.7),
    "sigmoid": decimals.sigmoid,
    "log sigmoid": lambda x: -decimals.softplus(-x),
    "tanh": decimals.tanh,
    "tanh shrink": lambda x: x - decimals.tanh(x),
    "softplus": decimals.softplus,
    "squareplus": lambda x: (x + (x * x + 3).sqrt()) / 2,
    "sparse plus": sparse_plus,
    "exponential": Decimal.exp,
    "silu": lambda x: x * decimals.sigmoid(x),
    "hard silu": lambda x: x * clipped(x + 3, "0", "6") / 6,
    "gelu": lambda x: x * half_erf(x),
    "approximate gelu": lambda x: x * nearly_half_erf(x),
    "mish": lambda x: x * decimals.tanh(decimals.softplus(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "square": lambda x: x * x,
    "cube": lambda x: x**3,
    "fourth power": lambda x: x**4,
    "reciprocal": lambda x: 1 / x,
    "inverse square": lambda x: x**-2,
    "inverse cube": lambda x: x**-3,
    "power of 2": lambda x: (x * Decimal(2).ln()).exp(),
    "expm1": lambda x: x.exp() - 1,
    "erf": decimals.erf,
    "sin": decimals.sin,
    "cos": decimals.cos,
    "sqrt": Decimal.sqrt,
    "rsqrt": lambda x: 1 / x.sqrt(),
    "log": Decimal.ln,
    "log1p": lambda x: (1 + x).ln(),
    "log2": lambda x: x.ln() / Decimal(2).ln(),
    "log10": Decimal.log10,
    "power 1.7": lambda x: x ** Decimal("1.7"),
    "power -0.3": lambda x: x ** Decimal("-0.3"),
    "norm": lambda x: max(x, Decimal("0.25")).sqrt(),
}
