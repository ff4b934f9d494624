"""Laws of a run: what is in its files, and what it must not depend on."""

import gzip
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import (
    LAST_N_OF_CHR1,
    LENGTH,
    SIZES,
    assert_track_shows_scores,
    attributes_of,
    command,
    contents,
    device,
    fasta,
    genome_records,
    make_inputs,
    score,
    scores_in,
    track_in,
)
from nets import largest

import seqlift
from seqlift.attribution.engine import Engine
from seqlift.device.backend import most_lanes
from seqlift.errors import DeviceMemoryError
from seqlift.inputs.onehot import one_hot, sequence_one_hot
from seqlift.inputs.references import parse

pytestmark = pytest.mark.usefixtures("step_by_step")

STEPWISE = ("--precision", "float64")
"""Computes what compiled code does, without the second or two that compiling it takes."""

COMPILED = ("--precision", "float32")
"""What users have who ask for nothing else: code by XLA, which keeps the laws to the bit too."""

FLOAT32_NOISE = 1e-6  # of the largest contribution
LARGE = ("raw/seq", "shap/seq", "projected_shap/seq")

Rows = dict[str, np.ndarray]
Run = Callable[..., Rows]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the genome, the regions and the models."""
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def base(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the prefix of a run that many tests look at: one task, two references."""
    prefix = tmp_path_factory.mktemp("base") / "x"
    bed, genome = inputs / "peaks.narrowPeak", inputs / "genome.fa"
    score(inputs / "one.keras", bed, "-g", genome, "-o", prefix, "-n", 2, *STEPWISE)
    return prefix


@pytest.fixture(scope="module")
def rows(base: Path) -> Rows:
    """Return the score file of that run."""
    return scores_in(base.with_suffix(".h5"))


@pytest.fixture(scope="module")
def compiled(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the prefix of the same run, computed by compiled code."""
    prefix = tmp_path_factory.mktemp("compiled") / "x"
    bed, genome = inputs / "peaks.narrowPeak", inputs / "genome.fa"
    score(inputs / "one.keras", bed, "-g", genome, "-o", prefix, "-n", 2, *COMPILED)
    return prefix


@pytest.fixture
def run(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Make what runs a model on regions, stepwise and with two references unless asked otherwise,
    and reads PREFIX.h5.
    """
    monkeypatch.chdir(tmp_path)

    def run(model: str, *options: object, regions: object = None, prefix: str = "x") -> Rows:
        bed = inputs / "peaks.narrowPeak" if regions is None else regions
        few = () if "-n" in options or "-r" in options else ("-n", 2)
        few += () if "--precision" in options else STEPWISE
        genome = ("-g", inputs / "genome.fa")
        score(inputs / f"{model}.keras", bed, *genome, "-o", prefix, "-f", *few, *options)
        path = Path(f"{prefix}.h5")
        return scores_in(path) if path.exists() else {}

    return run


def peaks(inputs: Path) -> list[list[str]]:
    return [line.split("\t") for line in (inputs / "peaks.narrowPeak").read_text().splitlines()]


def assert_same(ours: Rows, theirs: Rows) -> None:
    """Check that two score files hold the same, to the bit."""
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)


def bases(one_hot_rows: np.ndarray) -> list[str]:
    """Return rows (N, 4, L) as text."""
    codes = np.where(one_hot_rows.any(axis=1), one_hot_rows.argmax(axis=1), 4)
    return ["".join("ACGTN"[code] for code in row) for row in codes]


def test_row_i_is_region_i_in_every_file(rows: Rows, base: Path, inputs: Path) -> None:
    regions, bed = peaks(inputs), base.with_suffix(".regions.bed")
    lines = [line.split("\t") for line in bed.read_text().splitlines()]
    assert rows["regions/name"].tolist() == [columns[3] for columns in regions]
    assert rows["regions/chrom"].tolist() == [columns[0] for columns in regions]
    assert rows["regions/strand"].tolist() == [columns[5] for columns in regions]
    kept = [row[:1] + row[3:9] for row in regions]
    assert [line[:1] + line[3:9] for line in lines] == kept
    measures = ("score", "signal_value", "p_value", "q_value")
    for name, column in zip(measures, (4, 6, 7, 8), strict=True):
        assert rows[f"regions/{name}"].tolist() == [float(row[column]) for row in regions]
    assert all(len(values) == len(regions) for values in rows.values())


def test_windows_lie_around_summits_and_centres(rows: Rows, inputs: Path) -> None:
    for row, (_, start, end, *_, summit) in enumerate(peaks(inputs)):
        middle = (int(start) + int(end)) // 2
        centre = int(start) + int(summit) if int(summit) >= 0 else middle
        assert rows["regions/start"][row] == centre - LENGTH // 2
        assert rows["regions/end"][row] == centre - LENGTH // 2 + LENGTH
    assert (rows["regions/summit"] == LENGTH // 2).all()


def test_columns_are_the_bases_of_the_genome_and_n_outside_it(rows: Rows) -> None:
    genome = genome_records()
    for row, text in enumerate(bases(rows["raw/seq"])):
        chrom, start = rows["regions/chrom"][row], rows["regions/start"][row]
        whole = "N" * LENGTH + genome[chrom].upper() + "N" * LENGTH
        assert text == whole[start + LENGTH : start + 2 * LENGTH]


def test_the_track_equals_the_scores_at_every_base(base: Path) -> None:
    assert_track_shows_scores(base, SIZES)


def test_padding_is_told_and_never_reaches_the_track(rows: Rows, base: Path) -> None:
    track = track_in(base.with_suffix(".bw"))
    over = (rows["regions/start"] < 0) | (
        rows["regions/end"] > [SIZES[chrom] for chrom in rows["regions/chrom"]]
    )
    assert over.sum() == 3
    assert ["padded" in status for status in rows["regions/status"]] == over.tolist()
    clipped = np.clip(rows["regions/start"], 0, None)
    np.testing.assert_array_equal(rows["regions/scored_start"], clipped)
    for row in np.flatnonzero(over):
        start = rows["regions/start"][row]
        inside = slice(*(rows[f"regions/scored_{end}"][row] - start for end in ("start", "end")))
        outside = np.ones(LENGTH, bool)
        outside[inside] = False
        assert not rows["projected_shap/seq"][row][:, outside].any()
    assert {chrom: len(values) for chrom, values in track.items()} == SIZES


def test_n_contributes_nothing_and_a_window_of_n_alone_has_no_scores(rows: Rows) -> None:
    status = dict(zip(rows["regions/name"], rows["regions/status"], strict=True))
    assert (status["peak2"], status["peak3"], status["peak4"]) == ("N", "all N", "ok")
    unknown = ~rows["raw/seq"].any(axis=1)
    first, last = LAST_N_OF_CHR1
    assert unknown[2].sum() == last - first
    assert not rows["projected_shap/seq"].transpose(0, 2, 1)[unknown].any()
    assert not rows["projected_shap/seq"][3].any()
    assert rows["qc/difference"][3] == rows["qc/relative_residual"][3] == 0
    assert (rows["projected_shap/seq"][[0, 1, 2, 4]] != 0).any(axis=(1, 2)).all()


def test_soft_masked_bases_are_bases(rows: Rows, run: Run, tmp_path: Path) -> None:
    upper = fasta({name: text.upper() for name, text in genome_records().items()})
    (tmp_path / "upper.fa").write_text(upper)
    assert_same(rows, run("one", "-g", tmp_path / "upper.fa"))


def test_the_order_of_regions_does_not_matter(
    compiled: Path, run: Run, inputs: Path, tmp_path: Path
) -> None:
    rows = scores_in(compiled.with_suffix(".h5"))
    lines = (inputs / "peaks.narrowPeak").read_text().splitlines(keepends=True)
    order = np.random.default_rng(2).permutation(len(lines))
    (tmp_path / "mixed.narrowPeak").write_text("".join(lines[i] for i in order))
    mixed = run("one", *COMPILED, regions="mixed.narrowPeak", prefix="mixed")
    assert_same({name: values[order] for name, values in rows.items()}, mixed)
    tracks = track_in(compiled.with_suffix(".bw")), track_in(Path("mixed.bw"))
    for chrom in SIZES:
        np.testing.assert_array_equal(tracks[0][chrom], tracks[1][chrom])


def test_a_region_alone_scores_as_among_others(
    compiled: Path, run: Run, inputs: Path, tmp_path: Path
) -> None:
    rows = scores_in(compiled.with_suffix(".h5"))
    line = (inputs / "peaks.narrowPeak").read_text().splitlines()[7]
    (tmp_path / "alone.narrowPeak").write_text(line)
    alone = run("one", *COMPILED, regions="alone.narrowPeak")
    assert_same({name: values[7:8] for name, values in rows.items()}, alone)


def test_equal_regions_have_equal_scores(compiled: Path) -> None:
    rows = scores_in(compiled.with_suffix(".h5"))
    assert rows["regions/name"][[5, 6]].tolist() == ["peak5", "peak6"]
    for name in (*LARGE, "qc/prediction", "qc/reference_prediction", "qc/residual"):
        np.testing.assert_array_equal(rows[name][5], rows[name][6])


def test_scores_do_not_depend_on_batch_size(run: Run) -> None:
    # Not to the bit: with another number of rows, the CPU's matrix product adds in another order.
    whole = run("one", "-b", 64, *COMPILED)
    largest = np.abs(whole["shap/seq"]).max()
    for size in (1, 7):
        rows = run("one", "-b", size, *COMPILED)
        assert np.abs(rows["shap/seq"] - whole["shap/seq"]).max() <= FLOAT32_NOISE * largest
        np.testing.assert_array_equal(rows["raw/seq"], whole["raw/seq"])


def test_targets_of_one_run_equal_runs_of_their_own(run: Run) -> None:
    run("three", "-t", "tasks:2", "-t", "0", *COMPILED, prefix="both")
    for name in ("tasks:0", "tasks:2"):
        alone = run("three", "-t", name, *COMPILED, prefix="alone")
        assert_same(alone, scores_in(Path(f"both.{name.replace(':', '-')}.h5")))
        assert_track_shows_scores(f"both.{name.replace(':', '-')}", SIZES)


def test_a_profile_and_its_counts_are_scored_together(run: Run) -> None:
    targets = ("counts", "profile", "profile-complete")
    run("profile", *(word for target in targets for word in ("-t", target)), prefix="p")
    found = {target: scores_in(Path(f"p.{target}.h5")) for target in targets}
    for target, rows in found.items():
        assert rows["qc/relative_residual"].max() < 1e-5
        assert attributes_of(Path(f"p.{target}.h5"))["target"] == target
    assert not np.allclose(found["profile"]["shap/seq"], found["profile-complete"]["shap/seq"])


def test_names_that_become_equal_get_a_number() -> None:
    from seqlift.pipeline.output_files import outputs_of

    outputs = outputs_of("p", ["a:0", "a-0", "b"])
    assert [str(files.scores) for files in outputs.targets] == [
        "p.a-0.0.h5", "p.a-0.1.h5", "p.b.2.h5",
    ]  # fmt: skip
    assert [str(track) for track in outputs_of("p", ["a:0"]).tracks()] == ["p.bw"]
    outputs = outputs_of("p", ["human:400-500:12", "profile:Oct4"])
    names = [str(files.scores) for files in outputs.targets]
    assert names == ["p.human-400-500-12.h5", "p.profile-Oct4.h5"]


def test_figures_say_how_far_the_contributions_sum_up(run: Run) -> None:
    rows = run("one", "-n", 5)
    total = rows["projected_shap/seq"].sum(axis=(1, 2), dtype=np.float64)
    np.testing.assert_allclose(rows["qc/difference"] - total, rows["qc/residual"], atol=1e-12)
    difference = rows["qc/prediction"] - rows["qc/reference_prediction"]
    np.testing.assert_allclose(rows["qc/difference"], difference, rtol=0, atol=1e-5)
    assert rows["qc/relative_residual"].max() < 1e-5
    assert (rows["qc/relative_residual"] >= 0).all()


def test_contributions_are_hypothetical_ones_at_the_observed_base(rows: Rows) -> None:
    observed = np.where(rows["raw/seq"] == 1, rows["shap/seq"], 0)
    np.testing.assert_array_equal(rows["projected_shap/seq"], observed)


@pytest.mark.parametrize("reference", ["dinucleotide", "uniform"])
def test_a_run_equals_the_explainer_on_the_same_windows(
    run: Run, inputs: Path, reference: str
) -> None:
    precision = "float32" if reference == "dinucleotide" else "float64"
    rows = run("one", "-r", reference, "-n", 3, "--seed", 5, "-b", 8, "--precision", precision)
    explain = seqlift.Explainer(inputs / "one.keras", batch_size=8, precision=precision)
    sequences = rows["raw/seq"].transpose(0, 2, 1).astype(np.float32)
    result = explain(sequences, parse(reference, number=3, seed=5))
    stored = result.hypothetical.astype(np.float32)
    np.testing.assert_array_equal(rows["shap/seq"].transpose(0, 2, 1), stored)
    np.testing.assert_array_equal(rows["qc/prediction"], result.prediction.astype(np.float64))


def test_what_is_explained_is_before_or_after_the_activation(rows: Rows, run: Run) -> None:
    after = run("one", "--post-activation")
    logistic = 1 / (1 + np.exp(-rows["qc/prediction"]))
    np.testing.assert_allclose(after["qc/prediction"], logistic, rtol=1e-5)
    assert after["qc/relative_residual"].max() < 1e-5


def test_a_model_of_any_length_is_given_regions_as_they_are(
    run: Run, inputs: Path, tmp_path: Path
) -> None:
    intervals = [("chr1", 0, 30), ("chr2", 100, 161), ("chr2", 640, 700), ("chr1", 50, 80)]
    bed = "".join(f"{c}\t{s}\t{e}\tr{s}\t0\t.\t0\t0\t0\t2\n" for c, s, e in intervals)
    (tmp_path / "ragged.bed").write_text(bed)
    rows, genome = run("open", "-r", "zeros", regions="ragged.bed"), genome_records()
    length = 61
    assert rows["raw/seq"].shape == (4, 4, length)
    explain = seqlift.Explainer(inputs / "open.keras", precision="float64")
    for row, (chrom, start, end) in enumerate(intervals):
        first = rows["regions/start"][row]
        assert (rows["regions/end"][row] - first, rows["regions/status"][row]) == (length, "ok")
        assert first == start - (length // 2 - (end - start) // 2)
        assert rows["regions/scored_start"][row] == start
        assert rows["regions/scored_end"][row] == end
        inside = slice(start - first, end - first)
        text = genome[chrom][start:end].upper()
        assert bases(rows["raw/seq"])[row][inside] == text
        assert bases(rows["raw/seq"])[row].strip("N") == text
        alone = explain(sequence_one_hot(text)[None], parse("zeros"))
        hypothetical = alone.hypothetical[0].astype(np.float32)
        np.testing.assert_array_equal(rows["shap/seq"][row, :, inside].T, hypothetical)
        outside = np.delete(rows["shap/seq"][row], inside, axis=1)
        assert not outside.any()
    assert_track_shows_scores("x", SIZES)


def test_windows_for_a_model_of_any_length_have_the_length_asked_for(rows: Rows, run: Run) -> None:
    shorter = run("open", "--length", 33)
    assert shorter["raw/seq"].shape[2] == 33
    assert (shorter["regions/end"] - shorter["regions/start"] == 33).all()
    centres = rows["regions/start"] + LENGTH // 2
    np.testing.assert_array_equal(shorter["regions/start"], centres - 33 // 2)
    assert_track_shows_scores("x", SIZES)


def test_the_gc_content_measured_is_that_of_the_windows(run: Run) -> None:
    rows = run("one", "-r", "gc", prefix="measured")
    gc = float(attributes_of(Path("measured.h5"))["gc"])
    counts = rows["raw/seq"].sum(axis=(0, 2))
    assert gc == (counts[1] + counts[2]) / counts.sum()
    assert_same(rows, run("one", "-r", "gc", "--gc", repr(gc), prefix="given"))
    assert not np.array_equal(
        rows["shap/seq"], run("one", "-r", "gc", "--gc", 0.7, prefix="x")["shap/seq"]
    )


def test_references_of_the_users_own_are_arrays_or_sequences(run: Run, tmp_path: Path) -> None:
    codes = np.random.default_rng(1).integers(0, 4, (3, LENGTH)).astype(np.uint8)
    records = {f"r{i}": "".join("ACGT"[code] for code in row) for i, row in enumerate(codes)}
    (tmp_path / "own.fa").write_text(fasta(records))
    np.save(tmp_path / "own.npy", one_hot(codes))
    by_name = run("one", "-r", "own.fa")
    assert_same(by_name, run("one", "-r", "own.npy"))
    assert attributes_of(tmp_path / "x.h5")["references"] == 3
    np.save(tmp_path / "one.npy", one_hot(codes)[0])
    first = run("one", "-r", "one.npy")
    assert attributes_of(tmp_path / "x.h5")["references"] == 1
    assert not np.array_equal(first["shap/seq"], by_name["shap/seq"])


def test_another_seed_is_another_draw_of_the_same_kind(rows: Rows, run: Run) -> None:
    other = run("one", "--seed", 2**64 - 1)
    np.testing.assert_array_equal(rows["qc/prediction"], other["qc/prediction"])
    assert not np.array_equal(rows["shap/seq"], other["shap/seq"])


def test_float16_halves_the_contributions_and_keeps_their_first_digits(
    rows: Rows, run: Run
) -> None:
    half = run("one", "--dtype", "float16", prefix="half")
    assert half["shap/seq"].dtype == half["projected_shap/seq"].dtype == np.float16
    largest = np.abs(rows["shap/seq"]).max()
    np.testing.assert_allclose(half["shap/seq"], rows["shap/seq"], rtol=1e-3, atol=1e-4 * largest)
    assert_track_shows_scores("half", SIZES)
    for stored in (rows, half):  # the residual is that of the numbers in the file
        missed = stored["qc/difference"] - stored["projected_shap/seq"].sum((1, 2), np.float64)
        np.testing.assert_allclose(stored["qc/residual"], missed, rtol=0, atol=1e-12)


def test_what_float16_does_not_hold_is_refused(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (inputs / "one.keras", inputs / "peaks.narrowPeak", "-g", inputs / "genome.fa")
    ran = command("score", *words, "-n", 2, "--dtype", "float16", "--tolerance", 1e-5)
    assert ran.code == 6
    assert re.fullmatch(
        r"seqlift: \S+:\d+: contributions to task, stored as float16, miss the difference from"
        r" reference by \d\.\de-\d\d of the prediction, more than the tolerance 1e-05; give --dtype"
        r" float32, or a larger --tolerance if you can accept it\n",
        ran.err,
    ), ran.err
    assert list(tmp_path.iterdir()) == []


def test_float64_adds_up_more_closely(rows: Rows, compiled: Path) -> None:
    exact, rows = rows, scores_in(compiled.with_suffix(".h5"))
    largest = np.abs(exact["shap/seq"]).max()
    np.testing.assert_allclose(rows["shap/seq"], exact["shap/seq"], rtol=0, atol=1e-5 * largest)
    # Hypothetical contributions are stored in float32 either way.
    assert exact["qc/relative_residual"].max() < rows["qc/relative_residual"].max()


def test_a_residual_above_the_tolerance_fails_the_run(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (inputs / "one.keras", inputs / "peaks.narrowPeak", "-g", inputs / "genome.fa")
    ran = command("score", *words, "-n", 2, "--tolerance", 1e-12)
    line = (
        r"seqlift: \S+/peaks\.narrowPeak:\d+: contributions to task miss the difference from"
        r" reference by \d\.\de-\d\d of the prediction, more than the tolerance 1e-12; give"
        r" --precision float64, or a larger --tolerance if you can accept it\n"
    )
    assert ran.code == 6
    assert re.fullmatch(line, ran.err), ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [("--max-rule", "winner"), ("--rule", "gradient"), ("--rule-for", "scan=deconvnet")],
)
def test_a_rule_that_promises_no_sum_is_not_held_to_one(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (inputs / "one.keras", inputs / "peaks.narrowPeak", "-g", inputs / "genome.fa")
    ran = score(*words, "-n", 2, "--tolerance", 1e-12, *STEPWISE, *options)
    promise = r"^residual +at most .* \(this method does not promise a sum\)$"
    assert re.search(promise, ran.err, re.M)
    rows = scores_in(tmp_path / "peaks.seqlift.h5")
    assert rows["qc/relative_residual"].max() > 1e-3
    assert "tolerance" not in attributes_of(tmp_path / "peaks.seqlift.h5")


def test_a_tolerance_that_is_not_told_is_that_of_the_precision(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (inputs / "one.keras", inputs / "peaks.narrowPeak", "-g", inputs / "genome.fa")
    asked = (*words, "-n", 2, "--precision", "tf32")
    assert command("score", *asked, "--tolerance", 1e-5).code == 6
    score(*asked)
    rows, found = (read(tmp_path / "peaks.seqlift.h5") for read in (scores_in, attributes_of))
    assert found["tolerance"] == 1e-2
    assert 1e-5 < rows["qc/relative_residual"].max() <= found["tolerance"]


def test_attributes_say_what_ran(run: Run, inputs: Path) -> None:
    run("three", "-t", "1", "-r", "gc", "--seed", 3, "-b", 5)
    found = attributes_of(Path("x.h5"))
    model, genome = inputs / "three.keras", inputs / "genome.fa"
    fixed = {
        "model": str(model), "genome": str(genome), "regions": str(inputs / "peaks.narrowPeak"),
        "target": "tasks:1", "method": "deeplift", "rule": "genomics", "rule_for": "none",
        "mean_normalise": 0, "sums_to": "difference", "signed": 1,
        "max_rule": "complete", "pre_activation": 1,
        "reference": "gc", "references": 1, "seed": 3, "batch_size": 5, "tolerance": 1e-4,
        "strands": "forward", "precision": "float64", "device": device(), "length": LENGTH,
        "format_version": 1, "summit": "auto", "notes": "none",
        "seqlift_version": seqlift.__version__,
    }  # fmt: skip
    assert {name: found[name] for name in fixed} == fixed
    assert found["command"].startswith(f"seqlift score {model} ")
    assert found["backend"].startswith("tensorflow ")
    for name in ("model_sha256", "genome_sizes_sha256", "regions_sha256", "windows_sha256"):
        assert re.fullmatch("[0-9a-f]{64}", found[name])
    counted = {"gc", "largest_contribution", "model_saved_by", "python_version"}
    libraries = ("keras", "numpy", "h5py", "numba", "pybigwig")
    counted |= {f"{name}_version" for name in libraries}
    counted |= {f"windows_around_{what}" for what in ("summits", "centres", "centres_why")}
    digests = {"model_sha256", "genome_sizes_sha256", "regions_sha256", "windows_sha256"}
    digests |= {"command", "backend"}
    assert set(found) == {*fixed, *counted, *digests}


def test_equal_commands_write_equal_bytes(
    inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (inputs / "peaks.narrowPeak").read_bytes()
    records = gzip.compress(fasta({"s1": "ACGT" * 20, "s2": "GATTACA" * 9}).encode())
    left = []
    for folder in ("now", "later"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        words = ("-", "-g", inputs / "genome.fa", "-n", 2, *STEPWISE)
        score(inputs / "one.keras", *words, given=text)
        Path("s.fa.gz").write_bytes(records)
        score(inputs / "one.keras", "s.fa.gz", "-n", 2, *STEPWISE)
        score(inputs / "one.keras", "-", "-n", 2, "-o", "piped", *STEPWISE, given=records)
        left.append(contents(tmp_path / folder))
    assert set(left[0]) == {
        f"{name}.{kind}"
        for name in ("stdin.seqlift", "s.seqlift", "piped")
        for kind in ("h5", "bw", "regions.bed")
    } | {"s.fa.gz"}
    assert left[0] == left[1]


def test_sequences_are_their_own_genome(run: Run, tmp_path: Path) -> None:
    records = {"long": "GATTACAT" * 9, "short": "ACGTTGCA" * 3, "exact": "AC" * (LENGTH // 2)}
    (tmp_path / "s.fa").write_text(fasta(records))
    rows = run("one", regions="s.fa")
    assert rows["regions/chrom"].tolist() == rows["regions/name"].tolist() == list(records)
    assert rows["regions/status"].tolist() == ["ok", "padded", "ok"]
    centres = [len(text) // 2 - LENGTH // 2 for text in records.values()]
    assert rows["regions/start"].tolist() == centres
    assert_track_shows_scores("x", {name: len(text) for name, text in records.items()})
    assert attributes_of(tmp_path / "x.h5")["genome"] == "s.fa"


@pytest.mark.parametrize(
    "options", [("-b", 4), pytest.param(("-b", 1, "--both-strands"), marks=pytest.mark.slow)]
)
def test_batches_are_computed_side_by_side_and_no_more_than_there_are_lanes(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[object, ...]
) -> None:
    plain, running, most = Engine.explain, set[int](), []

    def watched(self: Engine, *arguments: Any) -> Any:
        running.add(threading.get_ident())
        most.append(len(running))
        time.sleep(0.02)
        try:
            return plain(self, *arguments)
        finally:
            running.discard(threading.get_ident())

    monkeypatch.setattr(Engine, "explain", watched)
    run("one", "--precision", "float64", *options)
    assert max(most) == most_lanes()


@pytest.mark.parametrize(("most", "size"), [(1, 1), (2, 2), (4, 4), (6, 4)])
def test_batches_are_as_large_as_memory_holds_of_one(
    run: Run, rows: Rows, monkeypatch: pytest.MonkeyPatch, most: int, size: int
) -> None:
    plain, lock, taken, sizes = Engine.explain, threading.Lock(), [0], set[int]()

    def cramped(self: Engine, sequences: Any, *others: Any) -> Any:
        with lock:
            if taken[0] + len(sequences) > most:
                raise DeviceMemoryError("full")
            taken[0] += len(sequences)
            sizes.add(len(sequences))
        try:
            time.sleep(0.01)
            return plain(self, sequences, *others)
        finally:
            with lock:
                taken[0] -= len(sequences)

    monkeypatch.setattr(Engine, "explain", cramped)
    found = run("one", "-b", 4, "--precision", "float64")  # not compiled: faster here
    assert np.array_equal(found["raw/seq"], rows["raw/seq"])
    assert largest(found["shap/seq"], rows["shap/seq"]) <= 1e-5
    assert sizes == {size}


def test_what_is_read_but_not_written_is_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqlift.pipeline.score import AHEAD
    from seqlift.pipeline.workload import Workload
    from seqlift.tracks.hdf5 import ScoreWriter

    counts, leads = {"read": 0, "written": 0}, []
    read, write = Workload.read, ScoreWriter.write

    def counted_read(self: Any, *which: Any) -> Any:
        for row in read(self, *which):
            counts["read"] += 1
            leads.append(counts["read"] - counts["written"])
            yield row

    def counted_write(self: Any, batch: Any) -> None:
        write(self, batch)
        counts["written"] += len(batch.windows)

    monkeypatch.setattr(Workload, "read", counted_read)
    monkeypatch.setattr(ScoreWriter, "write", counted_write)
    rows = run("one", "-b", 1)
    assert counts == {"read": len(rows["raw/seq"]), "written": len(rows["raw/seq"])}
    # Read ahead, computed in two lanes, waiting to be written or being written; grouping looks one
    # row further.
    assert max(leads) <= 2 * AHEAD + 4 < counts["read"] / 2
