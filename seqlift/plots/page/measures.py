"""Figures of score files that take all scores, gathered in one pass over the rows.

Knows score files; knows nothing of pages. Memory is that of a block of rows, and of a few numbers
for each row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqlift.intervals import Region
from seqlift.plots.page.annotated import AnnotationSums
from seqlift.plots.page.signed_counts import SignedCounts
from seqlift.plots.stretch import StretchReader
from seqlift.tracks import layout

MEASURED_BYTES = 8 * 1024 * 1024
"""Contributions that are read at once, of each file."""


@dataclass(slots=True)
class Measures:
    """Figures of one file.

    Attributes
    ----------
    counts
        Contributions of all known bases.
    sizes, known : (L,) float64
        Sums over rows of |contribution| at each position of the window, and how many were known.
    half : list of (n,) float32
        For each row that has contributions, the share of its known bases that hold half of its
        |contribution|.
    within
        Sums within annotations.
    """

    length: int
    counts: SignedCounts = field(default_factory=SignedCounts)
    sizes: NDArray[np.float64] = field(init=False)
    known: NDArray[np.float64] = field(init=False)
    half: list[NDArray[np.float32]] = field(default_factory=list)
    within: AnnotationSums = field(default_factory=lambda: AnnotationSums(()))

    def __post_init__(self) -> None:
        """Begin with sums of 0."""
        self.sizes, self.known = np.zeros(self.length), np.zeros(self.length)

    def add(self, track: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
        """Take some rows, (n, L): contributions of observed bases, and which are known."""
        self.counts.add(track[known])
        size = np.abs(track)
        self.sizes += size.sum(axis=0, dtype=np.float64)
        self.known += known.sum(axis=0)
        self.half.append(half_share(size, known.sum(axis=1)))

    def along(self) -> NDArray[np.float64]:
        """Compute the mean |contribution| at each position of the window, (L,)."""
        return self.sizes / np.maximum(self.known, 1)

    def mean_size(self) -> float:
        """Compute the mean |contribution| of a known base."""
        return float(self.sizes.sum() / max(1.0, self.known.sum()))

    def half_shares(self) -> NDArray[np.float32]:
        """Join `half`, for all rows that have contributions."""
        return np.concatenate([np.zeros(0, np.float32), *self.half])


def half_share(sizes: NDArray[np.float32], known: NDArray[np.int64]) -> NDArray[np.float32]:
    """Find the share of known bases that hold half of the sum of |contribution| of each row.

    Of rows (n, L) those without contributions are left out.
    """
    ordered = -np.sort(-sizes, axis=1)
    # thousands of float32 would not add up to the total
    held = np.cumsum(ordered, axis=1, dtype=np.float64)
    total = held[:, -1]
    number = (held < total[:, None] / 2).sum(axis=1) + 1
    shares: NDArray[np.float32] = (number / np.maximum(known, 1))[total > 0].astype(np.float32)
    return shares


@dataclass(slots=True)
class Comparison:
    """Sums over the known bases of files with the same rows, from which correlations follow."""

    files: int
    number: int = 0
    sums: NDArray[np.float64] = field(init=False)
    products: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with sums of 0."""
        self.sums, self.products = np.zeros(self.files), np.zeros((self.files, self.files))

    def add(self, values: NDArray[np.float64]) -> None:
        """Take the contributions of some bases in every file, (files, n)."""
        self.number += values.shape[1]
        self.sums += values.sum(axis=1)
        self.products += values @ values.T

    def correlations(self) -> NDArray[np.float64]:
        """Compute Pearson's correlation of each pair of files; NaN where one does not vary."""
        means = self.sums / max(1, self.number)
        # In one pass; contributions have a mean near 0, so little cancels in float64.
        covariance = self.products / max(1, self.number) - np.outer(means, means)
        spread = np.sqrt(np.diag(covariance).clip(0))  # rounding may leave a negative variance
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(covariance / np.outer(spread, spread))


def same_rows(files: Sequence[StretchReader]) -> bool:
    """Tell whether all files score the same windows in the same order."""
    first = files[0].places
    return all(
        list(one.places.chrom) == list(first.chrom)
        and np.array_equal(one.places.start, first.start)
        and np.array_equal(one.places.end, first.end)
        for one in files[1:]
    )


def measure(
    readers: Sequence[StretchReader], *, alike: bool, annotations: Sequence[Region] = ()
) -> tuple[list[Measures], Comparison | None]:
    """Gather the figures of files in one pass, and compare them where their rows are `alike`."""
    files = [one.scores for one in readers]
    found = [Measures(one.length, within=AnnotationSums(annotations)) for one in files]
    comparison = Comparison(len(files)) if alike and len(files) > 1 else None
    widest = max((one.length for one in files), default=1)
    step = max(1, MEASURED_BYTES // (16 * widest))
    for start in range(0, max((one.rows for one in files), default=0), step):
        rows = slice(start, start + step)
        tracks, masks = [], []
        for reader, one, its in zip(readers, files, found, strict=True):
            if start < one.rows:
                track = one.tracks(rows)
                known = np.asarray(one.values(layout.ONE_HOT, rows).any(axis=1))
                its.add(track, known)
                its.within.add(reader.places, start, track)
                tracks.append(track)
                masks.append(known)
        if comparison is not None:
            shared = np.logical_and.reduce(masks)
            comparison.add(np.stack([track[shared] for track in tracks]).astype(np.float64))
    return found, comparison
