"""Contributions of annotations of a name, such as instances of a motif: sums over a pass of rows.

Knows intervals and arrays; knows nothing of pages.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seqlift.intervals import Region
from seqlift.tracks.overlap import Intervals

NAMELESS = "without a name"


class AnnotationSums:
    """Adds up contributions within annotations that lie wholly in a row.

    Attributes
    ----------
    found : dict
        For each name, the numbers of its annotations that lie in any row.
    signed, sizes, bases : dict
        For each name, sums of contributions and of |contribution|, and the bases summed over; an
        annotation in several rows counts in each.
    """

    def __init__(self, annotations: Sequence[Region]) -> None:
        by_chrom = defaultdict(list)
        for number, one in enumerate(annotations):
            by_chrom[one.chrom].append((one.start, one.end, number, one.name))
        self._sorted = {chrom: sorted(some) for chrom, some in by_chrom.items()}
        self._starts = {
            chrom: np.array([start for start, *_ in some]) for chrom, some in self._sorted.items()
        }
        self.found: dict[str, set[int]] = defaultdict(set)
        self.signed: dict[str, float] = defaultdict(float)
        self.sizes: dict[str, float] = defaultdict(float)
        self.bases: dict[str, int] = defaultdict(int)

    def add(self, places: Intervals, first: int, tracks: NDArray[np.float32]) -> None:
        """Take the rows from number `first` on, (n, L) contributions of observed bases."""
        for row, track in enumerate(tracks, start=first):
            start = int(places.start[row])
            for low, high, number, name in self._within(places, row):
                part = track[low - start : high - start]
                self.found[name].add(number)
                self.signed[name] += float(part.sum(dtype=np.float64))
                self.sizes[name] += float(np.abs(part).sum(dtype=np.float64))
                self.bases[name] += high - low

    def _within(self, places: Intervals, row: int) -> Iterator[tuple[int, int, int, str]]:
        chrom, start, end = places.chrom[row], int(places.start[row]), int(places.end[row])
        if chrom in self._sorted:
            first, last = np.searchsorted(self._starts[chrom], [start, end])
            for one in self._sorted[chrom][int(first) : int(last)]:
                if one[1] <= end:
                    yield one

    def table(self, mean_size: float) -> list[tuple[str, str, str, str]]:
        """List names, the most enriched first: how many, mean contribution per base, enrichment.

        Enrichment is the mean |contribution| of a base within, over `mean_size`, that of all bases.
        """
        names = sorted(self.found, key=lambda name: -self.sizes[name] / self.bases[name])
        return [
            (
                name if name != "." else NAMELESS,
                f"{len(self.found[name]):,}",
                f"{self.signed[name] / self.bases[name]:.3g}",
                f"{self.sizes[name] / self.bases[name] / (mean_size or 1.0):.3g}",
            )
            for name in names
        ]
