"""Rescale: the multiplier of a nonlinear function is its difference over its input's difference.

    m = (f(x) - f(x0)) / (x - x0)

Every row but `first_winner` is complete: the multiplier times the difference of the input, summed,
is the multiplier times the difference of the output. The gradient is the same at ``x0 = x``: a
multiplier tends to the derivative as the reference tends to the sequence.

Equations: Shrikumar, Greenside and Kundaje 2017, sections 3.3 to 3.5.1 (arXiv:1704.02685).
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from seqlift.attribution.propagation.bilinear import through_product, through_quotient
from seqlift.attribution.propagation.difference_quotient import difference_quotient
from seqlift.attribution.propagation.maximum import between_winners, to_first_winner
from seqlift.attribution.propagation.recurrent_steps import through_recurrence
from seqlift.attribution.propagation.rule import (
    NOTHING,
    Multiplier,
    NodeView,
    One,
    Parts,
    PartsRow,
    Propagate,
    Row,
    Rule,
    Two,
    flatten_pairs,
)
from seqlift.attribution.propagation.signed_parts import (
    both_before,
    one_before,
    one_of,
    parts_after,
    parts_made,
)
from seqlift.attribution.propagation.softmax_quotients import (
    scaled,
    through_log_sum_exp,
    through_softmax,
)
from seqlift.network.primitives.base import Linear, Weighted
from seqlift.network.primitives.by_length import ByLength
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.primitives.logarithm import LogSumExp
from seqlift.network.primitives.pooling import MaxPool
from seqlift.network.primitives.product import Divide, Product
from seqlift.network.primitives.softmax import Softmax
from seqlift.network.recurrence import Recurrence

Array = Any


def transposed(node: NodeView) -> Propagate:
    """Propagate through a linear map by its transpose; two multipliers stay two."""

    def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
        if isinstance(multiplier, Two):
            return both_before(node.primitive, multiplier, node.input_shapes)
        found = node.primitive.transpose(multiplier.value, *node.input_shapes)
        return tuple(One(value) for value in found)

    return propagate


def weighted(node: NodeView) -> Propagate:
    """Propagate through a kernel by its transpose; two multipliers become one."""
    transpose = transposed(node)

    def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
        if isinstance(multiplier, Two):
            return (One(one_before(node.primitive, multiplier, node.input_deltas[0])),)
        return transpose(multiplier)

    return propagate


def propagate_quotient(node: NodeView) -> Propagate:
    """Multiply by the difference quotient; it scales both of two multipliers."""
    across = node.once("quotient", lambda: quotient_of(node))

    def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
        if isinstance(multiplier, Two):
            return (Two(across(multiplier.positive), across(multiplier.negative)),)
        return (One(across(multiplier.value)),)

    return propagate


def quotient_of(node: NodeView) -> Callable[[Array], Array]:
    return scaled(difference_quotient(node.primitive, node.x[0], node.x0[0], node.y, node.y0))


def scaled_parts(node: NodeView) -> Parts:
    """Scale the parts before a function by its difference quotient."""
    across = node.once("quotient", lambda: quotient_of(node))
    return Parts(*(across(part) for part in node.input_parts[0]))


def merging_row(
    start: Callable[[NodeView], Callable[[Array], Any]],
) -> Callable[[NodeView], Propagate]:
    """Make a row of a function of one array, merging two multipliers into one before it."""

    def row(node: NodeView) -> Propagate:
        across = start(node)

        def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
            whole = multiplier
            if isinstance(whole, Two):
                # Its parts are those of its whole difference, of which one is zero at each value.
                whole = One(one_of(whole, node.delta))
            found = across(whole.value)
            several = found if isinstance(found, tuple) else (found,)
            return tuple(One(value) for value in several)

        return propagate

    return row


def masked(node: NodeView) -> Propagate:
    """Propagate through a linear map that depends on the length of each sequence."""
    length = flatten_pairs(node.x[1] + ops.zeros_like(node.x0[1]))

    def back(value: Array) -> Array:
        return node.primitive.back(value, length, node.input_shapes[0])

    def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
        unread = One(ops.zeros_like(length))  # nothing varies with a length
        if isinstance(multiplier, Two):
            return Two(back(multiplier.positive), back(multiplier.negative)), unread
        return One(back(multiplier.value)), unread

    return propagate


def masked_parts(node: NodeView) -> Parts:
    length = flatten_pairs(node.x[1] + ops.zeros_like(node.x0[1]))
    return Parts(*(node.primitive.part(part, length) for part in node.input_parts[0]))


def softmax(node: NodeView) -> Callable[[Array], Array]:
    return through_softmax(node.x[0], node.x0[0], axis=node.primitive.axis + 2)


def log_sum_exp(node: NodeView) -> Callable[[Array], Array]:
    return through_log_sum_exp(node.x[0], node.x0[0], axis=node.primitive.axis + 2)


def midpoint(node: NodeView) -> Callable[[Array], tuple[Array, ...]]:
    return through_product(node.primitive, node.x, node.x0)


def turned(node: NodeView) -> Callable[[Array], tuple[Array, ...]]:
    return through_quotient(node.x, node.x0, node.y, node.y0)


def step_by_step(node: NodeView) -> Callable[[Array], tuple[Array, ...]]:
    return through_recurrence(node)


split_between_winners = Row(merging_row(between_winners), label="max (complete)")
first_winner = Row(merging_row(to_first_winner), label="max (winner)")

RULE = Rule(
    "rescale",
    {
        # A transpose needs no activations: none are kept for it. The differences that Two needs at
        # a kernel are kept by the rule that asks for parts (`sources_of_parts`).
        Linear: Row(transposed, asks=NOTHING, label="linear"),
        Weighted: Row(weighted, asks=NOTHING, label="linear"),
        ByLength: Row(masked, label="linear"),
        Elementwise: propagate_quotient,
        MaxPool: split_between_winners,
        Softmax: Row(merging_row(softmax), label="rescale (composed)"),
        LogSumExp: merging_row(log_sum_exp),
        Product: merging_row(midpoint),
        Divide: merging_row(turned),
        Recurrence: merging_row(step_by_step),
    },
    parts={
        Weighted: PartsRow(
            lambda node: parts_made(node.primitive, node.input_deltas[0]), "input differences"
        ),
        Linear: PartsRow(lambda node: parts_after(node.primitive, node.input_parts), "input parts"),
        ByLength: PartsRow(masked_parts, "input parts"),
        Elementwise: PartsRow(scaled_parts, "input parts"),
    },
)
