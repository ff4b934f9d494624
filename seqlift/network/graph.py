"""The graph a model is lowered to: primitives in topological order, each with static shapes.

Knows arrays only. `forward` computes all of a model; `seqlift.attribution.propagation` and
`seqlift.attribution.engine` propagate multipliers back through it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from seqlift.network.primitives.base import Array, Constant, Input, Primitive, Shape


@dataclass(frozen=True, slots=True)
class Node:
    """One primitive, the nodes it reads, and its output shape without the batch axis."""

    primitive: Primitive
    inputs: tuple[int, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One call of one Keras layer, and the nodes it became: none if it does nothing at inference.

    `layer` is the layer's name, after the names of the models it is nested in
    (``encoder/conv1d``); `shape` that of its output without the batch axis.
    """

    layer: str
    layer_class: str
    nodes: tuple[int, ...]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in topological order: node 0 is the sequence.

    `outputs` are the nodes of the model's outputs, in the model's order; `calls` the layer calls
    in the order of computation. Multipliers are wanted of `sources`; other `Input` nodes have a
    value for each row, the same on its references.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    calls: tuple[LayerCall, ...]
    sources: tuple[int, ...] = (0,)

    def ancestors(self, targets: Iterable[int]) -> tuple[int, ...]:
        """Find the nodes that `targets` are computed from, themselves included, in order."""
        wanted = set(targets)
        for i in range(len(self.nodes) - 1, -1, -1):
            if i in wanted:
                wanted.update(self.nodes[i].inputs)
        return tuple(sorted(wanted))

    def input_shapes(self, i: int) -> tuple[Shape, ...]:
        return tuple(self.nodes[j].shape for j in self.nodes[i].inputs)

    def varying(self) -> frozenset[int]:
        """Find the nodes that depend on the sources; all others are equal on a reference."""
        found = {*self.sources}
        for i, node in enumerate(self.nodes):
            if not found.isdisjoint(node.inputs):
                found.add(i)
        return frozenset(found)

    def forward(
        self, one_hot: Array, wanted: Sequence[int], others: Mapping[int, Array] | None = None
    ) -> dict[int, Array]:
        """Compute the activations of every ancestor of `wanted`, by node.

        `one_hot` is (B, *input shape), `others` the same for other inputs by node; every activation
        is (B, *node shape).
        """
        values: dict[int, Array] = {**(others or {}), 0: one_hot}
        for i in self.ancestors(wanted):
            node = self.nodes[i]
            if isinstance(node.primitive, Constant):
                # the input only says how many rows, and of what type
                values[i] = node.primitive.forward(one_hot)
            elif node.inputs:
                values[i] = node.primitive.forward(*(values[j] for j in node.inputs))
        return values


@dataclass(slots=True)
class GraphBuilder:
    """A graph that grows node by node, working out each shape as it goes."""

    nodes: list[Node] = field(default_factory=list)
    calls: list[LayerCall] = field(default_factory=list)

    def add_input(self, shape: Shape, name: str, value: Array | None = None) -> int:
        """Add a node for an input of the model, and return its number; the first one is 0.

        An input with a `value` (*shape) has that value for every sequence.
        """
        self.nodes.append(Node(Input() if value is None else Constant(value), (), shape))
        self.calls.append(LayerCall(name, "InputLayer", (len(self.nodes) - 1,), shape))
        return len(self.nodes) - 1

    def add(self, primitive: Primitive, *inputs: int) -> int:
        """Add a node that applies `primitive` to the nodes `inputs`, and return its number."""
        shape = primitive.shape(*(self.nodes[i].shape for i in inputs))
        self.nodes.append(Node(primitive, inputs, shape))
        return len(self.nodes) - 1

    def record(self, layer: str, layer_class: str, *, first: int, output: int) -> None:
        """Note that a layer call became the nodes from `first` on, and gives `output`."""
        nodes = tuple(range(first, len(self.nodes)))
        self.calls.append(LayerCall(layer, layer_class, nodes, self.nodes[output].shape))

    def finish(self, outputs: Sequence[int], sources: Sequence[int] = (0,)) -> Graph:
        return Graph(tuple(self.nodes), tuple(outputs), tuple(self.calls), tuple(sources))
