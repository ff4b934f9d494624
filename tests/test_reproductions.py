"""Results of papers that the scripts of examples/ compute again, on small sizes."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

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


def test_revealcancel_alone_is_continuous_at_a_maximum() -> None:
    import worked_figures

    found = worked_figures.continuity()
    assert found.pop("RevealCancel") == pytest.approx(np.sqrt(2), rel=1e-6)
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
