"""What a disk does to a run: it fills up, it is read-only, its clock is wrong. On a small tmpfs.

Mounting needs root; elsewhere these are skipped. `tests/test_bad_inputs.py` has limits on file
sizes, which need nothing.
"""

import os
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from commands import Ran, contents, make_inputs
from commands import command as any_command
from stand_in import StandIn, settings

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
    """Make an empty disk of 8 MB the current folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing may be mounted here")
    monkeypatch.chdir(folder)
    yield folder
    monkeypatch.chdir(tmp_path)
    subprocess.run(["umount", folder], check=True)


def change(disk: Path, *options: str) -> None:
    """Mount the disk again with other options; its files stay."""
    subprocess.run(["mount", "-o", ",".join(["remount", *options]), disk], check=True)


def words(inputs: Path) -> tuple[object, ...]:
    files = (inputs / "one.keras", inputs / "many.narrowPeak", "-g", inputs / "genome.fa")
    return (*files, "-n", 1, "-b", 16, "-o", "x")


def command(*words: object, **changed: object) -> Ran:
    """Run a command; a stand-in scores, and every part is one chunk."""
    return any_command(*words, settings=settings(**changed))


@pytest.fixture(scope="module")
def whole(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert command("score", *words(inputs)).code == 0
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
    share: float,
) -> None:
    size = int(share * sum(map(len, whole.values())) / 4096 + 6) * 4096
    change(disk, f"size={size}")
    ran = command("score", *words(inputs))
    assert ran.err.startswith("seqlift: .: the files of this run take about ")  # it is foreseen
    assert_nothing_final_is_wrong(ran, disk, whole)
    assert contents(disk) == {}
    ran = command(
        "score", *words(inputs), free_space=lambda _: 10**9
    )  # as if it were not looked at
    if ran.code:
        assert "cannot be written (No space left on device); free some space there" in ran.err
        assert_nothing_final_is_wrong(ran, disk, whole)
    change(disk, "size=8m")
    assert command("score", *words(inputs)).code == 0
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
    inputs: Path, disk: Path, whole: dict[str, bytes]
) -> None:
    class Failing(StandIn):
        def explain_by(self, *_: object) -> object:
            raise ZeroDivisionError

    change(disk, f"size={sum(map(len, whole.values())) - 20_000}")  # too small for the track
    ran = command("score", *words(inputs), free_space=lambda _: 10**9, clock=count(9, -1).__next__)
    assert ran.code == 5
    change(disk, "size=8m")
    for year, path in enumerate(sorted(disk.rglob("*"))):
        os.utime(path, (year * 3e7, 2e9 - year * 3e7))
    assert command("score", *words(inputs), load=Failing).code == 0  # all rows are there
    assert contents(disk) == whole
