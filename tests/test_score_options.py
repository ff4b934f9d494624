"""Options of a run that say how a model is fed and what else is kept."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from commands import (
    LENGTH,
    attributes_of,
    averaging,
    command,
    fasta,
    genome_records,
    regions_text,
    save,
    score,
    scores_in,
)
from keras import layers

from seqlift.explain.explainer import Explainer
from seqlift.pipeline import forecast

pytestmark = pytest.mark.usefixtures("step_by_step")

NUMBER = len(regions_text().splitlines())
ROWS = np.random.default_rng(2).normal(size=(NUMBER, 3))

Rows = dict[str, np.ndarray]


def two_inputs() -> keras.Model:
    """Return a model of a sequence and three numbers about it."""
    about, dna = keras.Input((3,), name="about"), keras.Input((LENGTH, 4), name="dna")
    hidden = layers.Conv1D(5, 7, activation="relu", name="scan")(dna)
    joined = layers.Concatenate()([layers.GlobalMaxPooling1D()(hidden), about])
    hidden = layers.Dense(6, activation="relu")(joined)
    return keras.Model([about, dna], layers.Dense(1, name="task")(hidden), name="pair")


def channels_first() -> keras.Model:
    """Return a model of (1, 4, bases), as models of images were made."""
    given = keras.Input((1, 4, LENGTH), name="picture")
    turned = layers.Permute((2, 3, 1))(given)
    hidden = layers.Conv2D(5, (4, 7), activation="relu", name="scan")(turned)
    return keras.Model(given, layers.Dense(1, name="task")(layers.Flatten()(hidden)))


def dropping() -> keras.Model:
    """Return a model that drops values at random, also where it predicts."""
    given = keras.Input((LENGTH, 4))
    hidden = layers.Dropout(0.5, name="drop")(layers.Flatten()(given), training=True)
    return keras.Model(given, layers.Dense(1, name="task")(hidden))


def words() -> keras.Model:
    """Return a model of numbers that stand for bases."""
    given = keras.Input((LENGTH,), name="codes")
    hidden = layers.Flatten()(layers.Embedding(4, 3, name="embed")(given))
    return keras.Model(given, layers.Dense(1)(hidden))


def gated() -> keras.Model:
    """Build a model of an output that another input switches off, and of one that sees no base."""
    gate = keras.Input((1,), name="gate")
    bases = [keras.Input((LENGTH, 4), name=name) for name in ("copy", "still", "dna")]
    score = layers.Dense(1, name="score")(layers.Flatten()(layers.Add()(bases)))
    shut = layers.Multiply(name="gated")([score, gate])
    blind = layers.Dense(1, name="blind")(gate)
    return keras.Model([gate, *bases], [score, shut, blind])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with genome, regions, models and rows."""
    folder = tmp_path_factory.mktemp("options")
    (folder / "genome.fa").write_text(fasta(genome_records()))
    (folder / "peaks.bed").write_text(regions_text())
    for build in (two_inputs, channels_first, words, averaging, dropping, gated):
        save(build(), folder / f"{build.__name__}.keras")
    np.save(folder / "rows.npy", ROWS)
    np.save(folder / "few.npy", ROWS[:-1])
    return folder


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every test in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arguments(folder: Path, model: str) -> tuple[object, ...]:
    bed, genome = folder / "peaks.bed", folder / "genome.fa"
    files = (folder / f"{model}.keras", bed, "-g", genome, "-o", "x", "-f")
    return *files, "--precision", "float64"  # computed step by step, unless asked otherwise


def run(folder: Path, model: str, *options: object) -> tuple[Rows, dict[str, Any], str]:
    """Return the datasets and attributes of a run, and its messages."""
    ran = score(*arguments(folder, model), *options)
    return scores_in(Path("x.h5")), attributes_of(Path("x.h5")), ran.err


def windows(rows: Rows) -> np.ndarray:
    return rows["raw/seq"].transpose(0, 2, 1).astype(np.float32)


@pytest.mark.parametrize("reference", ["uniform", "shuffle"])
def test_a_row_of_another_input_belongs_to_its_region(folder: Path, reference: str) -> None:
    given = f"about={folder / 'rows.npy'}"
    words = ("-r", reference, "--input", given, "-b", 5)
    rows, found, _ = run(folder, "two_inputs", *words)
    model = keras.models.load_model(folder / "two_inputs.keras")
    expected = model.predict([ROWS, windows(rows)], verbose=0)[:, 0]
    np.testing.assert_allclose(rows["qc/prediction"], expected, rtol=1e-5, atol=1e-6)
    assert rows["qc/relative_residual"].max() < 1e-5
    assert found["input about"].startswith(f"{folder / 'rows.npy'}, ({NUMBER}, 3) sha256 ")


def test_scores_that_explain_nothing_are_warned_of(folder: Path) -> None:
    held = ("--input", "gate=zeros", "--input", "still=0", "--input", "copy=sequence")
    ran = score(*arguments(folder, "gated"), *held, "-t", "all", "-r", "uniform")
    twin = (
        "input still has the shape of the sequence and is the same (0) for a sequence and its"
        " references: if it takes the sequence too, its share is missing; give --input"
        " still=sequence or still=reverse-complement"
    )
    gate = (
        "all contributions to gated are exactly 0: likely because the inputs gate, still are held"
        " at zeros, which can switch off what the sequence does; give real values with --input"
    )
    blind = (
        "all contributions to blind are exactly 0: it does not depend on the sequence; choose"
        " another with --target"
    )
    shown = [line for line in ran.err.splitlines() if line.startswith("warning")]
    assert shown == [f"warning    {text}" for text in (twin, gate, blind)]
    lines = command("inspect", "x.blind.h5").out.splitlines()
    shown = [line.split(maxsplit=1)[1] for line in lines if line.startswith("warning")]
    assert shown == [twin, blind]
    assert attributes_of(Path("x.score.h5"))["input copy"] == "sequence"
    rows = scores_in(Path("x.score.h5"))
    kernel = keras.models.load_model(folder / "gated.keras").get_layer("score").kernel
    weights = 2 * np.asarray(kernel)[:, 0].reshape(LENGTH, 4)  # the copy adds to the same bases
    expected = weights - weights.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(rows["shap/seq"][4].T, expected, atol=1e-6)


def test_another_input_may_be_the_same_for_all(folder: Path) -> None:
    zeros, found, _ = run(folder, "two_inputs", "-r", "uniform", "--input", "about=zeros")
    assert found["input about"] == "zeros"
    model = keras.models.load_model(folder / "two_inputs.keras")
    expected = model.predict([np.zeros((NUMBER, 3)), windows(zeros)], verbose=0)[:, 0]
    np.testing.assert_allclose(zeros["qc/prediction"], expected, rtol=1e-5, atol=1e-6)
    number, found, _ = run(folder, "two_inputs", "-r", "uniform", "--input", "0=0.0")
    assert found["input about"] == "0.0"
    np.testing.assert_array_equal(number["shap/seq"], zeros["shap/seq"])


REFUSED = [
    (
        "two_inputs --input about=few.npy",
        (
            f"--input about: it has {NUMBER - 1} rows, and there are {NUMBER} regions; give a row"
            " for each region, in their order"
        ),
        2,
    ),
    (
        "two_inputs",
        (
            "model pair: it has 2 inputs: about (3), dna (50, 4); give all but the sequence by"
            " --input NAME=zeros, NAME=NUMBER or NAME=FILE.npy"
        ),
        3,
    ),
    (
        "two_inputs --input dna=zeros",
        (
            "FOLDER/two_inputs.keras: its input is (3), not one-hot bases (length, 4) in the order"
            " A C G T, nor (4, length), nor either with an axis of 1; build a model around it that"
            " takes these"
        ),
        3,
    ),
    (
        "averaging --input other=1",
        "input other: the model has no such input; it has NAME",
        2,
    ),
]


@pytest.mark.parametrize(("line", "message", "code"), REFUSED)
def test_inputs_that_do_not_fit_are_refused(
    folder: Path, workplace: Path, line: str, message: str, code: int
) -> None:
    model, *options = line.split()
    options = [option.replace("few.npy", str(folder / "few.npy")) for option in options]
    ran = command("score", *arguments(folder, model), *options)
    name = keras.models.load_model(folder / "averaging.keras").inputs[0].name
    expected = message.replace("FOLDER", str(folder)).replace("NAME", name, "other" in line)
    assert (ran.code, ran.err) == (code, f"seqlift: {expected}\n")
    assert not list(workplace.iterdir())


def test_a_model_of_words_is_refused_with_what_to_do(folder: Path) -> None:
    ran = command("inspect", folder / "words.keras")
    assert ran.code == 0
    assert (
        "unsupported: its input is (50), numbers that stand for words; DeepLIFT divides up"
        " differences of one-hot bases (length, 4), so build a model that takes these, with a"
        " Dense layer of the Embedding's weights\n"
    ) in ran.out
    assert command("score", *arguments(folder, "words")).code == 3


def test_bases_may_lie_as_the_model_takes_them(folder: Path) -> None:
    rows, _, _ = run(folder, "channels_first", "-n", 2)
    model = keras.models.load_model(folder / "channels_first.keras")
    expected = model.predict(rows["raw/seq"][:, None], verbose=0)[:, 0]
    np.testing.assert_allclose(rows["qc/prediction"], expected, rtol=1e-5, atol=1e-6)
    assert rows["qc/relative_residual"].max() < 1e-5
    lines = command("inspect", folder / "channels_first.keras").out.splitlines()
    assert "input    picture (1, 4, 50)" in lines
    assert any(
        re.match(r"picture +InputLayer +\(1, 4, 50\) +input, permute, reshape", x) for x in lines
    )


def test_inspect_is_told_other_inputs_too(folder: Path) -> None:
    for given in ("about=zeros", f"about={folder / 'rows.npy'}"):
        ran = command("inspect", folder / "two_inputs.keras", "--input", given)
        assert ran.code == 0
        assert "check    equals model.predict to " in ran.out
        assert "unsupported" not in ran.out
    assert "unsupported: model pair: it has 2 inputs" in command(
        "inspect", folder / "two_inputs.keras"
    ).out  # fmt: skip


def test_multipliers_are_kept_where_they_are_asked_for(folder: Path) -> None:
    """In float32, whatever the contributions are kept in."""
    rows, _, _ = run(folder, "averaging", "-r", "uniform", "--multipliers", "--dtype", "float16")
    kept = rows["multipliers/seq"]
    assert kept.shape == (NUMBER, 4, LENGTH)
    assert kept.dtype == np.float32
    explain = Explainer(folder / "averaging.keras")
    result: Any = explain(windows(rows), "uniform")
    np.testing.assert_allclose(kept.transpose(0, 2, 1), result.multipliers, atol=1e-6)
    assert "multipliers/seq" not in run(folder, "averaging", "-r", "uniform")[0]
    assert command("inspect", "x.h5").code == 0


def test_integrated_gradients_come_closer_to_a_sum_the_more_steps(folder: Path) -> None:
    residual = []
    for steps in (1, 8):
        words = ("-r", "uniform", "--rule", "integrated-gradients", "--steps", steps)
        rows, found, said = run(folder, "averaging", *words)
        assert found["steps"] == steps
        assert "(this method does not promise a sum)" in said
        residual.append(rows["qc/relative_residual"].mean())
    assert residual[0] > 4 * residual[1]


def test_weights_are_normalised_where_it_is_asked_for(folder: Path) -> None:
    plain, _, _ = run(folder, "averaging", "-r", "shuffle", "-n", 2, "--multipliers")
    normal, found, _ = run(
        folder, "averaging", "-r", "shuffle", "-n", 2, "--multipliers", "--mean-normalise"
    )
    assert found["mean_normalise"] == 1
    known = plain["raw/seq"].any(axis=1).all(axis=1)
    np.testing.assert_allclose(
        normal["qc/prediction"][known], plain["qc/prediction"][known], rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(normal["multipliers/seq"].sum(axis=1), 0.0, atol=1e-5)
    assert normal["qc/relative_residual"].max() < 1e-5
    ran = command("inspect", folder / "averaging.keras", "--mean-normalise")
    assert "check    equals model.predict to " in ran.out


def test_what_has_no_effect_is_said(folder: Path) -> None:
    *_, said = run(folder, "averaging", "-r", "uniform", "-n", 7, "--steps", 9)
    assert said.splitlines()[-2:] == [
        "note       -n 7 has no effect: the reference uniform is not drawn",
        "note       --steps 9 has no effect: the method deeplift has no steps",
    ]
    _, found, said = run(folder, "averaging", "-r", "uniform")
    assert found["notes"] == "none"
    assert said.splitlines()[-1] == "note       windows without a known base: 1; their scores are 0"
    assert "has no effect" not in said


def test_a_method_is_recorded_with_its_options_and_whether_it_uses_references(folder: Path) -> None:
    chosen = ("--method", "smoothgrad", "--method-option", "samples=3")
    _, found, said = run(folder, "averaging", *chosen, "-r", "uniform")
    assert [found[name] for name in ("method", "rule", "samples", "noise")] == [
        "smoothgrad", "smoothgrad", 3, 0.1,
    ]  # fmt: skip
    assert "does not promise a sum" in said
    _, found, said = run(folder, "averaging", "--rule", "gradient", "-r", "uniform")
    assert (found["method"], found["rule"]) == ("gradient", "gradient")
    assert said.splitlines()[-1].endswith("--rule gradient is a method now: --method gradient")


@pytest.mark.parametrize(
    ("method", "sums_to", "signed"),
    [
        ("saliency", "nothing", 0),
        ("deep-taylor", "output", 1),
        ("expected-gradients", "nothing", 1),
        ("ism", "nothing", 1),
        pytest.param("occlusion", "nothing", 1, marks=pytest.mark.slow),
        pytest.param("shapley", "difference", 1, marks=pytest.mark.slow),
        ("grad-cam", "nothing", 0),
    ],
)
def test_files_of_every_kind_of_method_say_what_scores_sum_to(
    folder: Path, method: str, sums_to: str, signed: int
) -> None:
    few = {
        "grad-cam": ("--layer", "scan"),
        "ism": ("--positions", "10-20"),
        "shapley": ("--method-option", "orders=2"),
    }
    options = few.get(method, ())
    rows, found, said = run(folder, "averaging", "--method", method, "-r", "uniform", *options)
    assert (found["method"], found["sums_to"], found["signed"]) == (method, sums_to, signed)
    assert ("does not promise a sum" in said) == (sums_to == "nothing")
    assert ("tolerance" in found) == (sums_to != "nothing")
    assert np.abs(rows["projected_shap/seq"]).max() > 0.0
    assert method != "ism" or not rows["shap/seq"][..., 20:].any()
    chosen = {"ism": ("positions", "10-20"), "grad-cam": ("layer", "scan")}
    option, value = chosen.get(method, ("method", method))
    assert found[option] == value
    if sums_to != "nothing":
        assert rows["qc/relative_residual"].max() <= 1e-6
    total = rows["projected_shap/seq"].sum(axis=(1, 2), dtype=float)
    np.testing.assert_allclose(rows["qc/difference"] - total, rows["qc/residual"], atol=1e-6)


def test_a_gc_content_for_a_method_without_references_is_refused(folder: Path) -> None:
    words = arguments(folder, "averaging")
    ran = command("score", *words, "--method", "ism", "-r", "gc", "--gc", "0.5")
    assert ran.code == 2
    assert ran.err == "seqlift: gc 0.5: ism uses no reference; leave out --gc\n"


@pytest.mark.slow
def test_a_run_that_will_take_long_says_so_before_it_begins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(forecast, "MANY", 2)
    run(folder, "averaging", "--method", "ism", "--positions", "3-5")
    assert not caplog.messages
    monkeypatch.setattr(forecast, "LONG", 0.0)
    run(folder, "averaging", "--method", "saliency")
    assert not caplog.messages
    run(folder, "averaging", "--method", "ism", "--positions", "3-5")
    run(folder, "averaging", "--method", "occlusion", "-r", "uniform")
    first, second = caplog.messages
    assert re.search(rf"^ism of {NUMBER} windows takes about \d+ \w+, \d+\.\d s each; ", first)
    assert "--positions START-END substitutes fewer bases" in first
    assert second.startswith(f"occlusion of {NUMBER} windows takes about")
    assert "positions" not in second
    words = [forecast.duration_words(seconds) for seconds in (1.2e6, 7200.0, 5000.0, 660.0)]
    assert words == ["14 days", "2 hours", "83 minutes", "11 minutes"]


@pytest.mark.parametrize(
    ("option", "value", "form"),
    [
        ("--input", "about", "NAME=FILE.npy, NAME=zeros, NAME=NUMBER or NAME=reverse-complement"),
        ("--input", "=zeros", "NAME=FILE.npy, NAME=zeros, NAME=NUMBER or NAME=reverse-complement"),
        ("--recipe", "layer=", "LAYER=EXPRESSION"),
    ],
)
def test_a_value_without_a_name_is_refused(
    folder: Path, option: str, value: str, form: str
) -> None:
    ran = command("score", *arguments(folder, "averaging"), option, value)
    assert ran.code == 2
    assert f"Invalid value for '{option}': {value!r} is not {form}" in ran.err


def test_what_a_model_does_in_training_only_is_noted_everywhere(folder: Path) -> None:
    note = "called with training=True, and explained as at inference: 'drop' (Dropout)"
    _, found, said = run(folder, "dropping", "-r", "uniform")
    assert f"note       {note}" in said.splitlines()
    assert found["notes"] == note
    ran = command("inspect", folder / "dropping.keras")
    assert f"note     {note}" in ran.out.splitlines()
    assert "the model as rebuilt from the file" in ran.out
