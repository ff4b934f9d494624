"""The difference quotient of a function: Rescale's multiplier (Shrikumar et al. 2017, 3.5.1)."""

from typing import Any

from keras import ops

from seqlift.network.primitives.elementwise import EXPONENTIAL, Elementwise

Array = Any


def difference_quotient(function: Elementwise, x: Array, x0: Array, y: Array, y0: Array) -> Array:
    """Divide (y - y0) by (x - x0), in the shape both broadcast to.

    A curved function's is its quotient in closed form, for differences of any size. Of a straight
    one, where x and x0 lie on one piece, it is the slope, exactly; elsewhere the values differ by
    what lies between them, which no rounding takes away.
    """
    if function.quotient is not None:
        return function.quotient(x, x0)
    delta = x - x0
    local = ops.ones_like(delta, dtype="bool")
    for kink in function.kinks:
        # as derivatives, left of it at a kink
        local = ops.logical_and(local, ops.equal(x > kink, x0 > kink))
    # The middle lies on the piece of both, and at a kink only where both do.
    slope = function.derivative(0.5 * (x + x0))
    # Where it is not local a kink lies in between, so delta is not 0 and the quotient is not noise.
    return ops.where(local, slope, (y - y0) / ops.where(local, ops.ones_like(delta), delta))


def log_mean(x: Array, x0: Array) -> Array:
    """Divide (exp(x) - exp(x0)) by (x - x0): the logarithmic mean of the exponentials."""
    return difference_quotient(EXPONENTIAL, x, x0, EXPONENTIAL.forward(x), EXPONENTIAL.forward(x0))
