"""Infidelity, agreement with in-silico mutagenesis, completeness: faithfulness to the model.

Infidelity: Yeh et al. 2019 (arXiv:1901.09392), definition 2.1, as captum computes it, with random
substitutions as perturbations. Knows arrays and subjects.
"""

import numpy as np

from seqlift.evaluate.explained import Explained, Measured, alone
from seqlift.evaluate.ranks import pearson, spearman
from seqlift.evaluate.subject import Array
from seqlift.intervals import CHANNELS

PERTURBATIONS, SHARE = 50, 0.1
"""Of infidelity: how often bases are substituted, and how many of the known ones at a time."""


def sum_left(explained: Explained) -> Measured:
    """Take the size of what contributions leave of the sum that the method divides."""
    return {"completeness": alone(np.abs(explained.scored.residual))}


def infidelity(explained: Explained) -> Measured:
    """Compare the change that scores predict for random substitutions with the model's own.

    mean over I of (sum(I * R) - (f(x) - f(x - I)))^2, with I = x - x' and the hypothetical scores
    as R: what a base gives there less what its substitute would. The normalised form multiplies
    sum(I * R) by the factor that fits best, so that scores without units can be compared.
    """
    compared = explained.compared
    predicted, actual = (np.zeros((*explained.shape, PERTURBATIONS)) for _ in range(2))
    before = explained.model.predicted(compared.sequences, compared.others)
    for n, sequence in enumerate(compared.sequences):
        variants = perturbed(sequence, compared.random(n))
        others = compared.others_of(np.full(PERTURBATIONS, n))
        actual[:, n] = before[:, n, None] - explained.model.predicted(variants, others)
        scores = explained.scored.hypothetical[:, n]
        predicted[:, n] = np.einsum("vlc,tlc->tv", sequence - variants, scores)
    products = (predicted * actual).mean(axis=-1)
    own = (predicted**2).mean(axis=-1)
    # The least-squares factor: the mean of predicted times actual over that of predicted squared.
    factor = np.divide(products, own, out=np.zeros_like(own), where=own > 0)
    return {
        "infidelity": alone(((predicted - actual) ** 2).mean(axis=-1)),
        "infidelity-normalised": alone(
            ((factor[..., None] * predicted - actual) ** 2).mean(axis=-1)
        ),
    }


def perturbed(sequence: Array, random: np.random.Generator) -> Array:
    """Substitute a share of the known bases of a sequence (L, 4), differently each time."""
    known = np.flatnonzero(sequence.sum(axis=-1) == 1.0)  # an N has no base to substitute
    number = min(max(round(SHARE * len(known)), 1), len(known))
    variants = np.tile(sequence, (PERTURBATIONS, 1, 1)).astype(np.float64)
    for variant in variants:
        places = random.choice(known, number, replace=False) if number else known
        turns = random.integers(1, CHANNELS, number)  # never 0: each place gets another base
        bases = (variant[places].argmax(axis=-1) + turns) % CHANNELS
        variant[places] = np.eye(CHANNELS)[bases]
    return variants


def agreement(explained: Explained) -> Measured:
    """Correlate scores with in-silico mutagenesis, over the known bases of each sequence."""
    found = np.full((2, *explained.shape), np.nan)
    known = explained.compared.sequences.sum(axis=-1) == 1.0
    if explained.mutagenesis is None:
        raise ValueError("agreement with in-silico mutagenesis was asked for without its tracks")
    for t in range(explained.shape[0]):
        for n, which in enumerate(known):
            pair = (explained.scored.tracks[t, n, which], explained.mutagenesis[t, n, which])
            found[:, t, n] = pearson(*pair), spearman(*pair)
    return {"ism-pearson": alone(found[0]), "ism-spearman": alone(found[1])}
