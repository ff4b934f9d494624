"""The score file, written: batches of rows in, in the order of the regions.

Knows HDF5 and the layout of a score file (`seqlift.tracks.layout`); knows nothing of models or of
genome-browser tracks. The bytes of a file depend on its rows only, not on the batches in which
they came.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.tracks import layout
from seqlift.tracks.batch import Attribute, ScoreBatch
from seqlift.tracks.checks import check_finite
from seqlift.tracks.datasets import write_chunk
from seqlift.tracks.new_file import NewScoreFile


class ScoreWriter(NewScoreFile):
    """Writes batches to a new score file; removes it when the block inside fails.

    Large datasets are written in blocks; the columns of one number or text a row are held until the
    end, as in a part of many targets each of them is a chunk of its own.

    Parameters
    ----------
    path, length, attributes, targets
        See `NewScoreFile`.
    dtype
        Of the contributions. float16 halves the file and costs 2.5e-4 of the row sums.
    multipliers
        Whether the batches have multipliers, to be stored too.
    kept
        What is kept of the scores.
    workers
        Threads that compress; without them `write` does. The bytes are the same.

    Raises
    ------
    OutputError
        The file cannot be opened or written, for example because the disk is full.
    NumericError
        A contribution is not finite, or too large for `dtype`.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        length: int,
        attributes: Mapping[str, Attribute],
        dtype: layout.Dtype = "float32",
        multipliers: bool = False,
        kept: layout.Kept = "all",
        workers: Executor | None = None,
        targets: int | None = None,
    ) -> None:
        self._kept = kept
        self._workers = workers
        self._rows = 0
        self._largest = [0.0] * (targets or 1)
        self._held = 0
        kinds = layout.dtypes(dtype, multipliers=multipliers, kept=kept)
        self._large = {name: kinds[name] for name in kinds if name in layout.LARGE_DATASETS}
        self._columns: dict[str, list[NDArray[Any]]] = {
            name: [] for name in kinds if name not in self._large
        }
        self._chunk = layout.chunk_rows(length, dtype)
        self._block_rows = layout.block_rows(length, dtype, targets or 1)
        self._length = length
        self._block = self._new_block()
        # One chunk of each of many targets is a large block, and two of them much memory.
        large = len(self._largest) > 1 and self._block_rows == self._chunk
        self._spare = None if large else self._new_block()
        self._compressing: CompressedBlock | None = None
        super().__init__(path, length=length, attributes=attributes, kinds=kinds, targets=targets)

    def _new_block(self) -> dict[str, NDArray[Any]]:
        """Make arrays for rows of the large datasets, by target: (targets, rows, ...)."""
        return {
            name: np.zeros(
                (
                    len(self._largest) if name in layout.OF_TARGETS else 1,
                    self._block_rows,
                    *layout.row_shape(name, self._length),
                ),
                kind,
            )
            for name, kind in self._large.items()
        }

    @property
    def rows(self) -> int:
        """Count the rows that were written."""
        return self._rows + self._held

    def write(self, *batches: ScoreBatch) -> None:
        """Append rows, a batch of them for each target."""
        shared = layout.window_columns(batches[0], self._kept)
        for name, held in self._columns.items():
            if name in layout.OF_TARGETS:
                figure = name.removeprefix("qc/")
                held.append(np.stack([getattr(batch, figure) for batch in batches], axis=1))
            else:
                held.append(shared[name])
        taken, rows = 0, len(batches[0].windows)
        # In blocks of whole chunks, so that bytes do not depend on where batches end.
        while taken < rows:
            free = self._block_rows - self._held
            piece = slice(taken, min(taken + free, rows))
            self._arrange(batches, shared, piece)
            self._held, taken = self._held + piece.stop - taken, piece.stop
            if self._held == self._block_rows:
                self._flush()

    def _arrange(self, batches: Sequence[ScoreBatch], shared: layout.Columns, piece: slice) -> None:
        """Put rows of the large datasets into the block."""
        place = slice(self._held, self._held + piece.stop - piece.start)
        for name in self._large:
            if name not in layout.OF_TARGETS:
                self._block[name][0, place] = shared[name][piece]

        def arranged(target: int) -> tuple[float, float]:
            return layout.arrange_scores(batches[target], columns[target], rows=piece)

        names = [name for name in self._large if name in layout.OF_TARGETS]
        columns = [
            {name: self._block[name][target, place] for name in names}
            for target in range(len(batches))
        ]
        each = map if self._workers is None else self._workers.map
        for target, (largest, highest) in enumerate(each(arranged, range(len(batches)))):
            if not isfinite(highest):
                regions = {name: shared[name][piece] for name in shared if name not in self._large}
                check_finite(self.path, columns[target] | regions, rows_before=self.rows)
            self._largest[target] = max(self._largest[target], largest)

    def truncate(self, rows: int) -> None:
        """Take back what was written after the first `rows` rows."""
        self._flush()
        self._write_compressed()
        self._rows = rows
        for name in self._large:
            self.datasets[name].resize(rows, axis=0)
        for name, held in self._columns.items():
            self._columns[name] = [np.concatenate(held)[:rows]] if held else []

    def close(self) -> None:
        """Write what is held back and finish the file."""
        if not self._file:
            return
        self._flush()
        self._write_compressed()
        for name, held in self._columns.items():
            if held:
                dataset, values = self.datasets[name], np.concatenate(held)
                dataset.resize(self._rows, axis=0)
                dataset[:] = values if values.ndim == dataset.ndim else values[:, 0]
        self.set_largest(*self._largest)
        super().close()

    def _flush(self) -> None:
        """Have the rows that are held compressed, and write those that were before."""
        block, rows = self._block, self._held
        for values in block.values():
            values[:, rows:] = 0  # of the last chunk; a block is used again
        compressing = CompressedBlock(block, rows, self._chunk, self._workers)
        self._write_compressed()
        self._compressing = compressing
        self._rows, self._held = self._rows + rows, 0
        if self._spare is None:
            self._write_compressed()
        else:
            self._block, self._spare = self._spare, block

    def _write_compressed(self) -> None:
        done, self._compressing = self._compressing, None
        if done is None:
            return
        start = self._rows - done.rows
        for name in self._large:
            self.datasets[name].resize(self._rows, axis=0)
        for row, name, target, data in done.chunks():
            has_axis = name in layout.OF_TARGETS and self._targets is not None
            item = layout.first_item(name, start + row, target if has_axis else None)
            write_chunk(self.datasets[name], item, data)
        self.check()


class CompressedBlock:
    """The rows of a block, whose chunks of large datasets are compressed in threads."""

    def __init__(
        self,
        columns: Mapping[str, NDArray[Any]],
        rows: int,
        chunk: int,
        workers: Executor | None,
    ) -> None:
        from seqlift.tracks.deflate import compressed  # numba, which joining files needs not

        self.rows = rows
        self._made: deque[tuple[int, str, int, Future[bytes] | bytes]] = deque()
        for row in range(0, rows, chunk):
            for name, blocks in columns.items():
                for target, block in enumerate(blocks):
                    values = block[row : row + chunk]
                    made: Future[bytes] | bytes
                    if workers is None:
                        made = compressed(values, planes=True)
                    else:
                        made = workers.submit(compressed, values, planes=True)
                    self._made.append((row, name, target, made))

    def chunks(self) -> Iterator[tuple[int, str, int, bytes]]:
        """Yield first row, dataset, target and bytes of each chunk, and let go of it."""
        while self._made:
            row, name, target, made = self._made.popleft()
            yield row, name, target, made if isinstance(made, bytes) else made.result()
