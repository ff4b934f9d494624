"""Sums, products, quotients, powers, extremes and choices of two operands."""

from typing import Any

import numpy as np
from keras.src.ops import numpy

from seqlift.lowering.compositions.composition import (
    divide_nodes,
    largest_of,
    log_sum_exp,
    product,
    scale_node,
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


def lower_weighted(first: float, second: float) -> LowerOperation:
    """Make the lowering of ``first * x1 + second * x2``."""

    def lower(_operation: Any, place: Place, x1: Any, x2: Any) -> int:
        return weighted_operands(place, (x1, first), (x2, second))

    return lower


def weighted_operands(place: Place, *terms: tuple[Any, float]) -> int:
    """Sum two operands, each with its weight; one of them may be constant."""
    (x1, first), (x2, second) = terms
    if isinstance(x1, Tensor) and isinstance(x2, Tensor):
        nodes = same_rank(place, x1, x2)
        return weighted_sum(place, (nodes[0], first), (nodes[1], second))
    if not isinstance(x1, Tensor):
        (x1, first), (x2, second) = (x2, second), (x1, first)
    array = after_batch(place, array_of(x2), rank_of(place, x1))
    return scale_node(place, x1.node, first, second * array.astype(np.float64))


def lower_multiply(_operation: Any, place: Place, x1: Any, x2: Any) -> int:
    return times(place, x1, x2)


def times(place: Place, x1: Any, x2: Any) -> int:
    if isinstance(x1, Tensor) and isinstance(x2, Tensor):
        return product(place, *same_rank(place, x1, x2))
    tensor, other = (x1, x2) if isinstance(x1, Tensor) else (x2, x1)
    return scale_node(
        place, tensor.node, after_batch(place, array_of(other), rank_of(place, tensor))
    )


def lower_divide(_operation: Any, place: Place, x1: Any, x2: Any) -> int:
    if isinstance(x1, Tensor) and isinstance(x2, Tensor):
        return divide_nodes(place, *same_rank(place, x1, x2))
    if isinstance(x2, Tensor):
        # perhaps a sigmoid, 1 / (1 + ..)
        return times(place, x1, Tensor(place.add(powers.RECIPROCAL, x2.node)))
    divisor = array_of(x2).astype(np.float64)
    if not np.all(divisor):
        raise place.refuse("divides by a constant that is zero; make it another number")
    return times(place, x1, 1.0 / divisor)


def lower_power(_operation: Any, place: Place, x1: Any, x2: Any) -> int:
    if not isinstance(x1, Tensor):
        base = one_number(place, array_of(x1), "a base")
        if base <= 0.0:
            raise place.refuse(f"raises {base:g} to a power that depends on the input; use exp")
        return place.add(powers.power_of_base(base), x2.node)
    exponent = one_number(place, settled(place, x2, "an exponent"), "an exponent")
    return x1.node if exponent == 1.0 else place.add(powers.power(exponent), x1.node)


def one_number(place: Place, array: Any, what: str) -> float:
    numbers = np.unique(array)
    if len(numbers) != 1:
        raise place.refuse(f"has {what} of several numbers, which has no rule; use one number")
    return float(numbers[0])


def lower_extreme(sign: float) -> LowerOperation:
    """Make the lowering of the maximum (sign 1) or minimum (sign -1) of two operands."""

    def lower(_operation: Any, place: Place, x1: Any, x2: Any) -> int:
        if isinstance(x1, Tensor) and isinstance(x2, Tensor):
            nodes = same_rank(place, x1, x2)
            # an activation, which RevealCancel looks at beyond x and x0
            bent = bent_line(place, nodes, sign)
            if bent is not None:
                return bent
            return largest_of(place, nodes) if sign > 0 else smallest_of(place, nodes)
        tensor, other = (x1, x2) if isinstance(x1, Tensor) else (x2, x1)
        array = after_batch(place, array_of(other), rank_of(place, tensor)).astype(np.float64)
        if array.ndim == 0:
            bound = float(array)
            low, high = (bound, None) if sign > 0 else (None, bound)
            return place.add(elementwise.clip(low, high), tensor.node)
        # max(x, a) = a + relu(x - a), which takes a bound for each channel.
        above = place.add(elementwise.RELU, scale_node(place, tensor.node, sign, -sign * array))
        return scale_node(place, above, sign, array)

    return lower


def bent_line(place: Place, nodes: list[int], sign: float) -> int | None:
    """Recognise ``maximum(x, 0.2 * x)`` as a leaky ReLU; None for operands of two values."""
    (first, slope), (second, other) = (line_of(place, node) for node in nodes)
    if first != second or place.shape(nodes[0]) != place.shape(nodes[1]):
        return None
    above, below = (largest(slope, other) for largest in ((max, min) if sign > 0 else (min, max)))
    if above == 0.0:
        return None
    return times(place, Tensor(place.add(elementwise.leaky_relu(below / above), first)), above)


def line_of(place: Place, node: int) -> tuple[int, float]:
    """Split a node into another times a number; itself times 1 where it is not a multiple."""
    made = place.builder.nodes[node]
    if isinstance(made.primitive, Scale) and not np.any(made.primitive.offset):
        slopes = np.unique(made.primitive.factor)
        if len(slopes) == 1:
            return made.inputs[0], float(slopes[0])
    return node, 1.0


def lower_log_add_exp(_operation: Any, place: Place, x1: Any, x2: Any) -> int:
    """Lower the logarithm of the sum of the exponentials of two operands.

    Next to a number it is a softplus.
    """
    tensor, other = (x1, x2) if isinstance(x1, Tensor) else (x2, x1)
    if not isinstance(other, Tensor) and array_of(other).size == 1:
        number = float(array_of(other).flat[0])
        # log(exp(x) + exp(c)) = softplus(x - c) + c
        node = tensor.node if number == 0.0 else scale_node(place, tensor.node, 1.0, -number)
        node = place.add(elementwise.SOFTPLUS, node)
        return node if number == 0.0 else scale_node(place, node, 1.0, number)
    rows = stacked(place, broadcast_nodes(place, (x1, x2)), 0)
    return log_sum_exp(place, rows, (0,), keepdims=False)


def lower_where(
    _operation: Any, place: Place, condition: Any, x1: Any = None, x2: Any = None
) -> int:
    """Choose between two operands by a condition that is the same for every row."""
    chosen = known(place, condition)
    if chosen is None or x1 is None or x2 is None:
        raise place.refuse(
            "takes values by a condition that depends on the input: nothing says which part of a"
            " change the condition made; use relu, maximum or a gate (sigmoid times value) instead"
        )
    tensor = next(x for x in (x1, x2, condition) if isinstance(x, Tensor))
    rank = rank_of(place, tensor)
    first, second = (as_node(place, x, rank) for x in (x1, x2))
    keep = after_batch(place, chosen, rank).astype(np.float64)
    # A condition that is the same for every row makes the choice linear.
    kept, rest = scale_node(place, first, keep), scale_node(place, second, 1.0 - keep)
    return place.add(WeightedSum((1.0, 1.0)), kept, rest)


def lower_clip(operation: Any, place: Place, x: Tensor) -> int:
    low, high = (
        None if bound is None else one_number(place, array_of(bound), "a bound")
        for bound in (operation.x_min, operation.x_max)
    )
    return place.add(elementwise.clip(low, high), x.node)


def lower_negative(_operation: Any, place: Place, x: Tensor) -> int:
    return scale_node(place, x.node, -1.0)


def lower_hyperbolic(sign: float) -> LowerOperation:
    """Make the lowering of the hyperbolic cosine (sign 1) or sine (sign -1)."""

    def lower(_operation: Any, place: Place, x: Tensor) -> int:
        up = place.add(elementwise.EXPONENTIAL, x.node)
        down = place.add(elementwise.EXPONENTIAL, scale_node(place, x.node, -1.0))
        return place.add(WeightedSum((0.5, 0.5 * sign)), up, down)

    return lower


def lower_tangent(_operation: Any, place: Place, x: Tensor) -> int:
    cosine = place.add(powers.COS, x.node)
    return divide_nodes(place, place.add(powers.SIN, x.node), cosine)


def lower_hypotenuse(_operation: Any, place: Place, x1: Any, x2: Any) -> int:
    squares = [place.add(powers.SQUARE, node) for node in broadcast_nodes(place, (x1, x2))]
    return place.add(powers.SQRT, place.add(WeightedSum((1.0, 1.0)), *squares))


ARITHMETIC: dict[type, LowerOperation] = {
    numpy.Add: lower_weighted(1.0, 1.0),
    numpy.Subtract: lower_weighted(1.0, -1.0),
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
