"""Compiled code is kept for the user alone, up to a size, and a second process compiles nothing."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from seqlift.system import kept_code

HAVE_JAX = importlib.util.find_spec("jax") is not None

PROGRAM = """
import json, sys
import jax
import keras
import numpy as np
from collections import Counter
counted = Counter()
jax.monitoring.register_event_listener(lambda event, **_: counted.update([event]))
from seqlift.explain.explainer import Explainer
one_hot = np.eye(4, dtype="float32")[np.random.default_rng(0).integers(0, 4, (3, 8))]
explain = Explainer(keras.models.load_model(sys.argv[1]), batch_size=3)
result = explain(one_hot, references="uniform")
print(json.dumps([counted["/jax/compilation_cache/cache_misses"],
                  counted["/jax/compilation_cache/cache_hits"],
                  result.hypothetical.tobytes().hex()]))
"""


def mode_of(place: Path) -> int:
    return place.stat().st_mode & 0o777


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(kept_code.CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "seqlift"


def test_the_folder_is_the_users_alone(cache: Path) -> None:
    before = os.umask(0)
    try:
        place = kept_code.folder_for("jax 1")
    finally:
        os.umask(before)
    assert place is not None
    assert place.parent == cache
    assert mode_of(place) == mode_of(cache) == 0o700
    assert kept_code.folder_for("jax 1") == place
    assert kept_code.folder_for("jax 2") != place


@pytest.mark.parametrize("which", ["the whole", "of a version"])
def test_a_folder_that_others_can_write_to_is_not_used(cache: Path, which: str) -> None:
    place = kept_code.folder_for("jax 1")
    assert place is not None
    (cache if which == "the whole" else place).chmod(0o777)
    assert kept_code.folder_for("jax 1") is None


def test_a_link_is_not_followed(cache: Path, tmp_path: Path) -> None:
    cache.parent.mkdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "elsewhere")
    assert kept_code.folder_for("jax 1") is None
    assert not any((tmp_path / "elsewhere").iterdir())


def test_code_for_another_processor_is_not_found(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = kept_code.folder_for("jax 1")
    monkeypatch.setattr(kept_code, "processor", lambda: "another one")
    assert kept_code.folder_for("jax 1") != here


def test_it_can_be_elsewhere_or_off(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kept_code.CACHE_VARIABLE, str(tmp_path / "mine"))
    place = kept_code.folder_for("jax 1")
    assert place is not None
    assert place.parent == tmp_path / "mine"
    monkeypatch.setenv(kept_code.CACHE_VARIABLE, "off")
    assert kept_code.folder_for("jax 1") is None
    assert not cache.exists()


def test_a_place_that_cannot_be_written_is_no_failure(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parent.mkdir()
    cache.write_text("a file")
    assert kept_code.folder_for("jax 1") is None


def test_what_was_used_least_recently_is_removed(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_code, "MOST_KEPT", 250)
    first, second = kept_code.folder_for("jax 1"), kept_code.folder_for("jax 2")
    assert first is not None
    assert second is not None
    files = [first / "old", second / "new", first / "newest", second / "oldest"]
    for path, used in zip(files, (2000, 3000, 4000, 1000), strict=True):
        path.write_bytes(bytes(100))
        os.utime(path, (used, used))
    kept_code.folder_for("jax 1")
    assert [path.exists() for path in files] == [False, True, True, False]
    monkeypatch.setattr(kept_code, "MOST_KEPT", 0)
    kept_code.folder_for("jax 1")
    assert [path for path in cache.rglob("*") if path.is_file()] == []


@pytest.mark.slow
@pytest.mark.skipif(not HAVE_JAX, reason="jax is not installed: it is an extra")
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="a process of its own either way")
def test_a_second_process_compiles_nothing(saved: Path, tmp_path: Path) -> None:
    def ran(asked: str) -> list[int | str]:
        environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
        environment |= {kept_code.CACHE_VARIABLE: asked}
        command = [sys.executable, "-c", PROGRAM, str(saved / "model.keras")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: list[int | str] = json.loads(done.stdout.splitlines()[-1])
        return found

    without, first, second = (ran(asked) for asked in ("off", *[str(tmp_path / "kept")] * 2))
    assert without[:2] == [0, 0]
    assert int(first[0]) > 0
    assert second[0] == 0
    assert int(second[1]) >= int(first[0])
    assert without[2] == first[2] == second[2]
