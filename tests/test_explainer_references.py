"""Scores against references that are arrays, drawn or shared by all sequences."""

from typing import Any

import keras
import numpy as np
import pytest
from nets import Array, largest
from small import (
    CODES,
    LENGTH,
    NAMES,
    REFERENCES,
    TARGETS,
    X,
    assert_same,
    explained,
    small_model,
)

from seqlift.attribution.result import Result
from seqlift.explain.explainer import Explainer
from seqlift.inputs.references import (
    EachGcReference,
    RowReference,
    ShuffledReferences,
    gc_reference,
)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return small_model()


@pytest.fixture(scope="module")
def explain(model: keras.Model) -> Explainer:
    """Return an explainer that is not compiled, which laws of references hold of too."""
    return Explainer(model, TARGETS, batch_size=7, precision="float64")


@pytest.fixture(scope="module")
def results(explain: Explainer) -> dict[str, Result]:
    return explained(explain, X, REFERENCES)


@pytest.fixture(scope="module")
def compiled(model: keras.Model) -> Explainer:
    return Explainer(model, ["strength"], batch_size=7)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dinucleotide", "uniform"])
def test_references_of_a_kind_depend_on_the_sequence_alone(compiled: Explainer, kind: str) -> None:
    order = np.random.default_rng(2).permutation(len(X))
    scores, turned = (explained(compiled, x, kind) for x in (X, X[order]))
    for target, result in scores.items():
        assert_same(turned[target], result.rows(order))


def test_the_seed_of_drawn_references_is_the_explainers(
    model: keras.Model, explain: Explainer
) -> None:
    named = explained(explain, X, "dinucleotide")["strength"]
    given = ShuffledReferences("dinucleotide", 20, seed=0)
    assert_same(named, explained(explain, X, given)["strength"])
    other = Explainer(model, "strength", seed=1, precision="float64")(X, "dinucleotide")
    assert isinstance(other, Result)
    assert largest(other.contributions, named.contributions) > 1e-3


@pytest.mark.parametrize(
    "references",
    [
        pytest.param(REFERENCES[0, :10], id="ten sequences"),
        pytest.param(np.full((LENGTH, 4), 0.25, np.float32), id="one row at every position"),
        pytest.param(np.zeros((1, LENGTH, 4)), id="zeros", marks=pytest.mark.slow),
    ],
)
def test_shared_references_are_copies_of_them_for_every_sequence(
    explain: Explainer, references: Array
) -> None:
    copies = np.broadcast_to(references, (len(X), *references.shape[-3:]))
    copies = copies if references.ndim == 3 else copies[:, None]
    shared, own = (explained(explain, X, given) for given in (references, copies))
    for target, result in own.items():
        for name in NAMES:
            assert largest(getattr(shared[target], name), getattr(result, name)) <= 1e-6


def test_references_that_are_shared_pass_the_model_once(
    explain: Explainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = explain.engine((LENGTH, 4))
    passed: list[Any] = []
    share = engine.share
    monkeypatch.setattr(engine, "share", lambda array: passed.append(array) or share(array))
    other = np.full((LENGTH, 4), 0.125, np.float32)
    explain(np.concatenate([X, X]), other)
    explain(X, other)
    assert len(passed) == 1
    explain(X, 2 * other)
    assert len(passed) == 2


@pytest.mark.parametrize(
    "kind",
    [gc_reference(0.41), RowReference("zeros", (0.0,) * 4), EachGcReference()],
    ids=lambda kind: kind.kind,
)
def test_an_unknown_base_contributes_nothing_and_the_others_sum_up(
    explain: Explainer, kind: Any
) -> None:
    """Only the sequence with N has references of its own; the rest stay where they are."""
    for result in explained(explain, X, kind).values():
        assert (result.contributions[2, 5:9] == 0.0).all()
        assert np.abs(result.contributions[2, 12:40]).max() > 0.0
        change = result.prediction - result.reference_prediction[:, 0]
        assert largest(result.contributions.sum(axis=(1, 2)), change) <= 1e-5
    own = explained(explain, X, kind.draw(CODES))
    scores = explained(explain, X, kind)
    for target, result in own.items():
        for name in NAMES:
            assert largest(getattr(scores[target], name), getattr(result, name)) <= 1e-6


def test_scores_over_references_are_the_mean_of_those_over_parts_of_them(
    explain: Explainer, results: dict[str, Result]
) -> None:
    few, rest = (explained(explain, X, part) for part in (REFERENCES[:, :10], REFERENCES[:, 10:]))
    for target, result in results.items():
        mean = 0.5 * (few[target].hypothetical + rest[target].hypothetical)
        assert largest(result.hypothetical, mean) <= 1e-6
        reference = few[target].reference_prediction
        assert largest(result.reference_prediction[:, :10], reference) <= 1e-6


def test_the_first_few_of_many_drawn_references_are_the_few(explain: Explainer) -> None:
    many, few = (
        explained(explain, X, ShuffledReferences("dinucleotide", number)) for number in (20, 10)
    )
    for target, result in few.items():
        reference = many[target].reference_prediction[:, :10]
        assert largest(result.reference_prediction, reference) <= 1e-6
