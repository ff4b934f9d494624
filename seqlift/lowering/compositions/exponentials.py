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


def softmax_of(at: Place, first: int, second: int) -> int | None:
    """Recognise ``first / second`` as a softmax; None where it is another quotient."""
    total, exponent = _total_of(at, second), _exponent_of(at, first)
    if total is None or exponent is None or not _alike(at, exponent, total.node):
        return None
    shape = at.shape(first)
    if at.shape(second) != (*shape[: total.axis], 1, *shape[total.axis + 1 :]):
        return None
    return at.add(Softmax(total.axis), _unshifted(at, total.node, total.axis))


def log_sum_exp_of(at: Place, node: int) -> int | None:
    """Recognise the logarithm of `node` as a log-sum-exp; None where it is another logarithm."""
    total = _total_of(at, node)
    if total is None:
        return None
    return _shaped(at, at.add(LogSumExp(total.axis), total.node), at.shape(node))


def shifted_back(at: Place, first: int, second: int) -> int | None:
    """Recognise ``log_sum_exp(x - m) + m`` as the log-sum-exp of x, its terms in either order."""
    for logarithm, shift in ((first, second), (second, first)):
        made = at.builder.nodes[_without(at, logarithm, Reshape)]
        if not isinstance(made.primitive, LogSumExp):
            continue
        found = _shift_of(at, made.inputs[0], made.primitive.axis)
        sources = [_without(at, node, Broadcast, Reshape) for node in (*(found or ())[1:], shift)]
        if found is not None and _alike(at, *sources):
            return _shaped(at, at.add(made.primitive, found[0]), at.shape(logarithm))
    return None


def shifted_forth(at: Place, first: int, second: int) -> int | None:
    """Recognise ``(x - m) - log_sum_exp(x - m)`` as x less its log-sum-exp."""
    made = at.builder.nodes[_without(at, second, Broadcast, Reshape)]
    if not isinstance(made.primitive, LogSumExp) or not _alike(at, first, made.inputs[0]):
        return None
    found = _shift_of(at, first, made.primitive.axis)
    if found is None:
        return None
    whole = at.add(made.primitive, found[0])
    return at.add(WeightedSum((1.0, -1.0)), found[0], whole)


def _total_of(at: Place, node: int) -> Exponentials | None:
    """Find the node whose exponentials are summed, in the shape of a sum or a new one."""
    made = at.builder.nodes[_without(at, node, Reshape)]
    if type(made.primitive) is not Sum or len(made.primitive.axes) != 1:
        return None
    exponent = _exponent_of(at, made.inputs[0])
    return None if exponent is None else Exponentials(exponent, made.primitive.axes[0])


def _exponent_of(at: Place, node: int) -> int | None:
    made = at.builder.nodes[node]
    return made.inputs[0] if made.primitive is EXPONENTIAL else None


def _unshifted(at: Place, node: int, axis: int) -> int:
    shift = _shift_of(at, node, axis)
    return node if shift is None else shift[0]


def _shift_of(at: Place, node: int, axis: int) -> tuple[int, int] | None:
    """Find x and m of a difference ``x - m`` where m is the same all along `axis`."""
    made = at.builder.nodes[node]
    if not isinstance(made.primitive, WeightedSum) or made.primitive.weights != (1.0, -1.0):
        return None
    x, m = made.inputs
    narrow = at.shape(_without(at, m, Broadcast))
    return (x, m) if at.shape(x) == made.shape and narrow[axis] == 1 else None


def _without(at: Place, node: int, *kinds: type[Primitive]) -> int:
    """Find the node that a node repeats, or has in another shape: `kinds` are looked through."""
    made = at.builder.nodes[node]
    while isinstance(made.primitive, kinds):
        node = made.inputs[0]
        made = at.builder.nodes[node]
    return node


def _shaped(at: Place, node: int, shape: Shape) -> int:
    return node if at.shape(node) == shape else at.add(Reshape(shape), node)


def _alike(at: Place, first: int, second: int) -> bool:
    """Tell whether two nodes are computed in the same way from the same nodes."""
    if first == second:
        return True
    one, other = at.builder.nodes[first], at.builder.nodes[second]
    if len(one.inputs) != len(other.inputs) or not one.inputs or one.shape != other.shape:
        return False
    if not _same_primitive(one.primitive, other.primitive):
        return False
    return all(_alike(at, a, b) for a, b in zip(one.inputs, other.inputs, strict=True))


def _same_primitive(one: Primitive, other: Primitive) -> bool:
    if isinstance(one, Scale) and isinstance(other, Scale):
        return np.array_equal(one.factor, other.factor) and np.array_equal(one.offset, other.offset)
    return one == other
