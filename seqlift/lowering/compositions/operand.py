"""What operations are called with: tensors, whose first axis is the batch, and constants.

Knows ranks and axes; knows nothing of any one operation.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.lowering.compositions.composition import constant, stretched
from seqlift.lowering.compositions.place import Place, Tensor
from seqlift.network.graph import GraphBuilder
from seqlift.network.primitives.base import Constant


def rank_of(at: Place, tensor: Tensor) -> int:
    """Return the number of axes of a tensor, the batch axis included."""
    return len(at.shape(tensor.node)) + 1


def axis_of(at: Place, axis: Any, rank: int) -> int:
    """Return an axis of `rank` axes, the batch axis included, counted after the batch axis from 0.

    Raises ModelError for the batch axis itself.
    """
    place = int(axis) + rank if int(axis) < 0 else int(axis)
    if place == 0:
        raise at.refuse(
            f"works along axis {int(axis)}, which mixes the rows of a batch; use another axis"
        )
    return place - 1


def axes_of(at: Place, axis: Any, rank: int) -> tuple[int, ...]:
    """Return one axis or several, counted after the batch axis from 0; None is all, and refused."""
    if axis is None:
        raise at.refuse(
            "works along all axes, which mixes the rows of a batch; give it the axes from 1 on"
        )
    chosen = [axis] if np.ndim(axis) == 0 else list(axis)
    return tuple(sorted(axis_of(at, one, rank) for one in chosen))


def array_of(value: Any) -> NDArray[Any]:
    """Return a number, a list, an array or a variable as an array."""
    if isinstance(value, (bool, int, float, list, tuple, np.ndarray, np.generic)):
        return np.asarray(value)
    return np.asarray(ops.convert_to_numpy(value))


def known(at: Place, argument: Any) -> NDArray[Any] | None:
    """Return the value of what does not depend on the input, with a batch axis of 1 if a tensor.

    None for what does.
    """
    if not isinstance(argument, Tensor):
        return array_of(argument)
    value = value_of(at.builder, argument.node)
    return None if value is None else value[None]


def value_of(builder: GraphBuilder, node: int) -> NDArray[Any] | None:
    """Return the value of a node that is computed from constants alone, else None."""
    made = builder.nodes[node]
    if isinstance(made.primitive, Constant):
        return np.asarray(made.primitive.value)
    values = [value_of(builder, source) for source in made.inputs]
    if not values or any(value is None for value in values):
        return None
    tensors = [ops.convert_to_tensor(value, dtype="float64")[None] for value in values]
    return np.asarray(ops.convert_to_numpy(made.primitive.forward(*tensors)[0]))


def settled(at: Place, argument: Any, what: str) -> NDArray[Any]:
    """Return the value of an argument, `what` in the message, that must not depend on the input."""
    value = known(at, argument)
    if value is None:
        raise at.refuse(f"has {what} that depends on the input, which has no rule; hold it fixed")
    return value


def after_batch(at: Place, array: NDArray[Any], rank: int) -> NDArray[Any]:
    """Return a constant next to a tensor of `rank` axes, without its batch axis if it has one."""
    if array.ndim < rank:
        return array
    if array.ndim > rank or array.shape[0] != 1:
        raise at.refuse(
            f"joins a constant of shape {array.shape} to a tensor of {rank} axes, which mixes the"
            " rows of a batch; make the constant's first axis 1"
        )
    return np.asarray(array[0])


def same_rank(at: Place, *tensors: Tensor) -> list[int]:
    """Return the nodes of tensors, which must have one rank: else batch and another axis meet."""
    shapes = [at.shape(tensor.node) for tensor in tensors]
    if len({len(shape) for shape in shapes}) > 1:
        ranks = ", ".join(f"(batch, {', '.join(map(str, shape))})" for shape in shapes)
        raise at.refuse(
            f"joins tensors of shapes {ranks}, where the batch axis of one meets another axis of"
            " the other; expand their axes to the same number"
        )
    return [tensor.node for tensor in tensors]


def as_node(at: Place, operand: Any, rank: int) -> int:
    """Return the node of a tensor, or of a constant beside a tensor of `rank` axes."""
    if isinstance(operand, Tensor):
        return operand.node
    array = after_batch(at, array_of(operand), rank)
    return constant(at, array.reshape((1,) * (rank - 1 - array.ndim) + array.shape))


def as_nodes(at: Place, operands: Sequence[Any]) -> list[int]:
    """Return the nodes of tensors and constants of one rank; constants lie beside each row."""
    tensors = [operand for operand in operands if isinstance(operand, Tensor)]
    same_rank(at, *tensors)
    return [as_node(at, operand, rank_of(at, tensors[0])) for operand in operands]


def broadcast_nodes(at: Place, operands: Sequence[Any]) -> list[int]:
    """Return the nodes of tensors and constants, stretched to one shape."""
    nodes = as_nodes(at, operands)
    shape = np.broadcast_shapes(*(at.shape(node) for node in nodes))
    return [stretched(at, node, shape) for node in nodes]
