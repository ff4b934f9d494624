"""Laws of wrong files: each gives one line with the file, what it is, and what to do."""

import json
import os
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from seqlift.errors import ModelError
from seqlift.models import files
from seqlift.models.load import load

AGAIN = "copy or download it again"
OTHER = "these are the weights of another model"


def problems(path: Path, arch: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(ModelError) as caught:
        load(path, arch=arch)
    assert not any("\n" in problem for problem in caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "named.h5", "numbered.weights.h5"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_one_line(name: str, kept: float, saved: Path, tmp_path: Path) -> None:
    content = (saved / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(len(content) * kept)])
    arch = None if name.startswith("model") else saved / "model.json"
    (problem,) = problems(path, arch)
    assert problem.startswith(f"{path}: damaged or incomplete")
    assert problem.endswith(AGAIN)


@pytest.mark.parametrize("name", ["named.h5", "numbered.weights.h5"])
def test_weights_alone_ask_for_the_architecture(name: str, saved: Path) -> None:
    assert problems(saved / name) == (
        (
            f"{saved / name}: weights without an architecture; "
            "give the architecture with --arch model.json"
        ),
    )


@pytest.mark.parametrize("name", ["named.h5", "numbered.weights.h5", "model.h5"])
def test_an_architecture_and_weights_make_a_model(name: str, saved: Path) -> None:
    loaded = load(saved / name, arch=saved / "model.json")
    assert loaded.format == "architecture + weights"
    assert loaded.sha256 == files.file_digest(saved / name, saved / "model.json")


def test_json_inside_a_json_string_is_an_architecture(saved: Path, tmp_path: Path) -> None:
    arch = tmp_path / "model.json"
    arch.write_text(json.dumps((saved / "model.json").read_text()))
    assert load(saved / "named.h5", arch=arch).class_name == "Sequential"


def test_a_byte_order_mark_before_an_architecture_is_read_over(saved: Path, tmp_path: Path) -> None:
    arch = tmp_path / "model.json"
    arch.write_text("\ufeff" + (saved / "model.json").read_text(), "utf-8")
    assert load(saved / "named.h5", arch=arch).class_name == "Sequential"


TO_JSON = "give the architecture as written by model.to_json()"

ARCHITECTURES = [
    (b"chr1\t5\t9\n", f"neither JSON nor YAML of a Keras model; {TO_JSON}"),
    (b'{"class_name": ', None),
    (b"[" * 100_000, f"neither JSON nor YAML of a Keras model; {TO_JSON}"),
    (b'{"a": ' + b"[" * 100_000, None),
    (b"{}", f"the architecture does not describe a Keras model; {TO_JSON}"),
    (b'"3"', f"the architecture does not describe a Keras model; {TO_JSON}"),
    (b"\x89HDF\r\n\x1a\n", "not an architecture; --arch takes the text of model.to_json()"),
]


@pytest.mark.parametrize(("content", "message"), ARCHITECTURES)
def test_a_wrong_architecture_file_is_named(
    content: bytes, message: str | None, saved: Path, tmp_path: Path
) -> None:
    arch = tmp_path / "arch.json"
    arch.write_bytes(content)
    (problem,) = problems(saved / "named.h5", arch)
    if message is None:
        assert problem.startswith(f"{arch}: its architecture is not JSON (")
        assert problem.endswith(TO_JSON)
    else:
        assert problem == f"{arch}: {message}"


def test_an_archive_takes_no_other_architecture(saved: Path) -> None:
    path, arch = saved / "model.keras", saved / "model.json"
    assert problems(path, arch) == (f"{path}: holds its own architecture; leave out --arch {arch}",)


@pytest.mark.parametrize("is_arch", [False, True])
def test_a_pipe_is_not_waited_for(is_arch: bool, saved: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = problems(saved / "named.h5", pipe) if is_arch else problems(pipe)
    assert found == (f"{pipe}: not a regular file; copy what it gives to a file first",)


def test_hdf5_without_a_model_says_so(tmp_path: Path) -> None:
    path = tmp_path / "scores.h5"
    with h5py.File(path, "w") as file:
        file["scores"] = np.zeros(3)
    assert problems(path) == (
        f"{path}: an HDF5 file without a Keras model; save it with model.save()",
    )


def test_where_a_model_came_from_is_told(saved: Path) -> None:
    loaded = load(saved / "model.keras")
    assert loaded.format == ".keras"
    assert loaded.saved_by == f"Keras {keras.__version__} (any backend)"
    assert loaded.sha256 == files.file_digest(saved / "model.keras")
    assert load(saved / "model.h5").saved_by == f"Keras {keras.__version__} (tensorflow)"


def test_weights_that_unpack_to_a_flood_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_RECORD", 1000)
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("model.weights.h5", bytes(1_000_000))
    with pytest.raises(ModelError, match="its weights unpack to 1000000 bytes from"):
        files.extract_weights(path, tmp_path)
    assert not (tmp_path / "model.weights.h5").exists()
