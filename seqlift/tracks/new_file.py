"""A new score file: its datasets, attributes and axes, before rows are written to it.

Knows HDF5 and the layout of a score file (`seqlift.tracks.layout`); knows nothing of where rows
come from.
"""

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from seqlift.system.closing import Finishing
from seqlift.tracks import layout
from seqlift.tracks.axes import name_axes
from seqlift.tracks.batch import Attribute
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
    targets
        How many targets the file has: those of a part (`seqlift.tracks.part_file`). None for a
        score file, which has one, and whose datasets have no axis of targets.

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
        targets: int | None = None,
    ) -> None:
        self.path, self._targets = Path(path), targets
        with output_errors(self.path):
            # h5py ends the process where it cannot flush on closing
            self._disk = PatientFile(self.path)
        self._file = h5py.File(self._disk, "w")
        facts = {**attributes, "format_version": layout.FORMAT_VERSION, "length": length}
        self._file.attrs.update(sorted(facts.items()))  # the order in which they are read again
        self.datasets = {
            name: _create(self._file, name, length=length, kinds=kinds, targets=targets)
            for name in kinds
        }

    def set_genome(self, sizes: Mapping[str, int]) -> None:
        """Store every chromosome with its length, in the order of the FASTA."""
        names = np.array(list(sizes), dtype=object)
        lengths = np.array(list(sizes.values()), dtype=np.int64)
        text = h5py.string_dtype("utf-8")
        self._file.create_dataset(layout.GENOME_CHROM, data=names, dtype=text)
        self._file.create_dataset(layout.GENOME_SIZE, data=lengths)

    def set_largest(self, *largest: float) -> None:
        """Store the largest absolute contribution of an observed base, of each target."""
        if self._targets is None:
            (self._file.attrs["largest_contribution"],) = largest
        else:
            self._file.create_dataset(layout.LARGEST_CONTRIBUTION, data=np.array(largest))

    def check(self) -> None:
        with output_errors(self.path):
            self._disk.check()

    def close(self) -> None:
        """Finish the file."""
        if not self._file:
            return
        try:
            if self._targets is None:
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


def _create(
    file: h5py.File,
    name: str,
    *,
    length: int,
    kinds: Mapping[str, np.dtype[np.generic]],
    targets: int | None,
) -> h5py.Dataset:
    shape = layout.row_shape(name, length)
    rows = layout.chunk_rows(length, kinds[layout.main_dataset(kinds)].name) if shape else 0
    # A chunk has rows of one target, and so the bytes that it has in that target's score file.
    axis = (targets,) if targets is not None and name in layout.OF_TARGETS else ()
    return file.create_dataset(
        name,
        shape=(0, *axis, *shape),
        maxshape=(None, *axis, *shape),
        chunks=(rows or layout.COLUMN_CHUNK, *(1 for _ in axis), *shape),
        dtype=h5py.string_dtype("utf-8") if kinds[name].hasobject else kinds[name],
        # Measured against lzf and blosc: the one that every HDF5 reader opens. Chunks of scores are
        # compressed by `seqlift.tracks.deflate`, and columns by HDF5.
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
