"""The score file: rows in, rows out, in the order of the regions.

Knows HDF5 and the layout of a score file (`seqlift.tracks.layout`); knows nothing of models or of
genome-browser tracks. The bytes of a file depend on its rows only, not on the batches in which
they came.
"""

import errno
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.tracks import layout
from seqlift.tracks.batch import Attribute, ScoreBatch
from seqlift.tracks.checks import check_finite, check_shapes, check_version, damage, damaged
from seqlift.tracks.overlap import Intervals
from seqlift.tracks.summary import ScoreSummary, counted, quantiles_of_size
from seqlift.tracks.unfinished import PatientFile, UnfinishedFile, output_errors, remove

_KEPT_BYTES = 64 * 1024 * 1024
"""Track values a reader keeps, so that rows near each other are decompressed once."""


class ScoreWriter(UnfinishedFile):
    """Writes batches to a new score file; removes it when the block inside fails.

    Parameters
    ----------
    path
        The file, replaced if it exists. The caller passes a name that says "unfinished".
    length
        Bases in a row, L.
    attributes
        Facts about the run, stored at the root beside `format_version`.
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
        self.path = Path(path)
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
        with output_errors(self.path):
            self._disk = PatientFile(self.path)
        self._file = h5py.File(self._disk, "w")
        facts = {**attributes, "format_version": layout.FORMAT_VERSION, "length": length}
        self._file.attrs.update(facts)
        self._datasets = {
            name: _create(self._file, name, length=length, kind=kind, dtype=dtype)
            for name, kind in kinds.items()
        }

    def write(self, batch: ScoreBatch) -> None:
        """Append the rows of the batch."""
        columns = layout.columns(batch, self._dtype)
        check_finite(self.path, columns, rows_before=self._rows + self._held)
        contributions = columns[layout.CONTRIBUTIONS]
        self._largest = max(self._largest, float(np.max(np.abs(contributions), initial=0)))
        taken, rows = 0, len(batch.windows)
        while taken < rows:
            room = len(self._block[layout.ONE_HOT]) - self._held
            piece = slice(taken, min(taken + room, rows))
            count = piece.stop - taken
            for name, values in columns.items():
                self._block[name][self._held : self._held + count] = values[piece]
            self._held, taken = self._held + count, piece.stop
            if count == room:
                self._flush()

    def close(self) -> None:
        """Write what is held back and finish the file."""
        if not self._file:
            return
        self._flush()
        self._file.attrs["largest_contribution"] = self._largest
        self._file.close()
        with output_errors(self.path):
            self._disk.check()
            self._disk.close()

    def discard(self) -> None:
        """Close and remove the file."""
        self._file.close()
        self._disk.close()
        remove(self.path)

    def _flush(self) -> None:
        start, self._rows = self._rows, self._rows + self._held
        for name, dataset in self._datasets.items():
            dataset.resize(self._rows, axis=0)
            dataset[start:] = self._block[name][: self._held]
        self._held = 0
        with output_errors(self.path):
            self._disk.check()


def is_score_file(path: Path | str) -> bool:
    """Return whether a file is HDF5 with scores in it, of this program or another; never raises."""
    try:
        if not Path(path).is_file():  # opening a pipe would wait for ever
            return False
        with h5py.File(path, "r", locking="best-effort") as file:
            return "shap/seq" in file
    except (OSError, RuntimeError, LookupError, ValueError, TypeError):  # all are damage to h5py
        return False


class ScoreFile:
    """Reads a score file.

    Attributes
    ----------
    path : Path
    rows, length : int
        Number of rows N, and of bases in each, L.
    attributes : dict
        Facts about the run that made it.

    Raises
    ------
    InputError
        The file is missing, is not a score file of seqlift, or is damaged. Damage may show only
        when rows are read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file = _open(self.path)
        try:
            with damage(self.path):
                self.attributes = _attributes(self._file.attrs)
                check_version(self.path, self.attributes)
                self.length = int(self.attributes["length"])
                self._contributions = self._file[layout.CONTRIBUTIONS]
                self.rows = len(self._contributions)
                check_shapes(self._file, rows=self.rows, length=self.length)
        except BaseException:
            self._file.close()
            raise
        # Repacked by another tool, the dataset may have lost its chunks.
        chunks = self._contributions.chunks or (layout.chunk_rows(self.length, "float32"),)
        self._chunk = int(chunks[0])
        kept = max(1, _KEPT_BYTES // (self._chunk * self.length * 4))
        self._chunk_tracks = lru_cache(maxsize=kept)(self._read_chunk_tracks)

    def intervals(self) -> Intervals:
        """Return where the rows lie on the genome."""
        seen: dict[str, str] = {}
        chrom = [seen.setdefault(word, word) for word in self._texts("regions/chrom")]
        return Intervals(
            chrom,
            *(
                self._column(f"regions/{name}")
                for name in ("start", "end", "scored_start", "scored_end")
            ),
        )

    def tracks(self, rows: slice) -> NDArray[np.float32]:
        """Return the contributions of the observed bases, float32 (n, L); 0 where N or padded."""
        with damage(self.path):
            contributions = self._contributions[rows].astype(np.float32, copy=False)
        # At most one of the four is not zero, so the sum is exact.
        return np.asarray(contributions.sum(axis=1, dtype=np.float32))

    def track(self, row: int) -> NDArray[np.float32]:
        """Return the contributions of the observed bases of one row, read-only float32 (L,)."""
        chunk, place = divmod(row, self._chunk)
        values: NDArray[np.float32] = self._chunk_tracks(chunk)[place]
        return values

    def summary(self) -> ScoreSummary:
        """Return the figures that tell what the file is and whether its scores add up."""
        return ScoreSummary(
            rows=self.rows,
            length=self.length,
            status=counted(self._texts("regions/status")),
            residual=quantiles_of_size(self._column("qc/residual")),
            relative_residual=quantiles_of_size(self._column("qc/relative_residual")),
            largest_contribution=float(self.attributes.get("largest_contribution", "nan")),
            provenance=self.attributes,
        )

    def close(self) -> None:
        """Close the file."""
        self._chunk_tracks.cache_clear()
        self._file.close()

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def _read_chunk_tracks(self, chunk: int) -> NDArray[np.float32]:
        tracks = self.tracks(slice(chunk * self._chunk, (chunk + 1) * self._chunk))
        tracks.flags.writeable = False
        return tracks

    def _column(self, name: str) -> NDArray[Any]:
        with damage(self.path):
            return np.asarray(self._file[name][:])

    def _texts(self, name: str) -> list[str]:
        with damage(self.path):
            return list(self._file[name].asstr()[:])


def _create(
    file: h5py.File, name: str, *, length: int, kind: np.dtype[np.generic], dtype: layout.Dtype
) -> h5py.Dataset:
    shape = layout.row_shape(name, length)
    rows = layout.chunk_rows(length, dtype) if shape else layout.COLUMN_CHUNK
    return file.create_dataset(
        name,
        shape=(0, *shape),
        maxshape=(None, *shape),
        chunks=(rows, *shape),
        dtype=h5py.string_dtype("utf-8") if kind.hasobject else kind,
        # Measured against lzf and blosc: the one that every HDF5 reader opens.
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )


def _open(path: Path) -> h5py.File:
    try:
        # A folder without lock support (NFS, Lustre) must not make a finished file unreadable.
        return h5py.File(path, "r", locking="best-effort")
    except OSError as error:
        if error.errno is not None:
            reason = os.strerror(error.errno)
            remedy = "check the path" if error.errno == errno.ENOENT else "check its permissions"
            raise InputError(f"{path}: cannot be read ({reason}); {remedy}") from error
        if "truncated" in str(error):
            raise damaged(path, "it is shorter than it says") from error
        raise InputError(
            f"{path}: not an HDF5 file; give the .h5 file that `seqlift score` wrote"
        ) from error


def _attributes(stored: Mapping[str, Any]) -> dict[str, Attribute]:
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in stored.items()
    }
