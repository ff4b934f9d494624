"""Batches of scores made up for tests of the files they are written to."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from seqlift.intervals import Region, Window
from seqlift.tracks.batch import ScoreBatch


def window(chrom: str, start: int, end: int, **columns: Any) -> Window:
    return Window(Region(chrom, start, end, **columns), start, end, start, end)


def on_chromosome(window: Window, size: int) -> Window:
    """Return a window with only the bases on its chromosome scored."""
    return replace(window, first=max(window.start, 0), last=min(window.end, size))


def made_batch(
    windows: Sequence[Window],
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
    windows = [on_chromosome(window, sizes[window.region.chrom]) for window in windows]
    for row, window in enumerate(windows):
        codes[row, : window.first - window.start] = 4
        codes[row, window.last - window.start :] = 4
    figures = random.standard_normal((5, rows))
    return ScoreBatch(
        codes,
        random.standard_normal((rows, length, 4)).astype(np.float32),
        *figures,
        windows=windows,
        status=["scored" if i % 3 else "contains N" for i in range(rows)],
    )


def parts(batch: ScoreBatch, cuts: Iterable[int]) -> list[ScoreBatch]:
    """Return the same rows as several batches, cut before those rows."""
    edges = [0, *sorted(cuts), len(batch.windows)]
    names = ScoreBatch.__dataclass_fields__
    return [
        ScoreBatch(**{name: getattr(batch, name)[a:b] for name in names if name != "multipliers"})
        for a, b in pairwise(edges)
    ]
