"""Models that take their bases in other shapes than (length, 4) see what they were made for."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from nets import Array, computed, randomise, sequences, shuffles

from seqlift.attribution.result import Result
from seqlift.explain.explainer import Explainer
from seqlift.inputs.onehot import one_hot
from seqlift.lowering.input_layout import layout_of
from seqlift.lowering.walk import lower

pytestmark = pytest.mark.usefixtures("step_by_step")

LENGTH = 23
CODES = sequences(4, LENGTH)
X = one_hot(CODES)
REFERENCES = one_hot(shuffles(CODES, 2))

LAYOUTS: dict[tuple[int | None, ...], str] = {
    (LENGTH, 4): "NLC",
    (4, LENGTH): "NCL",
    (1, 4, LENGTH): "N1CL",
    (LENGTH, 4, 1): "NLC1",
    (1, LENGTH, 4): "N1LC",
    (4, LENGTH, 1): "NCL1",
    (LENGTH, 1, 4): "NL1C",
    (4, 1, LENGTH): "NC1L",
}


def in_layout(one_hot_rows: Array, letters: str) -> Array:
    """Return (N, L, 4) in a layout, by its letters."""
    axes = [letters.replace("1", "").index(letter) for letter in "NLC"]
    turned = one_hot_rows.transpose(np.argsort(axes))
    return np.expand_dims(turned, [i for i, letter in enumerate(letters) if letter == "1"])


def model_of(shape: tuple[int | None, ...]) -> keras.Model:
    """Return a model that weighs every base by itself, and then is not linear."""
    given = keras.Input(shape)
    hidden = layers.Dense(6, activation="relu")(layers.Flatten()(given))
    model = keras.Model(given, layers.Dense(1)(hidden))
    randomise(model)
    return model


def scored(model: keras.Model, x: Array, references: Any, **options: Any) -> Result:
    result = Explainer(model, rule="rescale", **options)(x, references)
    assert isinstance(result, Result)
    return result


@pytest.mark.parametrize(("shape", "letters"), LAYOUTS.items(), ids=LAYOUTS.values())
def test_a_layout_is_seen_through(shape: tuple[int, ...], letters: str) -> None:
    layout = layout_of(shape)
    assert layout is not None
    assert layout.shape == (LENGTH, 4)
    assert layout.own_shape(LENGTH) == shape
    np.testing.assert_array_equal(layout.laid_out(X), in_layout(X, letters))
    model = model_of(shape)
    ours = scored(model, X, REFERENCES)
    assert ours.contributions.shape == X.shape
    predicted = model.predict(in_layout(X, letters), verbose=0)[:, 0]
    np.testing.assert_allclose(ours.prediction, predicted, rtol=1e-5, atol=1e-6)
    assert np.abs(ours.residual).max() < 1e-5


@pytest.mark.parametrize("kind", ["shuffle", "uniform"])
def test_equal_models_in_two_layouts_have_equal_scores(kind: str) -> None:
    plain, turned = model_of((LENGTH, 4)), model_of((4, LENGTH))
    for mine, theirs in zip(turned.weights, plain.weights, strict=True):
        mine.assign(np.array(theirs))  # a copy: JAX gives away the arrays of a model it runs
    kernel = plain.weights[0].numpy().reshape(LENGTH, 4, -1)
    turned.weights[0].assign(kernel.swapaxes(0, 1).reshape(4 * LENGTH, -1))
    ours, theirs = (scored(model, X, kind) for model in (turned, plain))
    np.testing.assert_allclose(ours.hypothetical, theirs.hypothetical, atol=1e-6)


def test_any_length_may_be_in_any_layout() -> None:
    given = keras.Input((1, 4, None))
    turned = layers.Permute((3, 2, 1))(given)
    hidden = layers.Conv2D(3, (5, 4), activation="relu")(turned)
    model = keras.Model(given, layers.Dense(1)(layers.GlobalAveragePooling2D()(hidden)))
    randomise(model)
    explain = Explainer(model, rule="rescale")
    assert explain.input_shape == (None, 4)
    for length in (7, 12):
        x = one_hot(sequences(2, length))
        result = explain(x, "shuffle")
        assert isinstance(result, Result)
        assert result.contributions.shape == x.shape
        predicted = model.predict(in_layout(x, "N1CL"), verbose=0)[:, 0]
        np.testing.assert_allclose(result.prediction, predicted, rtol=1e-5)


def test_four_bases_of_a_model_of_any_length_are_not_taken_for_channels() -> None:
    given = keras.Input((4, None))
    model = keras.Model(given, layers.Dense(1)(layers.Dot(2)([given, given])[:, 0]))
    randomise(model)
    layout = layout_of((4, None))
    assert layout is not None
    graph = lower(model, (4, 4), layout=layout)
    x = one_hot(sequences(3, 4))
    ours = computed(graph, x)[graph.outputs[0]]
    expected = model.predict(x.swapaxes(1, 2), verbose=0)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "shape", [(), (2,), (4,), (LENGTH, 5), (3, 4, LENGTH), (2, LENGTH, 4, 1), (None, None)]
)
def test_what_has_no_axis_of_bases_has_no_layout(shape: tuple[int | None, ...]) -> None:
    assert layout_of(shape) is None


def test_channels_are_last_where_both_axes_could_be() -> None:
    layout = layout_of((4, 4))
    assert layout is not None
    assert (layout.bases, layout.channels) == (0, 1)


def test_inputs_that_are_no_sequences_are_explained_as_they_are() -> None:
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    randomise(model)
    result = scored(model, np.array([[1.0, 2.0]]), np.zeros((1, 2)))
    expected = model.weights[0].numpy()[:, 0] * [1.0, 2.0]
    np.testing.assert_allclose(result.contributions[0], expected, rtol=1e-6)
