"""The score file, written: batches of rows in, in the order of the regions.

Knows HDF5 and the layout of a score file (`seqlift.tracks.layout`); knows nothing of models or of
genome-browser tracks. The bytes of a file depend on its rows only, not on the batches in which
they came.
"""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from seqlift.system.closing import Finishing
from seqlift.tracks import layout
from seqlift.tracks.axes import name_axes
from seqlift.tracks.batch import Attribute, ScoreBatch
from seqlift.tracks.checks import check_finite
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
    ) -> None:
        self._dtype = dtype
        self._rows = 0
        self._largest = 0.0
        self._held = 0
        kinds = layout.dtypes(dtype, multipliers=multipliers)
        self._block = {
            name: np.empty(
                (layout.block_rows(length, dtype), *layout.row_shape(name, length)), kind
            )
            for name, kind in kinds.items()
        }
        super().__init__(path, length=length, attributes=attributes, kinds=kinds)

    @property
    def rows(self) -> int:
        """Count the rows that were written."""
        return self._rows + self._held

    def write(self, batch: ScoreBatch) -> None:
        """Append the rows of the batch."""
        columns = layout.stored_columns(batch, self._dtype)
        check_finite(self.path, columns, rows_before=self.rows)
        contributions = columns[layout.CONTRIBUTIONS]
        self._largest = max(self._largest, float(np.max(np.abs(contributions), initial=0)))
        taken, rows = 0, len(batch.windows)
        # In blocks of whole chunks, so that bytes do not depend on where batches end.
        while taken < rows:
            free = len(self._block[layout.ONE_HOT]) - self._held
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
        self._rows = rows
        for dataset in self.datasets.values():
            dataset.resize(rows, axis=0)

    def close(self) -> None:
        """Write what is held back and finish the file."""
        if not self._file:
            return
        self._flush()
        self.set_largest(self._largest)
        super().close()

    def _flush(self) -> None:
        start, self._rows = self._rows, self.rows
        for name, dataset in self.datasets.items():
            dataset.resize(self._rows, axis=0)
            dataset[start:] = self._block[name][: self._held]
        self._held = 0
        self.check()


def _create(
    file: h5py.File, name: str, *, length: int, kinds: Mapping[str, np.dtype[np.generic]]
) -> h5py.Dataset:
    shape = layout.row_shape(name, length)
    rows = layout.chunk_rows(length, kinds[layout.HYPOTHETICAL].name)
    return file.create_dataset(
        name,
        shape=(0, *shape),
        maxshape=(None, *shape),
        chunks=(rows if shape else layout.COLUMN_CHUNK, *shape),
        dtype=h5py.string_dtype("utf-8") if kinds[name].hasobject else kinds[name],
        # Measured against lzf and blosc: the one that every HDF5 reader opens.
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
