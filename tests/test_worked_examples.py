"""The paper's worked examples and the cases of the original's own tests, digit for digit.

Shrikumar, Greenside and Kundaje 2017 (arXiv:1704.02685), figures 1 to 3 and section 3.6; the
numbers of nets that are in neither are those the original implementation gives.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from nets import Array, eager

from seqlift.attribution.heads import WeightedHead
from seqlift.attribution.result import Result
from seqlift.network.graph import GraphBuilder
from seqlift.network.primitives.affine import Dense, Scale
from seqlift.network.primitives.base import Linear, Primitive
from seqlift.network.primitives.convolution import Convolution
from seqlift.network.primitives.elementwise import RELU, SIGMOID
from seqlift.network.primitives.pooling import AveragePool, MaxPool, Pooling
from seqlift.network.primitives.shape import Concatenate, Reshape

PRINTED = 6e-7  # numbers are printed to six decimals


def dense(*rows: list[float], bias: list[float] | None = None) -> Dense:
    """Return a dense primitive of a kernel by its rows, one per input."""
    return Dense(np.array(rows), None if bias is None else np.array(bias))


def stacked(*primitives: Primitive) -> Callable[[GraphBuilder], int]:
    """Return the network of primitives one after another."""

    def build(builder: GraphBuilder) -> int:
        node = 0
        for primitive in primitives:
            node = builder.add(primitive, node)
        return node

    return build


def minimum(builder: GraphBuilder) -> int:
    """Add figure 3: min(i1, i2) as i1 - relu(i1 - i2)."""
    hidden = builder.add(RELU, builder.add(dense([1.0], [-1.0]), 0))
    return builder.add(dense([1.0], [0.0], [-1.0]), builder.add(Concatenate(0), 0, hidden))


def maximum(builder: GraphBuilder) -> int:
    """Add max(i1, i2) as i2 + relu(i1 - i2)."""
    hidden = builder.add(RELU, builder.add(dense([1.0], [-1.0]), 0))
    return builder.add(dense([0.0], [1.0], [1.0]), builder.add(Concatenate(0), 0, hidden))


SATURATION = stacked(dense([-1.0], [-1.0], bias=[1.0]), RELU, dense([-1.0], bias=[1.0]))
AND = stacked(dense([1.0], [1.0], bias=[-1.0]), RELU)
THRESHOLD = stacked(dense([1.0], bias=[-10.0]), RELU)
LOGISTIC = stacked(dense([1.0], [1.0]), SIGMOID)


def scored(
    build: Callable[[GraphBuilder], int],
    x: Any,
    references: Any = 0.0,
    *,
    unit: int = 0,
    **options: Any,
) -> Result:
    """Return the scores of a unit of a network, in float64, against one reference each."""
    x = np.asarray(x, dtype=np.float64)
    builder = GraphBuilder()
    builder.add_input(x.shape[1:], "input")
    node = build(builder)
    graph = builder.finish([node])
    head = WeightedHead(node, np.eye(graph.nodes[node].shape[0])[unit])
    x0 = np.broadcast_to(references, x.shape)[:, None]
    return eager(graph, head, x, x0, dtype="float64", **options)


PAPER = [
    (minimum, [3, 1], 1, [0, 1], [0, 1]),
    (minimum, [1, 3], 1, [1, 0], [1, 0]),
    (minimum, [2, 2], 2, [2, 0], [2, 0]),
    (minimum, [5, 0.5], 0.5, [0, 0.5], [0, 0.5]),
    (minimum, [0, 2], 0, [0, 0], [0, 0]),
    (SATURATION, [1, 1], 1, [0.5, 0.5], [0, 0]),
    (SATURATION, [1, 0], 1, [1, 0], [0, 0]),
    (SATURATION, [0.4, 0.2], 0.6, [0.4, 0.2], [0.4, 0.2]),
    (SATURATION, [2, 1], 1, [0.666667, 0.333333], [0, 0]),
    (AND, [1, 1], 1, [0.5, 0.5], [1, 1]),
    (AND, [1, 0], 0, [0, 0], [0, 0]),
    (AND, [0, 1], 0, [0, 0], [0, 0]),
    (AND, [1, 0.5], 0.5, [0.333333, 0.166667], [1, 0.5]),
    (THRESHOLD, [5], 0, [0], [0]),
    (THRESHOLD, [10], 0, [0], [0]),
    (THRESHOLD, [10.001], 0.001, [0.001], [10.001]),
    (THRESHOLD, [12], 2, [2], [12]),
    (THRESHOLD, [20], 10, [10], [20]),
]


@pytest.mark.parametrize(("build", "x", "prediction", "rescale", "gradient"), PAPER)
def test_the_nets_of_the_paper_against_zeros(
    build: Any, x: list[float], prediction: float, rescale: list[float], gradient: list[float]
) -> None:
    result = scored(build, [x])
    assert result.prediction == pytest.approx([prediction], abs=PRINTED)
    assert result.contributions[0] == pytest.approx(rescale, abs=PRINTED)
    assert np.abs(result.residual).max() <= 1e-12
    result = scored(build, [x], rule="gradient")
    assert result.contributions[0] == pytest.approx(gradient, abs=PRINTED)


REVEALCANCEL = [
    (minimum, [3, 1], [0.5, 0.5]),
    (minimum, [1, 3], [0.5, 0.5]),
    (minimum, [2, 2], [1, 1]),
    (minimum, [5, 0.5], [0.25, 0.25]),
    (minimum, [0, 2], [0, 0]),
    (SATURATION, [1, 1], [0.5, 0.5]),
    (SATURATION, [1, 0], [1, 0]),
    (SATURATION, [0.4, 0.2], [0.4, 0.2]),
    (SATURATION, [2, 1], [0.666667, 0.333333]),
    (AND, [1, 1], [0.5, 0.5]),
    (AND, [1, 0], [0, 0]),
    (AND, [1, 0.5], [0.333333, 0.166667]),
    (THRESHOLD, [10.001], [0.001]),
    (THRESHOLD, [12], [2]),
    (LOGISTIC, [50, 0], [0.5, 0]),
    (LOGISTIC, [100, 100], [0.25, 0.25]),
    (LOGISTIC, [3, -1], [0.532215, -0.151418]),
]


@pytest.mark.parametrize("rule", ["revealcancel", "genomics"])
@pytest.mark.parametrize(("build", "x", "contributions"), REVEALCANCEL)
def test_the_nets_of_the_paper_where_parts_cancel(
    build: Any, x: list[float], contributions: list[float], rule: str
) -> None:
    result = scored(build, [x], rule=rule)
    assert result.contributions[0] == pytest.approx(contributions, abs=PRINTED)
    assert np.abs(result.residual).max() <= 1e-12


def test_the_multipliers_of_a_threshold_grow_with_the_part_above_it() -> None:
    multipliers = scored(THRESHOLD, [[5], [10], [10.001], [12], [20]]).multipliers
    assert multipliers[:, 0] == pytest.approx([0, 0, 1e-4, 0.166667, 0.5], abs=PRINTED)


@pytest.mark.parametrize(
    ("x", "expected"),
    [([50, 0], [0.5, 0]), ([100, 100], [0.25, 0.25]), ([3, -1], [0.571196, -0.190399])],
)
def test_a_sigmoid_that_is_explained_itself_shares_its_saturated_difference(
    x: list[float], expected: list[float]
) -> None:
    assert scored(LOGISTIC, [x]).contributions[0] == pytest.approx(expected, abs=PRINTED)


MIXED = stacked(
    dense(
        [1.76, 0.4, 0.98],
        [2.24, 1.87, -0.98],
        [0.95, -0.15, -0.1],
        [0.41, 0.14, 1.45],
        bias=[0.76, 0.12, 0.44],
    ),
    RELU,
    dense([0.33], [1.49], [-0.21], bias=[0.25]),
)
MIXED_X = [[0.31, -0.85, -2.55, 0.65], [0.86, -0.74, 2.27, -1.45], [0.05, -0.19, 1.53, 1.47]]
MIXED_REFERENCE = [
    [0.15, 0.38, -0.89, -1.98],
    [-0.35, 0.16, 1.23, 1.2],
    [-0.39, -0.3, -1.05, -1.42],
]
MIXED_RESCALE = [
    [0.033706, -1.779283, 0.114914, -0.136728],
    [0.606126, -1.200475, 0.308765, 0.226156],
    [0.079559, 0.057395, 0.464295, -0.340589],
]
MIXED_REVEALCANCEL = [
    [0.077042, -1.940280, 0.059545, 0.036302],
    [0.832937, -1.229828, 0.238165, 0.099299],
    [0.105124, 0.083443, 0.347342, -0.275249],
]
MIXED_REVEALCANCEL_MULTIPLIERS = [
    [0.481514, 1.577463, -0.035870, 0.013803],
    [0.688378, 1.366476, 0.229005, -0.037471],
    [0.238919, 0.758574, 0.134629, -0.095242],
]
MIXED_GRADIENT = [
    [-0.2058, 0.2058, 0.021, -0.3045],
    [0.5808, 0.7392, 0.3135, 0.1353],
    [0.375, 0.945, 0.3345, -0.1692],
]


def test_a_dense_net_of_mixed_signs_against_a_reference_that_is_not_zero() -> None:
    result = scored(MIXED, MIXED_X, MIXED_REFERENCE)
    assert result.prediction == pytest.approx([-0.332603, 0.968740, 0.510661], abs=PRINTED)
    assert result.contributions == pytest.approx(np.array(MIXED_RESCALE), abs=PRINTED)
    result = scored(MIXED, MIXED_X, MIXED_REFERENCE, rule="gradient")
    assert result.multipliers == pytest.approx(np.array(MIXED_GRADIENT), abs=PRINTED)
    result = scored(MIXED, MIXED_X, MIXED_REFERENCE, rule="revealcancel")
    assert result.contributions == pytest.approx(np.array(MIXED_REVEALCANCEL), abs=PRINTED)
    expected = np.array(MIXED_REVEALCANCEL_MULTIPLIERS)
    assert result.multipliers == pytest.approx(expected, abs=PRINTED)


W1 = np.array([1.0, 2.0, 3.0, 4.0])
TWO_UNITS = Dense(np.stack([W1, -W1], axis=1), np.array([-1.0, 1.0]))
TWO_X = [[1.0] * 4, [2.0] * 4]
DENSE_CASES = [
    # last primitive, rule, unit, predictions, multipliers
    (TWO_UNITS, "rescale", 0, [9, 19], [W1, W1]),
    (TWO_UNITS, "rescale", 1, [-9, -19], [-W1, -W1]),
    (RELU, "rescale", 0, [9, 19], [0.9 * W1, 0.95 * W1]),
    (RELU, "rescale", 1, [0, 0], [-0.1 * W1, -0.05 * W1]),
    (RELU, "gradient", 0, [9, 19], [W1, W1]),
    (RELU, "gradient", 1, [0, 0], [0 * W1, 0 * W1]),
]


@pytest.mark.parametrize(("last", "rule", "unit", "prediction", "multipliers"), DENSE_CASES)
def test_a_dense_layer_and_a_relu_on_it(
    last: Primitive, rule: str, unit: int, prediction: list[float], multipliers: list[Array]
) -> None:
    build = stacked(*dict.fromkeys((TWO_UNITS, last)))
    result = scored(build, TWO_X, unit=unit, rule=rule)
    assert result.prediction == pytest.approx(prediction)
    assert result.multipliers == pytest.approx(np.array(multipliers))


def channels_last(*channels: Any) -> Array:
    return np.stack([np.asarray(channel, dtype=np.float64) for channel in channels], axis=-1)


def alternating(units: int, weights: list[float]) -> Dense:
    """Return a dense layer of one unit whose weights repeat over the channels of each position."""
    return dense(*([w] for w in np.resize(weights, units)), bias=[1.0])


TAPS = channels_last([-2.0, -1.0], [0.0, 1.0])[..., None]
KERNEL = np.concatenate([TAPS, -TAPS], axis=-1)
CONV_X = channels_last([[-8, -7, -6, -5], [0, 1, 2, 3]], [[-4, -3, -2, -1], [4, 5, 6, 7]])
CONV_CASES = [
    (1, [[19, 17, 15], [3, 1, -1]], ([-4, -6, -6, -2], [0, 2, 2, 2])),
    (2, [[19, 15], [3, -1]], ([-4, -2, -4, -2], [0, 2, 0, 2])),
]


@pytest.mark.parametrize(("stride", "first_channel", "multipliers"), CONV_CASES)
def test_a_convolution_along_one_axis(
    stride: int, first_channel: list[list[float]], multipliers: tuple[list[float], list[float]]
) -> None:
    bias = np.array([-1.0, 1.0])
    convolution = Convolution(KERNEL, bias, (stride,), (1,), ((0, 0),))
    forward = np.asarray(convolution.forward(np.asarray(CONV_X)))
    assert forward[..., 0].tolist() == first_channel
    assert forward[..., 1].tolist() == (-np.array(first_channel)).tolist()
    head = alternating(forward[0].size, [1.0, -1.0])
    result = scored(stacked(convolution, Reshape((-1,)), head), CONV_X)
    assert result.multipliers == pytest.approx(np.stack([channels_last(*multipliers)] * 2))


POOL_X = channels_last([[0, 1, 4, 3], [0, -1, -2, -3]], [[3, 2, 1, 0], [-3, -2, -1, 0]])
WINDOWS = Pooling((2,), (1,), ((0, 0),))
MAXIMA = channels_last([[1, 4, 4], [0, -1, -2]], [[3, 2, 1], [-2, -1, 0]])
MEANS = channels_last([[0.5, 2.5, 3.5], [-0.5, -1.5, -2.5]], [[2.5, 1.5, 0.5], [-2.5, -1.5, -0.5]])
MAX_MULTIPLIERS = channels_last([[0, 2, 4, 0], [2, 2, 2, 0]], [[3, 3, 3, 0], [0, 3, 3, 3]])
MEAN_MULTIPLIERS = channels_last([[1, 2, 2, 1]] * 2, [[1.5, 3, 3, 1.5]] * 2)
POOL_CASES = [
    (MaxPool(WINDOWS), "winner", MAXIMA, MAX_MULTIPLIERS),
    (AveragePool(WINDOWS), "complete", MEANS, MEAN_MULTIPLIERS),
]


@pytest.mark.parametrize(("pool", "max_rule", "forward", "multipliers"), POOL_CASES)
def test_overlapping_pools(
    pool: Primitive, max_rule: str, forward: Array, multipliers: Array
) -> None:
    assert np.array_equal(np.asarray(pool.forward(np.asarray(POOL_X))), forward)
    build = stacked(pool, Reshape((-1,)), alternating(6, [2.0, 3.0]))
    result = scored(build, POOL_X, max_rule=max_rule)
    assert result.multipliers == pytest.approx(multipliers)


def test_two_branches_are_concatenated() -> None:
    def build(builder: GraphBuilder) -> int:
        halves = [builder.add(dense(*rows), 0) for rows in ([[1.0], [0.0]], [[0.0], [1.0]])]
        return builder.add(dense([1.0], [2.0], bias=[1.0]), builder.add(Concatenate(0), *halves))

    assert scored(build, [[1.0, 2.0]]).multipliers[0].tolist() == [1.0, 2.0]


def test_batch_normalisation_scales() -> None:
    gamma, beta, mean, variance = (np.array(v, float) for v in ([2, 3], [4, 5], [3, 3], [4, 9]))
    factor = gamma / np.sqrt(variance + 1e-3)
    normalisation: Linear = Scale(factor, beta - mean * factor)
    x = np.arange(16.0).reshape(2, 4, 2)
    build = stacked(normalisation, Reshape((-1,)), alternating(8, [1.0, 1.0]))
    expected = np.broadcast_to([0.999875, 0.999944], x.shape)
    assert scored(build, x).multipliers == pytest.approx(expected, abs=PRINTED)


CONV2D_CASES = [
    (
        1,
        [[0, 2, 2, 2], [4, 12, 12, 8], [4, 12, 12, 8], [4, 10, 10, 6]],
        [[8, 18, 18, 10], [20, 44, 44, 24], [20, 44, 44, 24], [12, 26, 26, 14]],
    ),
    (
        2,
        [[0, 2, 0, 2], [4, 6, 4, 6], [0, 2, 0, 2], [4, 6, 4, 6]],
        [[8, 10, 8, 10], [12, 14, 12, 14], [8, 10, 8, 10], [12, 14, 12, 14]],
    ),
]


@pytest.mark.parametrize(("stride", "channel0", "channel1"), CONV2D_CASES)
def test_a_convolution_along_two_axes(
    stride: int, channel0: list[list[float]], channel1: list[list[float]]
) -> None:
    x = np.moveaxis(np.arange(64.0).reshape(2, 2, 4, 4), 1, -1)
    taps = np.moveaxis(np.arange(8.0).reshape(2, 2, 2), 0, -1)[..., None]
    kernel = np.concatenate([taps, -taps], axis=-1)
    convolution = Convolution(
        kernel, np.array([-1.0, 1.0]), (stride, stride), (1, 1), ((0, 0), (0, 0))
    )
    forward = np.asarray(convolution.forward(x))
    if stride == 1:
        expected = [[439, 467, 495], [551, 579, 607], [663, 691, 719]]
        assert forward[0, ..., 0].tolist() == expected
        assert forward[1, ..., 1].tolist() == [
            [-1335, -1363, -1391],
            [-1447, -1475, -1503],
            [-1559, -1587, -1615],
        ]
    head = alternating(forward[0].size, [1.0, -1.0])
    result = scored(stacked(convolution, Reshape((-1,)), head), x)
    assert result.multipliers == pytest.approx(np.stack([channels_last(channel0, channel1)] * 2))
