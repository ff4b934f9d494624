"""The way back: multipliers cross the nodes of a graph, from a head to the model's input.

A multiplier is one array, (N * R, *shape), or two between a RevealCancel activation and the kernel
its parts are made by (`seqlift.attribution.revealcancel`).
"""

from collections.abc import Mapping
from typing import Any, cast

from keras import ops

from seqlift.attribution.choices import MaxRule, Rule
from seqlift.attribution.graph import Graph
from seqlift.attribution.primitives.affine import Dense
from seqlift.attribution.primitives.base import Linear
from seqlift.attribution.primitives.convolution import Convolution
from seqlift.attribution.primitives.elementwise import Elementwise
from seqlift.attribution.revealcancel import (
    Parts,
    multiplier_before,
    multiplier_of_whole,
    multipliers_before,
    parts_after,
    parts_made,
    parts_of,
    through_activation,
)
from seqlift.attribution.rules import Crossing, Pairs, crossing, flatten_pairs

Array = Any
Activations = Mapping[int, Array]
Multiplier = Any  # an array, or Parts of two


def cancels(graph: Graph, i: int, rules: Mapping[int, Rule]) -> bool:
    """Return whether node `i` is an activation under RevealCancel."""
    return rules.get(i) == "revealcancel" and isinstance(graph.nodes[i].primitive, Elementwise)


def sources_of_parts(graph: Graph, i: int) -> set[int]:
    """Return the nodes whose differences the parts of node `i` are made from."""
    node = graph.nodes[i]
    if isinstance(node.primitive, (Dense, Convolution)):
        return set(node.inputs)
    if isinstance(node.primitive, (Linear, Elementwise)):
        return set().union(*(sources_of_parts(graph, j) for j in node.inputs))
    return {i}


class BackwardPass:
    """One batch of pairs on its way back.

    `activations` are (N, 1, *shape) by node, `activations0` those of the references, (M, R, *shape)
    with M = N or 1; they are there for every node that a rule or a part is worked out from.
    """

    def __init__(
        self,
        graph: Graph,
        rules: Mapping[int, Rule],
        max_rule: MaxRule,
        activations: Activations,
        activations0: Activations,
    ) -> None:
        """Take the activations; what crosses a node is worked out when it is first needed."""
        self.graph, self.rules, self.max_rule = graph, rules, max_rule
        self.activations, self.activations0 = activations, activations0
        self._crossings: dict[int, Crossing] = {}
        self._parts: dict[int, Parts] = {}
        self._factors: dict[int, Parts] = {}

    def delta(self, i: int) -> Array:
        """Return the difference of node `i` from its reference, (N * R, *shape)."""
        return flatten_pairs(self.activations[i] - self.activations0[i])

    def crossing(self, i: int) -> Crossing:
        """Return how one multiplier crosses node `i`, which no parts are worked out for."""
        if i not in self._crossings:
            node = self.graph.nodes[i]
            (j,) = node.inputs
            x, y = self.activations[j], self.activations[i]
            x0, y0 = self.activations0[j], self.activations0[i]
            if self.rules[i] == "gradient":  # once per pair
                x0, y0 = x + ops.zeros_like(x0), y + ops.zeros_like(y0)
            pairs = Pairs(x, x0, y, y0)
            self._crossings[i] = crossing(node.primitive, pairs, max_rule=self.max_rule)
        return self._crossings[i]

    def parts(self, i: int) -> Parts:
        """Return the parts of the difference of node `i`, (N * R, *shape) each."""
        if i not in self._parts:
            node = self.graph.nodes[i]
            if isinstance(node.primitive, (Dense, Convolution)):
                self._parts[i] = parts_made(node.primitive, self.delta(node.inputs[0]))
            elif isinstance(node.primitive, Linear):
                self._parts[i] = parts_after(node.primitive, [self.parts(j) for j in node.inputs])
            elif cancels(self.graph, i, self.rules):
                self.factors(i)
            elif isinstance(node.primitive, Elementwise):
                across = self.crossing(i)
                self._parts[i] = Parts(*(across(part) for part in self.parts(node.inputs[0])))
            else:
                self._parts[i] = parts_of(self.delta(i))
        return self._parts[i]

    def factors(self, i: int) -> Parts:
        """Return the multipliers of the parts before node `i`, an activation under RevealCancel."""
        if i not in self._factors:
            node = self.graph.nodes[i]
            (j,) = node.inputs
            start = flatten_pairs(
                self.activations0[j] + ops.zeros_like(self.activations[j])  # once per pair
            )
            function = cast(Elementwise, node.primitive)
            self._parts[i], self._factors[i] = through_activation(function, start, self.parts(j))
        return self._factors[i]

    def run(self, node: int, seed: Array) -> Array:
        """Return the multipliers of the input, given those of `node`.

        Multipliers of a node that several others read add up.
        """
        pending: dict[int, Multiplier] = {node: seed}
        for i in range(node, 0, -1):
            if i in pending:
                updates = self.before(i, pending.pop(i))
                for source, update in zip(self.graph.nodes[i].inputs, updates, strict=True):
                    pending[source] = added(pending.get(source), update)
        multiplier = pending[0]
        if isinstance(multiplier, Parts):
            return multiplier_of_whole(multiplier, self.delta(0))
        return multiplier

    def before(self, i: int, multiplier: Multiplier) -> tuple[Multiplier, ...]:
        """Return the multipliers of the inputs of node `i`."""
        node, shapes = self.graph.nodes[i], self.graph.input_shapes(i)
        two = isinstance(multiplier, Parts)
        if isinstance(node.primitive, Linear):
            if not two:
                return node.primitive.transpose(multiplier, *shapes)
            if isinstance(node.primitive, (Dense, Convolution)):
                delta = self.delta(node.inputs[0])
                return (multiplier_before(node.primitive, multiplier, delta),)
            return multipliers_before(node.primitive, multiplier, shapes)
        if cancels(self.graph, i, self.rules):
            up, down = multiplier if two else (multiplier, multiplier)
            factors = self.factors(i)
            return (Parts(up * factors.positive, down * factors.negative),)
        if two and isinstance(node.primitive, Elementwise):
            return (Parts(*(self.crossing(i)(part) for part in multiplier)),)
        if two:
            multiplier = multiplier_of_whole(multiplier, self.delta(i))
        return (self.crossing(i)(multiplier),)


def added(gathered: Multiplier | None, update: Multiplier) -> Multiplier:
    """Return the sum of two multipliers, either of which may be two."""
    if gathered is None:
        return update
    if isinstance(gathered, Parts) or isinstance(update, Parts):
        first, second = (m if isinstance(m, Parts) else Parts(m, m) for m in (gathered, update))
        return Parts(*(a + b for a, b in zip(first, second, strict=True)))
    return gathered + update
