"""Predictions of sequences that differ from one they have in common in a few neighbouring bases.

The sequence passes the network once. For each change, only the positions of each node that it
reaches are computed anew (`seqlift.network.reach`), between values of the sequence itself; nodes
that read all positions, such as a dense layer of them, are computed as a whole. Knows graphs and
arrays; knows nothing of what is changed or why.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.network.primitives.affine import Sum
from seqlift.network.primitives.base import Constant
from seqlift.network.reach import stretches

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine

Array = Any
Others = Mapping[int, Array]


class ChangedWindows:
    """Windows of `width` bases, changed in blocks of alike shape.

    `starts` are the first bases of the windows, one for each block.
    """

    def __init__(self, engine: "Engine", starts: Sequence[int], width: int) -> None:
        self._engine, self._graph = engine, engine.graph
        self._varying = engine.graph.varying()
        self._found = stretches(engine.graph, engine.needed, np.asarray(starts, np.int64), width)
        self._begins = np.array([self._found[i].starts for i in sorted(self._found)], np.int32)
        read = {j for i in engine.needed for j in (i, *engine.graph.nodes[i].inputs)}
        self._kept = tuple(sorted(i for i in read if i == 0 or self._is_read(i)))
        # starts are an argument of what is compiled, so models of many lengths share none of it
        key = tuple((i, one.width) for i, one in sorted(self._found.items()))
        self._pass = engine.compiled(("one sequence", key), self._pass_one)
        self._change = engine.compiled(("changed", key), self._changed)

    def _is_read(self, i: int) -> bool:
        is_constant = isinstance(self._graph.nodes[i].primitive, Constant)
        local_sum = isinstance(self._graph.nodes[i].primitive, Sum)
        heads = {head.node for head in self._engine.heads}
        whole = i in self._varying and i not in self._found
        # A node that is computed as a whole is computed anew from its inputs: it is not kept.
        return not is_constant and (not whole or local_sum or i in heads)

    def values(
        self, sequence: Array, others: Others, changed: Sequence[NDArray[Any]]
    ) -> list[tuple[float, NDArray[Any]]]:
        """Predict each head for one sequence (1, ...), and for its changes (blocks, G).

        `changed` has the new windows of each block, (G, width, channels).
        """
        base, own = self._pass(sequence, others)
        found = [
            self._change(base, np.ascontiguousarray(self._begins[:, block]), windows)
            for block, windows in enumerate(changed)
        ]
        return [
            (
                float(ops.convert_to_numpy(own[head])),
                np.stack([ops.convert_to_numpy(values[head]) for values in found]),
            )
            for head in range(len(self._engine.heads))
        ]

    def _pass_one(self, sequence: Array, others: Others) -> tuple[dict[int, Array], list[Array]]:
        inputs = self._engine.expand(sequence, batch_axes=1)
        heads = [head.node for head in self._engine.heads]
        values = self._graph.forward(inputs, (*self._kept, *heads), others)
        own = [head.value(values[head.node][:, None])[0, 0] for head in self._engine.heads]
        return {i: values[i] for i in self._kept}, own

    def _changed(self, base: dict[int, Array], begins: Array, windows: Array) -> list[Array]:
        """Predict the changes of one block: (G,) for each head."""
        windows = ops.cast(windows, self._engine.dtype)
        new = NewValues(base, dict(zip(sorted(self._found), ops.unstack(begins), strict=True)))
        new.add(0, windows, local=True)
        for i in self._engine.needed:
            if i and i in self._varying:
                self._compute(new, i)
            elif i not in base and i:
                new.base[i] = self._graph.nodes[i].primitive.forward(windows)[:1]
        rows = windows.shape[0]
        whole = [new.whole(head.node, rows) for head in self._engine.heads]
        pairs = zip(self._engine.heads, whole, strict=True)
        return [head.value(values[None])[0] for head, values in pairs]

    def _compute(self, new: "NewValues", i: int) -> None:
        node, rows = self._graph.nodes[i], new.rows
        if i in self._found:
            near, width = self._found[i].neighbourhood, self._found[i].width
            place = new.begins[i] * near.stride - near.before
            parts = [
                new.read(j, place, near.read(width), near.fill, same=self._is_same(i, j))
                for j in node.inputs
            ]
            stretch = parts[0] if near.primitive is None else near.primitive.forward(*parts)
            new.add(i, stretch, local=True)
        elif isinstance(node.primitive, Sum) and self._is_over_stretch(i):
            (source,) = node.inputs
            places = new.begins[source] + ops.arange(self._found[source].width)
            # a sum changes by as much as the stretch that it adds up
            before = new.base_at(source, places, 0.0)
            share = node.primitive.share(self._graph.nodes[source].shape)
            change = ops.sum(new.local[source] - before, axis=1, keepdims=True) * share
            own = new.base[i]
            new.add(i, own + ops.reshape(change, (rows, *own.shape[1:])), local=False)
        else:
            inputs = [new.whole(j, rows) for j in node.inputs]
            new.add(i, node.primitive.forward(*inputs), local=False)

    def _is_same(self, i: int, j: int) -> bool:
        near = self._found[i].neighbourhood
        alike = (near.stride, near.span, near.before) == (1, 1, 0) and j in self._found
        return alike and np.array_equal(self._found[i].starts, self._found[j].starts)

    def _is_over_stretch(self, i: int) -> bool:
        node = self._graph.nodes[i]
        return getattr(node.primitive, "axes", ()) == (0,) and node.inputs[0] in self._found


class NewValues:
    """Values of nodes after changes, (G, *shape): of the stretches computed anew, or whole.

    `base` are the values of the unchanged sequence, (1, *shape), `begins` the first positions of
    the stretches.
    """

    def __init__(self, base: Mapping[int, Array], begins: Mapping[int, Array]) -> None:
        self.base, self.begins = dict(base), begins
        self.local: dict[int, Array] = {}
        self._whole: dict[int, Array] = {}
        self.rows = 0

    def add(self, i: int, values: Array, *, local: bool) -> None:
        (self.local if local else self._whole)[i] = values
        self.rows = self.rows or values.shape[0]

    def base_at(self, j: int, places: Array, fill: float) -> Array:
        """Read positions of a node before the changes, with `fill` outside: (1, count, C)."""
        inside = ops.logical_and(places >= 0, places < self.base[j].shape[1])
        return ops.where(inside[None, :, None], at_places(self.base[j], places), fill)

    def read(self, j: int, place: Array, count: int, fill: float, *, same: bool) -> Array:
        """Read `count` positions of a node from `place` on, after the changes."""
        # an activation after its layer, for one
        if same and self.local[j].shape[1] == count:
            return self.local[j]
        places = place + ops.arange(count)
        before = self.base_at(j, places, fill)
        if j not in self.local:
            return ops.repeat(before, self.rows, axis=0)
        within = places - self.begins[j]
        changed = ops.logical_and(within >= 0, within < self.local[j].shape[1])
        return ops.where(changed[None, :, None], at_places(self.local[j], within), before)

    def whole(self, j: int, rows: int) -> Array:
        """Give all values of a node, (G, *shape)."""
        if j not in self._whole:
            if j in self.local:
                extent = self.base[j].shape[1]
                self._whole[j] = self.read(j, ops.zeros((), "int32"), extent, 0.0, same=False)
            else:
                self._whole[j] = ops.repeat(self.base[j], rows, axis=0)
        return self._whole[j]


def at_places(array: Array, places: Array) -> Array:
    """Take positions of (B, P, C), the nearest one for a place outside."""
    # No slice: its start is a constant to XLA, which would compile a program for each place.
    return ops.take(array, ops.clip(places, 0, array.shape[1] - 1), axis=1)
