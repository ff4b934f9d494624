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


def simple_step(cell: layers.SimpleRNNCell, at: Place, x: int, states: list[int]) -> list[int]:
    """Add the state ``f(x W + b + h U)``; `x` is x W + b already."""
    (h,) = states
    recurrent = at.add(Dense(weights_of(cell.recurrent_kernel), None), h)
    return [activate(cell.activation, at, at.add(WeightedSum((1.0, 1.0)), x, recurrent))]


def lstm_step(cell: layers.LSTMCell, at: Place, x: int, states: list[int]) -> list[int]:
    """Add the states h and c of a long short-term memory (gates: input, forget, cell, output).

    ``c = f c + i g`` and ``h = o f(c)``.
    """
    h, c = states
    recurrent = at.add(Dense(weights_of(cell.recurrent_kernel), None), h)
    z = at.add(WeightedSum((1.0, 1.0)), x, recurrent)
    gates = [quarter(at, z, k, 4) for k in range(4)]
    i, f, o = (activate(cell.recurrent_activation, at, gates[k]) for k in (0, 1, 3))
    g = activate(cell.activation, at, gates[2])
    kept, new = at.add(Multiply(), f, c), at.add(Multiply(), i, g)
    c = at.add(WeightedSum((1.0, 1.0)), kept, new)
    return [at.add(Multiply(), o, activate(cell.activation, at, c)), c]


def gru_step(cell: layers.GRUCell, at: Place, x: int, states: list[int]) -> list[int]:
    """Add the state of a gated recurrent unit (gates: update, reset, new).

    ``h = z h + (1 - z) f(...)``, the reset gate before the recurrent product or after it.
    """
    (h,) = states
    kernel = weights_of(cell.recurrent_kernel)
    units = cell.units
    both = Dense(kernel[:, : 2 * units], recurrent_bias(cell, slice(0, 2 * units)))
    gates = at.add(WeightedSum((1.0, 1.0)), part(at, x, 0, 2 * units), at.add(both, h))
    gates = activate(cell.recurrent_activation, at, gates)
    z, r = part(at, gates, 0, units), part(at, gates, units, 2 * units)
    last = Dense(kernel[:, 2 * units :], recurrent_bias(cell, slice(2 * units, None)))
    if cell.reset_after:
        recurrent = at.add(Multiply(), r, at.add(last, h))
    else:
        recurrent = at.add(last, at.add(Multiply(), r, h))
    new = at.add(WeightedSum((1.0, 1.0)), part(at, x, 2 * units, 3 * units), recurrent)
    new = activate(cell.activation, at, new)
    rest = at.add(Scale(-np.ones(1), np.ones(1)), z)
    kept, added = at.add(Multiply(), z, h), at.add(Multiply(), rest, new)
    return [at.add(WeightedSum((1.0, 1.0)), kept, added)]


def recurrent_bias(cell: layers.GRUCell, which: slice) -> Any:
    """Select biases of a GRU's recurrent product, which only ``reset_after`` has."""
    if not (cell.use_bias and cell.reset_after):
        return None
    return weights_of(cell.bias)[1][which]


def part(at: Place, node: int, start: int, end: int) -> int:
    """Take the values `start` to `end` of a vector."""
    (size,) = at.shape(node)
    return at.add(Pad(((-start, end - size),)), node)


def quarter(at: Place, node: int, k: int, number: int) -> int:
    """Take part `k` of `number` equal parts of a vector."""
    size = at.shape(node)[0] // number
    return part(at, node, k * size, (k + 1) * size)


STEPS: dict[type, tuple[Step, int]] = {
    layers.SimpleRNNCell: (simple_step, 1),
    layers.GRUCell: (gru_step, 1),
    layers.LSTMCell: (lstm_step, 2),
}
"""The step of each cell, and its number of states."""


def listed(value: Any) -> list[int]:
    return list(value) if isinstance(value, list | tuple) else [value]


def lower_recurrent(
    layer: Any, at: Place, node: int, *initial: int, initial_state: Any = ()
) -> int | tuple[int, ...]:
    """Lower the outputs of a recurrent layer, and after them its last states if it has them."""
    if layer.stateful:
        raise at.refuse(
            "is stateful, so that scores would depend on the rows before; rebuild it with"
            " stateful=False"
        )
    initial_states = [*initial, *listed(initial_state)]
    cells = layer.cell.cells if isinstance(layer.cell, layers.StackedRNNCells) else [layer.cell]
    if layer.go_backwards:
        node = reversed_positions(at, node)
    last_states: list[int] = []
    for cell in cells:
        if type(cell) not in STEPS:
            raise at.refuse(
                f"has a cell of the class {type(cell).__name__}, which has no lowering; use"
                " SimpleRNNCell, GRUCell or LSTMCell"
            )
        number = STEPS[type(cell)][1]
        states = run_of(cell, at, node, initial_states[:number])
        initial_states = initial_states[number:]
        last_states += [last_position(at, state) for state in states]
        node = states[0]
    output = node if layer.return_sequences else last_position(at, node)
    return (output, *last_states) if layer.return_state else output


def run_of(cell: Any, at: Place, node: int, initial: list[int]) -> list[int]:
    """Run a cell over every position: a node (L, units) for each state."""
    everything = at.add(Recurrence(step_of(cell, at, at.shape(node)[-1])), node, *initial)
    total = at.shape(everything)[-1]
    if total == cell.units:
        return [everything]
    return [
        at.add(Pad(((0, 0), (-start, start + cell.units - total))), everything)
        for start in range(0, total, cell.units)
    ]


def step_of(cell: Any, at: Place, size: int) -> Graph:
    """Build one step of a cell, for an input of `size` values per position."""
    step, number = STEPS[type(cell)]
    builder = GraphBuilder()
    inside = replace(at, builder=builder)
    x = builder.add_input((size,), "position")
    states = [builder.add_input((cell.units,), f"state {k}") for k in range(number)]
    bias = weights_of(cell.bias) if cell.use_bias else None
    if bias is not None and bias.ndim == 2:
        bias = bias[0]  # the input's, of the two in a GRU
    weighed = inside.add(Dense(weights_of(cell.kernel), bias), x)
    return builder.finish(step(cell, inside, weighed, states), sources=[x, *states])


def last_position(at: Place, node: int) -> int:
    """Take the last position of (L, units): (units,)."""
    length, units = at.shape(node)
    return at.add(Reshape((units,)), at.add(Pad(((1 - length, 0), (0, 0))), node))


def reversed_positions(at: Place, node: int) -> int:
    """Reverse the positions of (L, C)."""
    return at.add(Take(0, tuple(range(at.shape(node)[0] - 1, -1, -1))), node)


def lower_bidirectional(
    layer: layers.Bidirectional, at: Place, node: int, *initial: int, initial_state: Any = ()
) -> int | tuple[int, ...]:
    """Lower both directions of a recurrent layer, and merge them by its mode."""
    initial_states = [*initial, *listed(initial_state)]
    half = len(initial_states) // 2
    directions = (
        (layer.forward_layer, initial_states[:half]),
        (layer.backward_layer, initial_states[half:]),
    )
    sides = [listed(lower_recurrent(inner, at, node, *states)) for inner, states in directions]
    (ahead, *states), (back, *more) = sides
    if layer.return_sequences:
        back = reversed_positions(at, back)
    if layer.merge_mode is None:
        return (ahead, back, *states, *more)
    merged = merge(at, layer.merge_mode, ahead, back)
    return (merged, *states, *more) if states else merged


def merge(at: Place, mode: str, ahead: int, back: int) -> int:
    """Join, add, average or multiply two directions."""
    if mode == "concat":
        return at.add(Concatenate(len(at.shape(ahead)) - 1), ahead, back)
    if mode == "mul":
        return at.add(Multiply(), ahead, back)
    return at.add(WeightedSum((1.0, 1.0) if mode == "sum" else (0.5, 0.5)), ahead, back)


RECURRENT_LAYERS: dict[type, Lower] = {
    layers.SimpleRNN: lower_recurrent,
    layers.GRU: lower_recurrent,
    layers.LSTM: lower_recurrent,
    layers.RNN: lower_recurrent,
    layers.Bidirectional: lower_bidirectional,
}
