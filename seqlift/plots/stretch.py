"""Which stretch of which chromosome is drawn: rows, regions, names and the top of a score file.

Knows score files; knows nothing of pictures.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.intervals import CHANNELS, Window, middle
from seqlift.system.printable import printable
from seqlift.tracks import layout
from seqlift.tracks.overlap import Intervals
from seqlift.tracks.score_file import ScoreFile

NAMES_AT_ONCE = 4096
"""Rows whose names are read at once."""

REGION = re.compile(r"(.+):([0-9][0-9,]*)-([0-9][0-9,]*)")

NOT_SCORED = "all N"
"""Status of a row without a base that is known."""


@dataclass(frozen=True, slots=True)
class DrawnRegion:
    """A stretch to be drawn: `row` as a whole, or [start, end) where that is None."""

    chrom: str
    start: int
    end: int
    name: str = ""
    strand: str = "."
    row: int | None = None
    prediction: float | None = None


def shown_name(name: str, chrom: str) -> str:
    """Write a name; rows without one have the place of their region, which their window is not."""
    return f"region {name}" if re.fullmatch(rf"{re.escape(chrom)}:\d+-\d+", name) else name


class StretchReader:
    """Finds stretches in a score file, and reads their scores.

    Places of rows are read once; scores only where they are drawn.
    """

    def __init__(self, scores: ScoreFile) -> None:
        self.scores = scores
        self.places: Intervals = scores.intervals()

    def chromosomes(self) -> tuple[str, ...]:
        """Name the chromosomes of the genome, none where the file is a part and does not say."""
        return tuple(self.scores.sizes()) if self.scores.has_genome else ()

    def row(self, number: int) -> DrawnRegion:
        """Find a row by its number, from 0. Raises InputError where the file has fewer."""
        if not 0 <= number < self.scores.rows:
            raise InputError(
                f"{self.scores.path}: no row {number}; rows are numbered from 0 to"
                f" {self.scores.rows - 1}"
            )
        (window,) = self.scores.windows(slice(number, number + 1))
        prediction = self.scores.values("qc/prediction", slice(number, number + 1))
        return DrawnRegion(
            window.region.chrom, window.start, window.end, window.region.name,
            window.region.strand, number, float(prediction[0]),
        )  # fmt: skip

    def named(self, name: str) -> list[DrawnRegion]:
        """Find all rows of a name. Raises InputError, with names that are alike, for none."""
        names = [window.region.name for window in self._windows()]
        found = [number for number, one in enumerate(names) if one == name]
        if found:
            return [self.row(number) for number in found]
        raise InputError(
            f"{self.scores.path}: no row has the name {printable(name)!r};"
            f" {alike(name, names, 'rows have no names: give --row or --region')}"
        )

    def top(self, count: int) -> list[DrawnRegion]:
        """Find the rows of the highest predictions that were scored, the highest first."""
        return [self.row(int(number)) for number in self.by_prediction()[:count]]

    def by_prediction(self) -> NDArray[np.int64]:
        """Order the rows that were scored by prediction, the highest first."""
        prediction = self.scores.values("qc/prediction", slice(None))
        scored = ~self.scores.status().equal(NOT_SCORED)
        (numbers,) = np.nonzero(scored & np.isfinite(prediction))
        return numbers[np.argsort(-prediction[numbers], kind="stable")]

    def region(self, text: str) -> DrawnRegion:
        """Find a stretch by its place, as ``chr1:1,000-1,200``, 0-based and half-open.

        Raises InputError where it is not a place, or none of it was scored.
        """
        found = REGION.fullmatch(text.strip())
        if not found:
            raise InputError(
                f"{text!r} is not chrom:start-end; give 0-based half-open coordinates, such as"
                f" {self._example()}"
            )
        chrom, (start, end) = found[1], (int(word.replace(",", "")) for word in found.groups()[1:])
        if start >= end:
            raise InputError(f"{text}: end {end} is not after start {start}; give a larger end")
        self.covering(chrom, start, end)
        return DrawnRegion(chrom, start, end)

    def covering(self, chrom: str, start: int, end: int) -> NDArray[np.int64]:
        """Find the rows that score a base of a stretch.

        Raises InputError, naming what is nearest, where there is none.
        """
        places, here = self.places, self.places.chrom.equal(chrom)
        if not here.any():
            known = alike(chrom, self.places.chrom.names, "the file has no rows")
            raise InputError(f"{self.scores.path}: no row lies on {printable(chrom)!r}; {known}")
        first, last = np.maximum(places.scored_start, start), np.minimum(places.scored_end, end)
        (found,) = np.nonzero(here & (first < last))
        if len(found):
            return found
        (rows,) = np.nonzero(here)
        gap = np.maximum(places.scored_start[rows] - end, start - places.scored_end[rows])
        near = int(rows[gap.argmin()])
        raise InputError(
            f"{self.scores.path}: {printable(chrom)}:{start}-{end} is not scored; nearest is row"
            f" {near}, {self._place(near)}"
        )

    def values(
        self, stretch: DrawnRegion, kind: str
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Read scores of a stretch, (L, 4), and which of its bases are known and scored, (L,).

        Where rows overlap, a base has the score of the row whose middle is nearest.

        Parameters
        ----------
        stretch
            Of this or of another file.
        kind
            Name of a dataset of the score file.

        Raises
        ------
        InputError
            The file has no such dataset, or no row of the stretch.
        """
        self._check_kind(kind)
        length = stretch.end - stretch.start
        values = np.zeros((length, CHANNELS))
        known = np.zeros(length, dtype=bool)
        nearest = np.full(length, np.iinfo(np.int64).max)
        for number in self._rows_of(stretch):
            first, last = self._bounds(number, whole=stretch.row is not None)
            first, last = max(first, stretch.start), min(last, stretch.end)
            if first >= last:
                continue
            middle_of_row = middle(int(self.places.start[number]), int(self.places.end[number]))
            distance = np.abs(np.arange(first, last) - middle_of_row)
            ours = slice(first - stretch.start, last - stretch.start)
            better = distance < nearest[ours]
            offset = first - int(self.places.start[number])
            one = slice(number, number + 1)
            part = self.scores.values(kind, one)[0].T[offset : offset + len(better)]
            bases = self.scores.values(layout.ONE_HOT, one)[0].T[offset : offset + len(better)]
            values[ours][better] = part[better]
            known[ours][better] = bases.any(axis=1)[better]
            nearest[ours][better] = distance[better]
        return values, known

    def has(self, kind: str) -> bool:
        """Tell whether the file has a dataset."""
        return kind in self.scores.kinds()

    def _check_kind(self, kind: str) -> None:
        if not self.has(kind):
            raise InputError(
                f"{self.scores.path}: it has no multipliers; run `seqlift score` with --multipliers"
            )

    def _rows_of(self, stretch: DrawnRegion) -> list[int]:
        number = stretch.row
        if number is not None and number < self.scores.rows:
            place = (self.places.chrom[number], self.places.start[number], self.places.end[number])
            if place == (stretch.chrom, stretch.start, stretch.end):
                return [number]
        found = self.covering(stretch.chrom, stretch.start, stretch.end)
        return [int(row) for row in found[np.argsort(self.places.start[found], kind="stable")]]

    def _bounds(self, number: int, *, whole: bool) -> tuple[int, int]:
        names = ("start", "end") if whole else ("scored_start", "scored_end")
        first, last = (int(getattr(self.places, name)[number]) for name in names)
        return first, last

    def _windows(self) -> Iterator[Window]:
        for start in range(0, self.scores.rows, NAMES_AT_ONCE):
            yield from self.scores.windows(slice(start, start + NAMES_AT_ONCE))

    def _place(self, number: int) -> str:
        start, end = self.places.scored_start[number], self.places.scored_end[number]
        return f"{printable(self.places.chrom[number])}:{start}-{end}"

    def _example(self) -> str:
        return self._place(0) if self.scores.rows else "chr1:1000-1200"


def alike(word: str, words: Sequence[str], without: str) -> str:
    known = [one for one in dict.fromkeys(words) if one != "."]
    near = get_close_matches(word, known, n=3, cutoff=0.4) or known[:3]
    return f"nearest are {', '.join(map(printable, near))}" if near else without
