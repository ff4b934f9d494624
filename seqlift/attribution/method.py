"""Methods: all that turns a network, sequences and references into scores.

The engine batches and compiles (`seqlift.attribution.engine`); a method says what is computed. To
add one, write ``methods/NAME.py`` with a function ``method(**options)`` that returns a `Method`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.draws import number_of_references
from seqlift.attribution.presets import rules_of
from seqlift.attribution.propagation.passes import Rules
from seqlift.attribution.propagation.rule import Preset, Rule, SumsTo
from seqlift.attribution.rules.rescale import first_winner, split_between_winners
from seqlift.network.graph import Graph
from seqlift.network.primitives.pooling import MaxPool

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine

Array = Any
Others = Mapping[int, Array]
Scores = dict[str, Array]


class Method(Protocol):
    """A way to give scores to the bases of a sequence.

    `passes` is how many compiled calls a batch takes; `sums_to` what contributions sum to: these
    promises count, not those of the rules it uses. Contributions of a method that is not `signed`
    are sizes: none is negative. `max_rule` is how it treats maxima. A method that is not
    `linear_in_target` explains a softmax logit as it is, not less the mean over classes. Without
    `needs_references` the reference is all zeros. `sequences_at_once` is the largest batch, None
    where the memory decides. `facts` go into the score file.
    """

    name: str
    sums_to: SumsTo
    signed: bool
    linear_in_target: bool
    needs_references: bool
    max_rule: str
    passes: int
    sequences_at_once: int | None
    facts: Mapping[str, Any]

    def prepared(self, graph: Graph) -> Graph:
        """Rewrite the graph to what the method is defined on; its nodes keep their numbers."""

    def rules(self, graph: Graph) -> Rules:
        """Choose the rule of each node, if the method propagates anything back."""

    def at_input(self, multipliers: Array) -> Array:
        """Change the multipliers of the input, (N * R, *shape), before they are used."""

    def scores(
        self, engine: "Engine", sequences: Array, references: Any, others: Others
    ) -> list[Scores]:
        """Score a batch: a dictionary of arrays for each head (`engine.Result`)."""


class Points(Protocol):
    """Where gradients are taken."""

    @property
    def number(self) -> int:
        """How many points there are."""

    def of(
        self, sequences: NDArray[Any], references: int, shape: tuple[int, ...]
    ) -> Iterable[Array]:
        """List what `place` needs for each of the points, for a batch of sequences or codes.

        `references` is how many each sequence has, `shape` that of a sequence.
        """

    def place(self, x: Array, x0: Array, point: Array) -> Array:
        """Place a point, from sequences (N, 1, *shape) and references (M, R, *shape)."""


@dataclass(frozen=True)
class Backward:
    """One backward pass for each reference, by the rules of a preset.

    `rule_for` has other rules for single layers; a `max_rule` of ``winner`` gives the multiplier of
    a maximum to its first winner on the sequence, as the original DeepLIFT does. `corrected`
    takes the mean over the channels from each position's multipliers: see `off_simplex_removed`.
    """

    name: str
    preset: Preset
    rule_for: Mapping[str, Rule] = field(default_factory=dict)
    max_rule: str = "complete"
    sums_to: SumsTo = "difference"
    linear_in_target: bool = True
    needs_references: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    passes: int = 1
    signed: bool = True
    sequences_at_once: int | None = None
    corrected: bool = False

    def prepared(self, graph: Graph) -> Graph:
        return graph

    def rules(self, graph: Graph) -> dict[int, Rule]:
        rules = rules_of(graph, self.preset, self.rule_for)
        return {i: with_max_rule(rule, self.max_rule) for i, rule in rules.items()}

    def at_input(self, multipliers: Array) -> Array:
        return off_simplex_removed(multipliers) if self.corrected else multipliers

    def scores(
        self, engine: "Engine", sequences: Array, references: Any, others: Others
    ) -> list[Scores]:
        return engine.propagated(sequences, references, others)


@dataclass(frozen=True)
class MeanGradient:
    """The mean of gradients at several points, times the difference from reference."""

    name: str
    points: Points
    gradient: Backward
    sums_to: SumsTo = "nothing"
    needs_references: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    linear_in_target: bool = True
    signed: bool = True
    sequences_at_once: int | None = None

    @property
    def passes(self) -> int:
        return self.points.number

    @property
    def max_rule(self) -> str:
        return self.gradient.max_rule

    def prepared(self, graph: Graph) -> Graph:
        return self.gradient.prepared(graph)

    def rules(self, graph: Graph) -> dict[int, Rule]:
        return self.gradient.rules(graph)

    def at_input(self, multipliers: Array) -> Array:
        return self.gradient.at_input(multipliers)

    def scores(
        self, engine: "Engine", sequences: Array, references: Any, others: Others
    ) -> list[Scores]:
        totals: list[Array] = []
        for gradients in self.gradients(engine, sequences, references, others):
            before = totals or [0.0] * len(gradients)
            totals = [total + one for total, one in zip(before, gradients, strict=True)]
        means = [total / self.points.number for total in totals]
        # Contributions are linear in gradients: the mean gradient is multiplied by the difference.
        return engine.summarised(sequences, references, others, means)

    def gradients(
        self, engine: "Engine", sequences: Array, references: Any, others: Others
    ) -> Iterator[list[Array]]:
        """Yield the gradients (N * R, *input shape) at one point after another.

        Those of each group of heads, stacked where it has several.
        """
        number, shape = number_of_references(references), engine.graph.nodes[0].shape
        for point in self.points.of(sequences, number, shape):
            # TensorFlow compiles anew for each number
            placed = ops.convert_to_tensor(point, dtype=engine.dtype)
            yield engine.gradients_at(self.points.place, sequences, references, others, placed)


def off_simplex_removed(multipliers: Array) -> Array:
    """Take from each position's multipliers their mean over the channels.

    The four channels of a base sum to 1, so the direction in which all of them grow leaves the
    simplex that sequences lie on: a network never learnt there, and a gradient along it is noise
    (Majdandzic et al. 2022, doi:10.1101/2022.04.29.490102, equation 3).
    """
    return multipliers - ops.mean(multipliers, axis=-1, keepdims=True)


def with_max_rule(rule: Rule, max_rule: str) -> Rule:
    """Replace how a rule treats maxima, where it splits them between two winners."""
    # A rule with a row of its own for maxima, as in relevance propagation, keeps it.
    if max_rule == "complete" or rule.rows.get(MaxPool) is not split_between_winners:
        return rule
    return rule.but(rule.name, {MaxPool: first_winner})


def next_to_references(
    engine: "Engine",
    name: str,
    scored: Callable[..., list[Scores]],
    sequences: Array,
    references: Any,
    others: Others,
) -> list[Scores]:
    """Score a batch by `scored`, compiled as `name`, from the references' activations.

    `scored` takes the engine, the sequences, the activations by node and the other inputs, and
    gives the scores of each group of heads.
    """
    compared = engine.passed(references, others)
    run = engine.compiled(name, partial(scored, engine))
    return engine.by_head(run(sequences, compared.activations, others))
