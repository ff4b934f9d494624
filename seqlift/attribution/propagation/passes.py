"""The backward pass: multipliers propagate from a head to the model's input, node by node."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from keras import ops

from seqlift.attribution.propagation.rule import (
    Multiplier,
    One,
    Parts,
    Propagate,
    Rule,
    Two,
    flatten_pairs,
    only,
    parts_of,
)
from seqlift.attribution.propagation.signed_parts import one_of
from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Shape

Array = Any
Activations = Mapping[int, Array]
Rules = Mapping[int, Rule]
"""By node; nodes that do not depend on the sequence have none."""


class BackwardPass:
    """One batch of pairs on its way back.

    `activations` are (N, 1, *shape) by node, `activations0` those of the references, (M, R, *shape)
    with M = N or 1; they are there for every node whose values a rule asks for. After a run,
    `kept` (N * R,) is how much of the explained scalar the nodes kept for themselves.
    """

    def __init__(
        self, graph: Graph, rules: Rules, activations: Activations, activations0: Activations
    ) -> None:
        self.graph, self.rules = graph, rules
        self.activations, self.activations0 = activations, activations0
        self.varying = graph.varying()
        self.kept: Array = 0.0
        self._views: dict[int, View] = {}
        self._parts: dict[int, Parts] = {}

    def delta(self, i: int) -> Array:
        """Subtract the reference of node `i` from its value, (N * R, *shape).

        The sign tells the parts, so the smallest difference counts: what is equal is computed
        equal (docs/decisions/0015).
        """
        return flatten_pairs(self.activations[i] - self.activations0[i])

    def view(self, i: int) -> "View":
        """Open the view that the rule of node `i` has of it; it stays for all heads."""
        if i not in self._views:
            self._views[i] = View(self, i)
        return self._views[i]

    def parts(self, i: int) -> Parts:
        """Make the parts of the difference of node `i`, (N * R, *shape) each, once."""
        if i not in self._parts:
            rule = self.rules.get(i)
            if rule is None:
                self._parts[i] = parts_of(self.delta(i))
            else:
                self._parts[i] = rule.parts_row(self.graph.nodes[i].primitive).make(self.view(i))
        return self._parts[i]

    def run(self, node: int, seed: Array) -> Array:
        """Propagate the multipliers of `node` to the sequence."""
        return self.run_all({node: seed})[0]

    def run_all(self, seeds: Mapping[int, Array]) -> dict[int, Array]:
        """Propagate the multipliers of some nodes to the sources of the graph.

        Multipliers of a node that several others read add up.
        """
        self.kept = 0.0
        pending: dict[int, Multiplier] = {i: One(seed) for i, seed in seeds.items()}
        # Nodes are in topological order: everything that reads a node has a larger number.
        for i in range(max(seeds), -1, -1):
            if i in pending and i not in self.graph.sources:
                multiplier = pending.pop(i)
                # the same for sequence and reference, so nothing is shared out
                if i not in self.rules:
                    continue
                updates = self.view(i).propagate(multiplier)
                self.kept = self.kept + self.view(i).kept_of(multiplier)
                for source, update in zip(self.graph.nodes[i].inputs, updates, strict=True):
                    if source in self.varying:
                        pending[source] = added(pending.get(source), update)
        return {i: self.of_source(i, pending.get(i)) for i in self.graph.sources}

    def of_source(self, i: int, multiplier: Multiplier | None) -> Array:
        """Merge the multiplier of a source into one array, zero where nothing depends on it."""
        if multiplier is None:
            return ops.zeros_like(self.delta(i))  # an input that the head does not read
        if isinstance(multiplier, Two):
            return one_of(multiplier, self.delta(i))
        return multiplier.value


class View:
    """A `NodeView` of one node in one batch."""

    def __init__(self, back: BackwardPass, i: int) -> None:
        self._back, self._i = back, i
        self._node, self._rule = back.graph.nodes[i], back.rules[i]
        self._known: dict[str, Any] = {}

    @property
    def primitive(self) -> Any:
        return self._node.primitive

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        return self._back.graph.input_shapes(self._i)

    @property
    def x(self) -> tuple[Array, ...]:
        return tuple(self._back.activations[j] for j in self._node.inputs)

    @property
    def x0(self) -> tuple[Array, ...]:
        before = tuple(self._back.activations0[j] for j in self._node.inputs)
        seen: tuple[Array, ...] = self.once("x0", lambda: self._seen(self.x, before))
        return seen

    @property
    def y(self) -> Array:
        return self._back.activations[self._i]

    @property
    def y0(self) -> Array:
        before = self._back.activations0[self._i]
        (seen,) = self.once("y0", lambda: self._seen((self.y,), (before,)))
        return seen

    @property
    def delta(self) -> Array:
        return self._back.delta(self._i)

    @property
    def input_deltas(self) -> tuple[Array, ...]:
        return tuple(self._back.delta(j) for j in self._node.inputs)

    @property
    def input_parts(self) -> tuple[Parts, ...]:
        return tuple(self._back.parts(j) for j in self._node.inputs)

    def _seen(self, after: tuple[Array, ...], before: tuple[Array, ...]) -> tuple[Array, ...]:
        if not self._rule.at_sequence:
            return before
        # A gradient's reference is the sequence; the zeros repeat it once per reference.
        return tuple(x + ops.zeros_like(x0) for x, x0 in zip(after, before, strict=True))

    def propagate(self, multiplier: Multiplier) -> tuple[Multiplier, ...]:
        row = self._rule.row(self._node.primitive)
        propagation: Propagate = self.once("propagation", lambda: row.start(self))
        return propagation(multiplier)

    def kept_of(self, multiplier: Multiplier) -> Array:
        """Sum the part of a multiplier that no input gets, for each pair: (N * R,)."""
        keeps = self._rule.row(self._node.primitive).keeps
        if keeps is None:
            return 0.0
        # Only relevance propagation keeps anything, and it has one multiplier per value.
        lost = only(multiplier) * self.once("kept", lambda: keeps(self))
        return ops.sum(ops.reshape(lost, (lost.shape[0], -1)), axis=1)

    def once(self, name: str, compute: Callable[[], Any]) -> Any:
        if name not in self._known:
            self._known[name] = compute()
        return self._known[name]

    def inside(self, step: Graph, values: Activations, values0: Activations) -> BackwardPass:
        return BackwardPass(step, rules_by(self._rule, step), values, values0)


def added(gathered: Multiplier | None, update: Multiplier) -> Multiplier:
    if gathered is None:
        return update
    if isinstance(gathered, One) and isinstance(update, One):
        return One(gathered.value + update.value)
    # One multiplier is two equal ones: of the positive and of the negative part.
    first, second = (m if isinstance(m, Two) else Two(m.value, m.value) for m in (gathered, update))
    return Two(first.positive + second.positive, first.negative + second.negative)


def rules_by(preset: Callable[[Graph, int], Rule], graph: Graph) -> dict[int, Rule]:
    """Choose the rule of every node that depends on the sequence."""
    return {i: preset(graph, i) for i in sorted(graph.varying() - set(graph.sources))}


def asked(graph: Graph, rules: Rules, i: int) -> frozenset[str]:
    """List what the rule of node `i` asks for (`seqlift.attribution.propagation.rule.Row`)."""
    if i not in rules:
        return frozenset()
    primitive = graph.nodes[i].primitive
    row = rules[i].row(primitive)
    return row.asks_of(primitive)


def nodes_kept(graph: Graph, rules: Rules, needed: Iterable[int]) -> set[int]:
    """Find the nodes whose activations the rules of the `needed` nodes ask for."""
    kept: set[int] = set()
    for i in needed:
        if "values" in asked(graph, rules, i):
            kept.update((i, *graph.nodes[i].inputs))
    sources, _ = sources_of_parts(graph, rules, needed)
    return kept | sources


def sources_of_parts(
    graph: Graph, rules: Rules, needed: Iterable[int]
) -> tuple[set[int], set[int]]:
    """Find the nodes whose differences parts are made from, and those whose kernels make them.

    One look at each node, from the last: parts may pass through any number of nodes.
    """
    wanted: set[int] = set()
    for i in needed:
        if "parts" in asked(graph, rules, i):
            wanted.update(graph.nodes[i].inputs)
    sources: set[int] = set()
    makers: set[int] = set()
    # From the last: a node found to be wanted comes before all that want it.
    for i in range(max(wanted, default=-1), -1, -1):
        if i not in wanted:
            continue
        node = graph.nodes[i]
        source = rules[i].parts_row(node.primitive).source if i in rules else "output difference"
        if source == "input differences":
            sources.update(node.inputs)
            makers.add(i)
        elif source == "input parts":
            wanted.update(node.inputs)
        else:
            sources.add(i)
    return sources, makers
