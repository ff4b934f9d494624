"""Batches of scores made up for tests of the files they are written to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from seqlift.tracks.batch import ScoreBatch


@dataclass(frozen=True)
class MadeRegion:
    chrom: str
    name: str = "."
    score: str = "0"
    strand: str = "."


@dataclass(frozen=True)
class MadeWindow:
    region: MadeRegion
    start: int
    end: int


def window(chrom: str, start: int, end: int, **columns: str) -> MadeWindow:
    return MadeWindow(MadeRegion(chrom, **columns), start, end)


def made_batch(
    windows: Sequence[MadeWindow],
    *,
    length: int,
    sizes: dict[str, int],
    seed: int = 0,
    n_share: float = 0.1,
) -> ScoreBatch:
    """Return random scores for windows; bases outside the chromosome or the window are padding."""
    random = np.random.default_rng(seed)
    rows = len(windows)
    codes = random.integers(0, 4, (rows, length), dtype=np.uint8)
    codes[random.random((rows, length)) < n_share] = 4
    scored = np.array(
        [(max(w.start, 0), min(w.end, sizes[w.region.chrom])) for w in windows], dtype=np.int64
    ).reshape(rows, 2)
    for row, (frame, (start, end)) in enumerate(zip(windows, scored, strict=True)):
        codes[row, : start - frame.start] = 4
        codes[row, end - frame.start :] = 4
    figures = random.standard_normal((5, rows))
    return ScoreBatch(
        codes,
        random.standard_normal((rows, length, 4)).astype(np.float32),
        *figures,
        windows=windows,
        status=["scored" if i % 3 else "contains N" for i in range(rows)],
        scored=scored,
    )


def parts(batch: ScoreBatch, cuts: Iterable[int]) -> list[ScoreBatch]:
    """Return the same rows as several batches, cut before the rows given."""
    edges = [0, *sorted(cuts), len(batch.windows)]
    names = ScoreBatch.__dataclass_fields__
    return [
        ScoreBatch(**{name: getattr(batch, name)[a:b] for name in names if name != "multipliers"})
        for a, b in pairwise(edges)
    ]
