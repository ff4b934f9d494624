"""What kind of file a model is in, and the architecture record it holds.

Goes by the contents, never by the name's ending. Reads text and attributes only; every way in
which a file can be the wrong one has a sentence of its own. Knows nothing of layers.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py

from seqlift.errors import ModelError

HDF5_START = b"\x89HDF\r\n\x1a\n"
ZIP_START = b"PK\x03\x04"
SAVED_MODEL_FILES = ("saved_model.pb", "keras_metadata.pb")
GIVE_ARCHITECTURE = "give the architecture with --arch model.json"
LARGEST_RECORD = 1 << 28
"""Bytes of architecture text that are read at most; the largest real ones have a few million."""

LARGEST_EXPANSION = 100
"""How much smaller in the archive than unpacked weights may be; trained ones hardly shrink."""

WEIGHTS_MEMBER = "model.weights.h5"

OTHER_STARTS = (
    (b"version https://git-lfs", "a git-lfs pointer, not the model; run 'git lfs pull'"),
    (b"\x1f\x8b", "compressed with gzip; decompress it first"),
    (b"\x80", "a Python pickle, which is never opened; save the model with model.save()"),
    (b"<", "a web page, not the model; download the file itself"),
    (b"{", "an architecture without weights; give the weights as MODEL and this with --arch"),
)
"""How files that are taken for models start, and what they are."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What was read from a model file: its architecture record, and who saved it where.

    `weights` is the layout of the weights: under layer names, numbered by Keras 3, or numbered
    inside a `.keras` archive.
    """

    record: Any
    version: str | None
    backend: str
    format: str
    weights: Literal["named", "numbered", "archive"]


def read(path: Path, arch: Path | None) -> ModelFile:
    """Return what the model file at `path` holds, with the architecture from `arch` if given.

    Anything that is not a model of Keras raises `ModelError` with the file and the remedy.
    """
    start = _start(path)
    if start.startswith(ZIP_START):
        return _read_archive(path, arch)
    if start.startswith(HDF5_START):
        return _read_hdf5(path, arch)
    raise ModelError(f"{path}: {_what_else(start)}")


def digest(*paths: Path) -> str:
    """Return the sha256 of the bytes of the files, one after the other."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                total.update(block)
    return total.hexdigest()


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield an HDF5 file open for reading; damage found on the way raises `ModelError`."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, UnicodeDecodeError) as problem:
        raise ModelError(
            f"{path}: damaged or incomplete HDF5 ({_line(problem)}); copy or download it again"
        ) from problem


@contextmanager
def archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield a `.keras` archive open for reading; damage found on the way raises `ModelError`."""
    try:
        with zipfile.ZipFile(path) as opened_archive:
            yield opened_archive
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as problem:
        raise ModelError(
            f"{path}: damaged or incomplete .keras archive ({_line(problem)}); "
            "copy or download it again"
        ) from problem


def extract_weights(path: Path, folder: Path) -> None:
    """Write the weights in a `.keras` archive to a folder, if they are no decompression bomb."""
    with archive(path) as members:
        info = members.getinfo(WEIGHTS_MEMBER)
        grows = info.file_size > LARGEST_EXPANSION * max(info.compress_size, 1)
        if info.file_size > LARGEST_RECORD and grows:
            raise ModelError(
                f"{path}: its weights unpack to {info.file_size} bytes from {info.compress_size}, "
                "which no trained model does; save the model again"
            )
        members.extract(info, folder)


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split()).strip("'\"") or type(problem).__name__


def _start(path: Path) -> bytes:
    """Return the first bytes of a file."""
    if path.is_dir():
        if any((path / name).exists() for name in SAVED_MODEL_FILES):
            raise ModelError(
                f"{path}: a TensorFlow SavedModel folder, which holds programs; open it with the "
                "Keras that saved it and write one file: "
                "tf.keras.models.load_model(folder).save('model.h5')"
            )
        raise ModelError(f"{path}: a folder, not a model; give the .keras or .h5 file in it")
    try:
        with path.open("rb") as file:
            return file.read(64)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; check the path of the model") from None
    except OSError as problem:
        raise ModelError(f"{path}: cannot be read ({problem.strerror}); check it") from problem


def _what_else(start: bytes) -> str:
    if not start:
        return "empty; copy or download it again"
    for beginning, sentence in OTHER_STARTS:
        if start.lstrip().startswith(beginning):
            return sentence
    return "neither an HDF5 file nor a .keras archive; give a model saved with model.save()"


def _read_hdf5(path: Path, arch: Path | None) -> ModelFile:
    with opened(path) as file:
        attributes = _attributes(file)
        weights = file.get("model_weights", file)
        attributes = {**_attributes(weights), **attributes}
        layer_names = [key for key in weights.attrs if key.startswith("layer_names")]
        numbered = "layers" in file and not layer_names
        is_weights = bool(layer_names) or numbered or "nb_layers" in file.attrs
    text = attributes.get("model_config")
    if text is None and arch is None:
        if is_weights:
            raise ModelError(f"{path}: weights without an architecture; {GIVE_ARCHITECTURE}")
        raise ModelError(f"{path}: an HDF5 file without a Keras model; save it with model.save()")
    version, backend = attributes.get("keras_version"), attributes.get("backend", "unknown")
    if arch is None:
        record, format_name = _parsed(text, path), f"Keras {(version or '2')[0]} .h5"
    else:
        record, format_name = _read_architecture(arch), "architecture + weights"
        version = version or (record.get("keras_version") if isinstance(record, dict) else None)
    layout: Literal["named", "numbered"] = "numbered" if numbered else "named"
    return ModelFile(record, version, backend, format_name, layout)


def _attributes(file: Any) -> dict[str, str]:
    """Return the text attributes that Keras writes."""
    found = {}
    for name in ("model_config", "keras_version", "backend"):
        value = file.attrs.get(name)
        if isinstance(value, bytes | str):
            found[name] = value.decode() if isinstance(value, bytes) else str(value)
    return found


def _read_archive(path: Path, arch: Path | None) -> ModelFile:
    if arch is not None:
        raise ModelError(f"{path}: holds its own architecture; leave out --arch {arch}")
    with archive(path) as members:
        names = members.namelist()
        if "config.json" not in names:
            what = "a PyTorch file" if any(n.endswith("data.pkl") for n in names) else "a zip file"
            raise ModelError(f"{path}: {what}, not a .keras archive; save it with model.save()")
        if WEIGHTS_MEMBER not in names:
            raise ModelError(
                f"{path}: has no {WEIGHTS_MEMBER}; save the model again with model.save()"
            )
        record = _parsed(_member(members, "config.json", path), path)
        about = (
            _parsed(_member(members, "metadata.json", path), path)
            if ("metadata.json" in names)
            else {}
        )
    version = about.get("keras_version") if isinstance(about, dict) else None
    return ModelFile(record, version, "any backend", ".keras", "archive")


def _member(members: zipfile.ZipFile, name: str, path: Path) -> str:
    if members.getinfo(name).file_size > LARGEST_RECORD:
        raise ModelError(f"{path}: its {name} is too large to be one; save the model again")
    return members.read(name).decode("utf-8", errors="replace")


def _read_architecture(arch: Path) -> Any:
    """Return the record in an architecture file."""
    start = _start(arch)
    if start.startswith((HDF5_START, ZIP_START)):
        raise ModelError(f"{arch}: not an architecture; --arch takes the text of model.to_json()")
    if arch.stat().st_size > LARGEST_RECORD:
        raise ModelError(f"{arch}: too large to be an architecture; give model.to_json()")
    text = arch.read_text("utf-8", errors="replace")
    if not text.lstrip().startswith(("{", '"')):
        is_yaml = arch.suffix in (".yaml", ".yml") or "class_name:" in text
        what = "YAML, which cannot be read" if is_yaml else "not JSON"
        raise ModelError(f"{arch}: {what}; give the architecture as written by model.to_json()")
    return _parsed(text, arch)


def _parsed(text: str | None, path: Path) -> Any:
    """Return the JSON in `text`; JSON within a JSON string, a common slip, is unwrapped."""
    try:
        value = json.loads(text or "")
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError) as problem:
        raise ModelError(
            f"{path}: its architecture is not JSON ({_line(problem)}); "
            "give the architecture as written by model.to_json()"
        ) from problem
