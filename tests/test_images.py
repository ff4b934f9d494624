"""Methods on models of images (N, H, W, C), through the Explainer."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from keras import layers
from nets import chain, gradients, largest, made, predicted
from oracle.relevance import layers_of_weights, relevance_of, z_box, z_plus

import seqlift
from seqlift.attribution.registry import methods
from seqlift.errors import InputError, ModelError

pytestmark = pytest.mark.usefixtures("step_by_step")

OF_SEQUENCES = {"ism", "occlusion"}  # they substitute bases
NEED = {"cam": "averaged"}


def pooled() -> list[Any]:
    return [
        layers.Conv2D(4, 3, activation="relu", name="first"),
        layers.MaxPooling2D(2),
        layers.Conv2D(3, 2, activation="relu", name="second"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]


def averaged() -> list[Any]:
    return [
        layers.Conv2D(4, (3, 2), padding="same", activation="relu"),
        layers.AveragePooling2D(2),
        layers.Conv2D(3, 2, strides=(1, 2), activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3),
    ]


def widest() -> list[Any]:
    return [layers.Conv2D(4, 3, activation="relu"), layers.GlobalMaxPooling2D(), layers.Dense(3)]


STACKS = {"pooled": (pooled, 1), "averaged": (averaged, 3), "widest": (widest, 2)}


@cache
def model_of(stack: str) -> Any:
    body, channels = STACKS[stack]
    return made(chain(body), (8, 7, channels))


def images(stack: str, number: int, *, seed: int = 0) -> Any:
    _, channels = STACKS[stack]
    found = np.random.default_rng(seed).random((number, 8, 7, channels))
    found[0, 0] = 0.0  # dark, and bright where one channel is one: no bases
    found[0, 1] = np.eye(channels)[0]
    return found


def explained(stack: str, method: str, references: Any = None, **options: Any) -> Any:
    explain = seqlift.Explainer(
        model_of(stack), "0:1", method=method, method_options=options, precision="float64"
    )
    given = np.zeros_like(images(stack, 1)) if references is None else references
    return explain(images(stack, 3), given)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("method", [name for name in methods() if name not in OF_SEQUENCES])
def test_every_method_scores_every_value_of_an_image(stack: str, method: str) -> None:
    if NEED.get(method, stack) != stack:
        with pytest.raises(ModelError, match="global average"):
            explained(stack, method)
        return
    options = {"orders": 2} if method == "shapley" else {}
    result = explained(stack, method, **options)
    assert result.contributions.shape == images(stack, 3).shape
    assert np.isfinite(result.contributions).all()
    all_against = (method, stack) == ("grad-cam", "widest")  # and cut off at zero
    assert (np.abs(result.contributions).max() > 1e-6) != all_against
    explain = seqlift.Explainer(model_of(stack), "0:1", method=method)
    if explain.method.sums_to != "nothing":
        assert np.abs(result.residual).max() <= 1e-9
        total = result.contributions.sum(axis=(1, 2, 3))
        assert largest(total, result.difference[:, 0]) <= 1e-9


@pytest.mark.parametrize("method", [name for name in methods() if name not in OF_SEQUENCES])
def test_every_method_scores_every_value_of_a_vector_or_says_what_it_needs(method: str) -> None:
    network = made(chain(lambda: [layers.Dense(6, activation="relu"), layers.Dense(2)]), (5,))
    options = {"orders": 2} if method == "shapley" else {}
    settings = {"method": method, "method_options": options, "precision": "float64"}
    if "cam" in method:
        with pytest.raises(ModelError, match="the model has no convolution; give the layer"):
            seqlift.Explainer(network, "0:1", **settings)
        return
    explain = seqlift.Explainer(network, "0:1", **settings)
    values = np.random.default_rng(2).random((3, 5))
    result = explain(values, np.zeros((1, 5)))
    assert result.contributions.shape == values.shape
    assert np.abs(result.contributions).max() > 1e-6
    if explain.method.sums_to != "nothing":
        assert largest(result.contributions.sum(axis=1), result.difference[:, 0]) <= 1e-9


@pytest.mark.parametrize("stack", STACKS)
def test_deeplift_of_an_image_is_complete_for_each_background(stack: str) -> None:
    background = images(stack, 5, seed=3)
    for rule in ("rescale", "revealcancel", "genomics"):
        result = explained(stack, "deeplift", background, rule=rule)
        assert np.abs(result.residual).max() <= 1e-9
        total = result.contributions.sum(axis=(1, 2, 3))
        assert largest(total, result.difference.mean(axis=1)) <= 1e-9
        assert np.array_equal(result.hypothetical, result.contributions)


@pytest.mark.parametrize("stack", ["averaged", "widest"])
def test_gradients_of_an_image_are_the_frameworks(stack: str) -> None:
    (slopes,) = gradients(model_of(stack), np.eye(3)[1], images(stack, 3))
    assert largest(explained(stack, "saliency").contributions, np.abs(slopes)) <= 1e-12
    times = explained(stack, "gradient").contributions
    assert largest(times, slopes * images(stack, 3)) <= 1e-12


def test_deep_taylor_of_an_image_is_that_of_the_formula() -> None:
    model, result = model_of("averaged"), explained("averaged", "deep-taylor")
    start = next(layers_of_weights(model))
    for row, found in zip(images("averaged", 3), result.contributions, strict=True):
        theirs = relevance_of(
            model, row, np.eye(3)[1], lambda i, _: z_box if i == start else z_plus, "winner"
        )
        assert largest(found, theirs) <= 1e-9


def test_shapley_of_an_image_gains_what_predictions_gain() -> None:
    result = explained("widest", "shapley", orders=3)
    values = predicted(model_of("widest"), images("widest", 3))[:, 1]
    dark = predicted(model_of("widest"), np.zeros((1, 8, 7, 2)))[:, 1]
    assert largest(result.contributions.sum(axis=(1, 2, 3)), values - dark) <= 1e-12


def test_references_that_are_drawn_are_refused_for_images() -> None:
    explain = seqlift.Explainer(model_of("pooled"), "0:1")
    with pytest.raises(InputError, match="references dinucleotide: drawn for sequences"):
        explain(images("pooled", 1))
