"""Powers, roots, logarithms and other functions of one number that models use between layers."""

import math
from collections.abc import Callable
from dataclasses import replace

from keras import ops

from seqlift.device import backend
from seqlift.network.primitives import quotients
from seqlift.network.primitives.base import Array
from seqlift.network.primitives.elementwise import Elementwise, curved
from seqlift.network.primitives.quotients import Quotient


def formula(
    name: str,
    function: Callable[[Array], Array],
    quotient: Quotient,
    kinks: tuple[float, ...] = (),
    exponent: float | None = None,
) -> Elementwise:
    """Make a curved function that is a step of a formula, not an activation."""
    made = curved(name, function, quotient, kinks)
    return replace(made, activation=False, exponent=exponent)


SQUARE = formula("square", ops.square, quotients.square, exponent=2.0)
SQRT = formula("sqrt", ops.sqrt, quotients.square_root, exponent=0.5)
RSQRT = formula("rsqrt", lambda x: 1.0 / ops.sqrt(x), quotients.inverse_root, exponent=-0.5)
RECIPROCAL = formula("reciprocal", lambda x: 1.0 / x, quotients.reciprocal, exponent=-1.0)
LOG = formula("log", ops.log, quotients.logarithm_quotient)
LOG1P = formula("log1p", ops.log1p, quotients.logarithm_of_more)
EXPM1 = curved("expm1", ops.expm1, quotients.exponential)
ERF = curved("erf", ops.erf, quotients.error_function)
SIN = curved("sin", backend.sin, quotients.sine)
COS = curved("cos", backend.cos, quotients.cosine)


def logarithm(base: float) -> Elementwise:
    unit = 1.0 / math.log(base)
    return formula(
        f"log{base:g}",
        lambda x: unit * ops.log(x),
        lambda x, x0: unit * quotients.logarithm_quotient(x, x0),
    )


LOG2 = logarithm(2.0)
LOG10 = logarithm(10.0)


def power(exponent: float) -> Elementwise:
    """Make ``x ** exponent``; where the exponent is not a whole number, for positive x only."""
    common = {2.0: SQUARE, 0.5: SQRT, -0.5: RSQRT, -1.0: RECIPROCAL}
    if exponent in common:  # which have closed forms at every distance
        return common[exponent]
    if exponent == 0.0:
        return Elementwise("power", ops.ones_like, ops.zeros_like, straight=True)
    raised = quotients.power_of(exponent)
    return formula("power", lambda x: ops.power(x, exponent), raised, exponent=exponent)


def power_of_base(base: float) -> Elementwise:
    """Make ``base ** x`` for a positive base."""
    rate = math.log(base)

    def function(x: Array) -> Array:
        return ops.power(base * ops.ones_like(x), x)

    def quotient(x: Array, x0: Array) -> Array:
        high, low, gap = quotients.span(x, x0)
        # From the larger of the two values, so that nothing overflows.
        return rate * function(high if rate > 0 else low) * quotients.fall(abs(rate) * gap)

    return curved("exp", function, quotient)


def norm(epsilon: float) -> Elementwise:
    """Make ``max(sqrt(x), epsilon)``, the norm of a vector of the squared length x."""
    floor = epsilon**2
    above = quotients.clip_of(floor, math.inf)

    def quotient(x: Array, x0: Array) -> Array:
        sides = (ops.maximum(side, floor) for side in (x, x0))
        return quotients.square_root(*sides) * above(x, x0)

    return formula("sqrt", lambda x: ops.sqrt(ops.maximum(x, floor)), quotient, (floor,))
