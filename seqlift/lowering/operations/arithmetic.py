"""Sums, products, quotients, powers, extremes and choices of two operands."""

from typing import Any

import numpy as np
from keras.src.ops import numpy

from seqlift.lowering.compositions.composition import (
    largest_of,
    log_sum_exp,
    product,
    quotient,
    scaled,
    smallest_of,
    stacked,
    weighted_sum,
)
from seqlift.lowering.compositions.operand import (
    after_batch,
    array_of,
    as_node,
    broadcast_nodes,
    known,
    rank_of,
    same_rank,
    settled,
)
from seqlift.lowering.compositions.place import LowerOperation, Place, Tensor
from seqlift.network.primitives import elementwise, powers
from seqlift.network.primitives.affine import Scale, WeightedSum


def lower_sum(first: float, second: float) -> LowerOperation:
    """Make the lowering of ``first * x1 + second * x2``."""

    def lower(_operation: Any, at: Place, x1: Any, x2: Any) -> int:
        return weighted(at, (x1, first), (x2, second))

    return lower


def weighted(at: Place, *terms: tuple[Any, float]) -> int:
    """Sum two operands, each with its weight; one of them may be constant."""
    (x1, first), (x2, second) = terms
    if isinstance(x1, Tensor) and isinstance(x2, Tensor):
        nodes = same_rank(at, x1, x2)
        return weighted_sum(at, (nodes[0], first), (nodes[1], second))
    if not isinstance(x1, Tensor):
        (x1, first), (x2, second) = (x2, second), (x1, first)
    array = after_batch(at, array_of(x2), rank_of(at, x1))
    return scaled(at, x1.node, first, second * array.astype(np.float64))


def lower_multiply(_operation: Any, at: Place, x1: Any, x2: Any) -> int:
    return times(at, x1, x2)


def times(at: Place, x1: Any, x2: Any) -> int:
    """Multiply two operands, of which one may be constant."""
    if isinstance(x1, Tensor) and isinstance(x2, Tensor):
        return product(at, *same_rank(at, x1, x2))
    tensor, other = (x1, x2) if isinstance(x1, Tensor) else (x2, x1)
    return scaled(at, tensor.node, after_batch(at, array_of(other), rank_of(at, tensor)))


def lower_divide(_operation: Any, at: Place, x1: Any, x2: Any) -> int:
    """Divide two operands, of which one may be constant."""
    if isinstance(x1, Tensor) and isinstance(x2, Tensor):
        return quotient(at, *same_rank(at, x1, x2))
    if isinstance(x2, Tensor):
        return times(at, x1, Tensor(at.add(powers.RECIPROCAL, x2.node)))
    divisor = array_of(x2).astype(np.float64)
    if not np.all(divisor):
        raise at.refuse("divides by a constant that is zero; make it another number")
    return times(at, x1, 1.0 / divisor)


def lower_power(_operation: Any, at: Place, x1: Any, x2: Any) -> int:
    """Raise to a constant exponent, or a constant base to a power."""
    if not isinstance(x1, Tensor):
        base = one_number(at, array_of(x1), "a base")
        if base <= 0.0:
            raise at.refuse(f"raises {base:g} to a power that depends on the input; use exp")
        return at.add(powers.power_of_base(base), x2.node)
    exponent = one_number(at, settled(at, x2, "an exponent"), "an exponent")
    return x1.node if exponent == 1.0 else at.add(powers.power(exponent), x1.node)


def one_number(at: Place, array: Any, what: str) -> float:
    """Read a constant, `what` in the message, that must be one number throughout."""
    numbers = np.unique(array)
    if len(numbers) != 1:
        raise at.refuse(f"has {what} of several numbers, which has no rule; use one number")
    return float(numbers[0])


def lower_extreme(sign: float) -> LowerOperation:
    """Make the lowering of the maximum (sign 1) or minimum (sign -1) of two operands."""

    def lower(_operation: Any, at: Place, x1: Any, x2: Any) -> int:
        if isinstance(x1, Tensor) and isinstance(x2, Tensor):
            nodes = same_rank(at, x1, x2)
            bent = bent_line(at, nodes, sign)
            if bent is not None:
                return bent
            return largest_of(at, nodes) if sign > 0 else smallest_of(at, nodes)
        tensor, other = (x1, x2) if isinstance(x1, Tensor) else (x2, x1)
        array = after_batch(at, array_of(other), rank_of(at, tensor)).astype(np.float64)
        if array.ndim == 0:
            bound = float(array)
            low, high = (bound, None) if sign > 0 else (None, bound)
            return at.add(elementwise.clip(low, high), tensor.node)
        above = at.add(elementwise.RELU, scaled(at, tensor.node, sign, -sign * array))
        return scaled(at, above, sign, array)

    return lower


def bent_line(at: Place, nodes: list[int], sign: float) -> int | None:
    """Recognise ``maximum(x, 0.2 * x)`` as a leaky ReLU; None for operands of two values."""
    (first, slope), (second, other) = (line_of(at, node) for node in nodes)
    if first != second or at.shape(nodes[0]) != at.shape(nodes[1]):
        return None
    above, below = (largest(slope, other) for largest in ((max, min) if sign > 0 else (min, max)))
    if above == 0.0:
        return None
    return times(at, Tensor(at.add(elementwise.leaky_relu(below / above), first)), above)


def line_of(at: Place, node: int) -> tuple[int, float]:
    """Split a node into another times a number; itself times 1 where it is not a multiple."""
    made = at.builder.nodes[node]
    if isinstance(made.primitive, Scale) and not np.any(made.primitive.offset):
        slopes = np.unique(made.primitive.factor)
        if len(slopes) == 1:
            return made.inputs[0], float(slopes[0])
    return node, 1.0


def lower_log_add_exp(_operation: Any, at: Place, x1: Any, x2: Any) -> int:
    """Lower the logarithm of the sum of the exponentials of two operands.

    Next to a number it is a softplus.
    """
    tensor, other = (x1, x2) if isinstance(x1, Tensor) else (x2, x1)
    if not isinstance(other, Tensor) and array_of(other).size == 1:
        number = float(array_of(other).flat[0])
        node = tensor.node if number == 0.0 else scaled(at, tensor.node, 1.0, -number)
        node = at.add(elementwise.SOFTPLUS, node)
        return node if number == 0.0 else scaled(at, node, 1.0, number)
    rows = stacked(at, broadcast_nodes(at, (x1, x2)), 0)
    return log_sum_exp(at, rows, (0,), keepdims=False)


def lower_where(_operation: Any, at: Place, condition: Any, x1: Any = None, x2: Any = None) -> int:
    """Choose between two operands by a condition that is the same for every row."""
    chosen = known(at, condition)
    if chosen is None or x1 is None or x2 is None:
        raise at.refuse(
            "takes values by a condition that depends on the input: nothing says which part of a"
            " change the condition made; use relu, maximum or a gate (sigmoid times value) instead"
        )
    tensor = next(x for x in (x1, x2, condition) if isinstance(x, Tensor))
    rank = rank_of(at, tensor)
    first, second = (as_node(at, x, rank) for x in (x1, x2))
    keep = after_batch(at, chosen, rank).astype(np.float64)
    kept, rest = scaled(at, first, keep), scaled(at, second, 1.0 - keep)
    return at.add(WeightedSum((1.0, 1.0)), kept, rest)


def lower_clip(operation: Any, at: Place, x: Tensor) -> int:
    low, high = (
        None if bound is None else one_number(at, array_of(bound), "a bound")
        for bound in (operation.x_min, operation.x_max)
    )
    return at.add(elementwise.clip(low, high), x.node)


def lower_negative(_operation: Any, at: Place, x: Tensor) -> int:
    return scaled(at, x.node, -1.0)


def lower_hyperbolic(sign: float) -> LowerOperation:
    """Make the lowering of the hyperbolic cosine (sign 1) or sine (sign -1)."""

    def lower(_operation: Any, at: Place, x: Tensor) -> int:
        up = at.add(elementwise.EXPONENTIAL, x.node)
        down = at.add(elementwise.EXPONENTIAL, scaled(at, x.node, -1.0))
        return at.add(WeightedSum((0.5, 0.5 * sign)), up, down)

    return lower


def lower_tangent(_operation: Any, at: Place, x: Tensor) -> int:
    cosine = at.add(powers.COS, x.node)
    return quotient(at, at.add(powers.SIN, x.node), cosine)


def lower_hypotenuse(_operation: Any, at: Place, x1: Any, x2: Any) -> int:
    squares = [at.add(powers.SQUARE, node) for node in broadcast_nodes(at, (x1, x2))]
    return at.add(powers.SQRT, at.add(WeightedSum((1.0, 1.0)), *squares))


ARITHMETIC: dict[type, LowerOperation] = {
    numpy.Add: lower_sum(1.0, 1.0),
    numpy.Subtract: lower_sum(1.0, -1.0),
    numpy.Multiply: lower_multiply,
    numpy.Divide: lower_divide,
    numpy.TrueDivide: lower_divide,
    numpy.Power: lower_power,
    numpy.Maximum: lower_extreme(1.0),
    numpy.Minimum: lower_extreme(-1.0),
    numpy.Logaddexp: lower_log_add_exp,
    numpy.Hypot: lower_hypotenuse,
    numpy.Where: lower_where,
    numpy.Clip: lower_clip,
    numpy.Negative: lower_negative,
    numpy.Sinh: lower_hyperbolic(-1.0),
    numpy.Cosh: lower_hyperbolic(1.0),
    numpy.Tan: lower_tangent,
}
