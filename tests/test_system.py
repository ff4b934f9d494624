"""Files are damaged only where their contents are: locks, full disks and memories are named."""

import errno
import fcntl
import gzip
import io
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import keras
import pytest
from made_scores import made_batch, window

from seqlift.errors import DeviceError, InputError, ModelError, OutputError
from seqlift.inputs.text import TextFile
from seqlift.models import build, damage, files
from seqlift.models.load import describe, load
from seqlift.pipeline.parts import PartsFolder
from seqlift.system import refusals
from seqlift.tracks.finding import is_score_file
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.score_file import ScoreFile


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the only lock on a file, so that nobody else can have one."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "named.h5", "numbered.weights.h5"])
def test_a_model_is_read_without_a_lock(name: str, saved: Path) -> None:
    arch = None if name.startswith("model") else saved / "model.json"
    with locked(saved / name):
        assert load(saved / name, arch=arch).model.count_params() > 0
        describe(saved / name, arch=arch)


@pytest.mark.parametrize("number", [errno.ENOLCK, 524])
def test_a_run_works_without_locks_and_says_so(number: int, tmp_path: Path) -> None:
    folder = tmp_path / "x.parts"
    with (
        mock.patch.object(fcntl, "flock", side_effect=OSError(number, "no locks")),
        PartsFolder(folder, {}, force=False) as parts,
    ):
        assert parts.notes() == (
            f"{folder}: its file system has no locks; start no second run of this name",
        )
    with PartsFolder(tmp_path / "y.parts", {}, force=False) as parts:
        assert parts.notes() == ()


def resource_exhausted(*_: object, **__: object) -> None:
    class ResourceExhaustedError(Exception):
        """As TensorFlow names it."""

    raise ResourceExhaustedError("failed to allocate memory")


def out_of_memory(*_: object, **__: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("full", [resource_exhausted, out_of_memory])
@pytest.mark.parametrize("place", ["layer", "network", "weights"])
def test_a_full_memory_is_no_damaged_model(
    full: object, place: str, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    match place:
        case "layer":
            monkeypatch.setattr(keras.layers.Conv1D, "build", full)
        case "network":
            monkeypatch.setattr(build.keras, "Sequential", full)
        case "weights":
            monkeypatch.setattr(keras.Model, "load_weights", full)
    with pytest.raises(DeviceError) as caught:
        load(saved / "model.keras")
    (problem,) = caught.value.problems
    assert problem == (
        f"{saved / 'model.keras'}: the memory does not hold the model; "
        "use a machine or a --device with more memory"
    )


@pytest.mark.parametrize(
    ("number", "reason", "remedy"),
    [
        (errno.EIO, "Input/output error", "check the disk"),
        (errno.EMFILE, "Too many open files", "raise the limit on open files (ulimit -n)"),
        (
            524,
            "no locks available",
            "it cannot be locked: set HDF5_USE_FILE_LOCKING=FALSE before Python starts",
        ),
    ],
)
def test_what_the_system_refuses_to_read_is_no_damage(
    number: int, reason: str, remedy: str, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "Unable to synchronously open file (with words of HDF5)")

    monkeypatch.setattr(files, "open_to_read", refuse)
    with pytest.raises(ModelError) as caught:
        load(saved / "model.h5")
    assert caught.value.problems == (f"{saved / 'model.h5'}: cannot be read ({reason}); {remedy}",)


def test_contents_that_make_libraries_ask_in_vain_are_damage(tmp_path: Path) -> None:
    assert damage.system_refusal(tmp_path, OSError(errno.EINVAL, "Invalid argument")) is None
    assert damage.system_refusal(tmp_path, OSError("truncated file")) is None
    assert isinstance(refusals.reading_error("x", OSError(errno.ENOMEM, "")), DeviceError)
    assert isinstance(refusals.reading_error("x", OSError(errno.EIO, "")), InputError)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Limit the size of files that may be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_limit_on_file_sizes_is_no_damaged_model(saved: Path) -> None:
    with pytest.raises(OutputError) as caught, largest_file(2000):
        load(saved / "model.keras")
    (problem,) = caught.value.problems
    assert problem.startswith(f"{tempfile.gettempdir()}/seqlift-")
    assert problem.endswith(
        ": temporary files cannot be written (File too large); raise the limit on file sizes "
        "(ulimit -f), or name another folder with TMPDIR"
    )


@pytest.mark.parametrize("packed", [False, True])
def test_a_limit_on_file_sizes_is_no_fault_of_regions(
    packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(f"chr1\t{n}\t{n + 7919 * n % 997}\n" for n in range(2000)).encode()
    path = tmp_path / "regions.bed.gz"
    path.write_bytes(gzip.compress(text))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    with (
        pytest.raises(OutputError, match=r"seqlift-\w+: temporary files .* with TMPDIR$"),
        largest_file(2000),
        closing(TextFile(path if packed else "-", remedy="give BED")) as file,
    ):
        file.decompress()


def test_scores_are_read_without_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "scores.h5"
    with ScoreWriter(path, length=4, attributes={}) as writer:
        writer.write(made_batch([window("chr1", 0, 4)], length=4, sizes={"chr1": 9}))
    with locked(path):
        assert is_score_file(path)
        with ScoreFile(path) as scores:
            assert scores.rows == 1


def test_no_folder_for_temporary_files_is_named(saved: Path) -> None:
    nowhere = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")
    with (
        mock.patch.object(tempfile, "gettempdir", side_effect=nowhere),
        pytest.raises(OutputError, match=r"No usable temporary .* with TMPDIR"),
    ):
        load(saved / "model.keras")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        mock.patch.object(tempfile, "TemporaryDirectory", side_effect=full),
        pytest.raises(OutputError, match="No space left on device"),
    ):
        refusals.new_temporary_folder()
