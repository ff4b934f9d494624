"""Selectivity: how fast the prediction falls when the best windows are deleted, or rises again.

Montavon, Samek and Müller 2018 (doi:10.1016/j.dsp.2017.10.011), section 7.2, on windows of bases.
A window is deleted by putting the mean reference in its place; inserting begins at the mean
reference and puts windows of the sequence in. Knows arrays and subjects.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seqlift.evaluate.explained import Explained
from seqlift.evaluate.subject import Array

WINDOWS, WIDTH = 10, 4
"""How many windows are replaced, and their bases."""

Positions = NDArray[np.int64]
"""First bases of windows; -1 for none."""


def deletion_static(explained: Explained) -> tuple[Array, Array]:
    """Delete windows in the order of the scores of the whole sequence."""
    places = fixed_places(explained)
    compared = explained.compared
    return area_of_curve(explained, replaced(compared.sequences, compared.mean_reference, places))


def insertion_static(explained: Explained) -> tuple[Array, Array]:
    """Insert windows in the order of the scores of the whole sequence."""
    places = fixed_places(explained)
    compared = explained.compared
    return area_of_curve(explained, replaced(compared.mean_reference, compared.sequences, places))


def deletion_recompute(explained: Explained) -> tuple[Array, Array]:
    """Delete windows, each the best by the scores of what is left, against the references."""
    compared, places = explained.compared, no_places(explained)
    for t, rank in enumerate(directions(explained)):
        current = compared.sequences.copy()
        for step in range(places.shape[2]):
            scored = explained.model.scored(current, compared.references, compared.others)
            add_best(places[t], step, scored.tracks[t] * rank[:, None])
            put_windows(current, compared.mean_reference, places[t, :, step])
    return area_of_curve(explained, replaced(compared.sequences, compared.mean_reference, places))


def insertion_recompute(explained: Explained) -> tuple[Array, Array]:
    """Insert windows, each the best by scores against references that have the earlier ones."""
    compared, places = explained.compared, no_places(explained)
    for t, rank in enumerate(directions(explained)):
        references = compared.references.copy()
        for step in range(places.shape[2]):
            scored = explained.model.scored(compared.sequences, references, compared.others)
            add_best(places[t], step, scored.tracks[t] * rank[:, None])
            for which in range(references.shape[1]):
                put_windows(references[:, which], compared.sequences, places[t, :, step])
    return area_of_curve(explained, replaced(compared.mean_reference, compared.sequences, places))


def ends(explained: Explained) -> tuple[Array, Array]:
    compared = explained.compared
    first = explained.model.predicted(compared.sequences, compared.others)
    last = explained.model.predicted(compared.mean_reference, compared.others)
    return first, last


def directions(explained: Explained) -> Array:
    """Find the sign by which scores are ranked, (T, N): sizes are ranked as they are.

    Bases that lower a prediction below that of the reference are what explains the difference.
    """
    if not explained.signed:
        return np.ones(explained.shape)
    first, last = ends(explained)
    return np.sign(first - last)


def no_places(explained: Explained) -> Positions:
    number = windows_replaced(explained.scored.tracks.shape[2])
    return np.full((*explained.shape, number), -1, np.int64)


def windows_replaced(length: int) -> int:
    return min(WINDOWS, length // WIDTH)


def scorings(length: int, targets: int) -> int:
    """Count how often a `recompute` form scores each sequence: once for every window replaced."""
    return windows_replaced(length) * targets


def fixed_places(explained: Explained) -> Positions:
    """Rank windows by the scores of the whole sequence."""
    places = no_places(explained)
    ranked = explained.scored.tracks * directions(explained)[..., None]
    for t, tracks in enumerate(ranked):
        for step in range(places.shape[2]):
            add_best(places[t], step, tracks)
    return places


def add_best(places: Positions, step: int, tracks: Array) -> None:
    """Choose the next window of each sequence (N, K), by tracks (N, L); none where none is left.

    It has the largest sum among those that do not overlap an earlier one, the first of equal ones.
    """
    sums = sliding_window_view(tracks, WIDTH, axis=1).sum(axis=-1)
    starts = np.arange(sums.shape[1])
    for earlier in range(step):
        chosen = places[:, earlier, None]
        sums = np.where((chosen >= 0) & (np.abs(starts - chosen) < WIDTH), -np.inf, sums)
    best = sums.argmax(axis=1)
    left = np.isfinite(sums[np.arange(len(sums)), best])
    places[:, step] = np.where(left, best, -1)


def put_windows(arrays: Array, source: Array, places: Positions) -> None:
    for n, start in enumerate(places):
        if start >= 0:
            arrays[n, start : start + WIDTH] = source[n, start : start + WIDTH]


def replaced(before: Array, after: Array, places: Positions) -> Array:
    """Replace windows one after another: (T, K + 1, N, L, 4), the first as it was."""
    targets, _, steps = places.shape
    found = np.empty((targets, steps + 1, *before.shape), np.float32)
    found[:, 0] = before
    for t in range(targets):
        for step in range(steps):
            found[t, step + 1] = found[t, step]
            put_windows(found[t, step + 1], after, places[t, :, step])
    return found


def area_of_curve(explained: Explained, states: Array) -> tuple[Array, Array]:
    """Compute the area below the curve of states (T, K + 1, N, L, 4) of each sequence.

    The mean over the states of (f_k - f_ref) / (f_0 - f_ref), as numerator and denominator.
    """
    first, last = ends(explained)
    means = np.empty_like(first)
    for t, curves in enumerate(states):
        steps, number = curves.shape[:2]
        others = explained.compared.others_of(np.tile(np.arange(number), steps))
        values = explained.model.predicted(curves.reshape(-1, *curves.shape[2:]), others)[t]
        means[t] = values.reshape(steps, number).mean(axis=0)
    difference = first - last
    # no curve to be below: not counted
    size = np.where(difference == 0.0, np.nan, np.abs(difference))
    return np.sign(difference) * (means - last), size
