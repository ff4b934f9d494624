"""Which of several motifs a stretch of bases matches.

The p-value of a match is that of FIMO (Grant, Bailey and Noble 2011,
doi:10.1093/bioinformatics/btr064): the chance that bases drawn from the background score as high,
computed exactly for scores rounded to `STEPS_PER_BIT` in a bit, times the places, strands and
motifs tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlift.inputs.meme import MemeMotif
from seqlift.intervals import UNKNOWN

STEPS_PER_BIT = 20
PSEUDO = 1e-3
"""Added to every probability, so that no base is impossible."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The best match of each stretch, (n,): number of the motif, p-value, and whether forward."""

    motif: NDArray[np.int64]
    p_value: NDArray[np.float64]
    forward: NDArray[np.bool_]


def background_of(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Measure the frequencies of A C G T, the same on both strands, (4,)."""
    # no base is impossible
    counts = np.bincount(codes.ravel(), minlength=UNKNOWN + 1)[:UNKNOWN] + 1.0
    both = counts + counts[::-1]  # mirrored, A C G T are their complements
    return np.asarray(both / both.sum())


def best_matches(
    codes: NDArray[np.uint8],
    places: Sequence[tuple[int, int, int]],
    motifs: Sequence[MemeMotif],
    background: NDArray[np.float64],
) -> Matches:
    """Find the motif that matches each stretch best.

    Parameters
    ----------
    codes
        The rows that the stretches lie in, (N, L).
    places
        Row, start and end of each stretch. A motif may reach past it, as long as it shares more
        than half of the bases of the shorter of both.
    motifs, background
        See `seqlift.inputs.meme` and `background_of`.
    """
    number = len(places)
    best = Matches(np.zeros(number, np.int64), np.ones(number), np.ones(number, dtype=bool))
    if not number:
        return best
    row, start, end = (np.array(column, dtype=np.int64) for column in zip(*places, strict=True))
    for index, motif in enumerate(motifs):
        width = len(motif.probabilities)
        shared = np.minimum(width, end - start) // 2 + 1
        first = np.maximum(start - width + shared, 0)
        last = np.minimum(end - shared, codes.shape[1] - width)
        tried = np.maximum(last - first + 1, 0)
        score, tail = _scores_of(motif, background)
        for forward in (True, False):
            # the motif's other strand
            table = score if forward else score[::-1, [3, 2, 1, 0, UNKNOWN]]
            highest = _highest(codes, table, row, first, tried)
            chance = np.where(highest >= 0, tail[np.maximum(highest, 0)], 1.0)
            # Bonferroni: places, strands, motifs
            p_value = np.minimum(chance * tried * 2 * len(motifs), 1.0)
            better = (p_value < best.p_value) & (tried > 0)
            best.motif[better], best.forward[better] = index, forward
            best.p_value[better] = p_value[better]
    return best


def _scores_of(
    motif: MemeMotif, background: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Score every base at every place, (w, 5) from 0; and the chance of every sum or more."""
    smooth = motif.probabilities + PSEUDO
    odds = np.log2(smooth / smooth.sum(axis=1, keepdims=True) / background)
    steps = np.round(odds * STEPS_PER_BIT).astype(np.int64)
    steps -= steps.min(axis=1, keepdims=True)  # from 0, so that a sum is a place in a table
    chances = np.ones(1)
    for place in steps:
        longer = np.zeros(len(chances) + int(place.max()))
        for base, value in enumerate(place):
            longer[value : value + len(chances)] += background[base] * chances
        chances = longer
    unknown = np.zeros((len(steps), 1), np.int64)  # an N scores as the worst base
    return np.hstack([steps, unknown]), np.minimum(chances[::-1].cumsum()[::-1], 1.0)


def _highest(
    codes: NDArray[np.uint8],
    table: NDArray[np.int64],
    row: NDArray[np.int64],
    first: NDArray[np.int64],
    tried: NDArray[np.int64],
) -> NDArray[np.int64]:
    highest = np.full(len(row), -1, dtype=np.int64)
    for step in range(int(tried.max(initial=0))):
        which = np.flatnonzero(tried > step)
        total = np.zeros(len(which), dtype=np.int64)
        for place, values in enumerate(table):
            total += values[codes[row[which], first[which] + step + place]]
        highest[which] = np.maximum(highest[which], total)
    return highest
