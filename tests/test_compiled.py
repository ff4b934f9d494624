"""Compiled loops that are kept are those of the source that is there."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from seqlift.system import compiled

SOURCE = """
import numpy as np
from numpy.typing import NDArray
from seqlift.system.compiled import inner, kernel
{imported}

@inner
def number() -> int:
    return {number}

@kernel
def fill(values: NDArray[np.int64]) -> None:
    values[:] = {called}()
"""


def filled(folder: Path, *, number: int, called: str, imported: str = "") -> int:
    """Write a module of one size and time of change, and run its kernel in a new import."""
    path = folder / "loops.py"
    path.write_text(SOURCE.format(number=number, called=called, imported=imported))
    os.utime(path, (1e9, 1e9))
    compiled.digest_of_sources.cache_clear()
    spec = importlib.util.spec_from_file_location("loops", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    values = np.zeros(1, np.int64)
    module.fill(values)
    return int(values[0])


@pytest.fixture(autouse=True)
def _nothing_kept_by_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def test_a_changed_source_of_the_same_size_and_time_is_compiled_anew(tmp_path: Path) -> None:
    assert filled(tmp_path, number=1, called="number") == 1
    assert filled(tmp_path, number=2, called="number") == 2
    assert filled(tmp_path, number=1, called="number") == 1


def test_a_change_of_a_module_that_a_kernel_uses_is_compiled_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for number in (3, 4):
        other = SOURCE.format(number=number, called="number", imported="")
        (tmp_path / "others.py").write_text(other)
        monkeypatch.delitem(sys.modules, "others", raising=False)
        imported = "from others import number as theirs"
        assert filled(tmp_path, number=0, called="theirs", imported=imported) == number


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    assert filled(tmp_path, number=1, called="number") == 1
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb[ic]")}
    assert len(kept) == 2
    assert filled(tmp_path, number=1, called="number") == 1
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb[ic]")} == kept
