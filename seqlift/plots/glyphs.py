"""Outlines of the letters A C G T, each stretched to fill the unit square.

Knows Matplotlib's fonts; knows nothing of scores or axes. A letter is a polygon with curves, and
any number of letters are one path, which Matplotlib draws at once.
"""

from functools import cache

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

BASE_COLOURS = {"A": "#1b8a3f", "C": "#2563a8", "G": "#e5a01a", "T": "#c8372d"}


@cache
def letter_outline(base: str) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Find the vertices (V, 2) of a letter in the unit square, and Matplotlib's codes (V,)."""
    # The font that Matplotlib brings, so that letters are the same everywhere.
    drawn = TextPath((0, 0), base, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    corners = np.asarray(drawn.vertices, dtype=np.float64)
    codes = np.asarray(drawn.codes, dtype=np.uint8)
    real = corners[codes != Path.CLOSEPOLY]  # that of a closing line is not looked at
    low, high = real.min(axis=0), real.max(axis=0)
    unit = (corners - low) / (high - low)
    unit[codes == Path.CLOSEPOLY] = 0.0
    return unit, codes


def letter_path(base: str, places: NDArray[np.float64]) -> Path:
    """Put a letter into each of n rectangles.

    Parameters
    ----------
    base
        A, C, G or T.
    places
        (n, 4): left, bottom, width, height. A letter of negative height hangs upside down from
        its bottom.
    """
    unit, codes = letter_outline(base)
    corner, size = places[:, None, :2], places[:, None, 2:]
    corners = (corner + unit[None] * size).reshape(-1, 2)
    return Path(corners, np.tile(codes, len(places)))


def bar_path(places: NDArray[np.float64]) -> Path:
    """Make the path of n rectangles (n, 4): left, bottom, width, height."""
    unit = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], dtype=np.float64)
    codes = np.array([Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY], dtype=np.uint8)
    corners = (places[:, None, :2] + unit[None] * places[:, None, 2:]).reshape(-1, 2)
    return Path(corners, np.tile(codes, len(places)))
