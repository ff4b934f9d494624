"""Score files one after another, read as one: parts, or shards, of which a track is made.

Knows score files; knows nothing of runs and shards.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.system.closing import Closing
from seqlift.tracks.batch import Attribute
from seqlift.tracks.doubts import warnings_of
from seqlift.tracks.overlap import Intervals
from seqlift.tracks.score_file import TRACK_BYTES, ScoreFile


class SeveralFiles(Closing):
    """Reads score files as one, as far as tracks and summaries need.

    Parameters
    ----------
    paths
        The files, in the order of their rows; at least one.
    path
        What messages name in the place of a file.
    attributes, sizes
        Facts about the run, and every chromosome with its length.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        path: Path,
        attributes: Mapping[str, Attribute],
        sizes: Mapping[str, int],
    ) -> None:
        self.path, self.attributes, self._sizes = path, dict(attributes), dict(sizes)
        with ExitStack() as opened:
            self.files = [opened.enter_context(ScoreFile(one)) for one in paths]
            self._opened = opened.pop_all()
        self._starts = np.cumsum([0, *(one.rows for one in self.files)])
        self.rows, self.length = int(self._starts[-1]), self.files[0].length

    def sizes(self) -> dict[str, int]:
        """List every chromosome with its length."""
        return self._sizes

    def intervals(self) -> Intervals:
        """Read where the rows lie on the genome."""
        found = [one.intervals() for one in self.files]
        names: dict[str, str] = {}
        chrom = [names.setdefault(word, word) for one in found for word in one.chrom]
        columns = ("start", "end", "scored_start", "scored_end")
        return Intervals(
            chrom, *(np.concatenate([getattr(one, name) for one in found]) for name in columns)
        )

    def values(self, name: str, rows: slice) -> NDArray[Any]:
        """Read a column of numbers."""
        return np.asarray(
            np.concatenate([one.values(name, slice(None)) for one in self.files])[rows]
        )

    def status(self) -> list[str]:
        """Read the status of every row."""
        return [word for one in self.files for word in one.status()]

    @property
    def largest_contribution(self) -> float:
        """Find the largest absolute contribution of an observed base."""
        return max(one.largest_contribution for one in self.files)

    def warnings(self) -> tuple[str, ...]:
        """Warn of scores that explain nothing, with the likely cause."""
        known = np.array([word != "all N" for word in self.status()], dtype=bool)
        names = ("prediction", "reference_prediction")
        figures = {name: self.values(f"qc/{name}", slice(None))[known] for name in names}
        return warnings_of(self.attributes, largest=self.largest_contribution, **figures)

    def tracks_of(
        self, rows: Sequence[int], *, workers: Executor | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the track values of some rows, (L,), in the order in which they are asked for."""
        most = max(1, TRACK_BYTES // (4 * self.length))
        for first in range(0, len(rows), most):
            asked = np.asarray(rows[first : first + most])
            files = np.searchsorted(self._starts, asked, side="right") - 1
            held: dict[int, NDArray[np.float32]] = {}
            for number in np.unique(files).tolist():
                start = int(self._starts[number])
                own = np.sort(asked[files == number] - start).tolist()
                found = self.files[number].tracks_of(own, workers=workers)
                held |= {start + row: values for row, values in zip(own, found, strict=True)}
            yield from (held.pop(row) for row in asked.tolist())

    def close(self) -> None:
        """Close the files."""
        self._opened.close()
