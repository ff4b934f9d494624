"""The way back: multipliers cross the nodes of a graph, from a head to the model's input.

A multiplier is one array, (N * R, *shape), or two between a RevealCancel activation and the kernel
its parts are made by (`seqlift.attribution.revealcancel`).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from keras import ops

from seqlift.attribution.choices import LOCAL_RULES, MaxRule, Rule
from seqlift.attribution.presets import rules_inside
from seqlift.attribution.recurrence import Runs, through_recurrence
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
from seqlift.attribution.rules import (
    Pairs,
    crossing,
    flatten_pairs,
    through_product,
    through_quotient,
)
from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Linear, Weighted
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.primitives.product import Divide, Product
from seqlift.network.recurrence import Recurrence

Array = Any
Activations = Mapping[int, Array]
Multiplier = Any  # an array, or Parts of two
Crossings = Callable[[Array], tuple[Array, ...]]  # to the multipliers of all that a node reads


def cancels(graph: Graph, i: int, rules: Mapping[int, Rule]) -> bool:
    """Return whether node `i` is an activation under RevealCancel."""
    primitive = graph.nodes[i].primitive
    activation = isinstance(primitive, Elementwise) and primitive.activation
    return activation and rules.get(i) == "revealcancel"


def sources_of_parts(graph: Graph, i: int) -> set[int]:
    """Return the nodes whose differences the parts of node `i` are made from."""
    node = graph.nodes[i]
    if i not in graph.varying():
        return {i}
    if isinstance(node.primitive, Weighted):
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
        self.varying = graph.varying()
        self._crossings: dict[int, Crossings] = {}
        self._parts: dict[int, Parts] = {}
        self._factors: dict[int, Parts] = {}

    def delta(self, i: int) -> Array:
        """Subtract the reference of node `i` from its value, (N * R, *shape).

        The sign tells the parts, so the smallest difference counts: what is equal is computed
        equal (docs/decisions/0015).
        """
        return flatten_pairs(self.activations[i] - self.activations0[i])

    def crossing(self, i: int) -> Crossings:
        """Return how one multiplier crosses node `i`, which no parts are worked out for."""
        if i not in self._crossings:
            node, rule = self.graph.nodes[i], self.rules[i]
            x = [self.activations[j] for j in node.inputs]
            x0 = [self.activations0[j] for j in node.inputs]
            y, y0 = self.activations[i], self.activations0[i]
            if rule in LOCAL_RULES:  # once per pair
                x0 = [after + ops.zeros_like(before) for after, before in zip(x, x0, strict=True)]
                y0 = y + ops.zeros_like(y0)
            if isinstance(node.primitive, Product):
                self._crossings[i] = through_product(node.primitive, x, x0)
            elif isinstance(node.primitive, Divide):
                self._crossings[i] = through_quotient(x, x0, y, y0)
            elif isinstance(node.primitive, Recurrence):
                step = node.primitive.step
                back = partial(BackwardPass, step, rules_inside(step, rule), self.max_rule)
                runs = Runs(x, x0, y, y0)
                self._crossings[i] = through_recurrence(node.primitive, runs, back)
            else:
                pairs = Pairs(x[0], x0[0], y, y0)
                cross = crossing(node.primitive, pairs, max_rule=self.max_rule, rule=rule)
                self._crossings[i] = lambda multiplier: (cross(multiplier),)
        return self._crossings[i]

    def parts(self, i: int) -> Parts:
        """Return the parts of the difference of node `i`, (N * R, *shape) each."""
        if i not in self._parts:
            node = self.graph.nodes[i]
            if i not in self.varying:
                self._parts[i] = parts_of(self.delta(i))
            elif isinstance(node.primitive, Weighted):
                self._parts[i] = parts_made(node.primitive, self.delta(node.inputs[0]))
            elif isinstance(node.primitive, Linear):
                self._parts[i] = parts_after(node.primitive, [self.parts(j) for j in node.inputs])
            elif cancels(self.graph, i, self.rules):
                self.factors(i)
            elif isinstance(node.primitive, Elementwise):
                across = self.crossing(i)
                crossed = (across(part) for part in self.parts(node.inputs[0]))
                self._parts[i] = Parts(*(part for (part,) in crossed))
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
        """Return the multipliers of the sequence, given those of `node`."""
        return self.run_all({node: seed})[0]

    def run_all(self, seeds: Mapping[int, Array]) -> dict[int, Array]:
        """Return the multipliers of the graph's sources, given those of some nodes.

        Multipliers of a node that several others read add up.
        """
        pending: dict[int, Multiplier] = dict(seeds)
        for i in range(max(seeds), -1, -1):
            if i in pending and i not in self.graph.sources:
                updates = self.before(i, pending.pop(i))
                for source, update in zip(self.graph.nodes[i].inputs, updates, strict=True):
                    if source in self.varying:
                        pending[source] = added(pending.get(source), update)
        return {i: self.of_source(i, pending.get(i)) for i in self.graph.sources}

    def of_source(self, i: int, multiplier: Multiplier | None) -> Array:
        """Return the one multiplier of a source, zero where nothing depends on it."""
        if multiplier is None:
            return ops.zeros_like(self.delta(i))
        if isinstance(multiplier, Parts):
            return multiplier_of_whole(multiplier, self.delta(i))
        return multiplier

    def before(self, i: int, multiplier: Multiplier) -> tuple[Multiplier, ...]:
        """Return the multipliers of the inputs of node `i`."""
        node, shapes = self.graph.nodes[i], self.graph.input_shapes(i)
        two = isinstance(multiplier, Parts)
        if isinstance(node.primitive, Linear):
            if not two:
                return node.primitive.transpose(multiplier, *shapes)
            if isinstance(node.primitive, Weighted):
                delta = self.delta(node.inputs[0])
                return (multiplier_before(node.primitive, multiplier, delta),)
            return multipliers_before(node.primitive, multiplier, shapes)
        if cancels(self.graph, i, self.rules):
            up, down = multiplier if two else (multiplier, multiplier)
            factors = self.factors(i)
            return (Parts(up * factors.positive, down * factors.negative),)
        if two and isinstance(node.primitive, Elementwise):
            return (Parts(*(self.crossing(i)(part)[0] for part in multiplier)),)
        if two:
            multiplier = multiplier_of_whole(multiplier, self.delta(i))
        return self.crossing(i)(multiplier)


def added(gathered: Multiplier | None, update: Multiplier) -> Multiplier:
    """Return the sum of two multipliers, either of which may be two."""
    if gathered is None:
        return update
    if isinstance(gathered, Parts) or isinstance(update, Parts):
        first, second = (m if isinstance(m, Parts) else Parts(m, m) for m in (gathered, update))
        return Parts(*(a + b for a, b in zip(first, second, strict=True)))
    return gathered + update
