"""A run that is killed at any moment and continued ends with the bytes of one that was not.

Run with ``pytest -m slow``: processes are started, and killed at thirty random moments and before
each change that a run makes to its folder.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count, cycle
from pathlib import Path

import pytest
from commands import contents, make_inputs

pytestmark = pytest.mark.slow

KILLS = 30
PATIENCE = 120  # seconds
REPEATS = 60  # of 23 regions
CHILD = """
import os, signal, sys
from itertools import count
from seqlift.pipeline import part_writer
from seqlift.cli import main

part_writer.SECONDS = 0.0  # a part for every chunk
last, changes = int(os.environ["LAST_CHANGE"]), count()

def see(event, arguments):
    changed = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir")
    written = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if (changed or written) and str(arguments[0]).startswith("x.") and next(changes) == last:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(see)
main()
"""
"""`seqlift` that is killed before its change to a folder of that number, counted from zero."""

MOMENTS = {
    "a part begun": "x.parts/*.partial",
    "a part finished": "x.parts/*-*",
    "joining begun": "x.parts/x.h5.partial",
    "a score file finished": "x.h5",
    "the scores remembered": "x.parts/scored",
    "a track begun": "x.parts/x.bw.partial",
    "a track finished": "x.bw",
}
"""What is seen in the folder first at a moment."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_inputs(tmp_path_factory.mktemp("inputs"))
    text = (folder / "peaks.narrowPeak").read_text()
    (folder / "many.narrowPeak").write_text(text * REPEATS)
    return folder


def begin(
    inputs: Path, folder: Path, regions: str = "many.narrowPeak", last_change: int = -1
) -> "subprocess.Popen[bytes]":
    files = (inputs / "one.keras", inputs / regions, "-g", inputs / "genome.fa")
    words = ("score", *files, "-n", "2", "-b", "16", "-o", "x", "-q")
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *words],
        cwd=folder,
        env={**os.environ, "LAST_CHANGE": str(last_change)},
        stderr=subprocess.PIPE,
    )


def wait_for(running: "subprocess.Popen[bytes]", folder: Path, pattern: str) -> bool:
    """Return whether something of that name was seen before the process ended."""
    limit = time.monotonic() + PATIENCE
    while running.poll() is None and time.monotonic() < limit:
        if any(folder.glob(pattern)):
            return True
        time.sleep(0.0005)
    return False


def moments(chance: random.Random) -> Iterator[tuple[str, float]]:
    """Yield what to wait for, and how many seconds longer."""
    names = list(MOMENTS)
    for name in cycle(names):
        yield MOMENTS[name], chance.choice([0.0, chance.uniform(0, 0.3)])


def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(
    inputs: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    complete(begin(inputs, whole))
    wanted = contents(whole)
    assert set(wanted) == {"x.h5", "x.bw", "x.regions.bed"}
    chance, kills, place = random.Random(20), Counter[str](), 0
    folder = tmp_path / "0"
    folder.mkdir()
    for pattern, delay in moments(chance):
        running = begin(inputs, folder)
        seen = wait_for(running, folder, pattern)
        time.sleep(delay if seen else 0)
        running.kill()
        _, said = running.communicate(timeout=PATIENCE)
        kills[pattern] += running.returncode != 0
        assert b"seqlift: " not in said, said
        for name in wanted:  # whatever has a final name is whole
            path = folder / name
            assert not path.exists() or path.read_bytes() == wanted[name], (pattern, name)
        if is_done(folder, wanted) or pattern == MOMENTS["a track finished"]:
            finish(inputs, folder, wanted)
            place += 1
            folder = tmp_path / str(place)
            folder.mkdir()
        if kills.total() == KILLS:
            break
    finish(inputs, folder, wanted)
    assert set(kills) == set(MOMENTS.values())


def test_a_run_killed_before_any_change_to_its_folder_ends_with_the_same_bytes(
    inputs: Path, tmp_path: Path
) -> None:
    regions, wanted = "peaks.narrowPeak", dict[str, bytes]()
    for change in count():
        folder = tmp_path / str(change)
        folder.mkdir()
        running = begin(inputs, folder, regions, last_change=change)
        _, said = running.communicate(timeout=PATIENCE)
        if not wanted:  # nothing is there yet, so this is the run that is not disturbed
            assert contents(folder) == {}
            complete(begin(inputs, folder, regions))
            wanted = contents(folder)
        if running.returncode == 0:  # it made fewer changes
            break
        assert running.returncode == -signal.SIGKILL, said
        finish(inputs, folder, wanted, regions)
    assert contents(folder) == wanted
    assert change > len(MOMENTS)


def finish(
    inputs: Path, folder: Path, wanted: dict[str, bytes], regions: str = "many.narrowPeak"
) -> None:
    """Continue a run until it is done, unless it is, and compare its files."""
    if not is_done(folder, wanted):
        complete(begin(inputs, folder, regions))
    assert {name: (folder / name).read_bytes() for name in wanted} == wanted


def is_done(folder: Path, wanted: dict[str, bytes]) -> bool:
    """Return whether all files are there, though the folder of parts was still being removed."""
    going_on = (folder / "x.parts" / "run.json").exists()
    return set(wanted) <= set(contents(folder)) and not going_on


def complete(running: "subprocess.Popen[bytes]") -> None:
    """Wait for a process that must succeed."""
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 0, said
