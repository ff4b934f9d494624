"""Measures of an explanation: examples computed by hand, and formulas written a second time."""

import json
import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oracle import measures as formulas
from test_worked_examples import maximum, scored

from seqlift.errors import InputError
from seqlift.evaluate import faithfulness, ranks, recovery, selectivity, stability
from seqlift.evaluate.comparison import MEASURE_COLUMNS, MeasureRow, MethodComparison, Side, compare
from seqlift.evaluate.explained import Compared, Explained, Instance
from seqlift.evaluate.measure_list import MEASURES, NEED_REMEDIES, choose_measures
from seqlift.evaluate.measure_table import in_columns, tab_separated
from seqlift.evaluate.subject import ExplainedModel, Scored
from seqlift.evaluate.uncertainty import RESAMPLES, Tally, wilson
from seqlift.explain.explainer import Explainer

LENGTH = 12
ALL = frozenset(("scores", "model", "mutagenesis", "instances", "tasks"))


@dataclass(frozen=True)
class Formula:
    """A model and a method that are two lines: f = sum(w x) + curve (sum(w x))^2, by gradient."""

    weights: Any  # (T, L, 4)
    curve: float = 0.0
    signed: bool = True
    factor: float = 1.0
    at_once: int = 5

    @property
    def targets(self) -> list[str]:
        return [f"t{i}" for i in range(len(self.weights))]

    def predicted(self, sequences: Any, others: Mapping[int, Any]) -> Any:
        del others
        sums = np.einsum("nlc,tlc->tn", np.asarray(sequences, float), self.weights)
        return sums + self.curve * sums**2

    def scored(self, sequences: Any, references: Any, others: Mapping[int, Any]) -> Scored:
        x = np.asarray(sequences, float)
        x0 = np.broadcast_to(references, (len(x), *np.shape(references)[-3:])).mean(axis=1)
        sums = np.einsum("nlc,tlc->tn", x, self.weights)
        slopes = self.factor * (1.0 + 2.0 * self.curve * sums)[..., None, None]
        slopes = slopes * self.weights[:, None]
        scores = slopes * (x - x0)
        hypothetical = slopes - (slopes * x0).sum(axis=-1, keepdims=True)
        tracks = scores.sum(axis=-1)
        tracks = tracks if self.signed else np.abs(tracks)
        prediction = self.predicted(x, others)
        residual = prediction - self.predicted(x0, others) - tracks.sum(axis=-1)
        return Scored(tracks, hypothetical, prediction, residual)


def sequences(number: int, length: int = LENGTH, seed: int = 0) -> Any:
    codes = np.random.default_rng(seed).integers(0, 4, (number, length))
    return np.eye(4)[codes]


def weights(targets: int = 1, length: int = LENGTH, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=(targets, length, 4))


def explained(subject: Any, x: Any, x0: Any = None, **more: Any) -> Explained:
    references = np.zeros((len(x), 1, *x.shape[1:])) if x0 is None else x0
    motifs = more.pop("motifs", {})
    compared = Compared(x, references, **more)
    found = subject.scored(x, references, {})
    return Explained(compared, found, subject.targets, subject.signed, subject, motifs=motifs)


def only_base_0(*values: float) -> tuple[Any, Any]:
    """Make the sequence AAA... and the weights that its bases count by."""
    by_base = np.zeros((1, len(values), 4))
    by_base[0, :, 0] = values
    return np.eye(4)[np.zeros((1, len(values)), int)], by_base


# f = 1 1 1 1, 0 0 0 0, 3 3 3 3: deleting the third window, then the first leaves 16, 4, 0, 0.
STEPS = (1, 1, 1, 1, 0, 0, 0, 0, 3, 3, 3, 3)


def test_deletion_and_insertion_by_hand() -> None:
    x, by_base = only_base_0(*STEPS)
    for measure, wanted in (
        (selectivity.deletion_static, (16 + 4 + 0 + 0) / 4 / 16),
        (selectivity.deletion_recompute, (16 + 4 + 0 + 0) / 4 / 16),
        (selectivity.insertion_static, (0 + 12 + 16 + 16) / 4 / 16),
        (selectivity.insertion_recompute, (0 + 12 + 16 + 16) / 4 / 16),
    ):
        above, below = measure(explained(Formula(by_base), x))
        assert above / below == pytest.approx(wanted)
        assert below.tolist() == [[16.0]]
        above, below = measure(explained(Formula(-by_base), x))  # ranked by what lowers f
        assert above / below == pytest.approx(wanted)


def test_sizes_are_ranked_as_sizes() -> None:
    x, by_base = only_base_0(*(-value for value in STEPS))
    above, below = selectivity.deletion_static(explained(Formula(by_base, signed=False), x))
    assert above / below == pytest.approx((16 + 4 + 0 + 0) / 4 / 16)
    x, by_base = only_base_0(2, 2, 2, 2, -1, -1, -1, -1)  # f = 4: 4, -4 or 4, 8, 0
    above, below = selectivity.deletion_static(explained(Formula(by_base, signed=False), x))
    assert above / below == pytest.approx((4 - 4 + 0) / 3 / 4)


def test_windows_do_not_overlap_and_the_first_of_equal_ones_is_taken() -> None:
    tracks = np.array([[0, 1, 1, 1, 1, 1, 0, 0, 0, 0.5, 0, 0, 0.0]])
    places = np.full((1, 4), -1)
    for step in range(4):
        selectivity.add_best(places, step, tracks)
    assert places.tolist() == [[1, 5, 9, -1]]


# f = max(x1, x2) at (1.001, 1) and (1, 1.001), which are 0.001 sqrt 2 apart
NEAR = 0.001 * np.sqrt(2.0)


@pytest.mark.parametrize(
    ("rule", "wanted"), [("rescale", 1416), ("gradient", 1416), ("revealcancel", 1.414)]
)
def test_continuity_of_a_maximum(rule: str, wanted: float) -> None:
    one, other = (
        scored(maximum, [x], rule=rule).contributions[0] for x in ([1.001, 1.0], [1.0, 1.001])
    )
    found = stability.rate_of_change(np.asarray(one), np.asarray(other), NEAR)
    assert found == pytest.approx(wanted, rel=5e-4)


def test_continuity_of_the_sensitivity_of_a_maximum() -> None:
    found = stability.rate_of_change(np.array([1.0, 0.0]), np.array([0.0, 1.0]), NEAR)
    assert found == pytest.approx(1414, rel=5e-4)


def test_continuity_is_the_formula() -> None:
    subject, x = Formula(weights(), curve=0.3), sequences(2)
    found = stability.continuity(explained(subject, x))
    for n, sequence in enumerate(x):

        def track(one: Any) -> Any:
            return subject.scored(one[None], np.zeros((1, LENGTH, 4)), {}).tracks[0, 0]

        def share(one: Any) -> Any:
            return track(one) / np.abs(track(one)).sum()

        assert found["continuity"][0][0, n] == pytest.approx(formulas.continuity(track, sequence))
        wanted = formulas.continuity(share, sequence)
        assert found["continuity-normalised"][0][0, n] == pytest.approx(wanted)


def test_continuity_by_hand() -> None:
    x, by_base = only_base_0(1, 2, 5)  # without its last A, 5 is lost
    found = stability.continuity(explained(Formula(by_base), x))
    assert found["continuity"][0] == pytest.approx(5 / np.sqrt(2))
    # (1, 2, 5)/8 becomes (1, 2, 0)/3
    wanted = (1 / 3 - 1 / 8 + 2 / 3 - 2 / 8 + 5 / 8) / np.sqrt(2)
    assert found["continuity-normalised"][0] == pytest.approx(wanted)


def test_infidelity_is_nothing_where_scores_are_the_weights() -> None:
    found = faithfulness.infidelity(explained(Formula(weights(2)), sequences(3)))
    assert np.abs([found["infidelity"][0], found["infidelity-normalised"][0]]).max() < 1e-20
    found = faithfulness.infidelity(explained(Formula(weights(2), factor=3.0), sequences(3)))
    assert found["infidelity"][0].min() > 0.1
    assert np.abs(found["infidelity-normalised"][0]).max() < 1e-12


def test_infidelity_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of f = 2 a1 + 4 a2 by scores (1, 4): I = first base errs by 1, I = second by nothing."""
    x, by_base = only_base_0(2, 4)
    found = explained(Formula(by_base), x)
    found.scored.hypothetical[0, 0, :, 0] = 1, 4
    variants = np.array([np.eye(4)[[1, 0]], np.eye(4)[[0, 2]]])
    monkeypatch.setattr(faithfulness, "PERTURBATIONS", 2)
    monkeypatch.setattr(faithfulness, "perturbed", lambda *_: variants)
    wanted = faithfulness.infidelity(found)
    assert wanted["infidelity"][0] == pytest.approx(((1 - 2) ** 2 + 0) / 2)
    factor = (1 * 2 + 4 * 4) / (1 + 16)
    normalised = ((factor - 2) ** 2 + (4 * factor - 4) ** 2) / 2
    assert wanted["infidelity-normalised"][0] == pytest.approx(normalised)


def test_infidelity_and_max_sensitivity_are_the_formulas() -> None:
    subject, x = Formula(weights(), curve=0.2), sequences(3)
    found = explained(subject, x, keys=np.array([5, 6, 7], np.uint64))
    infidelity = faithfulness.infidelity(found)
    sensitivity = stability.max_sensitivity(found)["max-sensitivity"][0]
    for n, one in enumerate(x):
        variants = faithfulness.perturbed(one, np.random.default_rng(5 + n))
        assert set((variants != one).any(axis=-1).sum(axis=-1)) == {1}  # a tenth of 12 bases
        wanted = formulas.infidelity(
            lambda v: float(subject.predicted(v[None], {})[0, 0]),
            one,
            found.scored.hypothetical[0, n],
            [one - variant for variant in variants],
        )
        names = "infidelity", "infidelity-normalised"
        assert [infidelity[name][0][0, n] for name in names] == pytest.approx(wanted)
        noise = np.random.default_rng(5 + n).uniform(-0.02, 0.02, (10, LENGTH, 4))
        zeros = np.zeros((1, LENGTH, 4))
        wanted_most = formulas.max_sensitivity(
            lambda v, zeros=zeros: subject.scored(v[None], zeros, {}).tracks[0, 0], one, list(noise)
        )
        assert sensitivity[0, n] == pytest.approx(wanted_most)


def test_max_sensitivity_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """R = 3 a1, 4 a2 at 1, 1 has the norm 5; with noise of 0.02 on both, it moves by 0.1."""
    x, by_base = only_base_0(3, 4)
    noise = np.zeros((stability.SAMPLES, 2, 4))
    noise[3, :, 0] = 0.02
    monkeypatch.setattr(Compared, "random", lambda *_: Noise(noise))
    found = stability.max_sensitivity(explained(Formula(by_base), x))
    assert found["max-sensitivity"][0] == pytest.approx(0.1 / 5)


@dataclass(frozen=True)
class Noise:
    """Draws what it has."""

    values: Any

    def uniform(self, *_: Any) -> Any:
        return self.values


def test_correlations_by_hand() -> None:
    assert ranks.ranks(np.array([3.0, 1.0, 3.0, 9.0])).tolist() == [2.5, 1.0, 2.5, 4.0]
    a, b = np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])
    assert ranks.pearson(a, b) == pytest.approx(0.5)
    assert ranks.spearman(a, np.array([1.0, 100.0, 90.0])) == pytest.approx(0.5)
    assert np.isnan(ranks.pearson(a, np.ones(3)))


def test_agreement_is_over_known_bases() -> None:
    x, by_base = only_base_0(1, 2, 3, 50)
    x[0, 3] = 0.0  # N
    tracks = np.array([[[1.0, 3.0, 2.0, -9.0]]])
    found = faithfulness.agreement(replace(explained(Formula(by_base), x), mutagenesis=tracks))
    assert found["ism-pearson"][0] == pytest.approx(0.5)
    assert found["ism-spearman"][0] == pytest.approx(0.5)


def test_areas_by_hand() -> None:
    scores, inside = np.array([4.0, 3.0, 2.0, 1.0]), np.array([True, False, True, False])
    assert ranks.auroc(scores, inside) == pytest.approx(3 / 4)
    assert ranks.auprc(scores, inside) == pytest.approx((1 / 1 + 2 / 3) / 2)
    tied = np.array([1.0, 1.0, 0.0, 0.0])
    assert ranks.auroc(tied, inside) == formulas.area_above(tied, inside) == 0.5
    assert ranks.auprc(tied, inside) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert np.isnan(ranks.auroc(scores, np.zeros(4, bool)))


INSTANCES = [[Instance("A", 0, 2), Instance("B", 4, 6), Instance("B", 7, 9, whole=False)]]


def test_motif_recovery_by_hand() -> None:
    x, by_base = only_base_0(3, 1, 0, 0, 2, -2, 0, 4, 0, 0)
    found = recovery.recovery(explained(Formula(by_base), x, instances=INSTANCES))
    assert found["motif-share"][0] == pytest.approx(12 / 12)
    assert [part.tolist() for part in found["false-negatives"]] == [[[1.0]], [[2.0]]]
    assert found["motif-auroc"][0] == pytest.approx((4 * 4 + 0.5 * 4 + 0) / 24)
    of_a = recovery.recovery(
        explained(Formula(by_base), x, instances=INSTANCES, motifs={"t0": "A"})
    )
    assert of_a["motif-share"][0] == pytest.approx(4 / 12)
    assert [part.tolist() for part in of_a["false-negatives"]] == [[[0.0]], [[1.0]]]
    without = recovery.recovery(explained(Formula(by_base), x, instances=[[]]))
    assert np.isnan(without["motif-auroc"][0]).all()
    assert np.isnan(without["false-negatives"][1]).all()


def test_off_task_by_hand() -> None:
    x, _ = only_base_0(*range(10))
    by_base = np.zeros((3, 10, 4))
    by_base[0, :2, 0] = 3, 1  # of its own motif
    by_base[1, :2, 0] = 1, -2
    by_base[1, 4:6, 0] = 5, 5
    by_base[2, :2, 0] = 9, 9  # of a target without a motif of its own
    motifs = {"t0": "A", "t1": "B"}
    found = explained(Formula(by_base), x, instances=INSTANCES, motifs=motifs)
    above, below = recovery.off_task(found)["off-task"]
    assert (above[0, 0], below[0, 0]) == (1.0, 4.0)
    assert (above[1, 0], below[1, 0]) == (0.0, 10.0)
    assert np.isnan(above[2]).all()


def test_completeness_is_the_size_of_the_residual() -> None:
    x, by_base = only_base_0(1, 2, 3)
    found = faithfulness.sum_left(explained(Formula(by_base, factor=0.5), x))
    assert found["completeness"][0] == pytest.approx(3.0)


def test_a_mean_is_a_ratio_of_sums_and_its_interval_a_bootstrap() -> None:
    tally = Tally()
    tally.add(np.array([1.0, 2.0, np.nan]), np.array([1.0, 3.0, 1.0]))
    found = tally.estimate(seed=3)
    assert (found.mean, found.sequences) == (0.75, 2)
    assert (found.low, found.high) == (pytest.approx(2 / 3), 1.0)
    random = np.random.default_rng([3, 2])
    drawn = random.integers(2, size=(RESAMPLES, 2))
    ratios = np.array([1.0, 2.0])[drawn].sum(axis=1) / np.array([1.0, 3.0])[drawn].sum(axis=1)
    assert (found.low, found.high) == tuple(np.percentile(ratios, [2.5, 97.5]))
    assert tally.estimate(seed=3) == found


def test_an_interval_holds_the_mean_about_95_times_in_100() -> None:
    random, held = np.random.default_rng(0), 0
    for seed in range(200):
        tally = Tally()
        tally.add(random.normal(1.0, 2.0, 40), np.ones(40))
        found = tally.estimate(seed=seed)
        held += found.low <= 1.0 <= found.high
    assert 180 <= held <= 198


def test_one_sequence_has_no_interval() -> None:
    tally = Tally()
    tally.add(np.array([2.0]), np.array([1.0]))
    found = tally.estimate(seed=0)
    assert (found.mean, found.sequences) == (2.0, 1)
    assert np.isnan([found.low, found.high]).all()


def test_wilson_intervals_of_counts() -> None:
    assert wilson(0, 10) == (0.0, pytest.approx(0.2775, abs=5e-5))
    assert wilson(10, 10) == (pytest.approx(0.7225, abs=5e-5), 1.0)
    assert wilson(5, 10) == (pytest.approx(0.2366, abs=5e-5), pytest.approx(0.7634, abs=5e-5))


def compared_of(number: int, *names: str, seed: int = 0, batch: int = 50) -> MethodComparison:
    comparison = MethodComparison(choose_measures(names or ["all"], has=ALL), seed=seed)
    by_base = weights(2)
    side = Side(
        {"curved": Formula(by_base, 0.2), "sizes": Formula(by_base, 0.2, signed=False)},
        Formula(by_base),
        {"t0": "A", "t1": "B"},
    )
    for start in range(0, number, batch):
        x = sequences(min(batch, number - start), seed=start)
        keys = np.arange(start, start + len(x), dtype=np.uint64)
        found = Compared(x, np.full((len(x), 1, LENGTH, 4), 0.25), {}, keys, INSTANCES * len(x))
        compare(side, found, comparison)
    assert comparison.notes == [
        "sizes: its scores are sizes: windows are ranked by size, and no instance scores below 0"
    ]
    return comparison


def rows_of(number: int, *, seed: int = 0) -> list[MeasureRow]:
    return compared_of(number, seed=seed).rows()


def test_the_same_seed_gives_the_same_table() -> None:
    rows = rows_of(30)
    text = tab_separated(rows)
    assert text == tab_separated(rows_of(30))
    assert text != tab_separated(rows_of(30, seed=1))
    heading, *lines = text.rstrip("\n").split("\n")
    assert tuple(heading.split("\t")) == MEASURE_COLUMNS
    assert len(lines) == 2 * 2 * len(MEASURES) == len(in_columns(rows)) - 1
    for row in rows:
        assert row.estimate.low <= row.estimate.mean <= row.estimate.high


def test_a_measure_that_no_sequence_has_is_noted() -> None:
    comparison = MethodComparison(choose_measures(["motif-auroc", "completeness"], has=ALL))
    x = sequences(2)
    comparison.add("one", explained(Formula(weights()), x, instances=[[], []]))
    assert [row.measure for row in comparison.rows()] == ["completeness"]
    assert comparison.notes == ["motif-auroc for t0: no sequence allows to compute it"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_sequences() -> None:
    names = "deletion-static", "infidelity", "motif-auroc"
    compared_of(50, *names)
    peaks = []
    for number in (100, 400):
        tracemalloc.start()
        comparison = compared_of(number, *names)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(comparison.rows()) == 2 * 2 * len(names)
    kept = 16 * 300 * 2 * 2 * len(names)  # two numbers for each sequence, row and measure
    one_hot = 300 * LENGTH * 4 * 8  # of which measures make several copies
    assert peaks[1] - peaks[0] < kept + one_hot


def test_measures_are_chosen_by_name() -> None:
    names = [one.name for one in choose_measures([], has=frozenset(("scores", "model")))]
    assert "deletion-static" in names
    assert not {"continuity", "motif-share", "ism-pearson", "deletion-recompute"} & set(names)
    assert [one.name for one in choose_measures(["all"], has=ALL)] == list(MEASURES)
    for name, problem in (
        ("continuty", "measure continuty: there is none of this name; did you mean continuity?"),
        ("motif-share", f"measure motif-share: {NEED_REMEDIES['instances']}"),
        ("infidelity", "measure infidelity: it needs the model: give MODEL and REGIONS"),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            choose_measures([name], has=frozenset(("scores",)))
        assert caught.value.problems == (problem,)


class OfAllBases(ExplainedModel):
    """Scores of all four bases at a position, as the stored numbers of sensitivity are."""

    def scored(self, *arrays: Any) -> Scored:
        found = super().scored(*arrays)
        return replace(found, tracks=found.hypothetical.sum(axis=-1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("sensitivity", {"method": "sensitivity"}, OfAllBases),
        ("rescale", {"rule": "rescale"}, ExplainedModel),
        ("genomics_default", {"rule": "genomics"}, ExplainedModel),
    ],
)
def test_the_stored_measures(oracle: Path, name: str, options: Any, kind: Any) -> None:
    stored = json.loads((oracle / "c07_measures.json").read_text())[name]
    case = "c07_talgata_mini_multitask"
    with np.load(oracle / f"{case}.npz") as file:
        x, flat = file["x"][:3], file["ref__flat"][:3, None]
    explainer = Explainer(oracle / f"{case}.h5", ["0", "1", "2"], precision="float64", **options)
    found = explained(kind(explainer), x, flat, shared=True)
    for key, (above, below) in {
        "continuity": stability.continuity(found)["continuity"],
        "auc_static": selectivity.deletion_static(found),
        "auc_recompute": selectivity.deletion_recompute(found),
    }.items():
        np.testing.assert_allclose(above / below, stored[key], rtol=0, atol=1e-6)
