"""One batch of DeepLIFT: forward once per sequence and once per reference, then multipliers back.

There is no automatic differentiation here: the reverse pass is written out, one multiplier per
value, one reverse pass per head; all heads share the forward passes. A rule turns each nonlinear
node into a factor as soon as the references have passed it, and only the factor is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.backend import compiled, to_numpy
from seqlift.attribution.choices import MaxRule, Precision, Preset, Rule
from seqlift.attribution.graph import Graph
from seqlift.attribution.heads import Head
from seqlift.attribution.passes import BackwardPass, cancels, sources_of_parts
from seqlift.attribution.presets import rules_of
from seqlift.attribution.primitives.rowwise import mean_along
from seqlift.attribution.rules import flatten_pairs

Array = Any
Activations = dict[int, Array]


@dataclass(frozen=True, slots=True)
class Result:
    """What a head gives for N sequences and R references.

    hypothetical (N, *input shape): contribution if each base stood there, mean over references.
    multipliers (N, *input shape): mean over references.
    contributions (N, *input shape): at the observed base where the input is one-hot, else
    multiplier times difference; mean over references.
    prediction (N,), reference_prediction (N, R): the head's value.
    difference (N, R): what the contributions of each pair sum to.
    residual (N, R): difference less the sum of the contributions of the pair.
    """

    hypothetical: NDArray[Any]
    multipliers: NDArray[Any]
    contributions: NDArray[Any]
    prediction: NDArray[Any]
    reference_prediction: NDArray[Any]
    difference: NDArray[Any]
    residual: NDArray[Any]

    def rows(self, which: slice | NDArray[Any]) -> "Result":
        """Return the result of some of the sequences."""
        return Result(**{item.name: getattr(self, item.name)[which] for item in fields(self)})


@dataclass(frozen=True, slots=True)
class SharedReferences:
    """References that every sequence has in common, and what the model makes of them.

    `inputs` is (1, R, *input shape); `activations` are (1, R, *node shape) by node.
    """

    inputs: Array
    activations: Activations


class Engine:
    """A graph, the heads to explain and the rules to do it by, compiled on first use.

    `dtype` is what everything is computed in.
    """

    def __init__(
        self,
        graph: Graph,
        heads: Sequence[Head],
        *,
        rule: Preset = "genomics",
        rule_for: Mapping[str, Rule] | None = None,
        max_rule: MaxRule = "complete",
        dtype: Precision = "float32",
    ) -> None:
        """Work out the rule of each node, and whose activations the heads and the rules need."""
        self.graph, self.heads = graph, tuple(heads)
        self.rules = rules = rules_of(graph, rule, rule_for)
        self.max_rule, self.dtype = max_rule, dtype
        self.needed = graph.ancestors(head.node for head in heads)
        kept = {0, *(head.node for head in heads)}
        for i in set(self.needed) & set(rules):
            kept.update((i, *graph.nodes[i].inputs))
            if cancels(graph, i, rules):
                kept.update(sources_of_parts(graph, graph.nodes[i].inputs[0]))
        self.kept = tuple(sorted(kept))
        self.at_sequence = all(rules[i] == "gradient" for i in set(self.needed) & set(rules))
        self._pass_references = compiled(self.pass_references)
        self._explain_own = compiled(self.explain_own)
        self._explain_shared = compiled(self.explain_shared)

    def share(self, references: NDArray[Any]) -> SharedReferences:
        """Return `references`, (R, *input shape) or codes (R, L), passed through the model."""
        inputs, activations = self._pass_references(references[None])
        return SharedReferences(inputs, activations)

    def explain(
        self, sequences: NDArray[Any], references: NDArray[Any] | SharedReferences
    ) -> list[Result]:
        """Return a result per head, in the order of the heads.

        `sequences` are (N, *input shape). Each has its own R references, (N, R, *input shape), or
        all share them. Instead of one-hot arrays either may be uint8 codes without the channel
        axis: the index of the channel that is one, or any larger number for none.
        """
        if isinstance(references, SharedReferences):
            outputs = self._explain_shared(sequences, references.inputs, references.activations)
        else:
            outputs = self._explain_own(sequences, references)
        return [Result(**to_numpy(output)) for output in outputs]

    def pass_references(self, references: Array) -> tuple[Array, Activations]:
        """Return (M, R, *input shape) expanded, and the activations kept for the rules."""
        expanded = self.expand(references, batch_axes=2)
        values = self.graph.forward(flatten_pairs(expanded), self.kept)
        pairs = tuple(expanded.shape[:2])
        return expanded, {
            i: ops.reshape(values[i], (*pairs, *values[i].shape[1:])) for i in self.kept
        }

    def explain_own(self, sequences: Array, references: Array) -> list[dict[str, Array]]:
        """Return the results for sequences that have references of their own."""
        return self.explain_shared(sequences, *self.pass_references(references))

    def explain_shared(
        self, sequences: Array, references: Array, activations0: Activations
    ) -> list[dict[str, Array]]:
        """Return the results, given the references (M, R, *input shape) and their activations."""
        one_hot = self.expand(sequences, batch_axes=1)
        values = self.graph.forward(one_hot, self.kept)
        activations = {i: ops.expand_dims(values[i], 1) for i in self.kept}
        start = activations if self.at_sequence else activations0
        back = BackwardPass(self.graph, self.rules, self.max_rule, activations, start)
        results = []
        for head in self.heads:
            y, y0 = activations[head.node], activations0[head.node]
            flat = back.run(head.node, head.seed(y, start[head.node]))
            multipliers = ops.reshape(flat, (one_hot.shape[0], -1, *one_hot.shape[1:]))
            difference = head.difference(y, y0)
            scores, total = contributions(multipliers, ops.expand_dims(one_hot, 1), references)
            results.append(
                scores
                | {
                    "prediction": head.value(y)[:, 0],
                    "reference_prediction": ops.broadcast_to(head.value(y0), difference.shape),
                    "difference": difference,
                    "residual": difference - total,
                }
            )
        return results

    def expand(self, array: Array, *, batch_axes: int) -> Array:
        """Return codes as one-hot arrays, and other arrays in the dtype of the computation."""
        array = ops.convert_to_tensor(array)
        shape = self.graph.nodes[0].shape
        if len(array.shape) < batch_axes + len(shape):
            return ops.one_hot(array, shape[-1], dtype=self.dtype)
        return ops.cast(array, self.dtype)


def contributions(
    multipliers: Array, one_hot: Array, references: Array
) -> tuple[dict[str, Array], Array]:
    """Return what a user sees of multipliers (N, R, L, C), and each pair's sum of contributions.

    `one_hot` is (N, 1, L, C); all but the sums (N, R) are means over references. Setting one base c
    at a position and taking the others away changes the scalar by ``m_c - sum(m * reference)``: the
    hypothetical contribution, in closed form, with no pass per base.
    """
    observed = multipliers * (one_hot - references)
    at_reference = ops.sum(multipliers * references, axis=-1, keepdims=True)
    mean = mean_along(multipliers, 1)
    hypothetical = mean - mean_along(at_reference, 1)
    mean_observed = mean_along(observed, 1)
    if len(mean.shape) > 2:  # a sequence axis: a one-hot position has its whole score at its base
        sequences = one_hot[:, 0]
        exact = ops.logical_or(ops.equal(sequences, 0.0), ops.equal(sequences, 1.0))
        is_base = ops.logical_and(
            ops.all(exact, axis=-1, keepdims=True),
            ops.equal(ops.sum(sequences, axis=-1, keepdims=True), 1.0),
        )
        mean_observed = ops.where(is_base, sequences * hypothetical, mean_observed)
    scores = {"hypothetical": hypothetical, "multipliers": mean, "contributions": mean_observed}
    return scores, ops.sum(observed, axis=tuple(range(2, len(observed.shape))))
