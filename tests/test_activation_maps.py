"""Activation maps, against stored numbers of captum and of the formulas."""

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from nets import Array, chain, largest, made, sequences

import seqlift
from seqlift.attribution.activation_map import fields
from seqlift.errors import ModelError
from seqlift.inputs.onehot import one_hot

pytestmark = pytest.mark.usefixtures("step_by_step")

CASES = ["c01_conv_maxpool_dense_sigmoid", "c02_conv_bn_gap_multitask", "c03_conv_avgpool_softmax"]
FIELDS = {CASES[0]: (7, 1), CASES[1]: (9, 1), CASES[2]: (9 + 2 + 6, 3)}  # bases read, and step
KEYS = {"cam": "cam", "grad-cam": "captum_gradcam", "grad-cam++": "gradcam_pp"}


def spread_by_hand(values: Array, case: str) -> Array:
    """Share each value of a map (positions,) evenly among the bases of its receptive field."""
    width, step = FIELDS[case]
    track = np.zeros(40)
    same = 2 if case == CASES[1] else 0  # the first convolution pads by two
    for p, value in enumerate(values):
        start = p * step - same
        places = [i for i in range(start, start + width) if 0 <= i < 40]
        track[places] += value / len(places)
    return track


@pytest.mark.parametrize(
    ("case", "method"),
    [(case, method) for case in CASES for method in KEYS if method != "cam" or case == CASES[1]],
)
def test_maps_are_those_of_the_stored_numbers(oracle: Path, case: str, method: str) -> None:
    with np.load(oracle / f"{case}.npz") as file:
        x, predictions = file["x"], file["pred"]
    with np.load(oracle / f"{case}_torch.npz") as file:
        theirs = file[KEYS[method]]
    targets = [str(task) for task in range(predictions.shape[1])]
    explain = seqlift.Explainer(oracle / f"{case}.h5", targets, method=method, precision="float64")
    for task, result in enumerate(explain(x).values()):
        for n, row in enumerate(theirs[task]):
            if method == "grad-cam":
                row = np.maximum(row, 0.0)  # stored before the ReLU
            if method == "grad-cam++":
                row = row / np.exp(
                    result.prediction[n]
                )  # stored with the factor of the exponential
            expected = spread_by_hand(row, case)
            assert (
                largest(result.hypothetical[n].max(axis=-1), expected)
                <= 1e-6 * abs(row).max() + 1e-12
            )
            assert (
                largest(result.contributions[n].sum(axis=-1), expected * x[n].sum(axis=-1)) <= 1e-6
            )


def two() -> list[Any]:
    return [
        layers.Conv1D(4, 5, activation="relu", name="first"),
        layers.Conv1D(3, 3, activation="relu", name="second"),
        layers.GlobalAveragePooling1D(name="mean"),
        layers.Dense(2, name="out"),
    ]


@cache
def model() -> Any:
    return made(chain(two), (30, 4))


def mapped(method: str, **options: Any) -> Any:
    explain = seqlift.Explainer(
        model(), "0:1", method=method, method_options=options, precision="float64"
    )
    return explain(one_hot(sequences(2, 30)))


def test_a_class_activation_map_sums_to_the_output_less_its_bias() -> None:
    bias = np.asarray(model().get_weights()[-1])[1]
    result = mapped("cam")
    total = result.contributions.sum(axis=(1, 2)) / 24  # positions of the last convolution
    np.testing.assert_allclose(total, result.prediction - bias, rtol=1e-12)


def averaged_by_hand(network: Any, x: Array, layer: str, task: int) -> Array:
    """Compute the map in float64 NumPy: sum over channels of weight times activation."""
    inner = keras.Model(network.inputs[0], network.get_layer(layer).output)
    *_, weights, _ = network.get_weights()
    return np.asarray(inner(x), np.float64) @ np.asarray(weights, np.float64)[:, task]


MAPPED = {
    "two convolutions": (two, "second"),
    "strided and pooled": (
        lambda: [
            layers.Conv1D(5, 7, strides=2, activation="elu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(6, 2, activation="relu", name="last"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, activation="sigmoid"),
        ],
        "last",
    ),
    "dilated": (
        lambda: [
            layers.Conv1D(6, 3, activation="relu"),
            layers.Conv1D(4, 3, dilation_rate=4, activation="softplus", name="last"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2),
        ],
        "last",
    ),
}


@pytest.mark.parametrize("name", MAPPED)
def test_a_class_activation_map_is_that_of_the_formula(name: str) -> None:
    body, layer = MAPPED[name]
    network, x = made(chain(body), (30, 4)), one_hot(sequences(2, 30))
    explain = seqlift.Explainer(network, "0:1", method="cam", precision="float64")
    shares = fields(explain.engine((30, 4)).graph)
    expected = averaged_by_hand(network, x, layer, 1) @ shares
    scores = explain(x).hypothetical.max(axis=-1)
    assert largest(scores, expected) <= 1e-6 * np.abs(expected).max()


def test_the_layer_is_chosen_by_name_and_the_last_convolution_by_default() -> None:
    last, named = mapped("grad-cam"), mapped("grad-cam", layer="second")
    assert np.array_equal(last.contributions, named.contributions)
    first = mapped("grad-cam", layer="first")
    assert largest(first.contributions, named.contributions) > 1e-4


def test_a_map_is_repeated_to_the_models_length_if_asked() -> None:
    spread, nearest = mapped("cam"), mapped("cam", spread="nearest")
    assert len(np.unique(nearest.hypothetical[0].round(12))) <= 24
    assert largest(spread.hypothetical, nearest.hypothetical) > 1e-4


@pytest.mark.parametrize(
    ("method", "layer", "said"),
    [
        ("grad-cam", "secund", "layer secund: not in the model; did you mean second?"),
        (
            "grad-cam",
            "mean",
            "layer mean: has no positions with channels; give one of first, second",
        ),
        ("cam", "first", "layer first: relu follows it, and not only a global average and dense"),
    ],
)
def test_a_layer_without_a_map_is_refused_by_its_name(method: str, layer: str, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        mapped(method, layer=layer)
    assert said in str(caught.value)


def test_each_position_is_shared_among_the_bases_it_reads() -> None:
    explain = seqlift.Explainer(model(), "0:1", method="grad-cam", precision="float64")
    shares = fields(explain.engine((30, 4)).graph)
    assert shares.shape == (24, 30)
    for p, row in enumerate(shares):
        assert np.array_equal(np.flatnonzero(row), np.arange(p, p + 7))
        assert row.sum() == pytest.approx(1.0)
