"""Scores of the original implementations, reproduced on the models they were computed on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keras import ops
from nets import Array, computed, engine_by, largest

from seqlift.attribution.engine import Engine
from seqlift.attribution.propagation import maximum
from seqlift.attribution.registry import chosen_method
from seqlift.attribution.result import Result
from seqlift.device.backend import at_once
from seqlift.explain.explainer import Explainer

TOLERANCE = 1e-5
GATED_RULES = ("guided-backprop", "guided-backprop-rescale", "deconvnet")

SEQUENCE_CASES = (
    "c01_conv_maxpool_dense_sigmoid",
    "c02_conv_bn_gap_multitask",
    "c03_conv_avgpool_softmax",
    "c05_dense_tanh_sigmoid_hidden",
    "c07_talgata_mini_multitask",
    "c08_functional_concat",
)
PAPER_CASES = ("p01_fig3_min", "p02_fig1_saturation", "p03_fig2_threshold")
FLAT_TO_SHUFFLED = ("flat", "zeros", "shuf")
MAX_POOLED, SOFTMAX = "c01_conv_maxpool_dense_sigmoid", "c03_conv_avgpool_softmax"

# Here the original's noise reaches multipliers of bases that differ from the reference: 1.1e-5.
NOISY = ("c08_functional_concat", "revealcancel__flat")

# Contributions of its means that its noise reaches (2.4e-4 and 1.02e-5 at most), of 640 and 288.
NOISY_MEANS = {
    ("c03_conv_avgpool_softmax", "revealcancel"): 28,
    ("c08_functional_concat", "revealcancel"): 1,
}

Numbers = Mapping[str, Array]


def numbers_of(oracle: Path, name: str) -> Numbers:
    with np.load(oracle / f"{name}.npz") as file:
        return dict(file)


@cache
def explainer_of(oracle: Path, case: str, rule: Any = "rescale") -> Explainer:
    """Return an explainer of all tasks of a case; only its graph and its heads are used."""
    tasks = numbers_of(oracle, case)["pred"].shape[1]
    return Explainer(oracle / f"{case}.h5", [str(k) for k in range(tasks)], rule=rule)


def engine_of(oracle: Path, case: str, *, rule: Any = "rescale", **options: Any) -> Engine:
    explain = explainer_of(oracle, case, rule if rule in GATED_RULES else "rescale")
    engine = explain.engine(explain.input_shape)
    return engine_by(engine.graph, engine.heads, rule=rule, **options)


def scored(engine: Engine, x: Array, references: Array) -> dict[str, Array]:
    """Return the fields of the results of all tasks, (tasks, n, ...); compiled on JAX only."""
    results = engine.by_head(at_once(engine.explain_own)(x, references))
    return {
        name: np.stack([ops.convert_to_numpy(result[name]) for result in results])
        for name in results[0]
    }


def expected(numbers: Numbers, key: str, case: str) -> Array:
    """Return an array of numbers (tasks, ...); of logits of a softmax, less their mean."""
    values = numbers[key]
    return values - values.mean(axis=0) if case == SOFTMAX else values


def per_position(contributions: Array, case: str) -> Array:
    """Return contributions summed over bases: ours all stand at the observed base."""
    return contributions if case in PAPER_CASES else contributions.sum(axis=-1)


@pytest.mark.parametrize("rule", ["rescale", "gradient"])
@pytest.mark.parametrize("case", SEQUENCE_CASES + PAPER_CASES)
def test_the_original_gives_the_same_scores(oracle: Path, case: str, rule: Any) -> None:
    """The first winner of a maximum takes all, as there; nothing else is set to agree."""
    numbers = numbers_of(oracle, case)
    engine = engine_of(oracle, case, rule=rule, max_rule="winner")
    for name in ["zeros"] if case in PAPER_CASES else FLAT_TO_SHUFFLED:
        ours = scored(engine, numbers["x"], numbers[f"ref__{name}"][:, None])
        theirs = per_position(expected(numbers, f"contribs__{rule}__{name}", case), case)
        assert largest(per_position(ours["contributions"], case), theirs) <= TOLERANCE
        theirs = expected(numbers, f"mult__{rule}__{name}", case)
        assert largest(ours["multipliers"], theirs) <= TOLERANCE
        theirs = expected(numbers, f"resid__{rule}__{name}", case)
        assert largest(-ours["residual"][..., 0], theirs) <= TOLERANCE
        if case not in PAPER_CASES:
            theirs = expected(numbers, f"hyp__{rule}__{name}", case)
            assert largest(ours["hypothetical"], theirs) <= TOLERANCE


MODES = {"revealcancel": "revealcancel", "genomics": "genomics_default"}


@pytest.mark.parametrize("rule", MODES)
@pytest.mark.parametrize("case", SEQUENCE_CASES + PAPER_CASES)
def test_the_original_gives_the_same_scores_where_parts_cancel(
    oracle: Path, case: str, rule: str
) -> None:
    """Its multiplier of a part that is zero is noise, so multipliers are compared elsewhere."""
    numbers = numbers_of(oracle, case)
    engine = engine_of(oracle, case, rule=rule, max_rule="winner")
    for name in ["zeros"] if case in PAPER_CASES else FLAT_TO_SHUFFLED:
        references = numbers[f"ref__{name}"]
        ours = scored(engine, numbers["x"], references[:, None])
        key = f"{MODES[rule]}__{name}"
        theirs = per_position(expected(numbers, f"contribs__{key}", case), case)
        assert largest(per_position(ours["contributions"], case), theirs) <= TOLERANCE
        if (case, key) == NOISY:
            continue
        moved = numbers["x"] != references
        theirs = expected(numbers, f"mult__{key}", case) * moved
        assert largest(ours["multipliers"] * moved, theirs) <= TOLERANCE


@pytest.mark.parametrize("rule", MODES)
@pytest.mark.parametrize("case", SEQUENCE_CASES)
def test_the_original_gives_the_same_means_where_parts_cancel(
    oracle: Path, case: str, rule: str
) -> None:
    numbers = numbers_of(oracle, case)
    ours, precise = (
        scored(
            engine_of(oracle, case, rule=rule, max_rule="winner", dtype=dtype),
            numbers["x"],
            numbers["mrefs"],
        )["contributions"].sum(axis=-1)
        for dtype in ("float32", "float64")
    )
    assert largest(ours, precise) <= 1e-6
    theirs = expected(numbers, f"contribs__{MODES[rule]}__multi", case).sum(axis=-1)
    noisy = NOISY_MEANS.get((case, rule), 0)
    assert np.count_nonzero(np.abs(ours - theirs) > TOLERANCE) <= noisy
    assert largest(ours, theirs) <= (2.5e-4 if noisy else TOLERANCE)


@pytest.mark.parametrize("case", SEQUENCE_CASES)
def test_the_original_gives_the_same_means_over_ten_references(oracle: Path, case: str) -> None:
    numbers = numbers_of(oracle, case)
    ours = scored(engine_of(oracle, case, max_rule="winner"), numbers["x"], numbers["mrefs"])
    theirs = expected(numbers, "contribs__rescale__multi", case).sum(axis=-1)
    assert largest(ours["contributions"].sum(axis=-1), theirs) <= TOLERANCE
    theirs = expected(numbers, "mult__rescale__multi", case)
    assert largest(ours["multipliers"], theirs) <= TOLERANCE


@pytest.mark.parametrize("rule", GATED_RULES)
@pytest.mark.parametrize("case", SEQUENCE_CASES + PAPER_CASES)
def test_the_original_gives_the_same_scores_where_multipliers_are_gated(
    oracle: Path, case: str, rule: str
) -> None:
    """Of each class by itself: the scores of a difference of logits are no difference of scores."""
    numbers = numbers_of(oracle, case)
    engine = engine_of(oracle, case, rule=rule, max_rule="winner")
    mode = rule.replace("-", "_")
    for name in ["zeros"] if case in PAPER_CASES else FLAT_TO_SHUFFLED:
        ours = scored(engine, numbers["x"], numbers[f"ref__{name}"][:, None])
        theirs = per_position(numbers[f"contribs__{mode}__{name}"], case)
        assert largest(per_position(ours["contributions"], case), theirs) <= TOLERANCE
        assert largest(ours["multipliers"], numbers[f"mult__{mode}__{name}"]) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("case", SEQUENCE_CASES + PAPER_CASES)
def test_the_original_gives_the_same_integrated_gradients(oracle: Path, case: str) -> None:
    numbers = numbers_of(oracle, case)
    engine = engine_of(oracle, case, rule="integrated-gradients", max_rule="winner", steps=10)
    for steps, name in product((10, 50), ["zeros"] if case in PAPER_CASES else FLAT_TO_SHUFFLED):
        options = {"steps": steps, "max_rule": "winner"}
        engine.method = chosen_method("integrated-gradients", options)  # compiled once for both
        x, references = numbers["x"], numbers[f"ref__{name}"][:, None]
        ours = np.stack([result.contributions for result in engine.explain(x, references)])
        theirs = per_position(expected(numbers, f"ig__{steps}__{name}", case), case)
        assert largest(per_position(ours, case), theirs) <= TOLERANCE


@pytest.mark.parametrize("case", SEQUENCE_CASES + PAPER_CASES)
def test_the_original_gives_the_same_predictions_before_and_after_the_last_activation(
    oracle: Path, case: str
) -> None:
    numbers, engine = numbers_of(oracle, case), engine_of(oracle, case)
    graph = engine.graph
    (output,) = graph.outputs
    values = computed(graph, numbers["x"], [output, *(head.node for head in engine.heads)])
    assert largest(values[output], numbers["pred"]) <= TOLERANCE
    targets = numbers["target"].T
    targets = targets - targets.mean(axis=0) if case == SOFTMAX else targets
    for head, target in zip(engine.heads, targets, strict=True):
        value = ops.convert_to_numpy(head.value(values[head.node][:, None]))
        assert largest(value[:, 0], target) <= TOLERANCE


@pytest.mark.parametrize("case", SEQUENCE_CASES)
def test_shap_gives_the_same_scores(oracle: Path, case: str) -> None:
    """By the completing max rule, where no values of a window tie at the reference."""
    numbers, theirs = numbers_of(oracle, case), numbers_of(oracle, f"{case}_shap")
    engine = engine_of(oracle, case)
    for name in ["shuf", "multi"] if case == MAX_POOLED else ["flat", "zeros", "shuf", "multi"]:
        references = numbers["mrefs"] if name == "multi" else numbers[f"ref__{name}"][:, None]
        ours = scored(engine, numbers["x"], references)["contributions"].sum(axis=-1)
        assert largest(ours, expected(theirs, f"shap__{name}", case).sum(axis=-1)) <= TOLERANCE


@contextmanager
def first_of_ties(monkeypatch: pytest.MonkeyPatch, *, sides: tuple[bool, bool]) -> Iterator[None]:
    """Have maxima prefer the first of equal values of the sequence, of the reference, or of both.

    By a tilt that changes no score.
    """

    share = maximum.share_of_maximum

    def tilting(x: Any, x0: Any, y: Any, y0: Any) -> Any:
        both = [tilted(v) if tilt else v for v, tilt in zip((x, x0), sides, strict=True)]
        return share(*both, *(ops.max(values, axis=-2, keepdims=True) for values in both))

    with monkeypatch.context() as patch:
        patch.setattr(maximum, "share_of_maximum", tilting)
        yield


def tilted(values: Any) -> Any:
    """Return (N, R, counts, window, channels), each value 1e-11 below the one before it."""
    positions = np.arange(values.shape[-2])[:, None]
    return values - ops.convert_to_tensor(1e-11 * positions, dtype=values.dtype)


@pytest.mark.parametrize("name", ["flat", "zeros"])
def test_shap_differs_where_a_constant_reference_ties_by_the_ties_alone(
    oracle: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """All values of a window tie there: here they share its difference, in shap one has it."""
    numbers, theirs = numbers_of(oracle, MAX_POOLED), numbers_of(oracle, f"{MAX_POOLED}_shap")
    wanted = theirs[f"shap__{name}"].sum(axis=-1)
    distances = []
    for sides in ((False, False), (True, True)):
        engine = engine_of(oracle, MAX_POOLED, dtype="float64")
        with first_of_ties(monkeypatch, sides=sides):
            ours = scored(engine, numbers["x"], numbers[f"ref__{name}"][:, None])
        assert np.abs(ours["residual"]).max() <= 1e-9
        distances.append(largest(ours["contributions"].sum(axis=-1), wanted))
    assert distances[0] > 0.1
    assert distances[1] <= TOLERANCE


@pytest.mark.parametrize("name", ["flat", "zeros"])
def test_the_original_differs_where_both_sides_tie_by_the_ties_alone(
    oracle: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The original sums up on a constant reference, where the maximum is the sequence's winner."""
    numbers = numbers_of(oracle, MAX_POOLED)
    wanted = numbers[f"contribs__rescale__{name}"].sum(axis=-1)
    assert np.abs(numbers[f"resid__rescale__{name}"]).max() <= TOLERANCE
    engine = engine_of(oracle, MAX_POOLED, dtype="float64")
    with first_of_ties(monkeypatch, sides=(True, False)):
        ours = scored(engine, numbers["x"], numbers[f"ref__{name}"][:, None])
    assert largest(ours["contributions"].sum(axis=-1), wanted) <= TOLERANCE


def test_the_completing_rule_sums_up_where_the_original_does_not(oracle: Path) -> None:
    numbers = numbers_of(oracle, MAX_POOLED)
    assert np.abs(numbers["resid__rescale__shuf"]).max() > 0.9
    ours = scored(engine_of(oracle, MAX_POOLED), numbers["x"], numbers["ref__shuf"][:, None])
    assert np.abs(ours["residual"]).max() <= TOLERANCE


@pytest.fixture(scope="module")
def bpnet_scores(oracle: Path) -> tuple[Numbers, Mapping[str, Result], Explainer]:
    numbers = numbers_of(oracle, "bpnet_a")
    explain = Explainer(oracle / "bpnet_a.h5", ["counts", "profile"])
    return numbers, explain(numbers["x"], numbers["references"]), explain


@pytest.mark.parametrize("target", ["counts", "profile"])
def test_chrombpnet_gives_the_same_hypothetical_scores(bpnet_scores: Any, target: str) -> None:
    numbers, results, _ = bpnet_scores
    ours = results[target].hypothetical
    assert largest(ours, numbers[f"hypothetical_{target}"]) <= TOLERANCE


def test_chrombpnet_gives_the_same_predictions(bpnet_scores: Any) -> None:
    numbers, results, explain = bpnet_scores
    counts = results["counts"]
    assert largest(counts.prediction, numbers["logcount"][:, 0]) <= TOLERANCE
    assert largest(counts.reference_prediction, numbers["ref_logcount"]) <= TOLERANCE
    engine = explain.engine((500, 4))
    node = engine.heads[1].node
    for sequences, logits in (("x", "logits_profile"), ("references", "ref_logits_profile")):
        x = numbers[sequences].reshape(-1, 500, 4).astype(np.float32)
        values = computed(engine.graph, x, [node])[node]
        theirs = numbers[logits].reshape(-1, 100)  # logits of ten and more, in float32
        assert largest(values, theirs) <= TOLERANCE * np.abs(theirs).max()


def test_the_stored_gradients_of_a_published_model_are_reproduced(real: Path) -> None:
    with h5py.File(real / "tal1" / "grads.hdf5") as file:
        inputs, gradients = file["inputs"][:], file["grads"][:]
    explain = Explainer(
        real / "tal1" / "weights.hdf5", arch=real / "tal1" / "arch.json", rule="gradient"
    )
    ours = explain(inputs, "zeros").multipliers
    assert np.abs(gradients).max() > 8.0
    assert largest(ours, gradients) <= TOLERANCE
