"""Contributions and hypothetical contributions of multipliers.

Knows arrays; knows nothing of models, rules or batches.
"""

from collections.abc import Mapping
from typing import Any

from keras import ops

from seqlift.network.primitives.rowwise import mean_along

Array = Any

SEQUENCE_RANK = 3  # of arrays (N, bases, channels); those of images have an axis more


def contributions(
    multipliers: Array, one_hot: Array, references: Array
) -> tuple[dict[str, Array], Array]:
    """Multiply multipliers (N, R, L, C) by differences from reference; also sum each pair's.

    `one_hot` is (N, 1, L, C); all but the sums (N, R) are means over references. Setting one base c
    at a position and taking the others away changes the scalar by ``m_c - sum(m * reference)``: the
    hypothetical contribution, in closed form, with no pass per base. Of an image (N, H, W, C) it is
    the contribution.
    """
    observed = multipliers * (one_hot - references)
    # the same for all four bases
    at_reference = ops.sum(multipliers * references, axis=-1, keepdims=True)
    mean = mean_along(multipliers, 1)
    hypothetical = mean - mean_along(at_reference, 1)
    mean_observed = mean_along(observed, 1)
    if len(mean.shape) > SEQUENCE_RANK:  # an image has no bases, and nothing is hypothetical
        hypothetical = mean_observed
    elif len(mean.shape) == SEQUENCE_RANK:  # a one-hot position has its whole score at its base
        sequences = one_hot[:, 0]
        exact = ops.logical_or(ops.equal(sequences, 0.0), ops.equal(sequences, 1.0))
        is_base = ops.logical_and(
            ops.all(exact, axis=-1, keepdims=True),
            ops.equal(ops.sum(sequences, axis=-1, keepdims=True), 1.0),  # an unknown base is zeros
        )
        # The closed form at the observed base is the same number, and exactly 0 at the other three.
        mean_observed = ops.where(is_base, sequences * hypothetical, mean_observed)
    scores = {"hypothetical": hypothetical, "multipliers": mean, "contributions": mean_observed}
    return scores, ops.sum(observed, axis=tuple(range(2, len(observed.shape))))


def by_pair(multipliers: Array, inputs: Array, references: Array) -> Array:
    """Make the hypothetical contributions of each pair, (N, R, L, C); of an image, contributions.

    `multipliers` are (N * R, *input shape), `inputs` (N, *input shape), `references` (M, R, ...).
    """
    pairs = ops.reshape(multipliers, (inputs.shape[0], -1, *inputs.shape[1:]))
    if len(inputs.shape) > SEQUENCE_RANK:
        return pairs * (ops.expand_dims(inputs, 1) - references)
    return pairs - ops.sum(pairs * references, axis=-1, keepdims=True)


def with_scores(
    output: Mapping[str, Array], hypothetical: Array, observed: Array
) -> dict[str, Any]:
    """Replace the scores of an output by others, (N, *input shape), and its residual by theirs."""
    total = ops.sum(observed, axis=tuple(range(1, len(observed.shape))))
    return {
        **output,
        "hypothetical": hypothetical,
        "contributions": observed,
        "residual": output["difference"] - total[:, None],
    }


def at_observed(scores: Array, inputs: Array) -> Array:
    """Keep scores (N, *input shape) at the observed base; an image has no bases and keeps all."""
    return scores * inputs if len(inputs.shape) == SEQUENCE_RANK else scores
