"""Recognise softmax and log-sum-exp that a model writes out by hand.

``exp(x) / sum(exp(x))`` and ``log(sum(exp(x)))``, with or without the largest x taken off before,
are softmax and log-sum-exp: they have their scores, and like these they never leave the range of
floats.
"""

from dataclasses import dataclass

import numpy as np

from seqlift.lowering.compositions.place import Place
from seqlift.network.primitives.affine import Scale, Sum, WeightedSum
from seqlift.network.primitives.base import Primitive, Shape
from seqlift.network.primitives.elementwise import EXPONENTIAL
from seqlift.network.primitives.logarithm import LogSumExp
from seqlift.network.primitives.shape import Broadcast, Reshape
from seqlift.network.primitives.softmax import Softmax


@dataclass(frozen=True, slots=True)
class Exponentials:
    """The sum of the exponentials of `node` along one axis, which stays with extent 1."""

    node: int
    axis: int


def softmax_of(place: Place, first: int, second: int) -> int | None:
    """Recognise ``first / second`` as a softmax; None where it is another quotient."""
    total, exponent = _total_of(place, second), _exponent_of(place, first)
    if total is None or exponent is None or not _alike(place, exponent, total.node):
        return None
    shape = place.shape(first)
    if place.shape(second) != (*shape[: total.axis], 1, *shape[total.axis + 1 :]):
        return None
    return place.add(Softmax(total.axis), _unshifted(place, total.node, total.axis))


def log_sum_exp_of(place: Place, node: int) -> int | None:
    """Recognise the logarithm of `node` as a log-sum-exp; None where it is another logarithm."""
    total = _total_of(place, node)
    if total is None:
        return None
    return _shaped(place, place.add(LogSumExp(total.axis), total.node), place.shape(node))


def shifted_back(place: Place, first: int, second: int) -> int | None:
    """Recognise ``log_sum_exp(x - m) + m`` as the log-sum-exp of x, its terms in either order."""
    for logarithm, shift in ((first, second), (second, first)):
        made = place.builder.nodes[_without(place, logarithm, Reshape)]
        if not isinstance(made.primitive, LogSumExp):
            continue
        found = _shift_of(place, made.inputs[0], made.primitive.axis)
        sources = [
            _without(place, node, Broadcast, Reshape) for node in (*(found or ())[1:], shift)
        ]
        if found is not None and _alike(place, *sources):
            return _shaped(place, place.add(made.primitive, found[0]), place.shape(logarithm))
    return None


def shifted_forth(place: Place, first: int, second: int) -> int | None:
    """Recognise ``(x - m) - log_sum_exp(x - m)`` as x less its log-sum-exp."""
    made = place.builder.nodes[_without(place, second, Broadcast, Reshape)]
    if not isinstance(made.primitive, LogSumExp) or not _alike(place, first, made.inputs[0]):
        return None
    found = _shift_of(place, first, made.primitive.axis)
    if found is None:
        return None
    whole = place.add(made.primitive, found[0])
    return place.add(WeightedSum((1.0, -1.0)), found[0], whole)


def _total_of(place: Place, node: int) -> Exponentials | None:
    """Find the node whose exponentials are summed, in the shape of a sum or a new one."""
    made = place.builder.nodes[_without(place, node, Reshape)]
    if type(made.primitive) is not Sum or len(made.primitive.axes) != 1:  # a Mean is a kind of Sum
        return None
    exponent = _exponent_of(place, made.inputs[0])
    return None if exponent is None else Exponentials(exponent, made.primitive.axes[0])


def _exponent_of(place: Place, node: int) -> int | None:
    made = place.builder.nodes[node]
    return made.inputs[0] if made.primitive is EXPONENTIAL else None  # 2 ** x has the name exp, too


def _unshifted(place: Place, node: int, axis: int) -> int:
    shift = _shift_of(place, node, axis)
    return node if shift is None else shift[0]


def _shift_of(place: Place, node: int, axis: int) -> tuple[int, int] | None:
    """Find x and m of a difference ``x - m`` where m is the same all along `axis`."""
    made = place.builder.nodes[node]
    if not isinstance(made.primitive, WeightedSum) or made.primitive.weights != (1.0, -1.0):
        return None
    x, m = made.inputs
    narrow = place.shape(_without(place, m, Broadcast))
    return (x, m) if place.shape(x) == made.shape and narrow[axis] == 1 else None


def _without(place: Place, node: int, *kinds: type[Primitive]) -> int:
    """Find the node that a node repeats, or has in another shape: `kinds` are looked through."""
    made = place.builder.nodes[node]
    while isinstance(made.primitive, kinds):
        node = made.inputs[0]
        made = place.builder.nodes[node]
    return node


def _shaped(place: Place, node: int, shape: Shape) -> int:
    return node if place.shape(node) == shape else place.add(Reshape(shape), node)


def _alike(place: Place, first: int, second: int) -> bool:
    if first == second:
        return True
    one, other = place.builder.nodes[first], place.builder.nodes[second]
    if len(one.inputs) != len(other.inputs) or not one.inputs or one.shape != other.shape:
        return False
    if not _same_primitive(one.primitive, other.primitive):
        return False
    return all(_alike(place, a, b) for a, b in zip(one.inputs, other.inputs, strict=True))


def _same_primitive(one: Primitive, other: Primitive) -> bool:
    if isinstance(one, Scale) and isinstance(other, Scale):
        return np.array_equal(one.factor, other.factor) and np.array_equal(one.offset, other.offset)
    return one == other
