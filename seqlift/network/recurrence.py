"""A recurrent layer: one small graph, applied to each position of a sequence in turn.

Knows arrays and graphs; how multipliers propagate back through it is not its subject.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keras import ops

from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Array, Primitive, Shape


@dataclass(frozen=True, eq=False)
class Recurrence(Primitive):
    """States (S,) that start from zero, or from further inputs, and change at every position.

    The sources of `step` are a position of the input (C,), then the states (S1,), (S2,), ...; its
    outputs are the states after that position. The result is the states after every position, side
    by side: (L, S1 + S2 + ...). Read are the input (L, C) and, or not, all states before it.
    """

    step: Graph

    @property
    def sizes(self) -> tuple[int, ...]:
        """Count the values of each state."""
        return tuple(self.step.nodes[i].shape[0] for i in self.step.outputs)

    def shape(self, *shapes: Shape) -> Shape:
        return (shapes[0][0], sum(self.sizes))

    def forward(self, *inputs: Array) -> Array:
        """Compute the states after every position."""
        sequence, *initial = inputs

        def advance(states: Array, position: Array) -> tuple[Array, Array]:
            after = ops.concatenate(self.advance(position, states), axis=-1)
            return after, after

        by_position = ops.swapaxes(sequence, 0, 1)
        _, states = ops.scan(advance, self.start(sequence, initial), by_position)
        shape = (sequence.shape[1], -1, sum(self.sizes))
        return ops.swapaxes(ops.reshape(states, shape), 0, 1)

    def start(self, sequence: Array, initial: Sequence[Array]) -> Array:
        """Join the states before the first position (B, S); they default to zeros."""
        if initial:
            return ops.concatenate(initial, axis=-1)
        return ops.zeros((ops.shape(sequence)[0], sum(self.sizes)), dtype=sequence.dtype)

    def advance(self, position: Array, states: Array) -> list[Array]:
        """Compute the states after a position (B, C), from those before it, joined (B, S)."""
        values = self.values(position, states, self.step.outputs)
        return [values[i] for i in self.step.outputs]

    def values(self, position: Array, states: Array, wanted: Sequence[int]) -> dict[int, Array]:
        """Compute the activations of the step at one position, by node."""
        _, *others = self.step.sources
        states_by_node = dict(zip(others, self.split(states), strict=True))
        return self.step.forward(position, wanted, states_by_node)

    def split(self, states: Array) -> list[Array]:
        """Split joined states (..., S) into one array each."""
        ends = [sum(self.sizes[: i + 1]) for i in range(len(self.sizes) - 1)]
        return list(ops.split(states, ends, axis=-1)) if ends else [states]
