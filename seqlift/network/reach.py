"""Which positions of each node a change of some bases reaches.

A node whose positions each read some neighbouring positions of one or several others need only be
computed anew where these changed. All other nodes, such as a dense layer of all positions, are
computed as a whole. Knows graphs; computes no values.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.network.folding import is_per_channel
from seqlift.network.graph import Graph, Node
from seqlift.network.primitives.affine import Dense, Scale, WeightedSum
from seqlift.network.primitives.base import Primitive
from seqlift.network.primitives.convolution import Convolution
from seqlift.network.primitives.depthwise import Depthwise
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.primitives.pooling import AveragePool, MaxPool
from seqlift.network.primitives.shape import Concatenate, Pad

UNPADDED = ((0, 0),)
TRACK_RANK = 2  # axes of a node with positions and channels


@dataclass(frozen=True)
class Neighbourhood:
    """The positions that each position p of a node reads: those from stride p - before on.

    `span` is how many; those outside have the value `fill`. `primitive` computes the positions of a
    stretch from the neighbourhoods of all of them, without padding.
    """

    primitive: Primitive | None
    stride: int = 1
    span: int = 1
    before: int = 0
    fill: float = 0.0

    def reached(self, first: NDArray[Any], last: NDArray[Any]) -> tuple[Any, Any]:
        """Find the first position that reads one of [first, last), and the one after the last."""
        low = -(-(first + self.before - self.span + 1) // self.stride)  # rounded up
        return low, (last - 1 + self.before) // self.stride + 1

    def read(self, count: int) -> int:
        """Count the positions that `count` neighbouring ones read."""
        return (count - 1) * self.stride + self.span


@dataclass(frozen=True)
class Stretch:
    """Where a node is computed anew: `width` positions from one of `starts`, for each change."""

    neighbourhood: Neighbourhood
    width: int
    starts: NDArray[np.int32]
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def neighbourhood_of(graph: Graph, i: int) -> Neighbourhood | None:
    """Describe what the positions of a node read; None where each may read all of them."""
    node, p = graph.nodes[i], graph.nodes[i].primitive
    shapes = graph.input_shapes(i)
    if len(node.shape) != TRACK_RANK or any(len(shape) != TRACK_RANK for shape in shapes):
        return None
    if isinstance(p, Convolution | Depthwise):
        span = (p.kernel.shape[0] - 1) * p.dilation[0] + 1
        return Neighbourhood(replace(p, pads=UNPADDED), p.strides[0], span, p.pads[0][0])
    if isinstance(p, MaxPool):
        pool = replace(p.pooling, pads=UNPADDED)
        fill = float(np.finfo(np.float32).min)  # padding that never wins, as in `MaxPool.unfold`
        return Neighbourhood(
            MaxPool(pool), pool.strides[0], pool.sizes[0], p.pooling.pads[0][0], fill
        )
    # With padding, windows at the ends have fewer real values: a mean of another number.
    if isinstance(p, AveragePool) and p.pooling.pads == UNPADDED:
        return Neighbourhood(p, p.pooling.strides[0], p.pooling.sizes[0])
    if isinstance(p, Pad) and p.pads[1] == (0, 0):
        return Neighbourhood(None, before=p.pads[0][0])
    return Neighbourhood(p) if is_place_by_place(node, p, shapes) else None


def is_place_by_place(node: Node, primitive: Primitive, shapes: tuple[Any, ...]) -> bool:
    """Tell whether each position is computed from the same position of others, and alike."""
    if isinstance(primitive, Elementwise):
        return primitive.name != "prelu"  # its slopes differ from place to place
    if isinstance(primitive, Scale):
        return is_per_channel(primitive)
    if isinstance(primitive, WeightedSum):
        return all(shape == node.shape for shape in shapes)
    return isinstance(primitive, Dense) or (
        isinstance(primitive, Concatenate) and primitive.axis == 1
    )


def stretches(
    graph: Graph, needed: tuple[int, ...], starts: NDArray[np.int64], width: int
) -> dict[int, Stretch]:
    """Find where each node is computed anew after changes of `width` bases from `starts` on.

    Nodes that are not there are computed as a whole, or are not changed at all.
    """
    whole = Neighbourhood(None)
    found = {0: Stretch(whole, width, starts.astype(np.int32), starts, starts + width)}
    varying = graph.varying()
    for i in needed:
        node = graph.nodes[i]
        changed = [j for j in node.inputs if j in varying]
        if i == 0 or not changed or any(j not in found for j in changed):
            continue
        near = neighbourhood_of(graph, i)
        if near is None:
            continue
        ends = [near.reached(found[j].first, found[j].last) for j in changed]
        extent = node.shape[0]
        first = np.clip(np.min([low for low, _ in ends], axis=0), 0, extent)
        last = np.clip(np.max([high for _, high in ends], axis=0), first, extent)
        wide = max(int((last - first).max()), 1)  # one width for all changes is one program
        # moved back at the end, not cut off
        begin = np.clip(first, 0, extent - wide).astype(np.int32)
        found[i] = Stretch(near, wide, begin, first, last)
    return found
