"""Logos of designed sequences: the importance of the bases before and after.

Knows arrays and Matplotlib; knows nothing of models or searches.
"""

from collections.abc import Sequence
from typing import IO, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from seqlift.plots.logos import find_limits, logo

LOGO_WIDTH, LOGO_HEIGHT = 12.0, 1.6
"""Inches of a logo."""

MOST_BASES = 100
"""In sight; of a longer sequence, the stretch with the most bases that were changed."""

Drawn = tuple[str, Sequence[str], Sequence[NDArray[np.float64]], tuple[float, float]]
"""A name, the bases before and after, their importance (L, 4), and their scores."""


def draw_designs(file: IO[bytes], designs: Sequence[Drawn]) -> None:
    """Draw two logos for each design, before and after, with the same scale, as a PNG."""
    figure = Figure(figsize=(LOGO_WIDTH, 2 * LOGO_HEIGHT * len(designs)), layout="constrained")
    FigureCanvasAgg(figure)  # not pyplot, which would keep every figure
    axes: Any = figure.subplots(2 * len(designs), 1, squeeze=False)[:, 0]
    for number, (name, bases, importance, scores) in enumerate(designs):
        first, last = stretch_in_sight(*bases)
        limits = find_limits(np.concatenate([one[first:last] for one in importance]))
        for turn, when in enumerate(("before", "after")):
            drawn = axes[2 * number + turn]
            logo(drawn, importance[turn][first:last], start=first, limits=limits)
            where = f"bases {first} to {last - 1}"
            drawn.set_title(f"{name} {when}: score {scores[turn]:.4g} ({where})", fontsize=8)
            drawn.tick_params(labelsize=7)
    figure.supylabel("importance (in-silico mutagenesis)", fontsize=8)
    # Without the version of Matplotlib, so that equal designs are equal bytes.
    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})


def stretch_in_sight(before: str, after: str) -> tuple[int, int]:
    """Find the first stretch that has the most changed bases: [first, last)."""
    width = min(MOST_BASES, len(before))
    changed = np.array([a != b for a, b in zip(before, after, strict=True)], np.int64)
    counts = np.convolve(changed, np.ones(width, np.int64), mode="valid")
    best = np.flatnonzero(counts == counts.max())
    # changed bases in the middle of it, where several stretches are equal
    first = int(best[len(best) // 2])
    return first, first + width
