"""The Snakefile, run for real on the demonstration data.

Run with ``pytest -m workflow``. Where Snakemake is not installed next to seqlift (the extra
`workflow`), it is installed into an environment of its own, in the folder that SEQLIFT_READERS
names (kept for the next time) or in a temporary one.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from commands import program
from conftest import ROOT
from keras import layers
from test_continued import ended

pytestmark = pytest.mark.workflow

REQUIREMENTS = ["snakemake==9.27.1", "snakefmt==2.1.0"]
FILES = ("demo.h5", "demo.bw", "demo.regions.bed")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Find the folder of Snakemake's programs, and install them first where they are not."""
    here = Path(sys.executable).parent
    if all((here / name).exists() for name in ("snakemake", "snakefmt")):
        return here
    kept = os.environ.get("SEQLIFT_READERS")
    folder = (Path(kept) if kept else tmp_path_factory.mktemp("programs")) / "snakemake"
    done = folder / "requirements.txt"
    if not done.exists() or done.read_text().split() != REQUIREMENTS:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *REQUIREMENTS], check=True)
        done.write_text("\n".join(REQUIREMENTS))
    return folder / "bin"


@pytest.fixture
def run(programs: Path, tmp_path: Path) -> Run:
    """Make what runs a program in a copy of the workflow."""
    shutil.copy(ROOT / "Snakefile", tmp_path)
    for name in ("examples", "data", "seqlift/workflow"):
        shutil.copytree(ROOT / name, tmp_path / name)
    paths = [str(Path(program()).parent), str(programs), os.environ["PATH"]]

    def run(*words: str, path: str = os.pathsep.join(paths)) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | {"PATH": path}
        return subprocess.run(
            [programs / words[0], *words[1:]],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_the_workflow_is_clean(run: Run) -> None:
    for words in (
        ("snakemake", "--lint"),
        ("snakefmt", "--check", "Snakefile", "examples/wrapper/seqlift/score/test/Snakefile"),
        ("snakemake", "-n", "--profile", "examples/profiles/local"),
    ):
        done = run(*words)
        assert done.returncode == 0, done.stderr + done.stdout


def test_the_workflow_writes_the_bytes_of_one_process(run: Run, tmp_path: Path) -> None:
    demonstration = ("snakemake", "--cores", "2", "--configfile", "examples/config.yaml")
    done = run(*demonstration, "--config", "report=True")
    assert done.returncode == 0, done.stderr
    words = ["score", "data/demo.h5", "data/demo.narrowPeak", "-g", "data/demo.fa", "-o", "demo"]
    subprocess.run([program(), *words, "-t", "tasks:0", "-q"], cwd=tmp_path, check=True)
    for name in FILES:
        made = tmp_path / "results" / "demo" / name
        assert made.read_bytes() == (tmp_path / name).read_bytes()
    assert "residual" in (tmp_path / "results" / "demo" / "demo.summary.txt").read_text()
    page = (tmp_path / "results" / "demo" / "demo.report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "demo" in page
    assert "Nothing to be done" in run(*demonstration, "-n").stdout
    with (tmp_path / "data" / "demo.fa").open("a") as genome:
        genome.write(">chrNew\nACGT\n")
    again = run(*demonstration, "-n").stdout
    assert {"index_genome", "score", "merge", "summary"} <= set(re.findall(r"rule (\w+):", again))


def test_only_what_the_configuration_names_is_scored(run: Run, tmp_path: Path) -> None:
    own = "genome: data/demo.fa\nmodels: {mine: {file: data/demo.h5}}\nregions: {%s: %s}\n"
    (tmp_path / "own.yaml").write_text(own % ("peaks", "data/demo.narrowPeak"))
    done = run("snakemake", "-n", "--configfile", "own.yaml")
    assert done.returncode == 0, done.stderr
    assert "results/mine/peaks.h5" in done.stdout
    assert "results/demo" not in done.stdout
    assert "2-of-" not in done.stdout
    (tmp_path / "own.yaml").write_text(own % (2024, "data/demo.narrowPeak"))
    done = run("snakemake", "-n", "--configfile", "own.yaml")
    assert done.returncode != 0
    line = "own.yaml:3: regions: 2024: 2024 is not text; quote it: '2024'"
    assert line in done.stderr + done.stdout


DRY = ("snakemake", "-n", "--configfile", "examples/config.yaml", "--config")


@pytest.mark.parametrize(
    "problems",
    [
        {
            "shards=0": "shards: 0 is below 1",
            "shard=3": "shard: unknown key; did you mean 'shards'?",
            "overlap=median": "overlap: 'median' is unknown; did",
            "models={a: {file: x.h5, options: --target 0}}": (
                "models: a: options: '--target' may not stand here"
            ),
        },
        {
            "models={a: {file: x.h5, target: [b:1, b-1]}}": (
                "models: a: target: 'b-1' and 'b:1' have files of one name"
            ),
        },
    ],
    ids=["values", "names"],
)
def test_a_configuration_that_makes_no_sense_is_refused_by_seqlift(
    run: Run, problems: dict[str, str]
) -> None:
    done = run(*DRY, *problems)
    assert done.returncode != 0
    for problem in problems.values():
        assert f"seqlift: configuration: {problem}" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("shard=3", "'shard' was unexpected"),
        (
            "models={a: {file: x.h5, target: [b:1, b-1]}}",
            "target: two have files of one name",
        ),
    ],
)  # fmt: skip
def test_a_configuration_that_makes_no_sense_is_refused_without_seqlift(
    run: Run, change: str, problem: str
) -> None:
    """The schema refuses what it can (`test_configuration.py`), the Snakefile names of one file."""
    done = run(*DRY, change, path="/usr/bin")
    assert done.returncode != 0
    assert problem in done.stderr + done.stdout


OWN = """
import keras

class Scaled(keras.layers.Layer):
    def call(self, x):
        return 2.0 * x
"""

CONFIG = """
models:
  demo:
    file: data/demo.h5
    target: ["tasks:0", "tasks:1"]
    options: -n 2
  own:
    file: own/own.weights.h5
    arch: own/arch.json
    custom_objects: own/own.py
    reference: own/reference.fa
    inputs: {more: own/more.npy, other: 0.5}
    recipes: {}
    options: ""
regions:
  made: own/made.fa
"""


def write_own_model(folder: Path) -> None:
    """Write a model in parts: architecture, weights, a layer of its own and two more inputs."""
    folder.mkdir()
    (folder / "own.py").write_text(OWN)
    names: dict[str, type[layers.Layer]] = {}
    exec(OWN, names)  # as `--custom-objects` runs it
    dna, more, other = (
        keras.Input(n, name=m) for n, m in (((200, 4), "dna"), ((2,), "more"), ((1,), "other"))
    )
    x = layers.Flatten()(layers.Conv1D(3, 5, activation="relu")(dna))
    x = names["Scaled"]()(layers.Concatenate()([x, more, other]))
    model = keras.Model([dna, more, other], layers.Dense(1)(x))
    (folder / "arch.json").write_text(model.to_json())
    model.save_weights(folder / "own.weights.h5")
    np.save(folder / "more.npy", np.ones(2, np.float32))
    rng = np.random.default_rng(0)
    drawn = ["".join(rng.choice(list("ACGT"), 200)) for _ in range(301)]
    (folder / "reference.fa").write_text(f">r\n{drawn.pop()}\n")
    (folder / "made.fa").write_text("".join(f">s{i}\n{one}\n" for i, one in enumerate(drawn)))


def jobs(run: Run) -> set[str]:
    """Name the results that a dry run would make anew, in all steps and nothing else."""
    done = run("snakemake", "-n", "--configfile", "own.yaml")
    assert done.returncode == 0, done.stderr + done.stdout
    made = set(re.findall(r"^ +output: results/([^\s,]+)", done.stdout, re.MULTILINE))
    scored = {name.removesuffix(SHARD) for name in made if name.endswith(SHARD)}
    assert made == {f"{name}{step}" for name in scored for step in (SHARD, ".h5", ".summary.txt")}
    return scored


SHARD = ".1-of-1.h5"
CHANGES = {
    "data/demo.h5": {"demo/made.tasks-0", "demo/made.tasks-1"},
    "own/own.weights.h5": {"own/made"},
    "own/arch.json": {"own/made"},
    "own/own.py": {"own/made"},
    "own/reference.fa": {"own/made"},
    "own/more.npy": {"own/made"},
    "own/made.fa": {"demo/made.tasks-0", "demo/made.tasks-1", "own/made"},
}


def test_what_depends_on_a_file_that_changed_is_scored_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two targets, sequences without a genome, a model in parts, and work of an ended run."""
    write_own_model(tmp_path / "own")
    (tmp_path / "own.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results" / "demo").mkdir(parents=True)
    words = ("data/demo.h5", "own/made.fa", "-t", "tasks:0", "-n", 1, "-b", 16)
    kept = ended(("score", *words, "-o", "results/demo/made.tasks-0", "--shard", "1-of-1"), 14)
    assert "sequences are kept in results/demo/made.tasks-0.1-of-1.parts" in kept.err

    done = run("snakemake", "--cores", "2", "--configfile", "own.yaml")
    assert done.returncode == 0, done.stderr + done.stdout
    assert not list(tmp_path.glob("results/*/*.parts"))
    for name in ("demo/made.tasks-0", "demo/made.tasks-1", "own/made"):
        assert (tmp_path / f"results/{name}.bw").stat().st_size > 0
    assert jobs(run) == set()
    for name, depending in CHANGES.items():
        path = tmp_path / name
        before, times = path.read_bytes(), path.stat()
        path.write_bytes(before + b"\n")
        assert jobs(run) == depending, name
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    for old, new, depending in (
        ('"tasks:1"]', '"tasks:2"]', {"demo/made.tasks-2"}),
        ("other: 0.5", "other: 0.25", {"own/made"}),
        ("own/more.npy", "0.5", {"own/made"}),
        ("recipes: {}", "recipes: {own_*: relu(x)}", {"own/made"}),
        ('options: ""', "options: --seed 2", {"own/made"}),
        ("options: -n 2", "options: -n 3", {"demo/made.tasks-0", "demo/made.tasks-1"}),
    ):
        (tmp_path / "own.yaml").write_text(CONFIG.replace(old, new))
        assert jobs(run) == depending
