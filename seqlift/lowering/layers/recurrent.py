"""Recurrent layers: SimpleRNN, GRU and LSTM, in one direction or both, and stacks of their cells.

A cell becomes the graph of one step. Both of its products, with the input and with the state, are
inside: RevealCancel separates the positive from the negative part of either.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from keras import layers

from seqlift.lowering.compositions.place import Lower, Place, weights_of
from seqlift.lowering.layers.activation import activate
from seqlift.network.graph import Graph, GraphBuilder
from seqlift.network.primitives.affine import Dense, Scale, WeightedSum
from seqlift.network.primitives.product import Multiply
from seqlift.network.primitives.shape import Concatenate, Pad, Reshape, Take
from seqlift.network.recurrence import Recurrence

Step = Callable[[Any, Place, int, list[int]], list[int]]  # (cell, place, input, states) -> states


def simple_step(cell: layers.SimpleRNNCell, place: Place, x: int, states: list[int]) -> list[int]:
    """Add the state ``f(x W + b + h U)``; `x` is x W + b already."""
    (h,) = states
    recurrent = place.add(Dense(weights_of(cell.recurrent_kernel), None), h)
    return [activate(cell.activation, place, place.add(WeightedSum((1.0, 1.0)), x, recurrent))]


def lstm_step(cell: layers.LSTMCell, place: Place, x: int, states: list[int]) -> list[int]:
    """Add the states h and c of a long short-term memory (gates: input, forget, cell, output).

    ``c = f c + i g`` and ``h = o f(c)``.
    """
    h, c = states
    recurrent = place.add(Dense(weights_of(cell.recurrent_kernel), None), h)
    z = place.add(WeightedSum((1.0, 1.0)), x, recurrent)
    gates = [quarter(place, z, k, 4) for k in range(4)]
    i, f, o = (activate(cell.recurrent_activation, place, gates[k]) for k in (0, 1, 3))
    g = activate(cell.activation, place, gates[2])
    kept, new = place.add(Multiply(), f, c), place.add(Multiply(), i, g)
    c = place.add(WeightedSum((1.0, 1.0)), kept, new)
    return [place.add(Multiply(), o, activate(cell.activation, place, c)), c]


def gru_step(cell: layers.GRUCell, place: Place, x: int, states: list[int]) -> list[int]:
    """Add the state of a gated recurrent unit (gates: update, reset, new).

    ``h = z h + (1 - z) f(...)``, the reset gate before the recurrent product or after it.
    """
    (h,) = states
    kernel = weights_of(cell.recurrent_kernel)
    units = cell.units
    both = Dense(kernel[:, : 2 * units], recurrent_bias(cell, slice(0, 2 * units)))
    gates = place.add(WeightedSum((1.0, 1.0)), part(place, x, 0, 2 * units), place.add(both, h))
    gates = activate(cell.recurrent_activation, place, gates)
    z, r = part(place, gates, 0, units), part(place, gates, units, 2 * units)
    last = Dense(kernel[:, 2 * units :], recurrent_bias(cell, slice(2 * units, None)))
    if cell.reset_after:
        # as cuDNN computes it
        recurrent = place.add(Multiply(), r, place.add(last, h))
    else:
        recurrent = place.add(last, place.add(Multiply(), r, h))
    new = place.add(WeightedSum((1.0, 1.0)), part(place, x, 2 * units, 3 * units), recurrent)
    new = activate(cell.activation, place, new)
    rest = place.add(Scale(-np.ones(1), np.ones(1)), z)
    kept, added = place.add(Multiply(), z, h), place.add(Multiply(), rest, new)
    return [place.add(WeightedSum((1.0, 1.0)), kept, added)]


def recurrent_bias(cell: layers.GRUCell, which: slice) -> Any:
    if not (cell.use_bias and cell.reset_after):
        return None
    return weights_of(cell.bias)[1][which]


def part(place: Place, node: int, start: int, end: int) -> int:
    (size,) = place.shape(node)
    return place.add(Pad(((-start, end - size),)), node)


def quarter(place: Place, node: int, k: int, number: int) -> int:
    size = place.shape(node)[0] // number
    return part(place, node, k * size, (k + 1) * size)


CELL_STEPS: dict[type, tuple[Step, int]] = {
    layers.SimpleRNNCell: (simple_step, 1),
    layers.GRUCell: (gru_step, 1),
    layers.LSTMCell: (lstm_step, 2),
}
"""The step of each cell, and its number of states."""


def listed(value: Any) -> list[int]:
    return list(value) if isinstance(value, list | tuple) else [value]


def lower_recurrent(
    layer: Any, place: Place, node: int, *initial: int, initial_state: Any = ()
) -> int | tuple[int, ...]:
    if layer.stateful:
        raise place.refuse(
            "is stateful, so that scores would depend on the rows before; rebuild it with"
            " stateful=False"
        )
    initial_states = [*initial, *listed(initial_state)]
    cells = layer.cell.cells if isinstance(layer.cell, layers.StackedRNNCells) else [layer.cell]
    if layer.go_backwards:
        node = reversed_positions(place, node)
    last_states: list[int] = []
    for cell in cells:
        if type(cell) not in CELL_STEPS:
            raise place.refuse(
                f"has a cell of the class {type(cell).__name__}, which has no lowering; use"
                " SimpleRNNCell, GRUCell or LSTMCell"
            )
        number = CELL_STEPS[type(cell)][1]
        states = run_of(cell, place, node, initial_states[:number])
        initial_states = initial_states[number:]
        last_states += [last_position(place, state) for state in states]
        node = states[0]  # h, which the next cell of a stack reads
    output = node if layer.return_sequences else last_position(place, node)
    return (output, *last_states) if layer.return_state else output


def run_of(cell: Any, place: Place, node: int, initial: list[int]) -> list[int]:
    """Run a cell over every position: a node (L, units) for each state."""
    everything = place.add(Recurrence(step_of(cell, place, place.shape(node)[-1])), node, *initial)
    total = place.shape(everything)[-1]
    if total == cell.units:
        return [everything]
    return [
        place.add(Pad(((0, 0), (-start, start + cell.units - total))), everything)
        for start in range(0, total, cell.units)
    ]


def step_of(cell: Any, place: Place, size: int) -> Graph:
    """Build one step of a cell, for an input of `size` values per position."""
    step, number = CELL_STEPS[type(cell)]
    builder = GraphBuilder()
    inside = replace(place, builder=builder)
    x = builder.add_input((size,), "position")
    states = [builder.add_input((cell.units,), f"state {k}") for k in range(number)]
    bias = weights_of(cell.bias) if cell.use_bias else None
    if bias is not None and bias.ndim == 2:
        bias = bias[0]  # the input's, of the two in a GRU
    # Inside the step, so that RevealCancel sees the parts of x W + h U as a whole (decision 0008).
    weighed = inside.add(Dense(weights_of(cell.kernel), bias), x)
    return builder.finish(step(cell, inside, weighed, states), sources=[x, *states])


def last_position(place: Place, node: int) -> int:
    length, units = place.shape(node)
    return place.add(Reshape((units,)), place.add(Pad(((1 - length, 0), (0, 0))), node))


def reversed_positions(place: Place, node: int) -> int:
    return place.add(Take(0, tuple(range(place.shape(node)[0] - 1, -1, -1))), node)


def lower_bidirectional(
    layer: layers.Bidirectional, place: Place, node: int, *initial: int, initial_state: Any = ()
) -> int | tuple[int, ...]:
    """Lower both directions of a recurrent layer, and merge them by its mode."""
    initial_states = [*initial, *listed(initial_state)]
    half = len(initial_states) // 2
    directions = (
        (layer.forward_layer, initial_states[:half]),
        (layer.backward_layer, initial_states[half:]),
    )
    sides = [listed(lower_recurrent(inner, place, node, *states)) for inner, states in directions]
    (ahead, *states), (back, *more) = sides
    if layer.return_sequences:
        # in the order of the sequence before they are merged
        back = reversed_positions(place, back)
    if layer.merge_mode is None:
        return (ahead, back, *states, *more)
    merged = merge_directions(place, layer.merge_mode, ahead, back)
    return (merged, *states, *more) if states else merged


def merge_directions(place: Place, mode: str, ahead: int, back: int) -> int:
    if mode == "concat":
        return place.add(Concatenate(len(place.shape(ahead)) - 1), ahead, back)
    if mode == "mul":
        return place.add(Multiply(), ahead, back)
    return place.add(WeightedSum((1.0, 1.0) if mode == "sum" else (0.5, 0.5)), ahead, back)


RECURRENT_LAYERS: dict[type, Lower] = {
    layers.SimpleRNN: lower_recurrent,
    layers.GRU: lower_recurrent,
    layers.LSTM: lower_recurrent,
    layers.RNN: lower_recurrent,
    layers.Bidirectional: lower_bidirectional,
}
