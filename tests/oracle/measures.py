"""Measures of an explanation by their formulas, sequence by sequence, in float64.

Written from the papers, with loops; shares no code with `seqlift.evaluate`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def infidelity(
    f: Callable[[Array], float], x: Array, scores: Array, perturbations: Sequence[Array]
) -> tuple[float, float]:
    """Average (I . R - (f(x) - f(x - I)))^2, and the least value of it over multiples of R."""
    predicted, actual = [], []
    for change in perturbations:
        predicted.append(float((change * scores).sum()))
        actual.append(f(x) - f(x - change))
    error = sum((p - a) ** 2 for p, a in zip(predicted, actual, strict=True)) / len(actual)
    (factor,), *_ = np.linalg.lstsq(np.array(predicted)[:, None], np.array(actual), rcond=None)
    fitted = sum((factor * p - a) ** 2 for p, a in zip(predicted, actual, strict=True))
    return error, fitted / len(actual)


def max_sensitivity(r: Callable[[Array], Array], x: Array, noise: Sequence[Array]) -> float:
    """Find the largest |R(x + d) - R(x)| / |R(x)|, Euclidean."""
    own = np.sqrt((r(x) ** 2).sum())
    return max(float(np.sqrt(((r(x + d) - r(x)) ** 2).sum()) / own) for d in noise)


def continuity(r: Callable[[Array], Array], x: Array) -> float:
    """Find the steepest change of R over all substitutions of one base of x (L, 4)."""
    slopes = []
    for i in range(len(x)):
        for base in range(4):
            if x[i, base] != 1.0:
                changed = x.copy()
                changed[i] = np.eye(4)[base]
                slopes.append(np.abs(r(changed) - r(x)).sum() / np.linalg.norm(changed - x))
    return float(max(slopes))


def area_above(scores: Array, inside: Array) -> float:
    """Count the pairs of a base inside and one outside in which that inside scores higher."""
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[inside] for b in scores[~inside]]
    return float(np.mean(pairs))
