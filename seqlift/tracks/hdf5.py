"""The score file, written: batches of rows in, in the order of the regions.

Knows HDF5 and the layout of a score file (`seqlift.tracks.layout`); knows nothing of models or of
genome-browser tracks. The bytes of a file depend on its rows only, not on the batches in which
they came.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seqlift.system.closing import Finishing
from seqlift.tracks import layout
from seqlift.tracks.axes import name_axes
from seqlift.tracks.batch import Attribute, ScoreBatch
from seqlift.tracks.checks import check_finite
from seqlift.tracks.datasets import write_chunk
from seqlift.tracks.seal import seal
from seqlift.tracks.unfinished import PatientFile, output_errors, remove


class NewScoreFile(Finishing):
    """A new score file with empty datasets; removed when the block inside fails.

    Parameters
    ----------
    path
        The file, replaced if it exists. The caller passes a name that says "unfinished".
    length
        Bases in a row, L.
    attributes
        Facts about the run, stored at the root with `format_version`.
    kinds
        NumPy dtype of every dataset, by name: see `seqlift.tracks.layout.dtypes`.

    Attributes
    ----------
    datasets
        By name.

    Raises
    ------
    OutputError
        The file cannot be opened or written, for example because the disk is full.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        length: int,
        attributes: Mapping[str, Attribute],
        kinds: Mapping[str, np.dtype[np.generic]],
    ) -> None:
        self.path = Path(path)
        with output_errors(self.path):
            # h5py ends the process where it cannot flush on closing
            self._disk = PatientFile(self.path)
        self._file = h5py.File(self._disk, "w")
        facts = {**attributes, "format_version": layout.FORMAT_VERSION, "length": length}
        self._file.attrs.update(sorted(facts.items()))  # the order in which they are read again
        self.datasets = {
            name: _create(self._file, name, length=length, kinds=kinds) for name in kinds
        }

    def set_genome(self, sizes: Mapping[str, int]) -> None:
        """Store every chromosome with its length, in the order of the FASTA."""
        names = np.array(list(sizes), dtype=object)
        lengths = np.array(list(sizes.values()), dtype=np.int64)
        text = h5py.string_dtype("utf-8")
        self._file.create_dataset(layout.GENOME_CHROM, data=names, dtype=text)
        self._file.create_dataset(layout.GENOME_SIZE, data=lengths)

    def set_largest(self, largest: float) -> None:
        """Store the largest absolute contribution of an observed base."""
        self._file.attrs["largest_contribution"] = largest

    def check(self) -> None:
        with output_errors(self.path):
            self._disk.check()

    def close(self) -> None:
        """Finish the file."""
        if not self._file:
            return
        try:
            name_axes(self._file, self.datasets)
        except (OSError, RuntimeError):  # what HDF5 raises where it reads what a disk refused
            self.check()
            raise
        self._file.close()
        with output_errors(self.path):
            self._disk.check()
            seal(self._disk)
            self._disk.check()
            self._disk.close()

    def discard(self) -> None:
        """Close and remove the file."""
        self._file.close()
        self._disk.close()
        remove(self.path)


class ScoreWriter(NewScoreFile):
    """Writes batches to a new score file; removes it when the block inside fails.

    Parameters
    ----------
    path, length, attributes
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
    ) -> None:
        self._dtype, self._kept = dtype, kept
        self._workers = workers
        self._rows = 0
        self._largest = 0.0
        self._held = 0
        self._kinds = layout.dtypes(dtype, multipliers=multipliers, kept=kept)
        self._chunk, self._block_rows = (
            count(length, dtype) for count in (layout.chunk_rows, layout.block_rows)
        )
        self._length = length
        self._block, self._spare = self._new_block(), self._new_block()
        self._compressing: CompressedBlock | None = None
        self._columns: list[dict[str, NDArray[Any]]] = []  # of blocks, not written yet
        self._column_rows = 0
        super().__init__(path, length=length, attributes=attributes, kinds=self._kinds)

    def _new_block(self) -> dict[str, NDArray[Any]]:
        shapes = {name: layout.row_shape(name, self._length) for name in self._kinds}
        return {
            name: np.zeros((self._block_rows, *shapes[name]), kind)
            for name, kind in self._kinds.items()
        }

    @property
    def rows(self) -> int:
        """Count the rows that were written."""
        return self._rows + self._held

    def write(self, batch: ScoreBatch) -> None:
        """Append the rows of the batch."""
        columns = layout.stored_columns(batch, self._dtype, self._kept)
        check_finite(self.path, columns, rows_before=self.rows)
        contributions = columns[layout.main_dataset(columns)]
        most, least = (float(one(contributions, initial=0)) for one in (np.max, np.min))
        self._largest = max(self._largest, most, -least)
        taken, rows = 0, len(batch.windows)
        # In blocks of whole chunks, so that bytes do not depend on where batches end.
        while taken < rows:
            free = self._block_rows - self._held
            piece = slice(taken, min(taken + free, rows))
            count = piece.stop - taken
            for name, values in columns.items():
                self._block[name][self._held : self._held + count] = values[piece]
            self._held, taken = self._held + count, piece.stop
            if count == free:
                self._flush()

    def truncate(self, rows: int) -> None:
        """Take back what was written after the first `rows` rows."""
        self._flush()
        self._write_compressed()
        self._write_columns()
        self._rows = rows
        for dataset in self.datasets.values():
            dataset.resize(rows, axis=0)

    def close(self) -> None:
        """Write what is held back and finish the file."""
        if not self._file:
            return
        self._flush()
        self._write_compressed()
        self._write_columns()
        self.set_largest(self._largest)
        super().close()

    def _flush(self) -> None:
        """Have the rows that are held compressed, and write those that were before."""
        block, rows = self._block, self._held
        for name in layout.LARGE_DATASETS:
            if name in block:
                block[name][rows:] = 0  # of the last chunk; a block is used again
        compressing = CompressedBlock(block, rows, self._chunk, self._workers)
        self._write_compressed()
        self._compressing = compressing
        self._block, self._spare, self._held = self._spare, block, 0
        self._rows += rows

    def _write_compressed(self) -> None:
        done, self._compressing = self._compressing, None
        if done is None:
            return
        start = self._rows - done.rows
        columns = {}
        for name, dataset in self.datasets.items():
            if name in layout.LARGE_DATASETS:
                dataset.resize(self._rows, axis=0)
            else:
                columns[name] = done.columns[name][: done.rows].copy()
        for row, name, data in done.chunks():
            write_chunk(self.datasets[name], start + row, data)
        self._columns.append(columns)
        if self._rows - self._column_rows >= layout.COLUMN_CHUNK:
            self._write_columns()
        self.check()

    def _write_columns(self) -> None:
        """Write the columns of the blocks so far: rarely, as HDF5 takes long over each."""
        held, self._columns = self._columns, []
        for name in held[0] if held else ():
            self.datasets[name].resize(self._rows, axis=0)
            self.datasets[name][self._column_rows :] = np.concatenate([one[name] for one in held])
        self._column_rows = self._rows


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

        self.columns, self.rows = columns, rows
        self._made: list[tuple[int, str, Future[bytes] | bytes]] = []
        for row in range(0, rows, chunk):
            for name in [name for name in columns if name in layout.LARGE_DATASETS]:
                values = columns[name][row : row + chunk]
                if workers is None:
                    self._made.append((row, name, compressed(values, planes=True)))
                else:
                    later = workers.submit(compressed, values, planes=True)
                    self._made.append((row, name, later))

    def chunks(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield first row, dataset and bytes of each chunk, in the order of the rows."""
        for row, name, made in self._made:
            yield row, name, made if isinstance(made, bytes) else made.result()


def _create(
    file: h5py.File, name: str, *, length: int, kinds: Mapping[str, np.dtype[np.generic]]
) -> h5py.Dataset:
    shape = layout.row_shape(name, length)
    rows = layout.chunk_rows(length, kinds[layout.main_dataset(kinds)].name)
    return file.create_dataset(
        name,
        shape=(0, *shape),
        maxshape=(None, *shape),
        chunks=(rows if shape else layout.COLUMN_CHUNK, *shape),
        dtype=h5py.string_dtype("utf-8") if kinds[name].hasobject else kinds[name],
        # Measured against lzf and blosc: the one that every HDF5 reader opens. Chunks of scores are
        # compressed by `seqlift.tracks.deflate`, and columns by HDF5.
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
