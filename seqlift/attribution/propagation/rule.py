"""Rules: for each kind of primitive, how multipliers propagate back through it.

A multiplier says by how much the explained scalar changes per unit of difference from reference
(Shrikumar et al. 2017, section 3.2). Between an activation under RevealCancel and the weights
before it there are two: one for the positive and one for the negative part of each difference.

To add a rule, write ``rules/NAME.py`` with ``RULE = RESCALE.but("name", {Primitive: row}, ...)``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from keras import ops

from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Primitive, Shape

Array = Any
T = TypeVar("T")
SumsTo = Literal["difference", "output", "nothing"]


@dataclass(frozen=True, slots=True)
class One:
    """One multiplier per value, (N * R, *shape)."""

    value: Array


@dataclass(frozen=True, slots=True)
class Two:
    """Two multipliers per value: of the positive and of the negative part of its difference."""

    positive: Array
    negative: Array


Multiplier = One | Two
Propagate = Callable[[Multiplier], tuple[Multiplier, ...]]
"""From the multiplier of a node's output to those of its inputs."""


class Parts(NamedTuple):
    """The positive and the negative part of a difference, (N * R, *shape) each."""

    positive: Array
    negative: Array


class NodeView(Protocol):
    """One node in one batch of pairs; values are computed when they are first asked for.

    N sequences and R references each: `x` and `y` are the node's inputs and output on sequences,
    (N, 1, *shape); `x0` and `y0` those on references, (M, R, *shape) with M = N, or 1 where all
    sequences share their references. A rule that is `at_sequence` sees the sequence in both.
    """

    @property
    def primitive(self) -> Any:
        """The operation of the node."""

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """The shapes of the inputs without the batch axis."""

    @property
    def x(self) -> tuple[Array, ...]:
        """The inputs on the sequences."""

    @property
    def x0(self) -> tuple[Array, ...]:
        """The inputs on the references."""

    @property
    def y(self) -> Array:
        """The output on the sequences."""

    @property
    def y0(self) -> Array:
        """The output on the references."""

    @property
    def delta(self) -> Array:
        """The difference of the output from its reference, (N * R, *shape)."""

    @property
    def input_deltas(self) -> tuple[Array, ...]:
        """The differences of the inputs from their references, (N * R, *shape)."""

    @property
    def input_parts(self) -> tuple[Parts, ...]:
        """The parts of the differences of the inputs."""

    def propagate(self, multiplier: Multiplier) -> tuple[Multiplier, ...]:
        """Propagate a multiplier through this node by its rule."""

    def once(self, name: str, compute: Callable[[], Any]) -> Any:
        """Compute something of this node once, however often it is asked for."""

    def inside(self, step: Graph, values: Any, values0: Any) -> Any:
        """Start a backward pass, by this node's rule, through the graph of a recurrent step."""


ASKED = frozenset({"values"})  # the inputs and the output of the node
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """How multipliers propagate through one kind of primitive.

    `start` works out what a batch needs once per node, and returns the propagation. `asks` says
    what it reads: ``values``, the inputs and output of the node; ``parts``, those of the inputs'
    differences. Only what rules ask for is kept of the forward pass. `label` is what `seqlift
    inspect` shows, by default the rule's name. Where a node keeps some of what is shared out, as
    the bias of a layer keeps relevance, `keeps` gives the part of each multiplier that no input
    gets, (N * R, *shape), in units of the explained scalar.
    """

    start: Callable[[NodeView], Propagate]
    asks: frozenset[str] | Callable[[Any], frozenset[str]] = ASKED
    label: str = ""
    keeps: Callable[[NodeView], Array] | None = None

    def asks_of(self, primitive: Primitive) -> frozenset[str]:
        """List what is read to propagate through `primitive`."""
        return self.asks(primitive) if callable(self.asks) else self.asks


@dataclass(frozen=True)
class PartsRow:
    """How the parts of an output's difference are made, and from what."""

    make: Callable[[NodeView], Parts]
    source: Literal["output difference", "input differences", "input parts"]


@dataclass(frozen=True)
class Rule:
    """A name, a row for each kind of primitive, and what the scores promise.

    `rows` and `parts` are looked up by the primitive's class; the nearest base class counts.
    `sums_to` is what contributions sum to; `at_sequence` rules never see the reference;
    scores of a rule that is not `linear_in_target` do not add up over targets, so a softmax
    logit is explained as it is; a rule that `compares` treats equal and nearly equal values
    differently, so convolutions before it are computed with all their products; `refuses` gives the
    reason for a primitive that the rule is not defined for.
    """

    name: str
    rows: Mapping[type[Primitive], Row | Callable[[NodeView], Propagate]]
    parts: Mapping[type[Primitive], PartsRow] = field(default_factory=dict)
    sums_to: SumsTo = "difference"
    at_sequence: bool = False
    linear_in_target: bool = True
    compares: bool = False
    refuses: Callable[[Primitive], str | None] = field(default=lambda primitive: None)

    def but(
        self,
        name: str,
        rows: Mapping[type[Primitive], Row | Callable[[NodeView], Propagate]] | None = None,
        parts: Mapping[type[Primitive], PartsRow] | None = None,
        **promises: Any,
    ) -> "Rule":
        """Derive a rule in which some rows and promises are replaced."""
        return replace(
            self,
            name=name,
            rows={**self.rows, **(rows or {})},
            parts={**self.parts, **(parts or {})},
            **promises,
        )

    def row(self, primitive: Primitive) -> Row:
        """Find the row for a primitive. Raises TypeError where there is none."""
        row = nearest(self.rows, primitive)
        if row is None:
            raise TypeError(f"rule {self.name} has no row for {primitive.describe()}")
        return row if isinstance(row, Row) else Row(row)

    def parts_row(self, primitive: Primitive) -> PartsRow:
        """Find how the parts of a primitive's output are made."""
        found = nearest(self.parts, primitive)
        return OWN_DIFFERENCE if found is None else found

    def __call__(self, graph: Graph, node: int) -> "Rule":
        """Choose the rule of a node: this one at every node."""
        return self


Preset = Callable[[Graph, int], Rule]
"""Chooses the rule of each node of a graph. A rule is the preset that chooses itself."""


def only(multiplier: Multiplier) -> Array:
    """Take the one multiplier there is. Raises TypeError for two."""
    if isinstance(multiplier, Two):  # RevealCancel's, which relevance rules do not mix with
        raise TypeError("two multipliers where a rule has one only")
    return multiplier.value


def nearest(table: Mapping[type[Primitive], T], primitive: Primitive) -> T | None:
    return next((table[kind] for kind in type(primitive).__mro__ if kind in table), None)


def flatten_pairs(array: Array) -> Array:
    """Reshape (N, R, *shape) to (N * R, *shape)."""
    return ops.reshape(array, (-1, *array.shape[2:]))


def parts_of(delta: Array) -> Parts:
    """Split a difference by its sign: at each value, one of the parts is zero."""
    return Parts(ops.maximum(delta, 0.0), ops.minimum(delta, 0.0))


OWN_DIFFERENCE = PartsRow(lambda node: parts_of(node.delta), "output difference")
