"""A file whose scores explain nothing says so, with the likely cause."""

from typing import Any

import numpy as np
import pytest

from seqlift.tracks.doubts import warnings_of

ONES = np.ones(3)
NOTHING = "all contributions to task are exactly 0: "
CANCELLED = "in every row the prediction of task equals that of the references: "

CASES = [
    ({"largest": 0.0}, {}, f"{NOTHING}likely because an activation on the way is off or saturated"),
    (
        {"largest": 0.0},
        {"target_varies": 0},
        f"{NOTHING}it does not depend on the sequence; choose",
    ),
    (
        {"largest": 0.0},
        {"input age": "0.0", "input b": "b.npy, (3,) sha256 0f"},
        f"{NOTHING}likely because the input age is held at zeros, which can",
    ),
    (
        {"largest": 0.0},
        {"input b": "b.npy, (3,) sha256 0f"},
        f"{NOTHING}likely because of what is held (b=b.npy), or",
    ),
    (
        {"reference_prediction": ONES * (1 - 5e-7)},
        {"reference": "dinucleotide"},
        f"{CANCELLED}likely because the model sees only what the references keep",
    ),
    ({"reference_prediction": ONES}, {"reference": "zeros"}, f"{CANCELLED}likely because an activ"),
]


def warned(figures: dict[str, Any], facts: dict[str, Any]) -> tuple[str, ...]:
    known = {"largest": 1.0, "prediction": ONES, "reference_prediction": ONES / 2}
    return warnings_of({"target": "task"} | facts, **(known | figures))


@pytest.mark.parametrize(("figures", "facts", "beginning"), CASES)
def test_the_likely_cause_is_named(
    figures: dict[str, Any], facts: dict[str, Any], beginning: str
) -> None:
    (text,) = warned(figures, facts)
    assert text.startswith(beginning)


def test_scores_that_explain_something_are_not_doubted() -> None:
    assert warned({}, {"input age": "0.0"}) == ()
    assert warned({"reference_prediction": np.array([1.0, 1.0, 1 - 1e-5])}, {}) == ()
    nothing = {"prediction": ONES[:0], "reference_prediction": ONES[:0], "largest": 0.0}
    assert warned(nothing, {}) == ()  # no row has a known base
    assert warned({}, {"warning": "held"}) == ("held",)
