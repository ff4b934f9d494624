"""Scores of the bases of one sequence, drawn into Matplotlib axes as letters or as bars.

Knows arrays and Matplotlib; knows nothing of score files.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from numpy.typing import ArrayLike, NDArray

from seqlift.errors import InputError
from seqlift.intervals import CHANNELS, LETTERS
from seqlift.plots import glyphs

LETTER_WIDTH = 0.92
"""Share of a base that its letter takes, so that neighbours do not touch."""

NARROWEST = 2.2
"""Width in points below which letters cannot be read, and bars are drawn."""

SCORES = {
    "contributions": "contribution",
    "hypothetical": "hypothetical contribution",
    "multipliers": "multiplier",
}
"""What can be drawn of a result, with the label of its axis."""

LINE, FRAME, TEXT = "#666666", "#bbbbbb", "#333333"


def logo(
    axes: Axes,
    scores: ArrayLike,
    *,
    start: int = 0,
    letters: bool | None = None,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw the scores of one sequence as letters as tall as their scores.

    Letters of negative scores hang upside down below the line. Where a position has several
    scores, as of hypothetical contributions, they are stacked away from the line, small ones first.

    Parameters
    ----------
    axes
        Matplotlib axes, whose limits are set.
    scores
        (L, 4), bases in the order A C G T; contributions are zero at all but the observed base.
    start
        Coordinate of the first base, which is drawn from `start` to `start` + 1.
    letters
        Whether to draw letters; False draws bars. By default letters where a base is at least 2.2
        points wide. Where bases are narrower than the pixels of the picture, a bar is as tall as
        the tallest of its bases.
    limits
        Lowest and highest score in sight; by default those of `scores`, and 0.

    Returns
    -------
    matplotlib.axes.Axes
        The same axes.

    Raises
    ------
    InputError
        `scores` are not of shape (L, 4), or not finite.
    """
    values = check_scores(scores)
    axes.set_xlim(start, start + max(1, len(values)))
    axes.set_ylim(*(limits or find_limits(values)))
    if letters is None:
        letters = points_of_base(axes, len(values)) >= NARROWEST
    draw = draw_letters if letters else draw_bars
    draw(axes, values, start)
    axes.axhline(0, color=LINE, linewidth=0.5, zorder=1)
    return axes


def logo_of_row(
    arrays: Mapping[str, NDArray[Any]], row: int, *, scores: str, start: int, axes: Axes | None
) -> Axes:
    """Draw one row of one of some arrays (N, L, 4), into axes or into a new figure.

    Raises InputError where there is no such row, or no such array.
    """
    if scores not in SCORES:
        raise InputError(f"scores {scores!r} cannot be drawn; choose from {', '.join(SCORES)}")
    values = arrays[scores]
    if not -len(values) <= row < len(values):
        raise InputError(f"row {row}: there is none; give one from 0 to {len(values) - 1}")
    one = check_scores(values[row])
    if axes is None:
        from matplotlib import pyplot  # so that notebooks show the figure

        size = (float(np.clip(0.16 * len(one), 6, 14)), 2.0)
        axes = pyplot.subplots(figsize=size, layout="constrained")[1]
        axes.set_ylabel(SCORES[scores])
        axes.spines[["top", "right", "bottom"]].set_visible(False)
    return logo(axes, one, start=start)


def check_scores(scores: ArrayLike) -> NDArray[np.float64]:
    """Take scores of one sequence, (L, 4); raises InputError for others."""
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != CHANNELS:
        raise InputError(
            f"scores of shape {values.shape} are not (L, 4); give one sequence, such as"
            " result.contributions[0]"
        )
    if not np.isfinite(values).all():
        raise InputError("scores: some are NaN or infinite, which cannot be drawn; leave them out")
    return values


def find_limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Find limits that hold the stacks of all positions, and 0, with a margin."""
    high = float(np.maximum(values, 0).sum(axis=1).max(initial=0.0))
    low = float(np.minimum(values, 0).sum(axis=1).min(initial=0.0))
    margin = 0.05 * ((high - low) or 2.0)  # scores that are all 0 have a scale, too
    return low - margin, high + margin


def points_of_base(axes: Axes, bases: int) -> float:
    box = axes.get_window_extent()
    return float(box.width) / axes.get_figure(root=True).dpi * 72 / max(1, bases)  # type: ignore[union-attr]  # axes have one


def stack_letters(values: NDArray[np.float64], start: int) -> NDArray[np.float64]:
    """Place every score on those of its position that are nearer to the line: (4, L, 4).

    For each base and position: left, bottom, width and height, which has the sign of the score.
    """
    # small ones at the line, where tall ones would hide them
    order = np.argsort(np.abs(values), axis=1, kind="stable")
    ranked = np.take_along_axis(values, order, axis=1)
    below = np.zeros_like(ranked)
    for sign in (1, -1):
        ours = np.where(np.sign(ranked) == sign, ranked, 0.0)
        below += np.where(ours != 0, np.cumsum(ours, axis=1) - ours, 0.0)
    bottom = np.empty_like(values)
    np.put_along_axis(bottom, order, below, axis=1)
    left = start + np.arange(len(values))[:, None] + np.zeros(CHANNELS)
    return np.stack([left, bottom, np.ones_like(left), values], axis=-1).swapaxes(0, 1)


def draw_letters(axes: Axes, values: NDArray[np.float64], start: int) -> None:
    for base, places in zip(LETTERS, stack_letters(values, start), strict=True):
        places = places[places[:, 3] != 0]
        places[:, 0] += (1 - LETTER_WIDTH) / 2
        places[:, 2] = LETTER_WIDTH
        add(axes, glyphs.letter_path(base, places), base)


def draw_bars(axes: Axes, values: NDArray[np.float64], start: int) -> None:
    """Draw every score as a bar; of several bases to a pixel the extremes."""
    # Narrower than a pixel, the last bar drawn would hide those before it.
    pixels = max(1, round(axes.get_window_extent().width))
    if len(values) > pixels:
        add(axes, glyphs.bar_path(extremes(values, start, pixels)), "")
        return
    for base, places in zip(LETTERS, stack_letters(values, start), strict=True):
        add(axes, glyphs.bar_path(places[places[:, 3] != 0]), base)


def extremes(values: NDArray[np.float64], start: int, bins: int) -> NDArray[np.float64]:
    """Find the highest and the lowest stack of each of `bins` equal stretches, as rectangles."""
    edges = np.linspace(0, len(values), bins + 1).astype(np.int64)[:-1]
    width = len(values) / bins
    left = start + np.arange(bins) * width
    found = []
    for extreme in (np.maximum, np.minimum):
        heights = extreme.reduceat(extreme(values, 0).sum(axis=1), edges)
        zeros = np.zeros(bins)
        found.append(np.stack([left, zeros, np.full(bins, width), heights], axis=1))
    return np.concatenate(found)


def add(axes: Axes, path: Any, base: str) -> None:
    """Add a path in the colour of a base."""
    if len(path.vertices):
        # Not snapped to pixels, which would move the letters that have no curves.
        patch = PathPatch(
            path, facecolor=glyphs.BASE_COLOURS.get(base, LINE), linewidth=0, snap=False
        )
        patch.set_gid(f"bases-{base or 'all'}")
        axes.add_artist(patch)
