"""Scores of sequences that were read from the other strand, turned to the genome's direction.

Knows results; knows nothing of where they came from.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from seqlift.attribution.result import Result

SCORE_NAMES = ("hypothetical", "multipliers", "contributions")
PER_BASE = (*SCORE_NAMES, "standard_error")


def in_genome_direction(result: "Result", turned: NDArray[np.bool_]) -> "Result":
    """Turn round the positions and bases of some sequences, (N,), of a result.

    The last axis is A C G T, so the complement of a base is its mirror image.
    """
    if not turned.any():
        return result
    values = {name: array.copy() for name, array in result.arrays().items() if name in PER_BASE}
    for array in values.values():
        array[turned] = array[turned][:, ::-1, ::-1]
    return replace(result, **values)


def mean_of_strands(result: "Result") -> "Result":
    """Average 2 N results to N, in the genome's direction: the forward strands, then the others.

    Scores and predictions are means; every pair of a sequence and a reference keeps its figures,
    so (N, R) become (N, 2 R).
    """
    count = len(result.prediction) // 2
    one, other = result.rows(slice(0, count)), result.rows(slice(count, None))
    means = {name: (getattr(one, name) + getattr(other, name)) / 2 for name in SCORE_NAMES}
    pairs = {
        name: np.concatenate([getattr(one, name), getattr(other, name)], axis=1)
        for name in ("reference_prediction", "difference", "residual")
    }
    prediction = (one.prediction + other.prediction) / 2
    error = None
    if one.standard_error is not None and other.standard_error is not None:
        error = np.hypot(one.standard_error, other.standard_error) / 2  # of independent draws
    return replace(one, prediction=prediction, standard_error=error, **means, **pairs)
