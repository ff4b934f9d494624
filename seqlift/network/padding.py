"""Rewrite a graph so that it computes shorter sequences than it is made for, padded at their end.

Exact, not nearly so: a node that reads past the real end of a track finds there the zeros that the
model would pad with, and what is taken over all positions is taken over the real ones. That is
known for the kinds of node below; of a graph with others between the sequence and an output, the
output is not among those that are `exact`. Knows graphs.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from seqlift.network.graph import Graph, GraphBuilder, Node
from seqlift.network.primitives.affine import Mean, Sum
from seqlift.network.primitives.base import Constant, Input
from seqlift.network.primitives.by_length import ByLength, Extent, Mask, RealSum
from seqlift.network.primitives.convolution import Convolution
from seqlift.network.primitives.depthwise import Depthwise
from seqlift.network.primitives.pooling import AveragePool, MaxPool
from seqlift.network.primitives.product import Multiply
from seqlift.network.primitives.shape import Pad
from seqlift.network.reach import TRACK_RANK, UNPADDED, is_place_by_place

LENGTH = 1
"""The node that is fed the length of each sequence."""


@dataclass(frozen=True)
class PaddedGraph:
    """A graph for sequences padded at their end, whose node `LENGTH` is fed their lengths.

    `exact` are its nodes whose values are those of the unpadded sequence; of fewer than `shortest`
    bases nothing is left at some node.
    """

    graph: Graph
    exact: frozenset[int]
    shortest: int


def takes_length(graph: Graph) -> bool:
    """Tell whether a graph computes padded sequences."""
    return any(isinstance(node.primitive, ByLength) for node in graph.nodes)


def with_padding(graph: Graph) -> PaddedGraph:
    """Rewrite a graph for sequences of its length or shorter ones.

    A graph with inputs that are fed row by row has no exact node.
    """
    rewriting = Rewriting()
    for i, node in enumerate(graph.nodes):
        rewriting.add(graph, i, node)
    number = rewriting.number
    outputs = tuple(number[i] for i in graph.outputs)
    calls = tuple(replace(call, nodes=tuple(number[i] for i in call.nodes)) for call in graph.calls)
    nodes = tuple(rewriting.builder.nodes)
    exact = frozenset(number[i] for i in rewriting.exact) if rewriting.alone else frozenset()
    shortest = max(extent.stride - extent.plus for extent in rewriting.extents.values())
    return PaddedGraph(Graph(nodes, outputs, calls, graph.sources), exact, shortest)


@dataclass
class Rewriting:
    """Nodes added so far: `number` of each, `extents` of tracks, and those that are `exact`.

    Nodes in neither have values that depend on the padding.
    """

    builder: GraphBuilder = field(default_factory=GraphBuilder)
    number: dict[int, int] = field(default_factory=dict)
    extents: dict[int, Extent] = field(default_factory=dict)
    exact: set[int] = field(default_factory=set)
    alone: bool = True

    def add(self, graph: Graph, i: int, node: Node) -> None:
        """Add a node of the graph, and find out what is known of it."""
        if isinstance(node.primitive, Input | Constant):
            self.append(i, node)
            if i == 0:
                self.builder.nodes.append(Node(Input(), (), ()))
                self.extents[i] = Extent()
            elif isinstance(node.primitive, Constant):
                self.exact.add(i)
            else:
                self.alone = False
            return
        tracks = [self.extents[j] for j in node.inputs if j in self.extents]
        known = all(j in self.extents or j in self.exact for j in node.inputs)
        if known and not tracks:
            self.copy(i, node)
            self.exact.add(i)
        elif known and self.is_whole(node, graph.input_shapes(i)):
            self.reduce(i, node)
            self.exact.add(i)
        else:
            extent = self.extent_after(graph, i, node, tracks) if known else None
            if extent is None:
                self.copy(i, node)
                return
            self.copy(i, node, clean=reads_past_the_end(node))
            self.extents[i] = extent

    def copy(self, i: int, node: Node, *, clean: bool = False) -> None:
        """Add a node as it is; `clean` has zeros put past the end of the track that it reads."""
        self.append(i, node, *(self.cleaned(j) if clean else self.number[j] for j in node.inputs))

    def cleaned(self, j: int) -> int:
        """Have zeros past the end of a track, as a sequence has."""
        if j == 0:
            return self.number[j]
        return self.builder.add(Mask(self.extents[j]), self.number[j], LENGTH)

    def is_whole(self, node: Node, shapes: tuple[tuple[int, ...], ...]) -> bool:
        """Tell whether a node takes something over all positions of a track."""
        if len(shapes) != 1 or len(shapes[0]) != TRACK_RANK:
            return False
        primitive = node.primitive
        if isinstance(primitive, MaxPool):
            return primitive.pooling.sizes == shapes[0][:1]
        return isinstance(primitive, Sum) and primitive.axes == (0,)

    def reduce(self, i: int, node: Node) -> None:
        """Add what a node takes over the real positions of a track."""
        (j,) = node.inputs
        if isinstance(node.primitive, Sum):
            kept = {"mean": isinstance(node.primitive, Mean), "keepdims": node.primitive.keepdims}
            total = RealSum(self.extents[j], **kept)
            self.number[i] = self.builder.add(total, self.number[j], LENGTH)
            return
        lowest = float(np.finfo(np.float32).min)  # never wins, as in `MaxPool.unfold`
        self.append(
            i, node, self.builder.add(Mask(self.extents[j], lowest), self.number[j], LENGTH)
        )

    def append(self, i: int, node: Node, *sources: int) -> None:
        self.builder.nodes.append(Node(node.primitive, sources, node.shape))
        self.number[i] = len(self.builder.nodes) - 1

    def extent_after(self, graph: Graph, i: int, node: Node, tracks: list[Extent]) -> Extent | None:
        """Find the extent of a track made of others; None where it is not known to be exact."""
        first, shapes = tracks[0], graph.input_shapes(i)
        if len(node.shape) != TRACK_RANK or any(extent != first for extent in tracks):
            return None
        primitive = node.primitive
        if isinstance(primitive, Convolution | Depthwise):
            taps, stride, (pads,) = primitive.kernel.shape[0], primitive.strides[0], primitive.pads
            if stride > 1 and pads != (0, 0):
                return None  # under `same`, the padding differs from length to length
            reach = (taps - 1) * primitive.dilation[0]
            return first.then(sum(pads) - reach - 1 + stride, stride)
        if isinstance(primitive, MaxPool | AveragePool):
            pooling = primitive.pooling
            if pooling.pads != UNPADDED:
                return None
            return first.then(pooling.strides[0] - pooling.sizes[0], pooling.strides[0])
        if isinstance(primitive, Pad):
            return first.then(sum(primitive.pads[0])) if primitive.pads[1] == (0, 0) else None
        return first if self.is_alike(node, shapes) else None

    def is_alike(self, node: Node, shapes: tuple[tuple[int, ...], ...]) -> bool:
        """Tell whether each position of a track is made alike of the same position of others."""
        both = list(zip(node.inputs, shapes, strict=True))
        if isinstance(node.primitive, Multiply):
            tracks = all(j in self.extents or shape[0] == 1 for j, shape in both)
            return tracks and all(shape in (node.shape, (1, node.shape[1])) for _, shape in both)
        tracks = all(j in self.extents for j in node.inputs)
        return tracks and is_place_by_place(node, node.primitive, shapes)


def reads_past_the_end(node: Node) -> bool:
    """Tell whether a node reads zeros past the end of a track."""
    primitive = node.primitive
    if not isinstance(primitive, Convolution | Depthwise | Pad):
        return False
    return primitive.pads[0][1] > 0
