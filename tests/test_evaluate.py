"""`seqlift evaluate`: the table of a model on regions, and of score files, as the shell sees it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from commands import Ran, command, fasta, save, score
from keras import layers
from nets import Array

import seqlift
from seqlift.evaluate.comparison import MEASURE_COLUMNS, SOFTMAX_NOTE
from seqlift.evaluate.explained import Compared
from seqlift.evaluate.measure_list import MEASURES, Measure
from seqlift.pipeline import evaluate_forecast
from seqlift.pipeline.evaluate_forecast import warn_of_measures

pytestmark = pytest.mark.usefixtures("step_by_step")

LENGTH = 16
BASES = "ACGTTGCAAGGCTTACCGATGCATGCCTGAATTCGGCTAANNACGTTAGC"
REGIONS = "".join(f"c\t{start}\t{start + LENGTH}\n" for start in (0, 8, 16, 30))
INSTANCES = "c\t2\t6\tone\t0\t+\nc\t20\t23\ttwo\nc\t14\t18\tone\nc\t44\t48\ttwo\nd\t1\t2\tone\n"
PNG = b"\x89PNG\r\n"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    model = keras.Sequential(
        [
            keras.Input((LENGTH, 4)),
            layers.Conv1D(4, 3, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2, name="out"),
        ]
    )
    save(model, folder / "m.keras", seed=3)
    (folder / "g.fa").write_text(fasta({"c": BASES, "d": "ACGT"}))
    (folder / "r.bed").write_text(REGIONS)
    (folder / "motifs.bed").write_text(INSTANCES)
    return folder


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


MOTIFS = ("--on", "out:0=one", "--on", "out:1=two", "-t", "out:0", "-t", "out:1")


def evaluate(inputs: Path, *options: object) -> Ran:
    words = (inputs / "m.keras", inputs / "r.bed", "-g", inputs / "g.fa", "-n", 2)
    return command("evaluate", *words, *options)


def table(path: str) -> list[dict[str, str]]:
    heading, *lines = Path(path).read_text().rstrip("\n").split("\n")
    assert tuple(heading.split("\t")) == MEASURE_COLUMNS
    return [dict(zip(MEASURE_COLUMNS, line.split("\t"), strict=True)) for line in lines]


@pytest.mark.slow
def test_methods_stand_next_to_each_other_in_table_and_picture(inputs: Path) -> None:
    named = ("--methods", "deeplift,gradient,saliency", "--instances", inputs / "motifs.bed")
    cheap = "completeness,deletion-static,infidelity,motif-auroc,false-negatives,off-task"
    options = (*named, *MOTIFS, "--measures", cheap)
    ran = evaluate(inputs, *options, "-o", "one")
    assert ran.code == 0, ran.err
    rows = table("one.measures.tsv")
    assert {row["method"] for row in rows} == {"deeplift", "gradient", "saliency"}
    assert {row["target"] for row in rows} == {"out:0", "out:1"}
    assert {row["measure"] for row in rows} == set(cheap.split(","))
    exact = [row for row in rows if (row["method"], row["measure"]) == ("deeplift", "completeness")]
    assert all(float(row["mean"]) < 1e-6 and row["sequences"] == "4" for row in exact)
    assert Path("one.measures.png").read_bytes().startswith(PNG)
    assert "deletion-static (low is better)" in ran.out
    assert "saliency: its scores are sizes" in ran.err
    assert "of 5 instances 3 lie in a window, 1 are cut" in ran.err
    assert "deleted windows become the mean of 2 references (dinucleotide)" in ran.err
    again = evaluate(inputs, *options, "-o", "two")
    assert again.out == ran.out
    assert Path("two.measures.tsv").read_bytes() == Path("one.measures.tsv").read_bytes()


@pytest.mark.slow
def test_every_measure_of_every_kind_of_method(inputs: Path) -> None:
    methods = "deeplift:rule=rescale,smoothgrad:samples=3,ism,occlusion"
    motifs = ("--instances", inputs / "motifs.bed", *MOTIFS)
    Path("two.bed").write_text("".join(REGIONS.splitlines(keepends=True)[:2]))  # one motif each
    words = (inputs / "m.keras", "two.bed", "-g", inputs / "g.fa", "-n", 2, "-o", "all")
    options = ("--methods", methods, "--measures", "all", *motifs)
    ran = command("evaluate", *words, *options)
    assert ran.code == 0, ran.err
    found = {(row["method"], row["measure"]) for row in table("all.measures.tsv")}
    mixed = {name for name, one in MEASURES.items() if one.mixes}
    for method in methods.split(","):
        missing = mixed if method == "ism" else set()
        assert {name for name in MEASURES if (method, name) not in found} == missing
    assert "ism: deletion-recompute left out; it takes whole bases" in ran.err
    of_ism = {
        row["measure"]: float(row["mean"])
        for row in table("all.measures.tsv")
        if row["method"] == "ism"
    }
    assert of_ism["ism-pearson"] == of_ism["ism-spearman"] == 1.0


def test_methods_that_explain_another_value_of_a_softmax_are_named(inputs: Path) -> None:
    model = keras.Sequential(
        [keras.Input((LENGTH, 4)), layers.Flatten(), layers.Dense(3, "softmax", name="out")]
    )
    save(model, Path("softmax.keras"), seed=4)
    words = ("softmax.keras", inputs / "r.bed", "-g", inputs / "g.fa", "-r", "uniform")
    options = ("--methods", "deeplift,gradient,saliency", "--measures", "completeness", "-o", "x")
    ran = command("evaluate", *words, "-t", "out:0", "-t", "out:1", *options)
    assert ran.code == 0, ran.err
    line = f"saliency: explains another value of out:0, out:1 than deeplift; {SOFTMAX_NOTE}"
    assert ran.err.count(line) == 1
    assert ran.err.count("another value") == 1


def test_sequences_on_the_other_strand_have_their_motifs(inputs: Path) -> None:
    """The complement of a window has the measures of the window, motifs at their bases."""
    turned = "".join(f"c\t{start}\t{start + LENGTH}\tr\t0\t-\n" for start in (0, 8, 16))
    Path("turned.bed").write_text(turned)
    complement = BASES[::-1].translate(str.maketrans("ACGT", "TGCA"))
    size = len(BASES)
    Path("turned.fa").write_text(fasta({"c": complement}))
    Path("same.bed").write_text(
        "".join(f"c\t{size - start - LENGTH}\t{size - start}\n" for start in (0, 8, 16))
    )
    motifs = [line.split("\t") for line in INSTANCES.splitlines() if line.startswith("c")]
    Path("same_motifs.bed").write_text(
        "".join(f"c\t{size - int(end)}\t{size - int(start)}\t{name}\n"
                for _, start, end, name, *_ in motifs)
    )  # fmt: skip
    common = ("-t", "out:0", "-r", "uniform", "--measures", "motif-auroc,motif-share")
    one = command("evaluate", inputs / "m.keras", "turned.bed", "-g", inputs / "g.fa", *common,
                  "--instances", inputs / "motifs.bed", "--strand", "-o", "a")  # fmt: skip
    other = command("evaluate", inputs / "m.keras", "same.bed", "-g", "turned.fa", *common,
                    "--instances", "same_motifs.bed", "-o", "b")  # fmt: skip
    assert (one.code, other.code) == (0, 0), one.err + other.err
    assert Path("a.measures.tsv").read_text() == Path("b.measures.tsv").read_text()


WITHOUT = """
import sys
from seqlift.cli import main
try:
    main(sys.argv[1:], prog_name="seqlift")
finally:
    print("loaded:", *(name for name in ("tensorflow", "keras", "jax") if name in sys.modules))
"""


@pytest.mark.slow
def test_score_files_have_the_same_measures_without_tensorflow(inputs: Path) -> None:
    words = (inputs / "m.keras", inputs / "r.bed", "-g", inputs / "g.fa", "-n", 2)
    score(*words, "-t", "out:0", "-t", "out:1", "-o", "s")
    motifs = ("--instances", str(inputs / "motifs.bed"), *MOTIFS[:4])
    files = ("--scores", "s.out-0.h5", "--scores", "s.out-1.h5")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "evaluate", *files, *motifs, "-o", "f"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"
    of_files = table("f.measures.tsv")
    ran = evaluate(inputs, *motifs, "-t", "out:0", "-t", "out:1", "-o", "m")
    assert ran.code == 0, ran.err
    of_model = table("m.measures.tsv")
    needed = {name for name, one in MEASURES.items() if one.needs not in ("model", "mutagenesis")}
    assert {row["measure"] for row in of_files} == needed
    same = [row for row in of_model if row["measure"] in needed - {"completeness"}]
    for row in of_files:
        if row["measure"] != "completeness":  # of contributions as stored
            assert row in same


@pytest.mark.slow
def test_score_files_of_several_models_are_noted(inputs: Path) -> None:
    other = keras.models.clone_model(keras.models.load_model(inputs / "m.keras"))
    save(other, Path("other.keras"), seed=8)
    words = (inputs / "r.bed", "-g", inputs / "g.fa", "-t", "out:0", "-n", 2)
    score(inputs / "m.keras", *words, "-o", "one")
    score(inputs / "m.keras", *words, "--method", "gradient", "-o", "two")
    score("other.keras", *words, "--method", "saliency", "-o", "three")
    files = [word for name in ("one", "two", "three") for word in ("--scores", f"{name}.h5")]
    ran = command("evaluate", *files, "-o", "t")
    assert ran.code == 0, ran.err
    text = "its scores are of another model than those of one.h5"
    assert [line for line in ran.err.splitlines() if text in line] == [
        f"note       three.h5: {text}"
    ]


def test_one_sequence_has_no_interval(inputs: Path) -> None:
    Path("one.fa").write_text(fasta({"only": BASES[:LENGTH]}))
    words = (inputs / "m.keras", "one.fa", "-t", "out:0", "-n", 1, "--measures", "completeness")
    ran = command("evaluate", *words, "-o", "one")
    assert ran.code == 0, ran.err
    (row,) = table("one.measures.tsv")
    assert (row["low"], row["high"], row["sequences"]) == ("nan", "nan", "1")
    assert Path("one.measures.png").read_bytes().startswith(PNG)


BAD = [
    ((), 2, "MODEL, REGIONS: missing; give them, or score files with --scores FILE.h5"),
    (("m.keras",), 2, "MODEL, REGIONS: missing; give them, or score files with --scores FILE.h5"),
    (("m.keras", "r.bed", "--scores", "s.h5"), 2, "--scores: give either score files or MODEL"),
    (("--scores", "s.h5", "--methods", "ism", "-t", "out:0", "--seed", "3"), 2,
     "--target, --methods: decided when score files were made; leave it out, or give MODEL"),
    (("--scores", "none.h5"), 2, "none.h5"),
    (("--scores", "none.h5", "--measures", "infidelity"), 2,
     "measure infidelity: it needs the model: give MODEL and REGIONS"),
    (("m.keras", "r.bed", "--methods", "deplift"), 2,
     "method deplift: there is none of this name; did you mean deeplift?"),
    (("m.keras", "r.bed", "--methods", "deeplift:rescale"), 2,
     "method deeplift:rescale: write options as deeplift:OPTION=VALUE"),
    (("m.keras", "r.bed", "--methods", "gradient,gradient"), 2,
     "method gradient: it is there twice; leave one out"),
    (("m.keras", "r.bed", "--methods", ","), 2, "--methods: there are none"),
    (("m.keras", "r.bed", "--measures", "motif-sharing"), 2,
     "measure motif-sharing: there is none of this name; did you mean motif-share?"),
    (("m.keras", "r.bed", "--measures", "off-task", "--instances", "motifs.bed"), 2,
     "measure off-task: it needs the motifs of two targets"),
    (("m.keras", "r.bed", "-g", "g.fa", "-t", "out:0", "--on", "out:0=one"), 2,
     "--on: it names motifs; give their instances with --instances FILE.bed"),
    (("m.keras", "r.bed", "-g", "g.fa", "-t", "out:0", "--on", "out:0=tow", "--instances",
      "motifs.bed"), 2, "--on tow: motifs.bed has no motif of this name; use one, two"),
    (("m.keras", "r.bed", "-g", "g.fa", "-t", "out:0", "--on", "out:5=two", "--instances",
      "motifs.bed"), 2, "--on out:5: no target of this run; use out:0"),
    (("m.keras", "r.bed", "--instances", "g.fa"), 2, "g.fa: sequences; give instances"),
    (("m.keras", "r.bed", "-g", "g.fa", "-o", "there"), 5,
     "there.measures.tsv: already exists; give another -o or --force"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "problem"), BAD)
def test_what_cannot_be_measured_is_refused(
    inputs: Path, words: tuple[str, ...], code: int, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(inputs)
    Path("there.measures.tsv").touch()
    ran = command("evaluate", *words)
    assert ran.code == code
    assert problem in ran.err
    assert not list(inputs.glob("*.seqlift.*"))


def test_measures_in_python(inputs: Path) -> None:
    explainers = {
        name: seqlift.Explainer(inputs / "m.keras", ["out:0", "out:1"], method=name)
        for name in ("deeplift", "ism")
    }
    x = np.stack([seqlift.one_hot(BASES[:LENGTH]), seqlift.one_hot(BASES[4 : 4 + LENGTH])])
    rows = seqlift.measure(
        explainers,
        x.astype(np.float32),
        np.full((LENGTH, 4), 0.25),
        measures=["ism-pearson", "off-task"],
        mutagenesis=explainers["ism"],
        instances=[[(2, 6, "one")], [(1, 4, "two")]],
        motifs={"out:0": "one", "out:1": "two"},
    )
    found = {(row.method, row.target, row.measure): row.estimate for row in rows}
    assert found["ism", "out:0", "ism-pearson"].mean == pytest.approx(1.0)
    assert found["deeplift", "out:0", "off-task"].sequences == 1
    assert found["deeplift", "out:1", "off-task"].mean > 0


@dataclass
class TimedSubject:
    """Scores eight sequences in four seconds of its own clock."""

    targets: tuple[str, ...] = ("a", "b")
    sequences_at_once: int | None = None
    at_once: int = 8
    seconds: float = 0.0

    def scored(self, sequences: Array, _references: Array, _others: Any) -> None:
        assert sequences.shape[1:] == (LENGTH, 4)
        self.seconds += 0.5 * len(sequences)

    def clock(self) -> float:
        return self.seconds


COSTLY = [MEASURES[name] for name in MEASURES if MEASURES[name].costly]


@pytest.mark.parametrize(
    ("rows", "measures", "at_once", "text"),
    [
        # of a sequence: scores 1, recompute forms 4 * 2 each, continuity 3 * 16, max-sensitivity 10
        (
            1000,
            COSTLY,
            None,
            "10 hours: continuity by m 7 hours, max-sensitivity by m 83 minutes, deletion-re",
        ),
        (1000, COSTLY[:1], None, "75 minutes: deletion-recompute by m 67 minutes, scores by m 8 "),
        (1000, [], 1, None),  # 500 seconds
        (1300, [], 1, "11 minutes: scores by m 11 minutes; "),
        (1300, [], None, "11 minutes: scores by m 11 minutes; "),
        (2, COSTLY, None, None),
    ],
)
def test_measures_that_will_take_long_are_named_before_they_begin(
    caplog: pytest.LogCaptureFixture,
    rows: int,
    measures: list[Measure],
    at_once: int | None,
    text: str | None,
) -> None:
    subject = TimedSubject(sequences_at_once=at_once)
    sequences = np.zeros((1, LENGTH, 4))
    first = Compared(sequences, sequences[None])
    warn_of_measures(first, rows, {"m": subject}, measures, subject.clock)
    assert len(caplog.messages) == (text is not None)
    for message in caplog.messages:
        assert message.startswith(f"measuring {rows} windows takes about {text}")
        assert message.endswith("; give fewer regions, methods or measures")


@pytest.mark.slow
def test_the_command_says_how_long_it_takes_once(
    inputs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(evaluate_forecast, "SCORINGS", 10)
    monkeypatch.setattr(evaluate_forecast, "LONG", 0.0)
    ran = evaluate(inputs, "-t", "out:0", "--measures", "max-sensitivity", "-o", "t")
    assert ran.code == 0, ran.err
    (line,) = caplog.messages
    assert line.startswith("measuring 4 windows takes about 0 seconds: max-sensitivity by deeplift")
