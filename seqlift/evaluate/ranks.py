"""Correlations and the areas below the curves of a ranking. Knows numbers alone."""

from math import nan

import numpy as np
from numpy.typing import NDArray

from seqlift.evaluate.uncertainty import Numbers

Marked = NDArray[np.bool_]


def pearson(a: Numbers, b: Numbers) -> float:
    """Correlate two arrays (n,); NaN where one of them is constant."""
    if len(a) < 2:
        return nan
    one, other = a - a.mean(), b - b.mean()
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum() / size) if size > 0 else nan


def spearman(a: Numbers, b: Numbers) -> float:
    """Correlate the ranks of two arrays (n,)."""
    return pearson(ranks(a), ranks(b))


def ranks(values: Numbers) -> Numbers:
    """Rank values (n,) from 1; equal ones have the mean of their ranks."""
    _, place, ties = np.unique(values, return_inverse=True, return_counts=True)
    found: Numbers = (np.cumsum(ties) - (ties - 1) / 2)[place]
    return found


def auroc(scores: Numbers, inside: Marked) -> float:
    """Compute the probability that a base inside scores above one outside, ties counting half.

    The Mann-Whitney statistic over its largest value; NaN where there is nothing on one side.
    """
    number, others = int(inside.sum()), int((~inside).sum())
    if not number or not others:
        return nan
    return float((ranks(scores)[inside].sum() - number * (number + 1) / 2) / (number * others))


def auprc(scores: Numbers, inside: Marked) -> float:
    """Compute the average precision: the mean, over the bases inside, of the precision there.

    Bases of one score are taken together, as scikit-learn does.
    """
    if not inside.any() or inside.all():
        return nan
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(inside[order])
    # the last of the bases that share a score, which are taken together
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    precision = hits[last] / (last + 1)
    recalled = np.diff(hits[last], prepend=0) / hits[-1]
    return float((precision * recalled).sum())
