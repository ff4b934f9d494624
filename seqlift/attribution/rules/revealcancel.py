"""RevealCancel: separate multipliers for the positive and negative part of each difference.

Rescale gives an activation one multiplier, and where positive and negative inputs cancel it gives
both nothing. RevealCancel keeps the parts of the difference of the activation's input, ``p >= 0``
and ``q <= 0`` with ``p + q = x - x0``, and averages over the two orders of adding them to the
reference (Shrikumar, Greenside and Kundaje 2017, section 3.5.3):

    P = ((f(x0 + p) - f(x0)) + (f(x0 + q + p) - f(x0 + q))) / 2
    Q = ((f(x0 + q) - f(x0)) + (f(x0 + p + q) - f(x0 + p))) / 2

P + Q = f(x) - f(x0). The multiplier of p is P / p and that of q is Q / q, so two multipliers travel
from here back to the node whose inputs the parts are made of (`propagation/signed_parts.py`).
Another activation on the way, under Rescale, scales both. Of everything else (the model's input, a
maximum, a softmax) the parts are those of the whole difference: one of them is zero at each value.
"""

from typing import Any

from keras import ops

from seqlift.attribution.propagation.difference_quotient import difference_quotient
from seqlift.attribution.propagation.rule import (
    ASKED,
    Multiplier,
    NodeView,
    One,
    Parts,
    PartsRow,
    Propagate,
    Row,
    Two,
    flatten_pairs,
)
from seqlift.attribution.rules.rescale import RULE as RESCALE
from seqlift.attribution.rules.rescale import propagate_quotient
from seqlift.network.primitives.elementwise import Elementwise

Array = Any


def through_activation(function: Elementwise, x0: Array, parts: Parts) -> tuple[Parts, Two]:
    """Work out the parts after `function`, and the multipliers of the parts before it.

    The quotients are Rescale multipliers, so they are exact where a part is zero: then they are the
    derivative on that part's side.
    """
    p, q = parts
    up = 0.5 * (slope(function, x0, p, +1) + slope(function, x0 + q, p, +1))
    down = 0.5 * (slope(function, x0, q, -1) + slope(function, x0 + p, q, -1))
    return Parts(up * p, down * q), Two(up, down)


def slope(function: Elementwise, start: Array, step: Array, side: int) -> Array:
    """Compute (f(start + step) - f(start)) / step; where step is 0, the derivative on its side.

    `side` is 1 for steps up and -1 for steps down. Derivatives at a kink are those on its left.
    """
    end = start + step
    before, after = function.function(start), function.function(end)
    value = difference_quotient(function, end, start, after, before)
    if side < 0 or not function.kinks:  # a derivative is the slope on the left already
        return value
    beyond = start
    for kink in function.kinks:
        # Just past the kink, far above a rounding of it: the slope of the piece on the right.
        beyond = ops.where(ops.equal(start, kink), start + 1e-3 * (1.0 + abs(kink)), beyond)
    return ops.where(ops.equal(step, 0.0), function.derivative(beyond), value)


def both_orders(node: NodeView) -> tuple[Parts, Two]:
    """Work out the parts after an activation and their multipliers, once per batch."""

    def compute() -> tuple[Parts, Two]:
        start = flatten_pairs(node.x0[0] + ops.zeros_like(node.x[0]))  # once per pair
        return through_activation(node.primitive, start, node.input_parts[0])

    found: tuple[Parts, Two] = node.once("both orders", compute)
    return found


def cancelled(node: NodeView) -> Propagate:
    """Give the two parts before an activation a multiplier each; other functions have Rescale's."""
    # x0 + p or x0 + q may be outside the domain of a root or a logarithm (decision 0007).
    if not node.primitive.activation:
        return propagate_quotient(node)
    _, factors = both_orders(node)

    def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
        # The parts after an activation have one multiplier unless another activation follows.
        up = multiplier.value if isinstance(multiplier, One) else multiplier.positive
        down = multiplier.value if isinstance(multiplier, One) else multiplier.negative
        return (Two(up * factors.positive, down * factors.negative),)

    return propagate


def cancelled_parts(node: NodeView) -> Parts:
    """Take the parts after an activation from both orders; other functions scale parts."""
    if node.primitive.activation:
        return both_orders(node)[0]
    return RESCALE.parts[Elementwise].make(node)


RULE = RESCALE.but(
    "revealcancel",
    {
        Elementwise: Row(
            cancelled, asks=lambda function: ASKED | ({"parts"} if function.activation else set())
        )
    },
    parts={Elementwise: PartsRow(cancelled_parts, "input parts")},
    compares=True,
)
