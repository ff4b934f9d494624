"""Track values of the rows of a run, held until its tracks are drawn.

They are at hand when rows are written; to draw them from score files, all contributions would be
decompressed again. Some are held in memory, more in a file without a name, of which nothing stays.
Knows score files; knows nothing of runs.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from seqlift.system.closing import Closing
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.score_file import TRACK_BYTES, ScoreFile

FLOAT_BYTES = 4


class HeldTracks(Closing):
    """Contributions of the observed bases of rows of several targets, in float32.

    Nothing depends on them: where the disk is full they are given up.

    Parameters
    ----------
    folder
        Where they are held once they are more than 64 MB.
    length
        Bases in a row.
    """

    def __init__(self, folder: Path, *, length: int) -> None:
        self._size = length * FLOAT_BYTES
        self._starts = array("q", [0])  # the first row of each batch, and the one to come
        self._targets = 0
        self._file = SpooledTemporaryFile(TRACK_BYTES, dir=str(folder))  # noqa: SIM115  # see `close`
        self._reading = Lock()

    def write(self, scores: Sequence[ScoreBatch]) -> None:
        """Append rows, a batch of them for each target."""
        from seqlift.tracks.arranging import observed  # numba, which reading needs not

        self._targets = len(scores)
        self._starts.append(self._starts[-1] + len(scores[0].windows))
        for batch in scores:
            values = observed(batch.codes, batch.hypothetical).astype(np.float32, copy=False)
            try:
                if not self._file.closed:
                    self._file.write(values.data)
            except OSError:
                self._file.close()

    def whole(self, rows: int) -> bool:
        """Find out whether values of `rows` rows are held."""
        try:
            if not self._file.closed:
                self._file.flush()
        except OSError:
            self._file.close()
        return self._starts[-1] == rows and not self._file.closed

    def row(self, target: int, row: int) -> NDArray[np.float32]:
        """Read the values of a row, (L,)."""
        after = bisect_right(self._starts, row)
        start, stop = self._starts[after - 1], self._starts[after]
        place = start * self._targets + target * (stop - start) + row - start
        with self._reading:
            self._file.seek(place * self._size)
            data = self._file.read(self._size)
        return np.frombuffer(data, np.float32)

    def close(self) -> None:
        """Give them up."""
        self._file.close()


class HeldScoreFile(ScoreFile):
    """A score file whose track values are those of a target in `held`, if there are any."""

    def __init__(self, path: Path, held: HeldTracks | None, target: int) -> None:
        super().__init__(path)
        self._held, self._target = held, target

    def tracks_of(
        self, rows: NDArray[np.int64], *, workers: Executor | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the track values of some rows, (L,), in the order in which they are asked for."""
        if self._held is None:
            return super().tracks_of(rows, workers=workers)
        return map(partial(self._held.row, self._target), map(int, rows))
