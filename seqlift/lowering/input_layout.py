"""Lay out a sequence (bases, 4) as a model's input has it.

Node 0 of a graph is always (bases, 4); a model that takes its bases otherwise reads it through the
nodes that are added here. Knows shapes; knows nothing of the meaning of values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.intervals import CHANNELS
from seqlift.network.graph import Graph, GraphBuilder
from seqlift.network.primitives.base import Input, Primitive, Shape
from seqlift.network.primitives.shape import Permute, Reshape, Take

OpenShape = Sequence[int | None]  # None where any extent is taken


@dataclass(frozen=True, slots=True)
class Layout:
    """The axes of an input that takes sequences; `extents` are its own, without the batch axis.

    The order of axes is that of the model, as in (4, bases) or (1, bases, 4); all axes but `bases`
    and `channels` have one value.
    """

    extents: tuple[int | None, ...]
    bases: int
    channels: int

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Give (bases, 4), with None where the model takes any number of bases."""
        return self.extents[self.bases], CHANNELS

    def own_shape(self, bases: int) -> Shape:
        """Give the shape of the model's input for so many bases."""
        return tuple(
            bases if axis == self.bases else extent or 1 for axis, extent in enumerate(self.extents)
        )

    def primitives(self, bases: int) -> tuple[Primitive, ...]:
        """List the primitives from (bases, 4) to the model's own layout; none where it is that."""
        turned: list[Primitive] = [Permute((1, 0))] if self.channels < self.bases else []
        wide: list[Primitive] = [Reshape(self.own_shape(bases))] if len(self.extents) > 2 else []
        return (*turned, *wide)

    def laid_out(self, sequences: NDArray[Any]) -> NDArray[Any]:
        """Lay out sequences (N, bases, 4) as the model takes them."""
        turned = sequences.swapaxes(1, 2) if self.channels < self.bases else sequences
        return turned.reshape(len(sequences), *self.own_shape(sequences.shape[1]))


@dataclass(frozen=True, slots=True)
class Copy:
    """The sequence as another input of the model takes it, `turned` to the other strand or not.

    The last axis is A C G T, so the complement of a base is its mirror image.
    """

    layout: Layout
    turned: bool

    def primitives(self, bases: int) -> tuple[Primitive, ...]:
        """List the primitives from (bases, 4) of the sequence to this input."""
        axes = (bases, CHANNELS) if self.turned else ()
        backwards = (Take(axis, tuple(range(extent))[::-1]) for axis, extent in enumerate(axes))
        return (*backwards, *self.layout.primitives(bases))

    def of(self, sequences: NDArray[Any]) -> NDArray[Any]:
        """Lay out sequences (N, bases, 4) as this input takes them."""
        return self.layout.laid_out(sequences[:, ::-1, ::-1] if self.turned else sequences)


def layout_of(extents: OpenShape) -> Layout | None:
    """Find the layout of an input of bases, None where it has no axis of four channels.

    (bases, 4), (4, bases) and each of them with one axis of extent 1 more, at any place. Where both
    axes have four values, the channels are the last.
    """
    if len(extents) not in (2, 3):
        return None
    axes = tuple(range(len(extents)))
    for spare in reversed(axes) if len(extents) == 3 else (None,):
        if spare is not None and extents[spare] != 1:
            continue
        first, second = (axis for axis in axes if axis != spare)
        for bases, channels in ((first, second), (second, first)):
            if extents[channels] == CHANNELS:
                return Layout(tuple(extents), bases, channels)
    return None


def add_sequence(builder: GraphBuilder, layout: Layout, bases: int) -> int:
    """Add the nodes from node 0 to the model's own layout of a sequence of so many bases.

    They belong to the input layer, whose call is the last one recorded.
    """
    node = 0
    for primitive in layout.primitives(bases):
        node = builder.add(primitive, node)
    call = builder.calls[-1]
    nodes = tuple(range(node + 1))
    builder.calls[-1] = replace(call, nodes=nodes, shape=builder.nodes[node].shape)
    return node


def add_copy(builder: GraphBuilder, copy: Copy, bases: int, name: str) -> int:
    """Add the nodes from node 0, a sequence of so many bases, to the input `name`."""
    first, node = len(builder.nodes), 0
    for primitive in copy.primitives(bases):
        node = builder.add(primitive, node)
    builder.record(name, "InputLayer", first=first, output=node)
    return node


def row_nodes(graph: Graph) -> tuple[int, ...]:
    """List the nodes of inputs other than the sequence that are fed row by row, in order."""
    inputs = (i for i, node in enumerate(graph.nodes) if isinstance(node.primitive, Input))
    return tuple(i for i in inputs if i)


def example_inputs(
    shapes: Sequence[Shape],
    sequences: NDArray[Any],
    *,
    sequence: int = 0,
    held: Mapping[int, NDArray[Any]] | None = None,
    seed: int = 0,
) -> list[NDArray[np.float32]]:
    """Make arrays for all inputs of a model: sequences as they are, held values, random rows.

    `shapes` are those of the inputs without the batch axis. Random numbers lie between 0 and 1,
    where every function is defined.
    """
    rng = np.random.default_rng(seed + 1)  # not the numbers that drew the sequences
    found = []
    for number, shape in enumerate(shapes):
        if number == sequence:
            values = sequences
        elif number in (held or {}):
            values = np.broadcast_to((held or {})[number], (len(sequences), *shape))
        else:
            # from 0 to 1, where every function has a value
            values = rng.random((len(sequences), *shape))
        found.append(np.asarray(values, np.float32))
    return found
