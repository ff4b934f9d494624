"""Cut a run into batches of one fixed size, fill up the last, join the results.

A batch that is not full is filled up with copies of its first sequence, so that a score does not
depend on the number of sequences in a run. This module also decides how many batches run at once;
`seqlift.explain.concurrent_batches` runs them.
"""

import math
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.engine import Engine
from seqlift.attribution.passed_references import PassedReferences
from seqlift.attribution.result import Result, joined_results
from seqlift.attribution.stored_size import stored_values
from seqlift.device.backend import CPU_BATCH, batch_memory, most_lanes
from seqlift.device.processor import on_cpu
from seqlift.explain.padded import cropped, with_padding_of
from seqlift.explain.schedule import Schedule
from seqlift.inputs.onehot import codes_of
from seqlift.inputs.references import References, SharedReferences
from seqlift.intervals import UNKNOWN
from seqlift.lowering.input_layout import row_nodes
from seqlift.network.graph import Node
from seqlift.network.padding import LENGTH, takes_length
from seqlift.network.recurrence import Recurrence
from seqlift.system.free_memory import check_free

LARGEST_BATCH = 32  # on a CPU; more gains nothing
MOST_SCORES = 4096  # of the sequences of a batch on a CPU and all heads: some seconds of work
MOST_PAIRS = 4096  # on a GPU: a bound for small networks, not measured on one

PEAK_SHARE = 1.1
"""Peak memory while large weights are stored one by one, relative to that of all: 1.0 measured."""

KEPT_ARRAYS = 3
"""Arrays of the input's shape in the scores of a head."""

COMPILING = 400 * 2**20
"""Bytes of a compilation and its first batch, in addition to large weights: 0.3 GB measured."""

REFERENCE_LOCK = Lock()  # held while references are passed through a model


def schedule_for(engine: Engine, number: int, asked: int | None, *, alike: bool) -> Schedule:
    """Divide a run into batches, with `number` references for each sequence.

    A size that is not `asked` for depends on the model and the number of references only. Sequences
    that are not `alike` in length are taken one at a time.
    """
    most = engine.method.sequences_at_once
    automatic = (most or automatic_size(engine, number)) if alike else 1
    size = automatic if asked is None else asked
    return Schedule(size, lanes_for(engine, number, size), alike)


def automatic_size(engine: Engine, number: int) -> int:
    """Choose the sequences per batch that fit the memory, with `number` references each."""
    memory = batch_memory()
    largest = max(MOST_PAIRS // number, 1)
    if memory <= CPU_BATCH:
        largest = min(LARGEST_BATCH, max(MOST_SCORES // len(engine.heads), 1))
    return int(min(max(memory // lanes_of(engine) // memory_of(engine, number), 1), largest))


def lanes_for(engine: Engine, number: int, size: int) -> int:
    """Choose how many batches of `size` sequences, with `number` references each, run at once.

    A batch that takes more than the memory for all of them runs alone.
    """
    return lanes_of(engine) if memory_of(engine, number) * size <= batch_memory() else 1


def lanes_of(engine: Engine) -> int:
    """Choose how many batches run at once, whatever their size.

    Integrated gradients run one at a time: an interrupted thread can end only between their passes.
    """
    return 1 if engine.method.passes > 1 else most_lanes()


def memory_of(engine: Engine, number: int) -> int:
    """Estimate the bytes of a batch per sequence, with `number` references each.

    The sum over the groups of heads of the values that their rules keep, and the scores of all
    heads but the first of a group: a BPNet takes 0.7 times as much with one head and 1.5 times as
    much with two, measured on a CPU. Methods of several passes keep the multipliers of every
    reference between them.
    """
    kept = sum(values_kept(engine.graph.nodes[i]) for i in engine.kept)
    further = len(engine.heads) - len(engine.groups)
    arrays = KEPT_ARRAYS + (2 * number if engine.method.passes > 1 else 0)
    scores = further * arrays * math.prod(engine.graph.nodes[0].shape)
    itemsize = np.dtype(engine.dtype).itemsize
    return (len(engine.groups) * kept * number + scores) * itemsize


def check_weights(engine: Engine) -> None:
    """Raise DeviceError where the machine has no memory for the large weights of an engine."""
    large = engine.stored.large
    values = stored_values(engine.graph, engine.needed, engine.rules, large=large)
    if values and on_cpu():
        stored = values * np.dtype(engine.dtype).itemsize
        check_free(
            int(stored * PEAK_SHARE) + COMPILING,
            f"the model's large weights, stored as {values:,} numbers to be explained by,",
        )


def values_kept(node: Node) -> int:
    if isinstance(node.primitive, Recurrence):
        inside = sum(math.prod(step.shape) for step in node.primitive.step.nodes)
        return inside * node.shape[0]
    return math.prod(node.shape)


def number_of(references: NDArray[Any] | References, sequences: NDArray[Any]) -> int:
    """Count the references R; arrays are (N, R, ...), or (R, ...) where sequences share them."""
    if not isinstance(references, np.ndarray):
        return references.number
    return int(references.shape[references.ndim > sequences.ndim])


ExtraRows = Mapping[int, NDArray[Any]]
"""Values of the model inputs other than the sequence, by input number, one row per sequence."""


Explain = Callable[[NDArray[Any], NDArray[Any] | References, ExtraRows, int], list[Result]]
"""From at most so many sequences, their references and other inputs to a result per head."""


def rows_of(
    which: slice,
    sequences: NDArray[Any],
    references: NDArray[Any] | References,
    others: ExtraRows,
) -> tuple[NDArray[Any], NDArray[Any] | References, ExtraRows]:
    """Select some sequences, with their own references where they have some, and their inputs."""
    if isinstance(references, np.ndarray) and references.ndim > sequences.ndim:
        references = references[which]
    return sequences[which], references, {n: values[which] for n, values in others.items()}


def in_batches(
    explain: Explain,
    sequences: NDArray[Any],
    references: NDArray[Any] | References,
    others: ExtraRows,
    size: int,
) -> list[Result]:
    """Explain sequences in batches of `size`, one after another: a result per head."""
    results = [
        explain(*rows_of(slice(start, start + size), sequences, references, others), size)
        for start in range(0, len(sequences), size)
    ]
    return [joined_results(parts) for parts in zip(*results, strict=True)]


def run_batches(
    engine: Engine,
    batch: NDArray[Any],
    references: NDArray[Any] | PassedReferences,
    size: int,
    others: ExtraRows | None = None,
) -> list[Result]:
    """Explain at most `size` sequences, filled up to a batch of `size`: a result per head.

    With `others` each sequence needs references of its own.
    """
    length = batch.shape[1]
    if takes_length(engine.graph) and not isinstance(references, PassedReferences):
        longest = engine.graph.nodes[0].shape[0]
        batch, references = (
            with_padding_of(array, axis, longest) for axis, array in ((1, batch), (2, references))
        )
        others = {LENGTH: np.full(len(batch), length)}
    rows = np.arange(size)
    rows[len(batch) :] = 0  # another size would be compiled anew, and may sum in another order
    if not isinstance(references, PassedReferences):
        references = references[rows]
    fed = {
        node: np.asarray(values, engine.dtype)[rows]
        for node, (_, values) in zip(
            row_nodes(engine.graph), sorted((others or {}).items()), strict=True
        )
    }
    results = engine.explain(batch[rows], references, fed)
    return [cropped(result.rows(slice(0, len(batch))), length) for result in results]


class LastShared:
    """The references that sequences last had in common, passed through the model."""

    def __init__(self) -> None:
        self._last: tuple[Any, PassedReferences] | None = None

    def of(self, engine: Engine, references: NDArray[Any]) -> PassedReferences:
        """Pass shared `references` (R, ...) through the model, unless they are the last ones."""
        # by content: callers make new arrays
        key = (id(engine), references.shape, references.tobytes())
        with REFERENCE_LOCK:
            if self._last is None or self._last[0] != key:
                self._last = (key, engine.share(references))
            return self._last[1]


def with_arrays(
    engine: Engine,
    batch: NDArray[Any],
    references: NDArray[Any],
    rows: ExtraRows,
    size: int,
    shared: LastShared,
) -> list[Result]:
    """Explain at most `size` sequences against arrays: each sequence's own, or the same for all.

    References that all sequences share pass the model once per run, unless there are `rows`.
    """
    # With other inputs a shared reference has another prediction for each sequence.
    if rows or references.ndim > batch.ndim:
        return run_batches(engine, batch, own_references(references, batch), size, rows)
    return run_batches(engine, batch, shared.of(engine, references), size)


def with_kind(
    engine: Engine,
    batch: NDArray[Any],
    references: References,
    rows: ExtraRows,
    size: int,
    shared: LastShared,
    *,
    coded: bool,
) -> list[Result]:
    """Explain at most `size` sequences, codes or one-hot, against references that are drawn.

    Where all sequences share them, only one with an N needs its own, as its references have that N
    too; and so do all that have `rows` or are padded.
    """
    codes = batch if coded else codes_of(batch)
    if rows or takes_length(engine.graph) or not references.shared:
        return run_batches(engine, batch, references.draw(codes), size, rows)
    known = (codes != UNKNOWN).all(axis=1)
    parts = []
    if known.any():
        common = cast(SharedReferences, references).common(codes.shape[1])
        parts.append(run_batches(engine, batch[known], shared.of(engine, common), size))
    if not known.all():
        parts.append(run_batches(engine, batch[~known], references.draw(codes[~known]), size))
    # as they came
    order = np.argsort(np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)]))
    return [joined_results(results).rows(order) for results in zip(*parts, strict=True)]


def own_references(references: NDArray[Any], batch: NDArray[Any]) -> NDArray[Any]:
    if references.ndim > batch.ndim:
        return references
    return np.broadcast_to(references, (len(batch), *references.shape))
