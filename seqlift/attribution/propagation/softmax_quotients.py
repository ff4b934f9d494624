"""Softmax and log-sum-exp, composed of exponentials, a sum and a logarithm under Rescale."""

from collections.abc import Callable
from typing import Any

from keras import ops

from seqlift.attribution.propagation.difference_quotient import log_mean
from seqlift.attribution.propagation.rule import flatten_pairs
from seqlift.network.primitives.rowwise import sum_along
from seqlift.network.primitives.softmax import log_sum_exp

Array = Any


def scaled(factor: Array) -> Callable[[Array], Array]:
    """Multiply by `factor` (N, R, *shape)."""
    flat = flatten_pairs(factor)
    return lambda multiplier: multiplier * flat


def through_softmax(x: Array, x0: Array, axis: int) -> Callable[[Array], Array]:
    """Propagate through a softmax along `axis` of (N, R, *shape): exp(x - logsumexp(x)).

    Rescale of the outer exponential, a subtraction, and propagation through its second term.
    """
    (top, rest), (top0, rest0) = (log_sum_exp(values, axis) for values in (x, x0))
    # Two subtractions: added up first, `rest` would lose its last digits to a large `top`.
    outer = scaled(log_mean(x - top - rest, x0 - top0 - rest0))
    inner = through_log_sum_exp(x, x0, axis)

    def propagate(multiplier: Array) -> Array:
        scaled_by_outer = outer(multiplier)
        # The one logarithm is subtracted from every class, so it gets minus what all of them get.
        return scaled_by_outer - inner(sum_along(scaled_by_outer, axis - 1, keepdims=True))

    return propagate


def through_log_sum_exp(x: Array, x0: Array, axis: int) -> Callable[[Array], Array]:
    """Propagate through log(sum(exp(x))) along `axis` of (N, R, *shape), which stays.

    Rescale of the logarithm and the exponentials. Each quotient is a logarithmic mean, so the shift
    that keeps the exponentials in range, common to sequence and reference, drops out.
    """
    (top, rest), (top0, rest0) = (log_sum_exp(values, axis) for values in (x, x0))
    shift = ops.maximum(top, top0)  # of both sides: no exponential above 1, and it drops out
    total = log_mean(top - shift + rest, top0 - shift + rest0)
    return scaled(log_mean(x - shift, x0 - shift) / total)
