"""Score files one after another, read as one: parts, or shards, of which a track is made.

Knows score files; knows nothing of runs and shards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.system.closing import Closing
from seqlift.tracks.batch import Attribute
from seqlift.tracks.doubts import warnings_of
from seqlift.tracks.labels import Labels
from seqlift.tracks.overlap import Intervals
from seqlift.tracks.score_file import TRACK_BYTES, ScoreFile

Source = Path | Callable[[], ScoreFile]
"""A score file, or a function that opens one."""

MOST_OPEN = 64
"""Files that are kept open; of more, each is opened whenever it is read."""


def opened_scores(source: Source) -> ScoreFile:
    """Open a score file."""
    return ScoreFile(source, sparing=True) if isinstance(source, Path) else source()


class SeveralFiles(Closing):
    """Reads score files as one, as far as tracks and summaries need.

    Parameters
    ----------
    sources
        The files, in the order of their rows; at least one.
    path
        What messages name in the place of a file.
    attributes, sizes
        Facts about the run, and every chromosome with its length.

    Attributes
    ----------
    rows, length : int
        Number of rows, and of bases in each.
    largest_contribution : float
        The largest absolute contribution of an observed base.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        path: Path,
        attributes: Mapping[str, Attribute],
        sizes: Mapping[str, int],
    ) -> None:
        self.path, self.attributes, self._sizes = path, dict(attributes), dict(sizes)
        self._sources = sources
        with ExitStack() as stack:
            self._files = [stack.enter_context(opened_scores(one)) for one in sources[:MOST_OPEN]]
            found = [(one.rows, one.largest_contribution) for one in self._each()]
            self._opened = stack.pop_all()
        rows, largest = zip(*found, strict=True)
        self._starts = np.cumsum([0, *rows])
        self.rows, self.length = int(self._starts[-1]), self._files[0].length
        self.largest_contribution = max(largest)

    def _file(self, number: int) -> AbstractContextManager[ScoreFile]:
        if number < len(self._files):
            return nullcontext(self._files[number])
        return opened_scores(self._sources[number])

    def _each(self) -> Iterator[ScoreFile]:
        for number in range(len(self._sources)):
            with self._file(number) as one:
                yield one

    def sizes(self) -> dict[str, int]:
        """List every chromosome with its length."""
        return self._sizes

    def intervals(self) -> Intervals:
        """Read where the rows lie on the genome."""
        found = [one.intervals() for one in self._each()]
        chrom = Labels.joined([one.chrom for one in found])
        columns = ("start", "end", "scored_start", "scored_end")
        return Intervals(
            chrom, *(np.concatenate([getattr(one, name) for one in found]) for name in columns)
        )

    def values(self, name: str, rows: slice) -> NDArray[Any]:
        """Read a column of numbers."""
        return np.asarray(
            np.concatenate([one.values(name, slice(None)) for one in self._each()])[rows]
        )

    def status(self) -> Labels:
        """Read the status of every row."""
        return Labels.joined([one.status() for one in self._each()])

    def warnings(self) -> tuple[str, ...]:
        """Warn of scores that explain nothing, with the likely cause."""
        known = ~self.status().equal("all N")
        names = ("prediction", "reference_prediction")
        figures = {name: self.values(f"qc/{name}", slice(None))[known] for name in names}
        return warnings_of(self.attributes, largest=self.largest_contribution, **figures)

    def tracks_of(
        self, rows: NDArray[np.int64], *, workers: Executor | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the track values of some rows, (L,), in the order in which they are asked for."""
        most = max(1, TRACK_BYTES // (4 * self.length))
        for first in range(0, len(rows), most):
            asked = rows[first : first + most]
            files = np.searchsorted(self._starts, asked, side="right") - 1
            held: dict[int, NDArray[np.float32]] = {}
            for number in np.unique(files).tolist():
                start = int(self._starts[number])
                own = np.sort(asked[files == number] - start)
                with self._file(number) as one:
                    found = one.tracks_of(own, workers=workers)
                    held |= zip((own + start).tolist(), found, strict=True)
            yield from (held.pop(row) for row in asked.tolist())

    def close(self) -> None:
        """Close the files."""
        self._opened.close()
