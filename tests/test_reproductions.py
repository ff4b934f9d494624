"""Results of papers that the scripts of examples/ compute again, on small sizes."""

import sys
from collections.abc import Iterator

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
