"""What a disk does to a run: it fills up, it is read-only, its clock is wrong. On a small tmpfs.

Mounting needs root; elsewhere these are skipped. `tests/test_bad_inputs.py` has limits on file
sizes, which need nothing.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Ran, command, contents, make_inputs, score

from seqlift.pipeline import part_writer
from seqlift.pipeline import score as pipeline

NAMES = {"x.h5", "x.bw", "x.regions.bed"}
REPEATS = 30


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the genome, the models, and many regions."""
    folder = make_inputs(tmp_path_factory.mktemp("inputs"))
    text = (folder / "peaks.narrowPeak").read_text()
    (folder / "many.narrowPeak").write_text(text * REPEATS)
    return folder


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make an empty disk of 8 MB the current folder; every part is one chunk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(part_writer, "SECONDS", 0.0)
    yield folder
    monkeypatch.chdir(tmp_path)
    subprocess.run(["umount", folder], check=True)


def change(disk: Path, *options: str) -> None:
    """Mount the disk again with other options; its files stay."""
    subprocess.run(["mount", "-o", ",".join(["remount", *options]), disk], check=True)


def words(inputs: Path) -> tuple[object, ...]:
    files = (inputs / "one.keras", inputs / "many.narrowPeak", "-g", inputs / "genome.fa")
    return (*files, "-n", 1, "-b", 16, "--precision", "float64", "-o", "x")


@pytest.fixture(scope="module")
def whole(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        score(*words(inputs))
    return contents(folder)


def assert_nothing_final_is_wrong(ran: Ran, disk: Path, whole: dict[str, bytes]) -> None:
    assert ran.code == 5, ran.err
    assert "Traceback" not in ran.err
    assert "bug" not in ran.err
    assert all(line.startswith("seqlift: ") for line in ran.err.splitlines())
    for name in NAMES & set(contents(disk)):
        assert (disk / name).read_bytes() == whole[name]
    assert not list(disk.rglob("*.partial"))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 1.1, 1.6, 2.05])
def test_a_disk_that_fills_up_costs_nothing_that_was_finished(
    inputs: Path,
    disk: Path,
    whole: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    share: float,
) -> None:
    size = int(share * sum(map(len, whole.values())) / 4096 + 6) * 4096
    change(disk, f"size={size}")
    ran = command("score", *words(inputs))
    assert ran.err.startswith("seqlift: .: the files of this run take about ")  # it is foreseen
    assert_nothing_final_is_wrong(ran, disk, whole)
    assert contents(disk) == {}
    monkeypatch.setattr(pipeline, "check_space", lambda *_: None)
    ran = command("score", *words(inputs))
    if ran.code:
        assert "cannot be written (No space left on device); free some space there" in ran.err
        assert_nothing_final_is_wrong(ran, disk, whole)
    change(disk, "size=8m")
    score(*words(inputs)) if ran.code else None
    assert contents(disk) == whole


def test_a_disk_that_is_read_only_is_an_error(
    inputs: Path, disk: Path, whole: dict[str, bytes]
) -> None:
    change(disk, "ro")
    ran = command("score", *words(inputs))
    assert_nothing_final_is_wrong(ran, disk, whole)
    line = "x.regions.bed: folder . is not writable; give another with -o"
    assert ran.err.splitlines()[0] == f"seqlift: {line}"


def test_a_clock_that_moved_changes_nothing(
    inputs: Path, disk: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "place_scores", lambda *_: 1 / 0)
        assert command("score", *words(inputs)).code == 1
    for year, path in enumerate(sorted(disk.rglob("*"))):
        os.utime(path, (year * 3e7, 2e9 - year * 3e7))
    monkeypatch.setattr(pipeline, "compute_stretch", lambda *_: 1 / 0)  # all rows are there
    score(*words(inputs))
    assert contents(disk) == whole
