"""The score file of a part, which has the rows of all targets of a run.

It has the datasets of a score file. What differs between targets (`layout.OF_TARGETS`) has them as
an axis after the rows, of which a chunk has one: its bytes are those of that target's score file.
What they share is there once. Knows HDF5 and the layout of score files; knows nothing of runs.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from seqlift.system.closing import Closing
from seqlift.tracks import layout
from seqlift.tracks.checks import check_version, damage
from seqlift.tracks.datasets import attributes, check_numbers, dataset, datasets, has, read_chunk
from seqlift.tracks.finding import open_score_file
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import check_seal


class PartFile(Closing):
    """Reads the score file of a part.

    Parameters
    ----------
    path
        The file.
    sealed
        Whether its checksum is known to be right; None to find out.

    Attributes
    ----------
    path : Path
    sealed : bool
        Whether it ends in a correct checksum.
    rows, length, targets : int
        Number of rows and of bases in each, and of targets.
    attributes : dict
        The run and the first row of the part.

    Raises
    ------
    InputError
        The file is missing, is not that of a part, or is damaged.
    """

    def __init__(self, path: Path, *, sealed: bool | None = None) -> None:
        self.path = path
        self.sealed = check_seal(path, compiled=True) if sealed is None else sealed
        self.file = open_score_file(path, sparing=True)
        try:
            with damage(path):
                self.attributes = attributes(self.file.attrs)
                check_version(path, self.attributes)
                check_numbers(self.attributes, ("length",))
                self.length = int(self.attributes["length"])
                self.kept: layout.Kept = "track" if has(self.file, layout.BASE_SUMS) else "all"
                self.main = layout.BASE_SUMS if self.kept == "track" else layout.CONTRIBUTIONS
                self.largest = dataset(self.file, layout.LARGEST_CONTRIBUTION)[:].tolist()
                self.rows, self.targets = dataset(self.file, self.main).shape[0], len(self.largest)
                about = {"rows": self.rows, "length": self.length, "targets": self.targets}
                self.datasets = datasets(self.file, **about)
        except BaseException:
            self.file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class TargetScores(ScoreFile):
    """The scores of a target in a part, read as those of a score file.

    Parameters
    ----------
    part
        The open part.
    target
        The number of the target.
    closes
        Whether closing this closes the part.
    """

    def __init__(self, part: PartFile, target: int, *, closes: bool) -> None:
        self.path, self.rows, self.length = part.path, part.rows, part.length
        self.kept, self._main, self._file = part.kept, part.main, part.file
        self.attributes = {**part.attributes, layout.LARGEST_CONTRIBUTION: part.largest[target]}
        self._part, self._target, self._closes = part, target, closes
        self._datasets = {
            name: OfTarget(one, target) if name in layout.OF_TARGETS else one
            for name, one in part.datasets.items()
        }
        self._contributions = self._datasets[self._main]
        self._chunk = int(self._contributions.chunks[0])

    def is_sealed(self) -> bool:
        """Find out whether the part ends in a correct checksum."""
        return self._part.sealed

    def stored_chunk(self, name: str, row: int) -> tuple[int, bytes]:
        """Read the chunk of a large dataset that begins at `row`: filter mask and bytes."""
        of_target = self._target if name in layout.OF_TARGETS else None
        with damage(self.path):
            return read_chunk(self._part.datasets[name], layout.first_item(name, row, of_target))

    def close(self) -> None:
        """Let go of the part."""
        if self._closes:
            self._part.close()


class OfTarget:
    """A dataset of a part, of one target: a dataset of h5py without that axis."""

    def __init__(self, whole: h5py.Dataset, target: int) -> None:
        self._whole, self._target = whole, target
        self.dtype, self.ndim = whole.dtype, whole.ndim - 1
        self.shape, self.chunks = ((one[0], *one[2:]) for one in (whole.shape, whole.chunks))
        self.compression, self.shuffle = whole.compression, whole.shuffle
        self.fletcher32 = whole.fletcher32

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> NDArray[Any]:
        return np.asarray(self._whole[rows, self._target])
