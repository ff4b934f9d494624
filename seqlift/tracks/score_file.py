"""The score file, read: rows, the figures about them, and what the merging of files needs.

Knows HDF5 and the layout of a score file (`seqlift.tracks.layout`); knows nothing of models or of
genome-browser tracks.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from itertools import groupby
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.intervals import Region, Window
from seqlift.system.closing import Closing
from seqlift.system.numbers import number_or_none
from seqlift.tracks import layout
from seqlift.tracks.checks import check_positions, check_version, damage
from seqlift.tracks.chunks import in_threads, track_of_chunk
from seqlift.tracks.datasets import attributes, check_numbers, dataset, datasets, has, read_chunk
from seqlift.tracks.doubts import warnings_of
from seqlift.tracks.finding import open_score_file
from seqlift.tracks.labels import Labels
from seqlift.tracks.overlap import Intervals
from seqlift.tracks.score_summary import ScoreSummary, quantiles_of_size
from seqlift.tracks.seal import check_seal

TRACK_BYTES = 64 * 1024 * 1024
"""Track values that are read at a time."""

TEXTS_AT_ONCE = 65_536
"""Rows of which texts are read at a time."""


class ScoreFile(Closing):
    """Reads a score file.

    Parameters
    ----------
    path
        The file.
    sparing
        Whether to keep little of it in memory, as where many are open at once.

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

    def __init__(self, path: Path | str, *, sparing: bool = False) -> None:
        self.path = Path(path)
        self._file = open_score_file(self.path, sparing=sparing)
        try:
            with damage(self.path):
                self.attributes = attributes(self._file.attrs)
                check_version(self.path, self.attributes)
                check_numbers(self.attributes, ("length", "largest_contribution"))
                self.length = int(self.attributes["length"])
                self.kept: layout.Kept = "track" if has(self._file, layout.BASE_SUMS) else "all"
                self._main = layout.BASE_SUMS if self.kept == "track" else layout.CONTRIBUTIONS
                self._contributions = dataset(self._file, self._main)
                self.rows = len(self._contributions)
                self._datasets = datasets(self._file, rows=self.rows, length=self.length)
        except BaseException:
            self._file.close()
            raise
        # Repacked by another tool, the dataset may have lost its chunks.
        chunks = self._contributions.chunks or (layout.chunk_rows(self.length, "float32"),)
        self._chunk = int(chunks[0])

    def intervals(self) -> Intervals:
        """Read where the rows lie on the genome.

        Raises InputError for a row whose place makes no sense.
        """
        columns = (
            self._column(f"regions/{name}").astype(np.int64)
            for name in ("start", "end", "scored_start", "scored_end")
        )
        found = Intervals(self.labels("regions/chrom"), *columns)
        with damage(self.path):
            check_positions(found, self.length)
        return found

    @property
    def largest_contribution(self) -> float:
        """Find the largest absolute contribution of an observed base."""
        return float(self.attributes.get("largest_contribution", "nan"))

    @property
    def has_genome(self) -> bool:
        """Find out whether the file says how long the chromosomes are; a part does not."""
        return layout.GENOME_CHROM in self._datasets

    def sizes(self) -> dict[str, int]:
        """List every chromosome with its length, in the order of the FASTA.

        Raises InputError where the file has none, being part of another.
        """
        if not self.has_genome:
            raise InputError(
                f"{self.path}: it does not say how long the chromosomes are; give the .h5 file that"
                " `seqlift score` or `seqlift merge` finished"
            )
        names, lengths = self.texts(layout.GENOME_CHROM), self._column(layout.GENOME_SIZE)
        with damage(self.path):
            found = dict(zip(names, lengths.tolist(), strict=True))
            if len(found) < len(names) or min(found.values(), default=0) < 0:
                raise ValueError("the lengths of the chromosomes make no sense")
        return found

    def kinds(self) -> dict[str, np.dtype[np.generic]]:
        """List the NumPy dtype of every dataset, by name; object stands for text."""
        stored = self._contributions.dtype.name
        possible = layout.dtypes(stored, multipliers=True, deviation=True, kept=self.kept)
        found = {name: kind for name, kind in possible.items() if name in self._datasets}
        return found | {layout.SCORE: self._datasets[layout.SCORE].dtype}

    def has_own_chunks(self, rows: int) -> bool:
        """Tell whether the large datasets are stored as they were written, `rows` to a chunk."""
        names = [name for name in self.kinds() if name in layout.LARGE_DATASETS]
        with damage(self.path):
            return all(
                one.chunks == (rows, *one.shape[1:])
                and (one.compression, one.shuffle, one.fletcher32) == ("gzip", True, False)
                for one in (self._datasets[name] for name in names)
            )

    def is_sealed(self) -> bool:
        """Compare the file with its checksum: see `seqlift.tracks.seal.check_seal`."""
        return check_seal(self.path)

    def stored_chunk(self, name: str, row: int) -> tuple[int, bytes]:
        """Read the chunk of a large dataset that begins at `row`: filter mask and bytes."""
        with damage(self.path):
            return read_chunk(self._datasets[name], layout.first_item(name, row))

    def values(self, name: str, rows: slice | NDArray[np.int64]) -> NDArray[Any]:
        """Read some rows of a dataset: a slice, or increasing numbers of rows."""
        return self._column(name, rows)

    def windows(self, rows: slice) -> list[Window]:
        """Read where some rows lie.

        A file does not keep the extent of regions: they are as long as their windows here.
        """
        texts = (self.texts(f"regions/{name}", rows) for name in ("chrom", "name", "strand"))
        places = ("start", "end", "scored_start", "scored_end")
        numbers = (self._column(f"regions/{name}", rows).tolist() for name in places)
        measures = (self.measure(name, rows) for name in (layout.SCORE, *layout.PEAK_MEASURES))
        found = []
        for (chrom, name, strand), (start, end, first, last), (score, *measured) in zip(
            zip(*texts, strict=True),
            zip(*numbers, strict=True),
            zip(*measures, strict=True),
            strict=True,
        ):
            signal, p_value, q_value = measured
            region = Region(
                chrom, start, end, name, score, strand,
                signal=signal, p_value=p_value, q_value=q_value,
            )  # fmt: skip
            found.append(Window(region, start, end, first, last))
        return found

    def measure(self, name: str, rows: slice = slice(None)) -> list[float | None]:
        """Read a score or measure of the peaks of some rows; None where a row has no number."""
        if name not in self._datasets:
            return [None] * len(range(*rows.indices(self.rows)))
        return [None if isnan(value) else value for value in self.numbers(name, rows).tolist()]

    def numbers(self, name: str, rows: slice = slice(None)) -> NDArray[Any]:
        """Read a column of numbers of some rows, NaN where earlier versions kept other text."""
        if self._datasets[name].dtype.hasobject:
            found = [number_or_none(text) for text in self.texts(name, rows)]
            return np.array(found, dtype=np.float64)
        return self._column(name, rows)

    def status(self) -> Labels:
        """Read the status of every row."""
        return self.labels("regions/status")

    def tracks(self, rows: slice) -> NDArray[np.float32]:
        """Read the contributions of the observed bases, float32 (n, L); 0 where N or padded."""
        with damage(self.path):
            contributions = self._contributions[rows].astype(np.float32, copy=False)
        if self.kept == "track":
            return np.asarray(contributions)
        # At most one of the four is not zero, so the sum is exact.
        return np.asarray(contributions.sum(axis=1, dtype=np.float32))

    def tracks_of(
        self, rows: NDArray[np.int64], *, workers: Executor | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the same of some rows, (L,), in the order in which they are asked for.

        Up to 64 MB of them are read at a time, so that of rows that are asked for in no order few
        chunks are decompressed more than once; by `workers`, where there are any.
        """
        most = max(1, TRACK_BYTES // (4 * self.length))
        for start in range(0, len(rows), most):
            asked = rows[start : start + most].tolist()
            held: dict[int, NDArray[np.float32]] = {}
            # Rows of one chunk together, as each reading of it decompresses all of it.
            members = [
                (chunk * self._chunk, list(found))
                for chunk, found in groupby(sorted(asked), key=lambda row: row // self._chunk)
            ]
            tracks = self._tracks_of_chunks([first for first, _ in members], workers)
            for (first, found), values in zip(members, tracks, strict=True):
                # a view would hold the whole chunk
                held |= {row: values[row - first].copy() for row in found}
            yield from (held.pop(row) for row in asked)

    def _tracks_of_chunks(
        self, firsts: Sequence[int], workers: Executor | None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the track values of the chunks that begin at these rows, (n, L)."""
        if not self.has_own_chunks(self._chunk):
            yield from (self.tracks(slice(first, first + self._chunk)) for first in firsts)
            return
        shape, dtype = self._contributions.chunks, self._contributions.dtype
        calls = (
            partial(
                track_of_chunk,
                *self.stored_chunk(self._main, first),
                shape=shape,
                dtype=dtype,
            )
            for first in firsts
        )
        with damage(self.path):
            yield from in_threads(calls, workers)

    def warnings(self) -> tuple[str, ...]:
        """Warn of scores that explain nothing, with the likely cause."""
        known = ~self.status().equal("all N")
        names = ("prediction", "reference_prediction")
        figures = {name: self._column(f"qc/{name}")[known] for name in names}
        return warnings_of(self.attributes, largest=self.largest_contribution, **figures)

    def summary(self) -> ScoreSummary:
        """Summarise the figures that tell what the file is and whether its scores add up."""
        return ScoreSummary(
            rows=self.rows,
            length=self.length,
            status=self.status().counts(),
            residual=quantiles_of_size(self._column("qc/residual")),
            relative_residual=quantiles_of_size(self._column("qc/relative_residual")),
            largest_contribution=self.largest_contribution,
            provenance=self.attributes,
            warnings=self.warnings(),
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _column(self, name: str, rows: slice | NDArray[np.int64] = slice(None)) -> NDArray[Any]:
        if not self._file:
            raise InputError(f"{self.path}: the file is closed; open it again with seqlift.read")
        if name not in self._datasets and self.kept == "track":
            raise InputError(
                f"{self.path}: it keeps the track alone, and no {name}; score without --keep track"
            )
        with damage(self.path):
            return np.asarray(self._datasets[name][rows])

    def labels(self, name: str) -> Labels:
        """Read a column of text of which few values differ."""
        blocks = range(0, self.rows, TEXTS_AT_ONCE)
        return Labels.of(self.texts(name, slice(row, row + TEXTS_AT_ONCE)) for row in blocks)

    def texts(self, name: str, rows: slice = slice(None)) -> list[str]:
        """Read a column of text of some rows."""
        with damage(self.path):
            return list(self._datasets[name].asstr()[rows])
