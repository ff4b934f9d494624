"""Batches of one fixed size: cutting a run into them, filling up the last, joining the results.

A batch that is not full is filled up with copies of its first sequence, so that a score does not
depend on how many sequences a run happens to have.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.engine import Engine, Result, SharedReferences
from seqlift.attribution.lowering.inputs import row_nodes
from seqlift.inputs.references import References

# Activations of one batch, forward and back, are kept to about this many bytes.
BATCH_BYTES = 128 * 2**20
LARGEST_BATCH = 64


def automatic_size(engine: Engine, number: int) -> int:
    """Return how many sequences with `number` references each are computed at once."""
    values = sum(math.prod(engine.graph.nodes[i].shape) for i in engine.needed)
    bytes_per_sequence = 2 * values * number * np.dtype(engine.dtype).itemsize
    return int(min(max(BATCH_BYTES // bytes_per_sequence, 1), LARGEST_BATCH))


def number_of(references: NDArray[Any] | References, sequences: NDArray[Any]) -> int:
    """Return R; array references are (N, R, ...), or (R, ...) where all sequences share them."""
    if not isinstance(references, np.ndarray):
        return references.number
    return int(references.shape[references.ndim > sequences.ndim])


Rows = Mapping[int, NDArray[Any]]
"""By the number of an input of the model beside the sequence: a row for each sequence."""


def batches(
    sequences: NDArray[Any], references: NDArray[Any] | References, others: Rows, size: int
) -> Iterator[tuple[NDArray[Any], NDArray[Any] | References, Rows]]:
    """Yield at most `size` sequences at a time, with their references and other inputs."""
    own = isinstance(references, np.ndarray) and references.ndim > sequences.ndim
    for start in range(0, len(sequences), size):
        rows = slice(start, start + size)
        part = references[rows] if own and isinstance(references, np.ndarray) else references
        yield sequences[rows], part, {number: values[rows] for number, values in others.items()}


def run(
    engine: Engine,
    batch: NDArray[Any],
    references: NDArray[Any] | SharedReferences,
    size: int,
    others: Rows | None = None,
) -> list[Result]:
    """Return a result per head for at most `size` sequences, computed as a batch of `size`.

    With `others` each sequence needs references of its own.
    """
    rows = np.arange(size)
    rows[len(batch) :] = 0
    if not isinstance(references, SharedReferences):
        references = references[rows]
    fed = {
        node: np.asarray(values, engine.dtype)[rows]
        for node, (_, values) in zip(
            row_nodes(engine.graph), sorted((others or {}).items()), strict=True
        )
    }
    results = engine.explain(batch[rows], references, fed)
    return [result.rows(slice(0, len(batch))) for result in results]


def own_references(references: NDArray[Any], batch: NDArray[Any]) -> NDArray[Any]:
    """Return array references as each sequence's own, (N, R, ...)."""
    if references.ndim > batch.ndim:
        return references
    return np.broadcast_to(references, (len(batch), *references.shape))


def joined(parts: Sequence[Result]) -> Result:
    """Return the rows of all `parts`, one after another."""
    names = [item.name for item in fields(Result)]
    return Result(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})
