"""What an `Explainer` promises: scores depend on the sequence alone, and every score sums up."""

import threading
import time
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
from keras import ops
from nets import Array, eager, largest, shuffles
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

import seqlift.explain.batches
from seqlift.attribution.registry import method_named
from seqlift.attribution.result import Result
from seqlift.device.backend import compiled
from seqlift.errors import DeviceMemoryError
from seqlift.explain.batches import (
    LARGEST_BATCH,
    MOST_PAIRS,
    automatic_size,
    lanes_for,
    memory_of,
)
from seqlift.explain.concurrent_batches import ConcurrentBatches
from seqlift.explain.engines import Engines
from seqlift.explain.explainer import Explainer
from seqlift.explain.schedule import Schedule

pytestmark = pytest.mark.usefixtures("step_by_step")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return small_model()


@pytest.fixture(scope="module")
def explain(model: keras.Model) -> Explainer:
    return Explainer(model, TARGETS, batch_size=7)


@pytest.fixture(scope="module")
def results(explain: Explainer) -> dict[str, Result]:
    return explained(explain, X, REFERENCES)


@pytest.fixture(scope="module")
def exact(model: keras.Model) -> dict[str, Result]:
    """Return the same results in float64, which is not compiled."""
    return explained(Explainer(model, TARGETS, batch_size=7, precision="float64"), X, REFERENCES)


def test_results_have_the_shapes_they_are_documented_with(results: dict[str, Result]) -> None:
    assert list(results) == TARGETS
    for result in results.values():
        shapes = {name: getattr(result, name).shape for name in NAMES}
        assert shapes == {
            "hypothetical": (9, LENGTH, 4),
            "multipliers": (9, LENGTH, 4),
            "contributions": (9, LENGTH, 4),
            "prediction": (9,),
            "reference_prediction": (9, 20),
            "difference": (9, 20),
            "residual": (9, 20),
        }
        assert {getattr(result, name).dtype for name in NAMES} == {np.dtype("float32")}


@pytest.mark.usefixtures("all_at_once")
def test_every_score_sums_up(results: dict[str, Result]) -> None:
    for result in results.values():
        change = result.prediction[:, None] - result.reference_prediction
        assert np.abs(change).max() > 0.1
        assert largest(result.difference, change) <= 1e-5
        assert np.abs(result.residual).max() <= 1e-5
        total = result.contributions.sum(axis=(1, 2))
        assert largest(total, change.mean(axis=1)) <= 1e-5


def test_scores_do_not_depend_on_batch_size(model: keras.Model, results: dict[str, Result]) -> None:
    """To 1e-6 only: products of matrices of other sizes are added up in another order."""
    scores = explained(Explainer(model, TARGETS, batch_size=1), X, REFERENCES)
    for target, result in results.items():
        for name in NAMES:
            assert largest(getattr(scores[target], name), getattr(result, name)) <= 1e-6


def test_scores_do_not_depend_on_the_order_of_sequences(
    explain: Explainer, results: dict[str, Result]
) -> None:
    order = np.random.default_rng(1).permutation(len(X))
    scores = explained(explain, X[order], REFERENCES[order])
    for target, result in results.items():
        assert_same(scores[target], result.rows(order))


@pytest.mark.parametrize("few", [[3], [8, 0], [2, 4, 6]])
def test_scores_do_not_depend_on_neighbours(
    explain: Explainer, results: dict[str, Result], few: list[int]
) -> None:
    scores = explained(explain, X[few], REFERENCES[few])
    for target, result in results.items():
        assert_same(scores[target], result.rows(np.array(few)))


def test_every_batch_has_the_same_size(explain: Explainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that is not full is filled up, so that no score depends on how many there are."""
    engine = explain.engine((LENGTH, 4))
    given: list[tuple[int, int]] = []
    whole = engine.explain

    def seen(x: Array, references: Any, others: Any) -> list[Result]:
        assert others == {}
        given.append((len(x), len(references)))
        return whole(x, references)

    monkeypatch.setattr(engine, "explain", seen)
    assert explained(explain, X, REFERENCES)["strength"].prediction.shape == (len(X),)
    assert given == [(7, 7), (7, 7)]


def test_codes_are_one_hot_arrays(explain: Explainer, results: dict[str, Result]) -> None:
    coded = explain.explain(CODES, shuffles(CODES, 20))
    for target, result in results.items():
        assert_same(coded[target], result)


@pytest.mark.slow
def test_several_targets_at_once_are_each_alone(
    model: keras.Model, results: dict[str, Result]
) -> None:
    for target, result in results.items():
        alone = Explainer(model, target, batch_size=7)(X, REFERENCES)
        assert isinstance(alone, Result)
        assert_same(alone, result)


def test_a_contribution_is_the_hypothetical_one_of_the_observed_base(
    results: dict[str, Result],
) -> None:
    known = CODES < 4
    for result in results.values():
        observed = (X * result.hypothetical)[known]
        assert np.array_equal(result.contributions[known], observed)


@pytest.mark.parametrize("rule", ["rescale", "gradient"])
def test_hypothetical_contributions_are_those_worked_out_base_by_base(
    explain: Explainer, rule: Any
) -> None:
    """One reference at a time, each base put in place of the observed one."""
    engine = explain.engine((LENGTH, 4))
    x, references = X[:3].astype(np.float64), REFERENCES[:3, :4].astype(np.float64)
    options: dict[str, Any] = {"dtype": "float64", "rule": rule}
    whole = eager(engine.graph, engine.heads[1], x, references, **options)
    multipliers = [
        eager(engine.graph, engine.heads[1], x, references[:, [k]], **options).multipliers
        for k in range(4)
    ]
    hypothetical = np.zeros_like(whole.hypothetical)
    for k, base in np.ndindex(4, 4):
        change = np.eye(4)[base] - references[:, k]
        hypothetical[:, :, base] += (multipliers[k] * change).sum(axis=-1) / 4
    assert largest(whole.hypothetical, hypothetical) <= 1e-12
    assert largest(whole.multipliers, np.mean(multipliers, axis=0)) <= 1e-12


def test_an_input_that_is_not_one_hot_has_multipliers_times_differences(
    explain: Explainer,
) -> None:
    rng = np.random.default_rng(3)
    soft = rng.dirichlet(np.ones(4), (len(X), LENGTH)).astype(np.float32)
    soft[:, 10] = X[:, 20]
    for result in explained(explain, soft, REFERENCES).values():
        change = result.prediction - result.reference_prediction.mean(axis=1)
        assert largest(result.contributions.sum(axis=(1, 2)), change) <= 1e-5
        assert np.count_nonzero(result.contributions[0, 9]) == 4
        assert np.count_nonzero(result.contributions[0, 10]) == 1


@pytest.mark.usefixtures("all_at_once")
def test_float64_is_computed_in_float64(
    exact: dict[str, Result], results: dict[str, Result]
) -> None:
    for target, result in exact.items():
        assert {getattr(result, name).dtype for name in NAMES} == {np.dtype("float64")}
        assert np.abs(result.residual).max() <= 1e-12
        assert largest(results[target].contributions, result.contributions) <= 1e-5


def test_a_compiled_run_gives_what_step_by_step_gives(
    explain: Explainer, results: dict[str, Result]
) -> None:
    engine = explain.engine((LENGTH, 4))
    for head, result in zip(engine.heads, results.values(), strict=True):
        stepwise = eager(engine.graph, head, X[:7], REFERENCES[:7], rule="genomics")
        for name in NAMES:
            assert largest(getattr(result, name)[:7], getattr(stepwise, name)) <= 1e-6


def test_a_model_and_its_file_give_the_same(
    model: keras.Model, exact: dict[str, Result], tmp_path: Path
) -> None:
    for name in ("small.keras", "small.h5"):
        model.save(tmp_path / name) if name.endswith("keras") else save_legacy(model, tmp_path)
        explain = Explainer(tmp_path / name, TARGETS, batch_size=7, precision="float64")
        for target, result in explained(explain, X, REFERENCES).items():
            assert_same(result, exact[target])


def save_legacy(model: keras.Model, folder: Path) -> None:
    """Save a model as HDF5, which Keras advises against."""
    keras.src.legacy.saving.legacy_h5_format.save_model_to_hdf5(model, str(folder / "small.h5"))


def test_one_target_gives_a_result_and_a_list_of_one_a_dictionary(model: keras.Model) -> None:
    references = np.zeros((LENGTH, 4))
    one = Explainer(model, "strength", precision="float64")(X[:1], references)
    several = Explainer(model, ["strength"], precision="float64")(X[:1], references)
    assert isinstance(one, Result)
    assert isinstance(several, dict)
    assert_same(one, several["strength"])


def test_a_batch_is_as_large_as_memory_allows_and_no_larger(
    explain: Explainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = explain.engine((LENGTH, 4))
    assert automatic_size(engine, 1) == LARGEST_BATCH
    monkeypatch.setattr(seqlift.explain.batches, "batch_memory", lambda: 10**6)
    sizes = [automatic_size(engine, number) for number in (1, 4, 20, 1000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2] >= 1
    assert sizes[3] == 1
    monkeypatch.setattr(seqlift.explain.batches, "batch_memory", lambda: 10**10)  # that of a GPU
    assert automatic_size(engine, 20) == MOST_PAIRS // 20


def test_batches_run_side_by_side_where_there_is_memory_for_more_than_one(
    explain: Explainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = explain.engine((LENGTH, 4))
    taken = memory_of(engine, 20)
    monkeypatch.setattr(seqlift.explain.batches, "most_lanes", lambda: 2)
    monkeypatch.setattr(seqlift.explain.batches, "batch_memory", lambda: 6 * taken)
    assert automatic_size(engine, 20) == 3
    assert [lanes_for(engine, 20, size) for size in (1, 3, 6, 7)] == [2, 2, 2, 1]
    with monkeypatch.context() as many_passes:
        gradients = method_named("integrated-gradients", {"steps": 50})
        many_passes.setattr(engine, "method", gradients)
        assert (automatic_size(engine, 20), lanes_for(engine, 20, 1)) == (6, 1)
    monkeypatch.setattr(seqlift.explain.batches, "most_lanes", lambda: 1)  # as on a GPU
    assert automatic_size(engine, 20) == 6
    assert lanes_for(engine, 20, 3) == 1


@pytest.mark.usefixtures("all_at_once")
@pytest.mark.slow
@pytest.mark.parametrize("references", [REFERENCES, np.full((LENGTH, 4), 0.25)], ids=["own", "all"])
def test_batches_side_by_side_change_no_bit(
    explain: Explainer, references: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.concatenate([X, X[::-1], X])
    given = np.concatenate([references, references[::-1], references])
    given = given if references.ndim == 4 else references
    at_once = spied_lanes(explain, monkeypatch)
    monkeypatch.setattr(seqlift.explain.batches, "most_lanes", lambda: 2)
    several = explained(explain, x, given)
    assert max(at_once) == 2
    monkeypatch.setattr(seqlift.explain.batches, "most_lanes", lambda: 1)
    at_once.clear()
    for target, result in explained(explain, x, given).items():
        assert_same(result, several[target])
    assert max(at_once) == 1


def spied_lanes(explain: Explainer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets, at each batch, how many are under way; with two, they meet."""
    engine = explain.engine((LENGTH, 4))
    whole, at_once, running = engine.explain, [], set[int]()

    def watched(*arguments: Any) -> list[Result]:
        running.add(threading.get_ident())
        at_once.append(len(running))
        time.sleep(0.02)
        try:
            return whole(*arguments)
        finally:
            running.discard(threading.get_ident())

    monkeypatch.setattr(engine, "explain", watched)
    return at_once


def test_threads_that_need_an_engine_wait_for_the_same(
    model: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    explain, made = Explainer(model, TARGETS), []
    engine = explain.engine((LENGTH, 4))
    monkeypatch.setattr(
        Engines, "_made", lambda _, *key: made.append(key) or time.sleep(0.05) or engine
    )
    explain._engines._engines.clear()
    at_once = ConcurrentBatches(Schedule(1, 2, compiled=True))
    list(at_once.each(lambda *_: explain.engine((LENGTH, 4)), range(4)))
    assert len(made) == 1


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_memory_that_is_full_halves_the_batch_and_loses_no_row(
    model: keras.Model, exact: dict[str, Result], monkeypatch: pytest.MonkeyPatch, lanes: int
) -> None:
    monkeypatch.setattr(seqlift.explain.batches, "most_lanes", lambda: lanes)
    explain = Explainer(model, TARGETS, batch_size=7, precision="float64")
    engine, tried = explain.engine((LENGTH, 4)), []
    whole = engine.explain

    def too_large(sequences: Array, *others: Any) -> list[Result]:
        tried.append(len(sequences))
        if len(sequences) > 2:
            raise DeviceMemoryError("full")
        return whole(sequences, *others)

    monkeypatch.setattr(engine, "explain", too_large)
    for target, result in explained(explain, X, REFERENCES).items():
        for name in NAMES:
            assert largest(getattr(result, name), getattr(exact[target], name)) <= 1e-12
    again = [7] * lanes if lanes > 1 else []  # two side by side, then one of them alone
    assert tried == [*again, 7, 4, 2, 2, 2, 2, 2]
    assert explain.schedule_for(engine, 20).size == 2
    monkeypatch.setattr(engine, "explain", mock.Mock(side_effect=DeviceMemoryError("full")))
    with pytest.raises(DeviceMemoryError, match="full"):
        explain(X, REFERENCES)


@pytest.mark.slow  # TensorFlow waits for ten seconds until a memory is full for good
def test_a_memory_that_is_full_is_told_by_every_framework_in_its_own_words() -> None:
    def too_much(x: Array) -> Array:
        square = ops.matmul(x[:, None], x[None, :])
        return ops.sum(ops.matmul(square, x[:, None]))

    with pytest.raises(DeviceMemoryError, match="give a smaller --batch-size"):
        compiled(too_much)(np.ones(2**23, np.float32))  # 256 TiB: more than there are addresses
