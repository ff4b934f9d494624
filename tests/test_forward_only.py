"""In-silico mutagenesis, occlusion and Shapley sampling, against predictions one at a time."""

from collections.abc import Callable
from functools import cache
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import layers
from nets import Array, chain, graph_of, largest, made, predicted, sequences

import seqlift
from seqlift.errors import InputError, ModelError
from seqlift.inputs.onehot import one_hot
from seqlift.network.reach import stretches

pytestmark = pytest.mark.usefixtures("step_by_step")


def bpnet(tensor: Any) -> Any:
    x = layers.Conv1D(5, 7, activation="relu")(tensor)
    for rate in (2, 4):
        grown = layers.Conv1D(5, 3, dilation_rate=rate, activation="relu")(x)
        x = layers.Add()([grown, layers.Cropping1D(rate)(x)])
    profile = layers.Flatten()(layers.Conv1D(1, 5)(x))
    return [profile, layers.Dense(2)(layers.GlobalAveragePooling1D()(x))]


def pooled() -> list[Any]:
    return [
        layers.Conv1D(5, 5, padding="same"),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling1D(3, 2, padding="same"),
        layers.DepthwiseConv1D(3, strides=2, padding="same"),
        layers.AveragePooling1D(2),
        layers.Dense(4, activation="tanh"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(2),
    ]


def dense() -> list[Any]:
    return [layers.Flatten(), layers.Dense(6, activation="tanh"), layers.Dense(2)]


def places() -> list[Any]:
    return [layers.Conv1D(4, 3), layers.PReLU(), layers.Conv1D(3, 4, strides=3), layers.Flatten(),
            layers.Dense(2)]  # fmt: skip


def branches(tensor: Any) -> Any:
    one = layers.Conv1D(3, 5, padding="same", activation="relu")(tensor)
    other = layers.Conv1D(4, 9, padding="same", activation="relu")(tensor)
    both = layers.Concatenate()([one, other])
    gated = layers.Multiply()([both, layers.Conv1D(7, 1, activation="sigmoid")(both)])
    return layers.Dense(2)(layers.Flatten()(gated))


BODIES: dict[str, Callable[[Any], Any]] = {
    "bpnet": bpnet,
    "pooled": chain(pooled),
    "dense": chain(dense),
    "places": chain(places),
    "branches": branches,
}
LENGTH = 48


@cache
def model_of(body: str) -> Any:
    return made(BODIES[body], (LENGTH, 4))


TARGET = {"bpnet": "1:1"}


def value(body: str, inputs: Array) -> Array:
    outputs = predicted(model_of(body), inputs)
    return np.asarray((outputs[1] if body == "bpnet" else outputs)[:, 1])


def explainer(body: str, method: str, **options: Any) -> seqlift.Explainer:
    return seqlift.Explainer(
        model_of(body), TARGET.get(body, "0:1"), method=method, method_options=options,
        precision="float64",
    )  # fmt: skip


def bases(number: int = 2) -> Array:
    """Make codes with a run of N in the first."""
    codes = sequences(number, LENGTH)
    codes[0, 10:14] = 4
    return codes


def changes_one_by_one(body: str, codes: Array) -> Array:
    """Substitute every base of a sequence (L,) by every other, and predict each alone: (L, 4)."""
    rows = np.repeat(codes[None], LENGTH * 4, axis=0)
    rows[np.arange(LENGTH * 4), np.repeat(np.arange(LENGTH), 4)] = np.tile(np.arange(4), LENGTH)
    inputs = one_hot(rows.astype(np.uint8), np.float64)
    change = (value(body, inputs) - value(body, one_hot(codes[None], np.float64))).reshape(-1, 4)
    return np.asarray(change * (codes < 4)[:, None])


@pytest.mark.parametrize("body", BODIES)
def test_mutagenesis_is_the_change_of_each_prediction(body: str) -> None:
    codes = bases()
    result = explainer(body, "ism")(one_hot(codes))
    for n, row in enumerate(codes):
        change = changes_one_by_one(body, row)
        assert np.abs(change).max() > 1e-3
        assert largest(result.multipliers[n], change) <= 1e-12
        projected = -change.sum(axis=-1) / 3
        assert largest(result.contributions[n].sum(axis=-1), projected) <= 1e-12
        observed = one_hot(row) * result.hypothetical[n]
        assert np.array_equal(result.contributions[n], observed)


def test_mutagenesis_of_some_positions_leaves_the_others_zero() -> None:
    x = one_hot(bases())
    whole, part = (
        explainer("bpnet", "ism", **chosen)(x) for chosen in ({}, {"positions": "20-31"})
    )
    assert largest(part.multipliers[:, 20:31], whole.multipliers[:, 20:31]) <= 1e-12
    assert not part.multipliers[:, :20].any()
    assert not part.multipliers[:, 31:].any()
    with pytest.raises(InputError, match=r"positions 20-49: not all within the 48 .*; give"):
        explainer("bpnet", "ism", positions="20-49")


def test_mutagenesis_does_not_depend_on_neighbours_to_the_bit() -> None:
    codes = bases(3)
    explain = explainer("pooled", "ism")
    whole, alone = explain(one_hot(codes)), explain(one_hot(codes[2:]))
    assert np.array_equal(whole.hypothetical[2:], alone.hypothetical)


@pytest.mark.parametrize("body", ["bpnet", "pooled", "branches"])
def test_what_a_substitution_cannot_reach_is_not_computed_again(body: str) -> None:
    graph = graph_of(model_of(body))
    needed = tuple(range(len(graph.nodes)))
    found = stretches(graph, needed, np.arange(LENGTH), 1)
    first = min(i for i in found if i)
    assert found[first].width < LENGTH // 3
    one, x = one_hot(bases()[1:], np.float64), one_hot(bases()[1:], np.float64)
    for at in (0, 17, LENGTH - 1):
        x = one.copy()
        x[0, at] = np.roll(x[0, at], 1)
        before, after = (graph.forward(a, needed) for a in (one, x))
        for i, stretch in found.items():
            moved = (np.asarray(before[i])[0] != np.asarray(after[i])[0]).any(axis=-1)
            where = np.flatnonzero(moved)
            assert not len(where) or where.min() >= stretch.starts[at]
            assert not len(where) or where.max() < stretch.starts[at] + stretch.width


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    ("width", "stride", "number"), [(1, 1, 1), (5, 2, 3), (7, 7, 2), (60, 1, 1)]
)
def test_occlusion_is_the_change_when_a_window_is_replaced(
    body: str, width: int, stride: int, number: int
) -> None:
    x = one_hot(bases(), np.float64)
    references = one_hot(sequences(2 * number, LENGTH, seed=3), np.float64)
    references = references.reshape(2, number, LENGTH, 4)
    result = explainer(body, "occlusion", width=width, stride=stride)(x, references)
    for n in range(2):
        totals, covered = np.zeros(LENGTH), np.zeros(LENGTH)
        start, end = 0, 0
        while end < LENGTH:
            end = min(start + width, LENGTH)
            rows = np.repeat(x[n : n + 1], number, axis=0)
            rows[:, start:end] = references[n, :, start:end]
            gain = value(body, x[n : n + 1])[0] - value(body, rows).mean()
            totals[start:end] += gain
            covered[start:end] += 1
            start += stride
        expected = totals / covered
        assert largest(result.contributions[n].sum(axis=-1), expected) <= 1e-12
        assert np.abs(expected).max() > 1e-4


CASES = ["c01_conv_maxpool_dense_sigmoid", "c02_conv_bn_gap_multitask", "c03_conv_avgpool_softmax",
         "c05_dense_tanh_sigmoid_hidden"]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_occlusion_of_single_bases_by_a_reference_is_captums(oracle: Path, case: str) -> None:
    with np.load(oracle / f"{case}.npz") as file:
        x, predictions, reference = file["x"], file["pred"], file["ref__flat"][:, None]
    with np.load(oracle / f"{case}_torch.npz") as file:
        theirs = file["captum_occlusion"]
    if "softmax" in case:  # a logit less the mean over classes, which the original leaves in
        theirs = theirs - theirs.mean(axis=0)
    targets = [str(task) for task in range(predictions.shape[1])]
    explain = seqlift.Explainer(
        oracle / f"{case}.h5", targets, method="occlusion", precision="float64"
    )
    for task, result in enumerate(explain(x, reference).values()):
        assert largest(result.contributions.sum(axis=-1), theirs[task]) <= 1e-6


@pytest.mark.usefixtures("all_at_once")
@pytest.mark.parametrize("body", ["bpnet", "pooled", "dense"])
def test_shapley_over_all_orders_of_six_positions_is_the_shapley_value(body: str) -> None:
    codes = sequences(1, LENGTH)
    other = codes.copy()
    free = np.array([3, 4, 11, 20, 21, 40])
    other[0, free] = (other[0, free] + 1) % 4
    x, x0 = one_hot(codes, np.float64), one_hot(other, np.float64)
    result = explainer(body, "shapley", orders=0)(x, x0)
    expected = np.zeros(LENGTH)
    sets = [frozenset(some) for k in range(7) for some in combinations(free, k)]
    mixed = np.repeat(x0, len(sets), axis=0)
    for row, some in zip(mixed, sets, strict=True):
        row[list(some)] = x[0, list(some)]
    of = dict(zip(sets, value(body, mixed), strict=True))
    orders = list(permutations(free))
    for order in orders:
        for k, i in enumerate(order):
            expected[i] += of[frozenset(order[: k + 1])] - of[frozenset(order[:k])]
    expected /= len(orders)
    assert largest(result.contributions[0].sum(axis=-1), expected) <= 1e-12
    assert np.abs(expected).max() > 1e-3
    assert np.abs(result.residual).max() <= 1e-12
    sampled = explainer(body, "shapley", orders=720)(x, x0)
    assert largest(sampled.contributions[0].sum(axis=-1), expected) <= 0.1 * np.abs(expected).max()


@pytest.mark.parametrize("body", BODIES)
def test_shapley_sampling_sums_to_the_difference_for_every_order(body: str) -> None:
    x = one_hot(bases())
    references = one_hot(sequences(3, LENGTH, seed=3)) * x.any(axis=-1)[:1, :, None]
    result = explainer(body, "shapley", orders=1)(x, references)
    difference = result.difference.mean(axis=1)
    assert largest(result.contributions.sum(axis=(1, 2))[:1], difference[:1]) <= 1e-12
    assert np.abs(difference).max() > 1e-2
    alone = explainer(body, "shapley", orders=1)(x[1:], references)
    assert np.array_equal(alone.contributions, result.contributions[1:])


def test_too_many_positions_for_all_orders_are_refused() -> None:
    with pytest.raises(InputError, match=r"orders 0: 4\d positions differ from the ref"):
        explainer("dense", "shapley", orders=0)(one_hot(bases()), "zeros")


def test_mutagenesis_of_what_is_no_sequence_is_refused() -> None:
    image = made(chain(lambda: [layers.Flatten(), layers.Dense(1)]), (6, 6, 4))
    with pytest.raises(ModelError, match=r"method ism: it substitutes bases .*; choose another"):
        seqlift.Explainer(image, method="ism")
    with pytest.raises(InputError, match="is neither a base nor N"):
        explainer("dense", "ism")(np.full((1, LENGTH, 4), 0.25))
