"""The Snakefile, run for real on the demonstration data.

Run with ``pytest -m workflow``. Where Snakemake is not installed beside seqlift (the extra
`workflow`), it is installed into an environment of its own, in the folder that SEQLIFT_READERS
names (kept for the next time) or in a temporary one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import program
from conftest import ROOT

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
    """Return what runs a program in a copy of the workflow."""
    shutil.copy(ROOT / "Snakefile", tmp_path)
    for name in ("examples", "data"):
        shutil.copytree(ROOT / name, tmp_path / name)
    paths = [str(Path(program()).parent), str(programs), os.environ["PATH"]]
    environment = os.environ | {"PATH": os.pathsep.join(paths)}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
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
    done = run("snakemake", "--cores", "2", "--configfile", "examples/config.yaml")
    assert done.returncode == 0, done.stderr
    words = ["score", "data/demo.h5", "data/demo.narrowPeak", "-g", "data/demo.fa", "-o", "demo"]
    subprocess.run([program(), *words, "-t", "tasks:0", "-q"], cwd=tmp_path, check=True)
    for name in FILES:
        made = tmp_path / "results" / "demo" / name
        assert made.read_bytes() == (tmp_path / name).read_bytes()
    assert "residual" in (tmp_path / "results" / "demo" / "demo.summary.txt").read_text()


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
    assert "2024 is not of type 'string'" in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("shards=0", "0 is less than the minimum of 1"),
        ("shard=3", "'shard' was unexpected"),
        ("overlap=median", "'median' is not one of"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(run: Run, change: str, said: str) -> None:
    done = run("snakemake", "-n", "--config", change)
    assert done.returncode != 0
    assert said in done.stderr + done.stdout
