"""Recurrent layers, step by step: every step is a few products and activations of its own."""

from collections.abc import Callable
from typing import Any

import numpy as np

from oracle.functions import Function
from oracle.mixing import multiply
from oracle.parts import Array
from oracle.tape import Tape, Value

Step = Callable[[Value, list[Value]], list[Value]]


def recurrent(tape: Tape, layer: Any, value: Value, step: Step, states: int) -> Value:
    """Return a layer's last state, or its state after every step.

    `step` takes the values of a position and the states before it to the states after it, of which
    the first is the output.
    """
    if layer.return_state or layer.stateful:
        raise NotImplementedError(f"{layer.name}: states that are given away or kept")
    positions = range(value.shape[0])
    state = [tape.constant(np.zeros(layer.units), value) for _ in range(states)]
    outputs = []
    for position in reversed(positions) if layer.go_backwards else positions:
        state = step(tape.taken(value, position), state)
        outputs.append(tape.reshaped(state[0], 1, layer.units))
    return tape.joined(outputs, 0) if layer.return_sequences else state[0]


def weights_of(layer: Any) -> tuple[Array, Array, Array]:
    """Return the kernels of inputs and of states, and the bias or zeros."""
    kernel, states, *bias = layer.get_weights()
    return kernel, states, bias[0] if bias else np.zeros(kernel.shape[1])


def complement(tape: Tape, value: Value) -> Value:
    """Return ``1 - value``."""
    return tape.scaled(value, -1.0, 1.0)


def simple(tape: Tape, layer: Any, value: Value, activation: Function, _: Function) -> Value:
    """Return SimpleRNN: ``h = f(x W + h U + b)``."""
    kernel, states, bias = weights_of(layer)

    def step(x: Value, state: list[Value]) -> list[Value]:
        terms = (
            tape.weighed(x, kernel, bias, origin="recurrent"),
            tape.weighed(state[0], states, origin="recurrent"),
        )
        return [tape.activated(tape.summed(*terms), activation)]

    return recurrent(tape, layer, value, step, 1)


def lstm(tape: Tape, layer: Any, value: Value, activation: Function, gate: Function) -> Value:
    """Return LSTM: ``c = f c + i g, h = o a(c)`` with the gates i, f, o and the candidate g."""
    kernel, states, bias = weights_of(layer)
    units = layer.units

    def step(x: Value, state: list[Value]) -> list[Value]:
        h, c = state
        sums = tape.summed(
            tape.weighed(x, kernel, bias, origin="recurrent"),
            tape.weighed(h, states, origin="recurrent"),
        )
        i, f, g, o = (
            tape.activated(tape.taken(sums, slice(k * units, (k + 1) * units)), function)
            for k, function in enumerate((gate, gate, activation, gate))
        )
        c = tape.summed(multiply(tape, None, f, c), multiply(tape, None, i, g))
        return [multiply(tape, None, o, tape.activated(c, activation)), c]

    return recurrent(tape, layer, value, step, 2)


def gru(tape: Tape, layer: Any, value: Value, activation: Function, gate: Function) -> Value:
    """Return GRU: ``h = z h + (1 - z) g`` with the update gate z and the candidate g.

    The reset gate r is in g: ``a(x W + r (h U + c) + b)`` where the layer resets after the product,
    else ``a(x W + (r h) U + b)``.
    """
    kernel, states, bias = weights_of(layer)
    units = layer.units
    bias, bias_of_states = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    gates, last = slice(0, 2 * units), slice(2 * units, 3 * units)

    def step(x: Value, state: list[Value]) -> list[Value]:
        (h,) = state
        given = tape.weighed(x, kernel, bias, origin="recurrent")
        kept = tape.weighed(h, states[:, gates], bias_of_states[gates], origin="recurrent")
        both = tape.activated(tape.summed(tape.taken(given, gates), kept), gate)
        z, r = tape.taken(both, slice(0, units)), tape.taken(both, slice(units, None))
        if layer.reset_after:
            product = tape.weighed(h, states[:, last], bias_of_states[last], origin="recurrent")
            reset = multiply(tape, None, r, product)
        else:
            reset = tape.weighed(multiply(tape, None, r, h), states[:, last], origin="recurrent")
        candidate = tape.activated(tape.summed(tape.taken(given, last), reset), activation)
        news = multiply(tape, None, complement(tape, z), candidate)
        return [tape.summed(multiply(tape, None, z, h), news)]

    return recurrent(tape, layer, value, step, 1)
