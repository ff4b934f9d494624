"""One batch of DeepLIFT: forward once per sequence and once per reference, then multipliers back.

The reverse pass is written out, once for each group of heads (`seqlift.attribution.head_groups`); a
rule makes a factor of each nonlinear node as soon as references have passed it, and only that is
kept.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.contributions import contributions
from seqlift.attribution.halving import with_halved
from seqlift.attribution.head_groups import by_head, grouped_heads
from seqlift.attribution.heads import Head
from seqlift.attribution.method import Method
from seqlift.attribution.passed_references import PassedReferences, reference_arrays
from seqlift.attribution.presets import check_defined
from seqlift.attribution.propagation.passes import BackwardPass, asked, nodes_kept
from seqlift.attribution.propagation.rule import flatten_pairs
from seqlift.attribution.result import Result
from seqlift.device.backend import compiled, to_numpy, weights_store
from seqlift.device.precision import Products
from seqlift.device.stored_weights import StoredWeights
from seqlift.network.graph import Graph

Array = Any
Activations = dict[int, Array]
Others = Mapping[int, Array]  # by node: inputs other than the sequence


class Engine:
    """A graph, the heads to explain and the method to do it by, compiled on first use.

    `dtype` is what everything is computed in, `products` what the factors of products are rounded
    to before (`seqlift.device.products`). `fused` code is twice as fast and takes a second or two
    longer to make. `stored` keeps large weights, and may be shared by engines of one model.
    """

    def __init__(
        self,
        graph: Graph,
        heads: Sequence[Head],
        method: Method,
        *,
        dtype: Literal["float32", "float64"] = "float32",
        products: Products | None = None,
        fused: bool = True,
        stored: StoredWeights | None = None,
    ) -> None:
        graph = method.prepared(graph)
        self.method, self.heads, self.dtype = method, tuple(heads), dtype
        self.groups = grouped_heads(self.heads)
        self.rules = rules = method.rules(graph)
        self.needed = graph.ancestors(head.node for head in heads)
        check_defined(graph, rules, self.needed)
        self.graph = with_halved(graph, self.needed, rules)
        kept = {0, *graph.sources, *(head.node for head in heads)} | nodes_kept(
            graph, rules, self.needed
        )
        self.kept = tuple(sorted(kept))
        own = [rules[i] for i in self.needed if asked(graph, rules, i)] or list(rules.values())
        self.at_sequence = bool(own) and all(rule.at_sequence for rule in own)
        self.stored = weights_store() if stored is None else stored
        self.options: dict[str, Any] = {"fused": fused, "products": products, "stored": self.stored}
        self._pass_references = compiled(self.pass_references, **self.options)
        self._explain_own = compiled(self.explain_own, **self.options)
        self._explain_shared = compiled(self.explain_shared, **self.options)
        self._summarise = compiled(self.summarise, **self.options)
        self._compiled: dict[Any, Callable[..., Any]] = {}  # programs of methods, by their keys

    def share(self, references: NDArray[Any]) -> PassedReferences:
        """Pass `references`, (R, *input shape) or codes (R, L), through the model."""
        return PassedReferences(*self._pass_references(references[None]))

    def explain(
        self,
        sequences: NDArray[Any],
        references: NDArray[Any] | PassedReferences,
        others: Others | None = None,
    ) -> list[Result]:
        """Explain sequences: a result per head, in the order of the heads.

        `sequences` are (N, *input shape). Each has its own R references, (N, R, *input shape), or
        all share them. Instead of one-hot arrays either may be uint8 codes without the channel
        axis: the index of the channel that is one, or any larger number for none. `others` are the
        values of other inputs, (N, *shape); then each sequence needs its own references.
        """
        outputs = self.method.scores(self, sequences, references, dict(others or {}))
        return [Result(**to_numpy(output)) for output in outputs]

    def propagated(
        self, sequences: Array, references: Array | PassedReferences, others: Others
    ) -> list[dict[str, Array]]:
        """Score a batch by one backward pass for each pair and head."""
        if isinstance(references, PassedReferences):
            activations0 = references.activations
            found = self._explain_shared(sequences, references.inputs, activations0, others)
        else:
            found = self._explain_own(sequences, references, others)
        return self.by_head(found)

    def gradients_at(
        self,
        place: Callable[[Array, Array, Array], Array],
        sequences: Array,
        references: Array | PassedReferences,
        others: Others,
        point: Array,
    ) -> list[Array]:
        """Compute multipliers (N * R, *input shape) at a point by the method's rules.

        Those of each group of heads, stacked where it has several. The point is
        ``place(x, x0, point)``, for sequences (N, 1, *shape) and references (M, R, *shape).
        """
        gradients = self.compiled(place, partial(self.gradients, place))
        found: list[Array] = gradients(sequences, reference_arrays(references), others, point)
        return found

    def compiled(self, key: Any, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compile a function of a method's, once by a key of its own."""
        if key not in self._compiled:
            self._compiled[key] = compiled(function, **self.options)
        return self._compiled[key]

    def passed(self, references: Array | PassedReferences, others: Others) -> PassedReferences:
        """Pass references through the model, unless they have."""
        if isinstance(references, PassedReferences):
            return references
        return PassedReferences(*self._pass_references(references, others))

    def summarised(
        self,
        sequences: Array,
        references: Array | PassedReferences,
        others: Others,
        multipliers: list[Array],
    ) -> list[dict[str, Array]]:
        """Make scores of multipliers (N * R, *input shape), by group as `gradients_at` gives."""
        inputs = reference_arrays(references)
        return self.by_head(self._summarise(sequences, inputs, others, multipliers))

    def by_head(self, found: Sequence[Any]) -> list[Any]:
        """List by head what was computed by group of heads."""
        return by_head(self.groups, found)

    def pass_references(
        self, references: Array, others: Others | None = None
    ) -> tuple[Array, Activations]:
        """Expand references to (M, R, *input shape); compute the activations that rules keep."""
        expanded = self.expand(references, batch_axes=2)
        return expanded, self.pass_pairs(expanded, others or {})

    def pass_pairs(self, inputs: Array, others: Others) -> Activations:
        """Compute the activations kept of inputs (M, R, *input shape): (M, R, *node shape)."""
        pairs = tuple(inputs.shape[:2])
        repeated = {i: ops.repeat(values, pairs[1], axis=0) for i, values in others.items()}
        values = self.graph.forward(flatten_pairs(inputs), self.kept, repeated)
        return {i: ops.reshape(values[i], (*pairs, *values[i].shape[1:])) for i in self.kept}

    def predictions(self, inputs: Array, others: Others) -> list[Array]:
        """Predict each head for inputs (N, *input shape) or codes: (N,)."""
        expanded = ops.expand_dims(self.expand(inputs, batch_axes=1), 1)
        activations = self.pass_pairs(expanded, others)
        return [head.value(activations[head.node])[:, 0] for head in self.heads]

    def explain_own(
        self, sequences: Array, references: Array, others: Others | None = None
    ) -> list[dict[str, Array]]:
        """Explain sequences that have references of their own.

        Both pass the model as one batch: one convolution is faster than a large and a small one.
        """
        x0 = self.expand(references, batch_axes=2)
        one_hot = ops.expand_dims(self.expand(sequences, batch_axes=1), 1)
        both = self.pass_pairs(ops.concatenate([one_hot, x0], axis=1), others or {})
        activations = {i: values[:, :1] for i, values in both.items()}
        activations0 = {i: values[:, 1:] for i, values in both.items()}
        return self.explain_pairs(one_hot, x0, activations, activations0)

    def explain_shared(
        self,
        sequences: Array,
        references: Array,
        activations0: Activations,
        others: Others | None = None,
    ) -> list[dict[str, Array]]:
        """Explain sequences by shared references (M, R, *input shape) and their activations."""
        one_hot = ops.expand_dims(self.expand(sequences, batch_axes=1), 1)
        activations = self.pass_pairs(one_hot, others or {})
        return self.explain_pairs(one_hot, references, activations, activations0)

    def explain_pairs(
        self,
        one_hot: Array,
        references: Array,
        activations: Activations,
        activations0: Activations,
    ) -> list[dict[str, Array]]:
        """Explain pairs whose activations are already computed.

        `one_hot` is (N, 1, *input shape) and `references` (M, R, *input shape), with M = N or 1;
        the activations are likewise (N, 1, *node shape) and (M, R, *node shape), by node.
        """
        start = activations if self.at_sequence else activations0
        back = BackwardPass(self.graph, self.rules, activations, start)

        def scored(head: Head) -> dict[str, Array]:
            seed = head.seed(activations[head.node], start[head.node])
            multipliers = back.run(head.node, seed)
            return self.result(head, one_hot, references, activations, activations0, multipliers)

        return [group.each(scored, one_hot) for group in self.groups]

    def gradients(
        self,
        place: Callable[[Array, Array, Array], Array],
        sequences: Array,
        references: Array,
        others: Others,
        point: Array,
    ) -> list[Array]:
        """Propagate back from a point between reference and sequence, or near the sequence."""
        x0 = self.expand(references, batch_axes=2)
        x = ops.expand_dims(self.expand(sequences, batch_axes=1), 1)
        activations = self.pass_pairs(place(x, x0, point), others)
        back = BackwardPass(self.graph, self.rules, activations, activations)

        def gradient(head: Head) -> Array:
            y = activations[head.node]
            return back.run(head.node, head.seed(y, y))

        return [group.each(gradient, x) for group in self.groups]

    def summarise(
        self, sequences: Array, references: Array, others: Others, multipliers: list[Array]
    ) -> list[dict[str, Array]]:
        """Make the results of multipliers that are already computed."""
        one_hot = ops.expand_dims(self.expand(sequences, batch_axes=1), 1)
        inputs, activations0 = self.pass_references(references, others)
        activations = self.pass_pairs(one_hot, others)

        def scored(head: Head, flat: Array) -> dict[str, Array]:
            return self.result(head, one_hot, inputs, activations, activations0, flat)

        pairs = zip(self.groups, multipliers, strict=True)
        return [group.each(scored, one_hot, flat) for group, flat in pairs]

    def result(
        self,
        head: Head,
        one_hot: Array,
        references: Array,
        activations: Activations,
        activations0: Activations,
        multipliers: Array,
    ) -> dict[str, Array]:
        """Make the result of a head from its multipliers (N * R, *input shape)."""
        y, y0 = activations[head.node], activations0[head.node]
        finished = self.method.at_input(multipliers)
        pairs = ops.reshape(finished, (one_hot.shape[0], -1, *one_hot.shape[2:]))
        difference = self.difference(head, y, y0)
        scores, total = contributions(pairs, one_hot, references)
        return scores | {
            "prediction": head.value(y)[:, 0],
            "reference_prediction": ops.broadcast_to(head.value(y0), difference.shape),
            "difference": difference,
            "residual": difference - total,
        }

    def difference(self, head: Head, y: Array, y0: Array) -> Array:
        """Compute the value that the contributions of each pair should sum to, (N, R)."""
        if self.method.sums_to == "output":
            return head.value(y) + ops.zeros_like(head.value(y0))
        return head.difference(y, y0)

    def expanded(
        self, sequences: Array, references: Array | PassedReferences
    ) -> tuple[Array, Array]:
        """Expand sequences to (N, *input shape) and references to (M, R, *input shape)."""
        inputs = reference_arrays(references)
        return self.expand(sequences, batch_axes=1), self.expand(inputs, batch_axes=2)

    def expand(self, array: Array, *, batch_axes: int) -> Array:
        """Expand codes to one-hot arrays; cast other arrays to the dtype of the computation."""
        array = ops.convert_to_tensor(array)
        shape = self.graph.nodes[0].shape
        if len(array.shape) < batch_axes + len(shape):
            # codes above the channels give zeros
            return ops.one_hot(array, shape[-1], dtype=self.dtype)
        return ops.cast(array, self.dtype)
