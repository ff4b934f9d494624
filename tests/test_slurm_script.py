"""The Slurm script of examples/ scores the share of its task, as an array of any form says."""

import os
import subprocess
from pathlib import Path

import pytest
from commands import command, make_inputs
from conftest import ROOT

SCRIPT = ROOT / "examples" / "slurm_array.sh"
SCORED = ("averaging.keras", "peaks.narrowPeak", "-g", "genome.fa", "-n", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with models, regions, and a `seqlift` that writes its words down."""
    folder = make_inputs(tmp_path_factory.mktemp("array"))
    (folder / "bin").mkdir()
    program = folder / "bin" / "seqlift"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    return folder


def task(folder: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the script as Slurm does, with the variables of a task."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("S")}
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        [SCRIPT, *words], env=kept | variables | {"PATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def of_array(number: int, first: int, last: int) -> dict[str, str]:
    """Name the variables that Slurm sets for a task of --array=FIRST-LAST."""
    values = {"ID": number, "MIN": first, "MAX": last, "COUNT": last - first + 1}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in values.items()}


def test_the_shares_of_all_tasks_merge_to_one_run(
    folder: Path, step_by_step: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for number in (1, 2):
        asked = task(folder, *SCORED, "-o", "all parts", **of_array(number, 1, 2))
        assert asked.returncode == 0, asked.stderr
        ran = command(*asked.stdout.splitlines())
        assert (ran.code, ran.err) == (0, "")
    shares = sorted(map(str, Path().glob("all parts.*-of-2*.h5")))
    assert command("merge", *shares, "-o", "all parts").code == 0
    assert command("score", *SCORED, "-o", "once").code == 0
    for kind in ("h5", "bw", "regions.bed"):
        assert Path(f"all parts.{kind}").read_bytes() == Path(f"once.{kind}").read_bytes()


def test_a_task_is_done_again_alone(folder: Path) -> None:
    asked = task(folder, "m.h5", "a.bed", SHARDS="8", **of_array(3, 3, 3))
    assert asked.stdout.split() == ["score", "m.h5", "a.bed", "--shard", "3-of-8", "--quiet"]


@pytest.mark.parametrize(
    ("words", "variables", "problem"),
    [
        ((), of_array(1, 1, 2), "give a model and regions"),
        (("m.h5", "a.bed"), {}, "no task of an array; submit it with sbatch --array=1-8"),
        (("m.h5", "a.bed"), of_array(3, 3, 3), "say of how many: SHARDS=8 sbatch --array=3"),
        (("m.h5", "a.bed"), of_array(0, 0, 7), "say of how many"),
        (("m.h5", "a.bed"), of_array(1, 1, 9) | {"SLURM_ARRAY_TASK_COUNT": "5"}, "some tasks only"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(
    folder: Path, words: tuple[str, ...], variables: dict[str, str], problem: str
) -> None:
    asked = task(folder, *words, **variables)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert problem in asked.stderr
