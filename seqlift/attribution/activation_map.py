"""Maps of the activations of one layer, as tracks: what CAM and its relatives have in common.

The score of a position of the layer is spread evenly over the bases that it reads, or repeated to
the length of the sequence. All four bases of a position have the same hypothetical score: a map
does not say what another base would do.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.contributions import at_observed, with_scores
from seqlift.attribution.heads import Head
from seqlift.attribution.method import Others, Scores, next_to_references, with_max_rule
from seqlift.attribution.presets import rules_of
from seqlift.attribution.propagation.passes import BackwardPass
from seqlift.attribution.propagation.rule import Rule, SumsTo
from seqlift.attribution.rules.gradient import RULE
from seqlift.errors import InputError, ModelError
from seqlift.network.graph import Graph
from seqlift.network.primitives.affine import Scale
from seqlift.network.primitives.convolution import Convolution
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.reach import stretches

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine

Array = Any
MapOf = Callable[[Array, Array], Array]
"""From activations and gradients (N, positions, channels) to a map (N, positions)."""

SPREADS = ("field", "nearest")


@dataclass(frozen=True)
class ActivationMap:
    """The map of a layer's activations, each channel weighed by its gradient.

    `layer` names the layer, by default the last convolution with its activation. `suits` says why a
    layer of a graph has no map, if it has none.
    """

    name: str
    weigh: MapOf
    layer: str = ""
    spread: str = "field"
    suits: Callable[[Graph, int], str | None] = field(default=lambda graph, node: None)
    signed: bool = False
    sums_to: SumsTo = "nothing"
    needs_references: bool = False
    linear_in_target: bool = False
    max_rule: str = "winner"  # one of equal values has the gradient, as in frameworks
    passes: int = 1
    sequences_at_once: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def prepared(self, graph: Graph) -> Graph:
        """Make the layer the source of the graph, whose multipliers are wanted."""
        node = node_of(graph, self.layer)
        problem = self.suits(graph, node)
        if problem:
            raise ModelError(f"layer {layer_with(graph, node)}: {problem}")
        return replace(graph, sources=(node,))

    def rules(self, graph: Graph) -> dict[int, Rule]:
        return rules_of(graph, with_max_rule(RULE, self.max_rule))

    def at_input(self, multipliers: Array) -> Array:
        return multipliers

    def scores(
        self, engine: "Engine", sequences: Array, references: Any, others: Others
    ) -> list[Scores]:
        return next_to_references(
            engine, "activation map", self.maps, sequences, references, others
        )

    def maps(
        self, engine: "Engine", sequences: Array, activations0: Mapping[int, Array], others: Others
    ) -> list[Scores]:
        """Compute the scores of each group of heads, to be compiled."""
        inputs = engine.expand(sequences, batch_axes=1)
        activations = engine.pass_pairs(inputs[:, None], others)
        (node,) = engine.graph.sources
        back = BackwardPass(engine.graph, engine.rules, activations, activations)

        def scored(head: Head) -> Scores:
            y, y0 = activations[head.node], activations0[head.node]
            gradient = back.run_all({head.node: head.seed(y, y)})[node]
            track = self.spread_out(engine.graph, self.weigh(activations[node][:, 0], gradient))
            scores = ops.expand_dims(track, -1) + ops.zeros_like(inputs)
            value = head.value(y)
            output = {
                "multipliers": scores,
                "prediction": value[:, 0],
                "reference_prediction": head.value(y0) + ops.zeros_like(value),
                "difference": value - head.value(y0),
            }
            return with_scores(output, scores, at_observed(scores, inputs))

        return [group.each(scored, inputs) for group in engine.groups]

    def spread_out(self, graph: Graph, values: Array) -> Array:
        """Spread a map (N, positions) over the bases, (N, L); an image's is repeated instead."""
        sizes = graph.nodes[0].shape[:-1]
        if len(sizes) == 1 and self.spread == "field":
            return ops.matmul(values, ops.convert_to_tensor(fields(graph), dtype=values.dtype))
        for axis, size in enumerate(sizes, 1):
            nearest = np.arange(size) * values.shape[axis] // size
            values = ops.take(values, nearest.astype(np.int32), axis=axis)
        return values


def fields(graph: Graph) -> NDArray[np.float64]:
    """Share each position of the source of a graph among the bases it reads: (positions, L)."""
    (node,) = graph.sources
    length, extent = graph.nodes[0].shape[0], graph.nodes[node].shape[0]
    whole = replace(graph, sources=(0,))
    # A position reads the bases whose change reaches it.
    found = stretches(whole, whole.ancestors([node]), np.arange(length), 1).get(node)
    read = np.ones((extent, length))  # where a layer before it mixes all positions
    if found is not None:
        at = np.arange(extent)[:, None]
        read = ((at >= found.first) & (at < found.last)).astype(np.float64)
    # padding reads no base
    return np.asarray(read / np.maximum(read.sum(axis=1, keepdims=True), 1.0))


def node_of(graph: Graph, layer: str) -> int:
    """Find the node of a layer's output; of no name, the last convolution with its activation.

    Raises ModelError for a layer that is not there, and for one without positions.
    """
    if not layer:
        return last_convolution(graph)
    calls = {call.layer: call.nodes[-1] for call in graph.calls if call.nodes}
    mapped = {name: node for name, node in calls.items() if has_map(graph, node)}
    if layer not in calls:
        near = difflib.get_close_matches(layer, mapped, n=1, cutoff=0.3)
        meant = f"did you mean {near[0]}?" if near else f"give one of {', '.join(mapped)}"
        raise ModelError(f"layer {layer}: not in the model; {meant}")
    if layer not in mapped:
        raise ModelError(
            f"layer {layer}: has no positions with channels; give one of {', '.join(mapped)}"
        )
    return mapped[layer]


def has_map(graph: Graph, node: int) -> bool:
    alike = len(graph.nodes[node].shape) == len(graph.nodes[0].shape)
    return alike and node in graph.varying() and bool(node)  # node 0 is the sequence itself


def last_convolution(graph: Graph) -> int:
    """Find the last convolution before the outputs, with what follows it place by place.

    Raises ModelError where there is none.
    """
    needed = graph.ancestors(graph.outputs)
    found = [
        i for i in needed if isinstance(graph.nodes[i].primitive, Convolution) and has_map(graph, i)
    ]
    if not found:
        raise ModelError(
            "the model has no convolution; give the layer whose activations are mapped"
        )
    node = found[-1]
    while True:
        readers = [i for i in needed if node in graph.nodes[i].inputs]
        # After a branch it would be the layer's activation on one side only.
        if len(readers) != 1 or node in graph.outputs:
            return node
        if not isinstance(graph.nodes[readers[0]].primitive, Elementwise | Scale):
            return node
        node = readers[0]


def layer_with(graph: Graph, node: int) -> str:
    return next((call.layer for call in graph.calls if node in call.nodes), "")


def check_spread(spread: str) -> None:
    if spread not in SPREADS:
        raise InputError(f"spread {spread!r}: give one of {', '.join(SPREADS)}")


def activation_map(name: str, weigh: MapOf, *, layer: str, spread: str, **promises: Any) -> Any:
    """Make the method of a map."""
    check_spread(spread)
    facts = {"layer": layer or "the last convolution", "spread": spread}
    return ActivationMap(name, weigh, layer=layer, spread=spread, facts=facts, **promises)


def over_positions(array: Array) -> tuple[int, ...]:
    """List the axes of positions of (N, *positions, channels)."""
    return tuple(range(1, len(array.shape) - 1))
