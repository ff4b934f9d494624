"""Methods made of gradients, against numbers of other implementations and plain formulas."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import layers
from nets import Array, chain, gradients, largest, made, sequences

import seqlift
from seqlift.attribution.draws import generator_of
from seqlift.attribution.methods.expected_gradients import OnLine
from seqlift.attribution.methods.smoothgrad import Substituted
from seqlift.attribution.registry import method_named
from seqlift.attribution.result import Result
from seqlift.inputs.onehot import one_hot

pytestmark = pytest.mark.usefixtures("step_by_step")

CASES = [
    "c01_conv_maxpool_dense_sigmoid",
    "c02_conv_bn_gap_multitask",
    "c03_conv_avgpool_softmax",
    "c05_dense_tanh_sigmoid_hidden",
]


def stored(oracle: Path, file: str, *keys: str) -> list[Array]:
    with np.load(oracle / f"{file}.npz") as numbers:
        return [numbers[key] for key in keys]


def explained(oracle: Path, case: str, method: str, **options: Any) -> list[Result]:
    """Score all tasks of a case in float64, against references of zeros."""
    x, predictions = stored(oracle, case, "x", "pred")
    explain = seqlift.Explainer(
        oracle / f"{case}.h5",
        [str(task) for task in range(predictions.shape[1])],
        method=method,
        method_options=options,
        precision="float64",
    )
    return list(explain(x, "zeros").values())


@pytest.mark.parametrize("case", CASES)
def test_saliency_is_the_absolute_gradient_and_sensitivity_its_square(
    oracle: Path, case: str
) -> None:
    (theirs,) = stored(oracle, f"{case}_torch", "captum_saliency")
    (x,) = stored(oracle, case, "x")
    for method, expected in (("saliency", np.abs(theirs)), ("sensitivity", theirs**2)):
        for task, result in enumerate(explained(oracle, case, method)):
            assert largest(result.hypothetical, expected[task]) <= 1e-6
            assert largest(result.contributions, expected[task] * x) <= 1e-6
            assert np.abs(expected[task]).max() > 1e-3


@pytest.mark.parametrize("case", CASES)
def test_gradient_times_input_is_captums(oracle: Path, case: str) -> None:
    (theirs,) = stored(oracle, f"{case}_torch", "captum_inputxgrad")
    if "softmax" in case:  # a logit less the mean over classes, which the original leaves in
        theirs = theirs - theirs.mean(axis=0)
    for task, result in enumerate(explained(oracle, case, "gradient")):
        assert largest(result.contributions, theirs[task]) <= 1e-6


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["gradient", "saliency"])
def test_the_correction_takes_the_mean_over_the_bases_from_the_gradient(
    oracle: Path, case: str, method: str
) -> None:
    plain = explained(oracle, case, method)
    for result, found in zip(plain, explained(oracle, case, method, corrected=True), strict=True):
        gradient = result.multipliers
        expected = gradient - gradient.mean(axis=-1, keepdims=True)
        assert largest(found.multipliers, expected) <= 1e-12
        if method == "saliency":
            expected = np.abs(expected)
        assert largest(found.hypothetical, expected) <= 1e-12


def small() -> Any:
    return made(
        chain(
            lambda: [
                layers.Conv1D(5, 7, activation="relu"),
                layers.AveragePooling1D(3),
                layers.Flatten(),
                layers.Dense(6, activation="gelu"),
                layers.Dense(2),
            ]
        ),
        (40, 4),
    )


def explainer(method: str, **options: Any) -> seqlift.Explainer:
    return seqlift.Explainer(
        small(), "0:1", method=method, method_options=options, precision="float64"
    )


def test_the_correction_changes_nothing_where_references_are_bases() -> None:
    x = one_hot(sequences(3, 40))
    references = one_hot(sequences(2, 40, seed=4))
    plain = explainer("gradient")(x, references)
    corrected = explainer("gradient", corrected="yes")(x, references)
    assert largest(plain.contributions, corrected.contributions) <= 1e-12
    assert largest(plain.multipliers, corrected.multipliers) > 1e-2


def test_sizes_have_no_sign_and_say_so() -> None:
    for method in ("saliency", "sensitivity"):
        result = explainer(method)(one_hot(sequences(3, 40)))
        assert (result.contributions >= 0.0).all()
        assert result.contributions.max() > 1e-3
        assert not method_named(method, {}).signed


def smooth() -> list[Any]:
    return [layers.Conv1D(4, 5, activation="tanh"), layers.Flatten(), layers.Dense(2)]


def pooled() -> list[Any]:
    return [
        layers.Conv1D(4, 5, activation="relu", padding="same"),
        layers.MaxPooling1D(2),
        layers.Conv1D(3, 3, activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(2),
    ]


def dense() -> list[Any]:
    return [layers.Flatten(), layers.Dense(5, activation="elu"), layers.Dense(2)]


STACKS = {"smooth": smooth, "pooled": pooled, "dense": dense}


def scored(stack: Any, x: Any, references: Any, method: str, **options: Any) -> tuple[Any, Result]:
    """Explain output 1 of a model of layers; return the model too."""
    model = made(chain(stack), (20, 4))
    explain = seqlift.Explainer(
        model, "0:1", method=method, method_options=options, precision="float64"
    )
    return model, explain(x, references)


def slopes(model: Any, points: Array) -> Array:
    """Return the framework's own gradients of output 1 at points (number, 20, 4)."""
    (found,) = gradients(model, np.array([0.0, 1.0]), points)
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("all_at_once")
@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(("number", "samples"), [(6, 1), (4, 3), (1, 5)])
def test_expected_gradients_are_the_mean_over_drawn_points_with_their_error(
    stack: str, number: int, samples: int
) -> None:
    x, references = one_hot(sequences(2, 20), np.float64), one_hot(sequences(number, 20, seed=3))
    model, result = scored(
        STACKS[stack], x, references, "expected-gradients", samples=samples, seed=5
    )
    for n in range(2):
        drawn = np.empty((number, samples, 20, 4))
        for r in range(number):
            for k, alpha in enumerate(generator_of(x[n], 5, r).random(samples)):
                point = references[r] + alpha * (x[n] - references[r])
                g = slopes(model, point[None])[0]
                drawn[r, k] = g - (g * references[r]).sum(axis=-1, keepdims=True)
        mean = drawn.mean(axis=(0, 1))
        independent = drawn.mean(axis=1) if number > 1 else drawn[0]
        error = independent.std(axis=0, ddof=1) / np.sqrt(len(independent))
        assert largest(result.hypothetical[n], mean) <= 1e-12
        assert largest(result.contributions[n], mean * x[n]) <= 1e-12
        assert result.standard_error is not None
        assert largest(result.standard_error[n], error) <= 1e-12
        assert error.max() > 1e-4


def test_expected_gradients_tend_to_integrated_gradients() -> None:
    x, reference = one_hot(sequences(2, 20), np.float64), np.full((20, 4), 0.25)
    _, drawn = scored(smooth, x, reference, "expected-gradients", samples=100)
    _, exact = scored(smooth, x, reference, "integrated-gradients", steps=200)
    off = np.abs(drawn.hypothetical - exact.hypothetical) / drawn.standard_error
    assert 0.5 < np.sqrt(np.mean(off**2)) < 2.0
    assert off.max() < 6.0


def test_the_first_of_many_draws_are_those_of_few() -> None:
    rows = one_hot(sequences(2, 20))
    few = np.array(list(OnLine(2, 0).of(rows, 3, (20, 4))))
    many = np.array(list(OnLine(5, 0).of(sequences(2, 20), 4, (20, 4))))
    assert np.array_equal(many[:2, :, :3], few)
    assert len(np.unique(many)) == many.size


@pytest.mark.parametrize("stack", STACKS)
def test_discrete_smoothgrad_is_the_mean_gradient_over_sequences_with_bases_substituted(
    stack: str,
) -> None:
    codes = sequences(2, 20)
    codes[0, 3:6] = 4  # N
    x = one_hot(codes, np.float64)
    model, result = scored(STACKS[stack], x, "zeros", "smoothgrad", samples=6, substituted=0.3)
    copies = [x[:, None] + step for step in Substituted(6, 0.3).of(x, 1, (20, 4))]
    expected = np.mean([slopes(model, copy[:, 0]) for copy in copies], axis=0)
    assert largest(result.multipliers, expected) <= 1e-12
    moved = [(copy[:, 0] != x).any(axis=-1) for copy in copies]
    assert 0.15 < np.mean(moved) < 0.45
    for copy in copies:
        assert np.array_equal(copy[:, 0].sum(axis=-1), x.sum(axis=-1))


def test_a_fraction_of_substitutions_is_kept_and_bases_are_drawn_alike() -> None:
    codes = sequences(1, 20_000)
    (step,) = Substituted(1, 0.1).of(codes, 1, (20_000, 4))
    new = one_hot(codes)[0] + step[0, 0]
    moved = new.argmax(axis=-1) != codes[0]
    assert abs(moved.mean() - 0.1) < 0.01
    turned = (new.argmax(axis=-1)[moved] - codes[0][moved]) % 4
    assert np.abs(np.bincount(turned, minlength=4)[1:] / moved.sum() - 1 / 3).max() < 0.03
