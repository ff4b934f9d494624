"""Results of papers that the scripts of examples/ compute again, on small sizes."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from conftest import ROOT, eager_computation
from nets import Array

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("examples", "step_by_step")]


@pytest.fixture(scope="module")
def examples() -> Iterator[None]:
    """Let the scripts of examples/ be imported, as they are when one of them is run."""
    sys.path.insert(0, str(ROOT / "examples"))
    yield
    sys.path.remove(str(ROOT / "examples"))


PRINTED = {
    ("min", "(3.0, 1.0)"): ([0, 1], [0, 1], [0, 1], [0.5, 0.5]),
    ("min", "(1.0, 3.0)"): ([1, 0], [1, 0], [1, 0], [0.5, 0.5]),
    ("saturation", "(1.0, 1.0)"): ([0, 0], [0.5, 0.5], [0.5, 0.5], [0.5, 0.5]),
    ("saturation", "(1.0, 0.0)"): ([0, 0], [1, 0], [1, 0], [1, 0]),
    ("threshold", "(10.001,)"): ([10.001], [0], [0.001], [0.001]),
    ("threshold", "(12.0,)"): ([12], [2.04], [2], [2]),
}
"""Of gradient x input, integrated gradients, Rescale and RevealCancel."""


def test_the_worked_figures_have_the_scores_of_the_paper() -> None:
    import worked_figures

    rows = worked_figures.worked_figures()
    names = list(worked_figures.METHODS)
    assert len(rows) == len(PRINTED) * len(names)
    for figure, name, given, _, scores in rows:
        assert scores == pytest.approx(PRINTED[figure, given][names.index(name)], abs=1e-5)


def test_revealcancel_and_deep_taylor_are_continuous_at_a_maximum() -> None:
    import worked_figures

    found = worked_figures.continuity()
    assert found.pop("RevealCancel") == pytest.approx(np.sqrt(2), rel=1e-6)
    assert found.pop("deep Taylor") == pytest.approx(np.sqrt(2), rel=1e-6)
    assert found.pop("sensitivity") == pytest.approx(1000 * np.sqrt(2), rel=1e-6)
    assert found == pytest.approx(dict.fromkeys(found, 2.002 / (0.001 * np.sqrt(2))), rel=1e-6)


def test_revealcancel_converts_a_task_by_the_fewest_substitutions() -> None:
    import task_conversion

    found = task_conversion.conversions(12)
    taken = {name: number for name, (_, number, _) in found.items()}
    assert found["RevealCancel"][0] == 1.0
    assert taken["RevealCancel"] <= 6
    assert all(taken["RevealCancel"] < n for name, n in taken.items() if name != "RevealCancel")
    assert all(n < taken["random"] for name, n in taken.items() if name != "random")


@pytest.fixture(scope="module")
def digits() -> tuple[Any, Any, Any]:
    """A network trained for two rounds, and the digits."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    import digit_conversion

    training, held_out = digit_conversion.read_digits()
    with eager_computation(False):
        return digit_conversion.trained(training, epochs=6), training, held_out


def test_methods_convert_digits_where_random_pixels_do_not(digits: Any) -> None:
    import digit_conversion

    network, _, held_out = digits
    assert digit_conversion.accuracy(network, held_out) > 0.9
    found = digit_conversion.conversions(network, held_out)
    random = found.pop(digit_conversion.RANDOM)
    assert list(found) == list(digit_conversion.METHODS)
    for changes in found.values():
        assert all(changes[pair] > 2 * random[pair] for pair in digit_conversion.PAIRS)


def test_erasing_takes_a_fifth_of_the_pixels_and_only_those_that_speak_for_the_class() -> None:
    import digit_conversion

    images = np.ones((1, 8, 8, 1), np.float32)
    difference = np.linspace(-1.0, 1.0, 64).reshape(1, 8, 8, 1)
    erased = digit_conversion.erased(images, difference)
    assert np.flatnonzero(erased == 0).tolist() == list(range(52, 64))
    few = digit_conversion.erased(images, difference - 0.9)
    assert np.flatnonzero(few == 0).tolist() == [60, 61, 62, 63]


def rescaled(network: Any, image: Array, reference: Array) -> Array:
    """Compute Rescale of the logits less their mean in NumPy: (64, classes).

    Convolutions are matrices, made of what Keras's layers give for every single pixel.
    """

    def matrix(name: str, channels: int) -> tuple[Array, Array]:
        layer = network.get_layer(name)
        bias = np.tile(np.asarray(layer.bias, np.float64), 64)
        single = np.eye(64 * channels, dtype=np.float32).reshape(-1, 8, 8, channels)
        whole = keras.ops.conv(single, layer.kernel, padding="same")
        return np.asarray(whole, np.float64).reshape(len(single), -1), bias

    def both(kernel: Array, bias: Array, values: list[Array]) -> list[Array]:
        return [one @ kernel + bias for one in values]

    def quotient(values: list[Array]) -> Array:
        (x, x0), (y, y0) = values, [np.maximum(one, 0) for one in values]
        return np.where(x != x0, (y - y0) / np.where(x != x0, x - x0, 1.0), x > 0)

    first, second = matrix("strokes", 1), matrix("parts", 16)
    layers = [network.get_layer(name).get_weights() for name in ("hidden", "digit")]
    dense, last = ([np.asarray(w, np.float64) for w in weights] for weights in layers)
    a = both(*first, [image.reshape(-1), reference.reshape(-1)])
    b = both(*second, [np.maximum(one, 0) for one in a])
    relu = [np.maximum(one, 0).reshape(4, 2, 4, 2, 32).transpose(0, 2, 4, 1, 3) for one in b]
    windows = [one.reshape(-1, 4) for one in relu]
    pooled = [one.max(axis=1) for one in windows]
    c = both(*dense, pooled)
    slope = dense[0] @ (quotient(c)[:, None] * (last[0] - last[0].mean(axis=1, keepdims=True)))
    higher, rows = np.maximum(*pooled), np.arange(len(pooled[0]))
    parts = np.zeros_like(windows[0])
    parts[rows, windows[0].argmax(axis=1)] += higher - pooled[1]
    parts[rows, windows[1].argmax(axis=1)] += pooled[0] - higher
    delta = windows[0] - windows[1]
    shares = np.divide(parts, delta, out=np.zeros_like(parts), where=delta != 0)
    slope = (shares[..., None] * slope[:, None]).reshape(4, 4, 32, 2, 2, -1)
    slope = slope.transpose(0, 3, 1, 4, 2, 5).reshape(8 * 8 * 32, -1)
    slope = first[0] @ (quotient(a)[:, None] * (second[0] @ (quotient(b)[:, None] * slope)))
    return np.asarray(slope * (image - reference).reshape(-1, 1))


def test_deep_shap_of_digits_is_the_mean_of_rescale_and_complete(digits: Any) -> None:
    import digit_conversion
    import digit_deep_shap

    _, training, held_out = digits
    with eager_computation(False):
        network = digit_conversion.trained(training, pooled=True, epochs=2)
    draw = np.random.default_rng(0)  # pixels of 17 values tie; these do not
    images = held_out.images[:2] + draw.normal(0, 0.02, (2, 8, 8, 1)).astype(np.float32)
    background = training.images[:6] + draw.normal(0, 0.02, (6, 8, 8, 1)).astype(np.float32)
    found = digit_deep_shap.deep_shap(network, images, background, precision="float64")
    assert digit_deep_shap.largest_miss(found) < 1e-12
    for place, image in enumerate(images):
        pairs = [rescaled(network, image.astype(float), one.astype(float)) for one in background]
        for number, own in found.items():
            expected = np.mean(pairs, axis=0)[:, number]
            scores = own.contributions[place].reshape(-1)
            np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-6)


def test_deep_shap_is_drawn(digits: Any, tmp_path: Path) -> None:
    import digit_deep_shap

    network, training, held_out = digits
    shown = held_out.of(np.arange(2))
    found = digit_deep_shap.deep_shap(network, shown.images, training.images[:3])
    digit_deep_shap.draw(str(tmp_path / "digits.png"), shown, found)
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
