"""Score files for notebooks: arrays that are read where they are asked for, tables of pandas.

    scores = seqlift.read("peaks.seqlift.h5")
    scores.regions.query("status == 'ok'")
    scores.contributions[10]  # (L, 4)

Axes are those of `seqlift.Result`, (N, L, 4), not those of the file. Knows score files; knows
nothing of models.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from seqlift.intervals import CHANNELS
from seqlift.system.closing import Closing
from seqlift.system.described import Described
from seqlift.system.printable import printable
from seqlift.tracks import layout
from seqlift.tracks.score_file import ScoreFile

if TYPE_CHECKING:
    from pandas import DataFrame

REGION_COLUMNS = (
    "chrom", "start", "end", "name", "score", "strand", "signal_value", "p_value", "q_value",
    "summit", "scored_start", "scored_end", "status",
)  # fmt: skip
"""Columns of `StoredScores.regions`, as far as the file has them."""


class ScoreArray:
    """An array (N, L, 4) of a score file, of which only what is indexed is read.

    Rows are chosen by a number, a slice, a list of numbers or a mask, other axes as in NumPy;
    ``np.asarray`` reads all of it.

    Attributes
    ----------
    shape, dtype, ndim
        As of a NumPy array.
    """

    ndim = 3

    def __init__(self, scores: ScoreFile, name: str) -> None:
        self._scores = scores
        self._name = name
        self.shape = (scores.rows, scores.length, CHANNELS)
        self.dtype = scores.values(name, slice(0, 0)).dtype  # refuses what is not kept

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis or first is None:
            return np.asarray(self)[key]
        if isinstance(first, int | np.integer):
            place = range(len(self))[int(first)]
            return self._read(slice(place, place + 1))[0][tuple(rest)]
        return self._chosen(first)[(slice(None), *rest)]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError(f"{self._name} is read from a file, so an array of it is a copy")
        return np.ascontiguousarray(self._read(slice(None)), dtype=dtype)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        rows = layout.block_rows(self.shape[1], self.dtype.name)
        for start in range(0, len(self), rows):
            yield from self._read(slice(start, start + rows))

    def __repr__(self) -> str:
        return f"<{self._name} {self.shape} {self.dtype}, in {printable(str(self._scores.path))}>"

    def _chosen(self, rows: Any) -> NDArray[Any]:
        if isinstance(rows, slice) and (rows.step or 1) > 0:  # h5py has no steps back
            return self._read(rows)
        every = np.arange(len(self))
        wanted = every[np.array(rows, dtype=int) if isinstance(rows, list) and not rows else rows]
        if not len(wanted):
            return np.empty((0, *self.shape[1:]), self.dtype)
        # h5py reads increasing rows only, each once
        unique, places = np.unique(wanted, return_inverse=True)
        return self._read(unique)[places]

    def _read(self, rows: slice | NDArray[np.int64]) -> NDArray[Any]:
        return self._scores.values(self._name, rows).swapaxes(1, 2)


@dataclass(frozen=True, slots=True)
class ScoreRows:
    """Consecutive rows of a score file, read.

    Attributes
    ----------
    start
        Number of the first row, from 0.
    regions, qc
        Tables of pandas, whose index is the number of the row.
    one_hot, hypothetical, contributions
        (n, L, 4).
    """

    start: int
    regions: "DataFrame"
    qc: "DataFrame"
    one_hot: NDArray[np.int8]
    hypothetical: NDArray[np.floating]
    contributions: NDArray[np.floating]


class StoredScores(Described, Closing):
    """A score file, open for reading; a context manager.

    Attributes
    ----------
    path : Path
    file : ScoreFile
        The file as other parts of seqlift read it.
    attributes : dict
        Facts about the run that wrote the file.
    length : int
        Bases in a row, L. ``len(scores)`` is the number of rows, N.
    one_hot, hypothetical, contributions : ScoreArray
        (N, L, 4), channels A C G T.
    multipliers, deviation : ScoreArray or None
        (N, L, 4), where the file has them (``--multipliers``, ``merge --mean``).
    """

    def __init__(self, path: Path | str) -> None:
        self.file = ScoreFile(path)
        self.path = self.file.path
        self.attributes = dict(self.file.attributes)
        self.length = self.file.length
        self.one_hot = ScoreArray(self.file, layout.ONE_HOT)
        self.hypothetical = ScoreArray(self.file, layout.HYPOTHETICAL)
        self.contributions = ScoreArray(self.file, layout.CONTRIBUTIONS)
        self.multipliers = self._optional(layout.MULTIPLIERS)
        self.deviation = self._optional(layout.DEVIATION)

    def __len__(self) -> int:
        return self.file.rows

    @cached_property
    def regions(self) -> "DataFrame":
        """Read where the rows lie and what the regions file says of them: N rows, str and numbers.

        Columns are ``chrom``, ``start``, ``end`` of the window (0-based, half-open), ``name``,
        ``score``, ``strand``, ``signal_value``, ``p_value``, ``q_value`` (NaN where a region has
        none), ``summit`` (counted from start), ``scored_start``, ``scored_end``, ``status``.
        """
        return self._table("regions", REGION_COLUMNS, slice(None))

    @cached_property
    def qc(self) -> "DataFrame":
        """Read the prediction, reference prediction, difference and residuals of every row."""
        return self._table("qc", _FIGURE_NAMES, slice(None))

    def chunks(self, rows: int | None = None) -> Iterator[ScoreRows]:
        """Yield the rows in their order, `rows` at a time (by default some 2 MB of scores)."""
        step = rows or layout.block_rows(self.length, self.contributions.dtype.name)
        for start in range(0, len(self), step):
            which = slice(start, min(start + step, len(self)))
            yield ScoreRows(
                start,
                self._table("regions", REGION_COLUMNS, which),
                self._table("qc", _FIGURE_NAMES, which),
                self.one_hot[which],
                self.hypothetical[which],
                self.contributions[which],
            )

    def close(self) -> None:
        """Close the file; tables that were read stay."""
        self.file.close()

    def facts(self) -> dict[str, str]:
        """List what the file holds, in words."""
        status = self.file.status().counts()
        about = (str(self.attributes.get(name, "")) for name in ("model", "target", "method"))
        return {
            "score file": str(self.path),
            "rows": f"{len(self)} of {self.length} bases",
            "status": ", ".join(f"{count} {word}" for word, count in status.items()),
            "model, target, method": ", ".join(filter(None, about)),
            "arrays": "one_hot, hypothetical, contributions (N, L, 4); regions, qc: tables",
        }

    def _optional(self, name: str) -> ScoreArray | None:
        return ScoreArray(self.file, name) if name in self.file.kinds() else None

    def _table(self, group: str, names: tuple[str, ...], rows: slice) -> "DataFrame":
        from pandas import DataFrame, RangeIndex  # only for tables

        kinds = self.file.kinds()
        columns = {
            name: self.file.texts(f"{group}/{name}", rows)
            if f"{group}/{name}" in layout.TEXTS
            else self.file.numbers(f"{group}/{name}", rows)
            for name in names
            if f"{group}/{name}" in kinds
        }
        index = RangeIndex(*rows.indices(len(self)))
        return DataFrame(columns, index=index)


_FIGURE_NAMES = tuple(name.removeprefix("qc/") for name in layout.FIGURES)


def read_scores(path: Path | str) -> StoredScores:
    """Open a score file for reading.

    Returns
    -------
    StoredScores
        Arrays (N, L, 4) that are read where they are indexed, bases in the order A C G T, and
        tables of the regions and of how well their scores add up. Close it, or use it in `with`.

    Raises
    ------
    InputError
        The file is missing, is not a score file of seqlift, or is damaged.
    """
    return StoredScores(path)
