"""A run of a real model that is killed ends with the bytes of one that was not, run again.

Run with ``pytest -m slow``; `test_killed.py` has every moment, with a stand-in for the model.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import command, contents, make_inputs
from stand_in import settings

from seqlift.pipeline.loading import load_explainer

pytestmark = pytest.mark.slow

PATIENCE = 120  # seconds
Words = tuple[object, ...]

CHILD = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from stand_in import settings
from seqlift.cli import main
from seqlift.pipeline.loading import load_explainer
main(sys.argv[1:], prog_name="seqlift", obj=settings(load=load_explainer))
"""


@pytest.mark.parametrize("pattern", ["x.parts/*-*", "x.parts/x.h5.partial", "x.h5"])
def test_a_real_run_that_is_killed_is_made_good_by_the_same_command(
    real_inputs: tuple[Path, dict[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pattern: str,
) -> None:
    inputs, wanted = real_inputs
    words = [sys.executable, "-c", CHILD, Path(__file__).parent, *real_words(inputs)]
    running = subprocess.Popen(list(map(str, words)), cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        seen = wait_for(lambda: running.poll() is not None or any(tmp_path.glob(pattern)))
    finally:
        running.kill()
        _, said = running.communicate(timeout=PATIENCE)
    assert seen
    assert running.returncode == -signal.SIGKILL, said
    monkeypatch.chdir(tmp_path)
    ran = command(*real_words(inputs), settings=settings(load=load_explainer))
    assert ran.code == 0, ran.err
    assert contents(tmp_path) == wanted


@pytest.fixture(scope="module")
def real_inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """Return a folder of files to read, and the files of a run that nothing disturbed."""
    inputs, folder = make_inputs(tmp_path_factory.mktemp("real")), tmp_path_factory.mktemp("whole")
    text = (inputs / "peaks.narrowPeak").read_text()
    (inputs / "many.narrowPeak").write_text(text * 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert command(*real_words(inputs), settings=settings(load=load_explainer)).code == 0
    return inputs, contents(folder)


def real_words(inputs: Path) -> Words:
    files = (inputs / "one.keras", inputs / "many.narrowPeak", "-g", inputs / "genome.fa")
    return ("score", *files, "-n", 2, "-b", 16, "-o", "x", "-q")


def wait_for(seen: Callable[[], bool]) -> bool:
    """Return whether something was seen in time."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        if seen():
            return True
        time.sleep(0.0005)
    return False
