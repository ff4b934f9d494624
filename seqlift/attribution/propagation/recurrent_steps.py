"""How multipliers propagate through a recurrent layer: position by position, from the last.

The multipliers of a position's states are those of the layers after it plus those that the next
position hands back. At each position they propagate through the step's own graph, primitive by
primitive; so scores sum up, and the same rules hold inside a cell as outside.
"""

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from seqlift.attribution.propagation.rule import NodeView, flatten_pairs
from seqlift.network.recurrence import Recurrence

Array = Any


def through_recurrence(node: NodeView) -> Callable[[Array], tuple[Array, ...]]:
    """Propagate through a recurrence, to the multipliers of all that it reads.

    It reads the input (N, 1, L, C) and perhaps the states before it, (N, 1, S) each; its output is
    all states after every position, (N, 1, L, S).
    """
    recurrence: Recurrence = node.primitive
    flat = flatten_pairs(node.x[0] + ops.zeros_like(node.x0[0]))  # for its shape: a row per pair
    known = [
        {i: by_position(values) for i, values in activations(recurrence, x, y).items()}
        for x, y in ((node.x, node.y), (node.x0, node.y0))
    ]

    def one(carried: Any, now: Any) -> tuple[Any, Any]:
        later, _ = carried
        multiplier, *at_position = now
        parts = recurrence.split(multiplier + later)
        back = node.inside(recurrence.step, *at_position)
        first, *earlier = back.run_all(sum_by_node(recurrence.step.outputs, parts)).values()
        found = (ops.concatenate(earlier, axis=-1), first)
        return found, found

    def propagate(multiplier: Array) -> tuple[Array, ...]:
        # What is carried has a place for the result too: on TensorFlow `scan` wants them alike.
        after_last = (ops.zeros_like(multiplier[:, 0]), ops.zeros_like(flat[:, 0]))
        steps = (ops.swapaxes(multiplier, 0, 1), *known)
        (start, _), (_, found) = ops.scan(one, after_last, steps, reverse=True)
        found = ops.reshape(found, (multiplier.shape[1], -1, node.x[0].shape[-1]))
        initial = recurrence.split(start) if len(node.x) > 1 else []
        return (ops.swapaxes(found, 0, 1), *initial)

    return propagate


def states_before(recurrence: Recurrence, x: Sequence[Array], y: Array) -> Array:
    """Compute the states before every position, (N, R, L, S)."""
    _, *initial = x
    start = ops.concatenate(initial, axis=-1) if initial else ops.zeros_like(y[:, :, 0])
    return ops.concatenate([ops.expand_dims(start, 2), y[:, :, :-1]], axis=2)


def by_position(array: Array) -> Array:
    return ops.moveaxis(array, 2, 0)  # `ops.scan` runs along the first axis


def activations(recurrence: Recurrence, x: Sequence[Array], y: Array) -> dict[int, Array]:
    """Compute the activations of the step at all positions: (N, R, L, *shape) by node."""
    positions = tuple(y.shape[:3])
    inputs, states = (
        ops.reshape(array, (-1, array.shape[-1]))
        for array in (x[0], states_before(recurrence, x, y))
    )
    # With the states before every position known, no position waits for another: one batch.
    values = recurrence.values(inputs, states, range(len(recurrence.step.nodes)))
    return {i: ops.reshape(value, (*positions, *value.shape[1:])) for i, value in values.items()}


def sum_by_node(nodes: Sequence[int], multipliers: Sequence[Array]) -> dict[int, Array]:
    totals: dict[int, Array] = {}
    for node, multiplier in zip(nodes, multipliers, strict=True):
        totals[node] = totals[node] + multiplier if node in totals else multiplier
    return totals
