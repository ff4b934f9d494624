"""Laws of hostile model files: nothing in them runs, no other file is read, and each is named.

Watched by Python's own audit events: commands, unpickling, unmarshalling, imports by name, and
files that Python opens. HDF5 opens files unseen: for its links the line alone tells.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bad_models import model
from hostile_models import HOSTILE, touch

from seqlift.errors import ModelError
from seqlift.models.load import load

WATCHED = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen")
WATCHED += ("pickle.find_class", "marshal.loads", "code.__new__", "socket.connect")

seen: list[str] = []
watching: list[bool] = []


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what a model file must never cause; a hook cannot be taken away, only put to sleep."""
    if not watching:
        return
    opened = event == "open" and str(arguments[0]).endswith(("secret.h5", "canary", "passwd"))
    imported = event == "import" and str(arguments[0]).startswith("hostile_module")
    if event in WATCHED or opened or imported:
        seen.append(f"{event} {arguments}")


@pytest.fixture(scope="module", autouse=True)
def audited(tmp_path_factory: pytest.TempPathFactory) -> None:
    sys.addaudithook(hook)
    path, _ = model(tmp_path_factory.mktemp("good"))
    load(path)  # whatever Keras imports late, it imports here


@contextmanager
def watched() -> Iterator[None]:
    seen.clear()
    watching.append(True)
    try:
        yield
    finally:
        watching.clear()


def test_the_watch_sees_what_it_should(tmp_path: Path) -> None:
    import os

    with watched():
        os.system(touch(tmp_path))
    assert seen
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_runs_nothing_and_is_named(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, expected = HOSTILE[case]
    path, arch = make(tmp_path)
    monkeypatch.chdir(tmp_path)
    lines: tuple[str, ...] = ()
    with watched():
        try:
            load(path, arch=arch)
        except ModelError as problem:
            lines = problem.problems
    assert not [*tmp_path.rglob("canary")]
    assert seen == []
    if expected is None:
        assert lines == ()
    else:
        (line,) = lines
        pattern = re.escape(f"{arch or path}: {expected}").replace(r"\.\.\.", ".+")
        assert re.fullmatch(pattern, line), line
