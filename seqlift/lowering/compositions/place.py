"""The place in the graph where the primitives of one call of one Keras layer are added."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from seqlift.errors import ModelError
from seqlift.lowering.compositions.recognition import known_activation
from seqlift.network.graph import GraphBuilder
from seqlift.network.primitives.base import Primitive, Shape
from seqlift.network.primitives.shape import Permute

Lower = Callable[..., Any]
"""(layer, place, *nodes, **arguments) -> the node of the output, or a tuple of those of several.

`nodes` are those of the tensors the layer is called on, lists of them laid flat; `arguments` what
it is called with by name, tensors as nodes.
"""

LowerOperation = Callable[..., Any]
"""(operation, place, *arguments, **arguments) -> node or nodes, tensors among them as `Tensor`."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor among the arguments of an operation: a node of the graph."""

    node: int


Arguments = tuple[Sequence[Any], Mapping[str, Any]]
"""The arguments of a call, by place and by name, with a `Tensor` for each tensor among them."""


def without_none(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the arguments of None: a call on two tensors has one mask for each, None for none.

    See `Layer.__call__` of Keras, which puts masks into the record of a call.
    """
    return {
        key: value
        for key, value in kwargs.items()
        if any(leaf is not None for leaf in keras.tree.flatten(value))
    }


Walk = Callable[[Any, Sequence[int], GraphBuilder, str], list[int]]
"""(model, nodes of its inputs, graph, prefix of its layers' names) -> nodes of its outputs."""


@dataclass(frozen=True, slots=True)
class Place:
    """A graph under construction, and the layer whose primitives are being added.

    `walk` adds a whole model.
    """

    builder: GraphBuilder
    layer: str
    layer_class: str
    walk: Walk

    def add(self, primitive: Primitive, *inputs: int) -> int:
        """Add a node that applies `primitive` to `inputs`, or the activation that it completes."""
        node = self.builder.add(primitive, *inputs)
        activation = known_activation(self.builder, node)
        return node if activation is None else self.builder.add(*activation)

    def shape(self, node: int) -> Shape:
        """Look up the shape of `node` without the batch axis."""
        return self.builder.nodes[node].shape

    def refuse(self, what: str) -> ModelError:
        """Make the error that names this layer."""
        return ModelError(f"layer {self.layer} ({self.layer_class}) {what}")


def weights_of(variable: Any) -> NDArray[np.floating]:
    """Read a layer's variable as an array."""
    return np.asarray(variable.numpy() if hasattr(variable, "numpy") else variable)


def channels_last(layer: Any, place: Place, node: int, lowered: Callable[[int], int]) -> int:
    """Apply `lowered` between two permutations where a layer has channels first."""
    if getattr(layer, "data_format", "channels_last") != "channels_first":
        return lowered(node)
    rank = len(place.shape(node))
    result = lowered(place.add(Permute((*range(1, rank), 0)), node))
    if len(place.shape(result)) < rank:
        return result
    return place.add(Permute((rank - 1, *range(rank - 1))), result)
