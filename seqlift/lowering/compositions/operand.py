"""Operands of operations: tensors, whose first axis is the batch, and constants.

Knows ranks and axes; knows nothing of any one operation.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.lowering.compositions.composition import add_constant, stretched
from seqlift.lowering.compositions.place import Place, Tensor
from seqlift.network.graph import GraphBuilder
from seqlift.network.primitives.base import Constant


def rank_of(place: Place, tensor: Tensor) -> int:
    """Count the axes of a tensor, the batch axis included."""
    return len(place.shape(tensor.node)) + 1


def axis_of(place: Place, axis: Any, rank: int) -> int:
    """Count an axis of `rank` axes, the batch axis included, after the batch axis from 0.

    Raises ModelError for the batch axis itself, and for an axis that is not there.
    """
    index = int(axis) + rank if int(axis) < 0 else int(axis)
    if not 0 < index < rank:
        raise place.refuse(
            f"works along axis {int(axis)}, which mixes the rows of a batch; give one from 1 to"
            f" {rank - 1}"
        )
    return index - 1


def axes_of(place: Place, axis: Any, rank: int) -> tuple[int, ...]:
    """Count one axis or several after the batch axis from 0; None means all, and is refused."""
    if axis is None:
        raise place.refuse(
            "works along all axes, which mixes the rows of a batch; give it the axes from 1 on"
        )
    chosen = [axis] if np.ndim(axis) == 0 else list(axis)
    return tuple(sorted(axis_of(place, one, rank) for one in chosen))


def axes_of_node(place: Place, node: int, axis: Any) -> tuple[int, ...]:
    """Count one axis or several of a node, the batch axis included, after the batch axis from 0."""
    return axes_of(place, axis, len(place.shape(node)) + 1)


def array_of(value: Any) -> NDArray[Any]:
    """Convert a number, a list, an array or a variable to an array."""
    if isinstance(value, (bool, int, float, list, tuple, np.ndarray, np.generic)):
        return np.asarray(value)
    return np.asarray(ops.convert_to_numpy(value))


def known(place: Place, argument: Any) -> NDArray[Any] | None:
    """Compute a value that does not depend on the input, with a batch axis of 1 if a tensor.

    None for one that does.
    """
    if not isinstance(argument, Tensor):
        return array_of(argument)
    value = constant_value(place.builder, argument.node)
    return None if value is None else value[None]


def constant_value(builder: GraphBuilder, node: int) -> NDArray[Any] | None:
    """Compute the value of a node from constants alone, else None."""
    made = builder.nodes[node]
    if isinstance(made.primitive, Constant):
        return np.asarray(made.primitive.value)
    values = [constant_value(builder, source) for source in made.inputs]
    if not values or any(value is None for value in values):
        return None
    # A row of one: primitives expect a batch axis.
    tensors = [ops.convert_to_tensor(value, dtype="float64")[None] for value in values]
    return np.asarray(ops.convert_to_numpy(made.primitive.forward(*tensors)[0]))


def settled(place: Place, argument: Any, what: str) -> NDArray[Any]:
    """Compute an argument, `what` in the message, that must not depend on the input."""
    value = known(place, argument)
    if value is None:
        raise place.refuse(
            f"has {what} that depends on the input, which has no rule; hold it fixed"
        )
    return value


def after_batch(place: Place, array: NDArray[Any], rank: int) -> NDArray[Any]:
    """Drop a constant's batch axis, if it has one, next to a tensor of `rank` axes."""
    if array.ndim < rank:
        return array
    if array.ndim > rank or array.shape[0] != 1:
        raise place.refuse(
            f"joins a constant of shape {array.shape} to a tensor of {rank} axes, which mixes the"
            " rows of a batch; make the constant's first axis 1"
        )
    return np.asarray(array[0])


def same_rank(place: Place, *tensors: Tensor) -> list[int]:
    """List the nodes of tensors, which must have one rank: else batch and another axis meet."""
    shapes = [place.shape(tensor.node) for tensor in tensors]
    if len({len(shape) for shape in shapes}) > 1:
        ranks = ", ".join(f"(batch, {', '.join(map(str, shape))})" for shape in shapes)
        raise place.refuse(
            f"joins tensors of shapes {ranks}, where the batch axis of one meets another axis of"
            " the other; expand their axes to the same number"
        )
    return [tensor.node for tensor in tensors]


def as_node(place: Place, operand: Any, rank: int) -> int:
    """Find the node of a tensor, or add that of a constant next to a tensor of `rank` axes."""
    if isinstance(operand, Tensor):
        return operand.node
    array = after_batch(place, array_of(operand), rank)
    return add_constant(place, array.reshape((1,) * (rank - 1 - array.ndim) + array.shape))


def as_nodes(place: Place, operands: Sequence[Any]) -> list[int]:
    """List the nodes of tensors and constants of one rank; constants repeat for each row."""
    tensors = [operand for operand in operands if isinstance(operand, Tensor)]
    same_rank(place, *tensors)
    return [as_node(place, operand, rank_of(place, tensors[0])) for operand in operands]


def broadcast_nodes(place: Place, operands: Sequence[Any]) -> list[int]:
    """Stretch tensors and constants to one shape."""
    nodes = as_nodes(place, operands)
    shape = np.broadcast_shapes(*(place.shape(node) for node in nodes))
    return [stretched(place, node, shape) for node in nodes]
