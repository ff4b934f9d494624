"""How the first layers share relevance among the values of the input: z+, zB and w^2.

A one-hot base lies in the box from 0 to 1, and the rule zB shares relevance by how far each value
is from the ends of the box that speak against the output; w^2 shares it by the weights alone. Both
give relevance to bases that are absent: relevance is a slope times the value, less an offset, and
each has a row of its own (`seqlift.attribution.relevance.Relevance`).

Montavon et al. 2017 (doi:10.1016/j.patcog.2016.11.008), equations 13 and 17, and table 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from seqlift.attribution.propagation.rule import (
    Multiplier,
    NodeView,
    One,
    Preset,
    Propagate,
    Row,
    Rule,
    flatten_pairs,
    only,
)
from seqlift.attribution.propagation.signed_parts import with_kernel
from seqlift.attribution.relevance import ratio, share_kept
from seqlift.errors import InputError
from seqlift.network.graph import Graph
from seqlift.network.primitives.base import Linear, Weighted

STABLE = 1e-10  # added to the sum of positive contributions, as in the authors' tutorial


@dataclass(frozen=True)
class InputShare:
    """The rows of the first layers: of the slope and of the offset of relevance."""

    slope: Row
    offset: Row | None = None


def shared(
    kernel: Callable[[Any], Any], total: Callable[[NodeView], Any], *, stable: float = 0.0
) -> Row:
    """Make a row that shares relevance through another kernel, over a total of its own."""

    def start(node: NodeView) -> Propagate:
        weights = with_kernel(node.primitive, kernel(node.primitive.kernel))
        share = ratio(flatten_pairs(node.y), total(node) + stable)

        def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
            found = weights.transpose(only(multiplier) * share, *node.input_shapes)
            return tuple(One(value) for value in found)

        return propagate

    def keeps(node: NodeView) -> Any:
        # as if it were a bias
        return flatten_pairs(node.y) * share_kept(stable, total(node) + stable)

    return Row(start, keeps=keeps)


def positive_weights(kernel: Any) -> Any:
    return np.maximum(kernel, 0.0)


def negative_weights(kernel: Any) -> Any:
    return np.minimum(kernel, 0.0)


def weigh_values(node: NodeView, kernel: Any, values: Any) -> Any:
    return with_kernel(node.primitive, kernel).forward(values)


def total_of_positive(node: NodeView) -> Any:
    return weigh_values(node, positive_weights(node.primitive.kernel), flatten_pairs(node.x[0]))


# The box of a one-hot base is 0 to 1: x w - 0 w+ - 1 w- (Montavon et al. 2017, equation 17).
def total_in_box(node: NodeView) -> Any:
    values, kernel = flatten_pairs(node.x[0]), node.primitive.kernel
    least = weigh_values(node, negative_weights(kernel), ops.ones_like(values))
    return weigh_values(node, kernel, values) - least


def squared(kernel: Any) -> Any:
    return np.asarray(kernel, np.float64) ** 2  # exact: each is the product of two float32


def total_of_squares(node: NodeView) -> Any:
    return weigh_values(
        node, squared(node.primitive.kernel), ops.ones_like(flatten_pairs(node.x[0]))
    )


Z_PLUS = shared(positive_weights, total_of_positive, stable=STABLE)
SHARES = {
    "zb": InputShare(
        shared(lambda kernel: kernel, total_in_box), shared(negative_weights, total_in_box)
    ),
    "w2": InputShare(
        # w^2 does not look at the value: all of it is offset
        shared(np.zeros_like, total_of_squares),
        shared(lambda kernel: -squared(kernel), total_of_squares),
    ),
    "z+": InputShare(Z_PLUS),
}


def share_named(name: str) -> InputShare:
    """Look up how the first layers share relevance. Raises InputError for an unknown name."""
    if name not in SHARES:
        raise InputError(f"input {name!r}: give one of {', '.join(SHARES)}")
    return SHARES[name]


def presets_of(share: InputShare, first: Callable[[Row], Rule], inner: Preset) -> tuple[Any, Any]:
    """Make the presets of slopes and of offsets: the first layers by a share, all else by another.

    The second is None where relevance has no offset.
    """

    def by(row: Row) -> Preset:
        rule = first(row)

        def preset(graph: Graph, node: int) -> Rule:
            return rule if reads_input(graph, node) else inner(graph, node)

        return preset

    return by(share.slope), None if share.offset is None else by(share.offset)


def reads_input(graph: Graph, node: int) -> bool:
    """Tell whether a layer of weights reads the input as it is, but for its layout."""
    if not isinstance(graph.nodes[node].primitive, Weighted):
        return False
    (source,) = graph.nodes[node].inputs
    while source:  # node 0 is the sequence
        primitive, inputs = graph.nodes[source].primitive, graph.nodes[source].inputs
        moves = isinstance(primitive, Linear) and not isinstance(primitive, Weighted)
        if not moves or len(inputs) != 1:
            return False
        (source,) = inputs
    return True
