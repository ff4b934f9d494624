"""Continuity and maximal sensitivity: how much scores move when the sequence hardly does.

Continuity: Montavon, Samek and Müller 2018 (doi:10.1016/j.dsp.2017.10.011), section 7.1, over all
single substitutions. Max-sensitivity: Yeh et al. 2019 (arXiv:1901.09392), with captum's defaults.
Knows arrays and subjects.
"""

import numpy as np

from seqlift.evaluate.explained import Explained, Measured, alone
from seqlift.evaluate.subject import Array
from seqlift.intervals import CHANNELS

RADIUS, SAMPLES = 0.02, 10
"""Of max-sensitivity: the largest change of any one value, and the number of random changes."""

SUBSTITUTION = np.sqrt(2.0)
"""Euclidean distance between one-hot sequences that differ in one base."""


def continuity(explained: Explained) -> Measured:
    """Find the steepest change of the scores among all substitutions of one base.

    max over x' of |R(x) - R(x')|_1 / |x - x'|_2, and the same of scores whose sizes sum to 1.
    """
    found = np.full((2, *explained.shape), np.nan)
    for n in range(explained.shape[1]):
        tracks = explained.scored.tracks[:, n : n + 1]

        # bound now, not when called
        def slopes(changed: Array, _which: slice, tracks: Array = tracks) -> Array:
            pairs = ((tracks, changed), (in_shares(tracks), in_shares(changed)))
            return np.stack([rate_of_change(*pair, SUBSTITUTION) for pair in pairs])

        variants = substitutions(explained.compared.sequences[n])
        if len(variants):
            rows = np.full(len(variants), n)
            found[:, :, n] = explained.of_variants(rows, variants, slopes).max(axis=-1)
    return {"continuity": alone(found[0]), "continuity-normalised": alone(found[1])}


def continuity_scorings(length: int, _targets: int) -> int:
    return (CHANNELS - 1) * length


def rate_of_change(before: Array, after: Array, distance: float) -> Array:
    change: Array = np.abs(after - before).sum(axis=-1) / distance
    return change


def in_shares(tracks: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        shares: Array = tracks / np.abs(tracks).sum(axis=-1, keepdims=True)
    return np.where(np.isfinite(shares), shares, 0.0)


def substitutions(sequence: Array) -> Array:
    """Make all sequences that differ from one (L, 4) in a known base: (up to 3 L, L, 4)."""
    known = np.flatnonzero(sequence.sum(axis=-1) == 1.0)
    places = np.repeat(known, CHANNELS - 1)
    turns = np.tile(np.arange(1, CHANNELS), len(known))
    bases = (sequence[places].argmax(axis=-1) + turns) % CHANNELS
    variants = np.tile(sequence.astype(np.float32), (len(places), 1, 1))
    rows = np.arange(len(places))
    variants[rows, places] = 0.0
    variants[rows, places, bases] = 1.0
    return variants


def max_sensitivity(explained: Explained) -> Measured:
    """Find the largest relative change of the scores among random changes of all values.

    max over d of |R(x + d) - R(x)|_2 / |R(x)|_2, d uniform in [-r, r].
    """
    number, compared = explained.shape[1], explained.compared
    rows = np.repeat(np.arange(number), SAMPLES)
    shape = (SAMPLES, *compared.sequences.shape[1:])
    noise = [compared.random(n).uniform(-RADIUS, RADIUS, shape) for n in range(number)]
    variants = compared.sequences[rows] + np.concatenate(noise)
    tracks = explained.scored.tracks

    def moved(changed: Array, which: slice) -> Array:
        return np.asarray(np.linalg.norm(changed - tracks[:, rows[which]], axis=-1))

    moves = explained.of_variants(rows, variants, moved)
    largest = moves.reshape(*explained.shape, SAMPLES).max(axis=-1)
    own = np.linalg.norm(tracks, axis=-1)
    found = np.divide(largest, own, out=np.full_like(own, np.nan), where=own > 0)
    return {"max-sensitivity": alone(found)}


def noise_scorings(_length: int, _targets: int) -> int:
    return SAMPLES
