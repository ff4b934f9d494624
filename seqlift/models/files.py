"""Detect what kind of file a model is in, and read its architecture record.

Goes by the contents, not by the name's ending. Reads text and attributes only, and follows no link
out of the file; every way in which a file can be the wrong one has a sentence of its own. Knows
nothing of layers.
"""

import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py

from seqlift.errors import ModelError
from seqlift.models import architecture, damage, formats, saved_arrays
from seqlift.system.hdf5_reader import open_to_read
from seqlift.system.printable import printable
from seqlift.system.refusals import can_be_locked, reading_error, temporary_errors

HDF5_START = b"\x89HDF\r\n\x1a\n"
ZIP_START = b"PK\x03\x04"
GIVE_ARCHITECTURE = "give the architecture with --arch model.json"
LARGEST_RECORD = 1 << 28
"""Bytes of architecture text that are read at most; the largest real ones have a few million."""

LARGEST_EXPANSION = 100
"""Largest ratio of unpacked to stored size of weights; trained ones hardly shrink."""

VALUES_PER_BYTE = 8
"""Most values for a byte of a weights file, compressed; uncompressed, a half."""

LEAST_SIZE = 1 << 20
"""Values that the weights of any file may have: they take 4 MB."""

WEIGHTS_MEMBER = "model.weights.h5"

NUMBERED = ("layers", "_layer_checkpoint_dependencies")
"""Groups that hold the numbered variables of all layers: of Keras 3, and of Keras 2.12 to 2.15."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The contents of a model file: its architecture record, and who saved it where.

    `weights` is the layout of the weights: under layer names, numbered by Keras 3, or numbered
    inside a `.keras` archive.
    """

    record: Any
    version: str | None
    backend: str
    format: str
    weights: Literal["named", "numbered", "archive"]


def read_model_file(path: Path, arch: Path | None) -> ModelFile:
    """Read the model file at `path`, with the architecture from `arch` unless that is None.

    Any other file than a Keras model raises `ModelError` with the file and the remedy.
    """
    start = _start(path, holds="model")
    if start.startswith(ZIP_START):
        return _read_archive(path, arch)
    if start.startswith(HDF5_START):
        return _read_hdf5(path, arch)
    raise ModelError(f"{path}: {formats.of_file(path, start)}")


def most_weights(path: Path, found: ModelFile) -> int:
    """Bound how many values the weights in a file can have, generously, by its size.

    Weights that were compressed, or stored in half precision, have more values than a fourth of
    their bytes.
    """
    size = path.stat().st_size
    if found.weights == "archive":
        with archive(path) as members:
            # What the archive claims, unless no weights could have been compressed so far.
            size = min(members.getinfo(WEIGHTS_MEMBER).file_size, LARGEST_EXPANSION * size)
    return LEAST_SIZE + VALUES_PER_BYTE * size


def file_digest(*paths: Path) -> str:
    """Compute the sha256 of the bytes of the files, one after the other."""
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
        with open_to_read(path) as file:
            yield file
    except ModelError as problem:
        raise ModelError(*(f"{path}: {line}" for line in problem.problems)) from problem
    except (OSError, *damage.CAUSES) as problem:  # all of which h5py raises for damage
        raise damage.system_refusal(path, problem) or ModelError(
            f"{path}: damaged or incomplete HDF5 ({_line(problem)}); copy or download it again"
        ) from problem


@contextmanager
def archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Yield a `.keras` archive open for reading; damage found on the way raises `ModelError`."""
    try:
        with zipfile.ZipFile(path) as opened_archive:
            yield opened_archive
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, *damage.CAUSES) as problem:
        raise damage.system_refusal(path, problem) or ModelError(
            f"{path}: damaged or incomplete .keras archive ({_line(problem)}); "
            "copy or download it again"
        ) from problem


def link_weights(path: Path, link: Path) -> None:
    """Make a file of numbered weights readable by Keras under the name `link`."""
    # Keras's own reader locks what it reads, which some network file systems refuse.
    if can_be_locked(path):
        link.symlink_to(path.resolve())
        return
    with temporary_errors(link.parent):
        shutil.copyfile(path, link)


def extract_weights(path: Path, folder: Path) -> None:
    """Write the weights in a `.keras` archive to a folder; refuse a decompression bomb."""
    with archive(path) as members:
        info = members.getinfo(WEIGHTS_MEMBER)
        # a decompression bomb
        grows = info.file_size > LARGEST_EXPANSION * max(info.compress_size, 1)
        # small ones do no harm
        if info.file_size > LARGEST_RECORD and grows:
            raise ModelError(
                f"{path}: its weights unpack to {info.file_size} bytes from {info.compress_size}, "
                "which no trained model does; save the model again"
            )
        with temporary_errors(folder):
            members.extract(info, folder)


def _line(problem: Exception) -> str:
    return printable(" ".join(str(problem).split()).strip("'\"")) or type(problem).__name__


def _start(path: Path, *, holds: str) -> bytes:
    """Read the first bytes of the file that `holds` the model, or its architecture."""
    if path.is_dir():
        raise ModelError(f"{path}: {formats.of_folder(path)}")
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise ModelError(f"{path}: not a regular file; copy what it gives to a file first")
    try:
        with path.open("rb") as file:
            return file.read(64)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; check the path of the {holds}") from None
    except OSError as problem:
        raise reading_error(path, problem, kind=ModelError) from problem


def _read_hdf5(path: Path, arch: Path | None) -> ModelFile:
    with opened(path) as file:
        attributes = _text_attributes(file)
        weights = weights_group(file)
        # files of weights only have them on the group
        attributes = {**_text_attributes(weights), **attributes}
        named = any(key.startswith("layer_names") for key in weights.attrs)
        of_keras_0 = saved_arrays.is_of_keras_0(weights)
        numbered = not named and any(name in file for name in NUMBERED)
    text = attributes.get("model_config")
    if text is None and arch is None:
        if named or numbered or of_keras_0:
            raise ModelError(f"{path}: weights without an architecture; {GIVE_ARCHITECTURE}")
        raise ModelError(f"{path}: an HDF5 file without a Keras model; save it with model.save()")
    version, backend = attributes.get("keras_version"), attributes.get("backend", "unknown")
    if of_keras_0:  # which records neither; Theano was its default
        version, backend = version or "0", attributes.get("backend", "theano")
    if arch is None:
        record = _located(path, architecture.from_json, text or "")
        format_name = f"Keras {(version or '2')[0]} .h5"
    else:
        record, format_name = _read_architecture(arch), "architecture + weights"
        version = version or _keras_version(record)
    layout: Literal["named", "numbered"] = "numbered" if numbered else "named"
    return ModelFile(record, version, backend, format_name, layout)


def weights_group(file: Any) -> Any:
    """Find the weights in an open HDF5 file: in its root, or in `model_weights`.

    A link in its place raises `ModelError`.
    """
    # asked for as a link, so that none is followed
    if file.get("model_weights", getlink=True) is None:
        return file
    return saved_arrays.child(file, "model_weights", h5py.Group)


def _text_attributes(file: Any) -> dict[str, str]:
    found = {}
    for name in ("model_config", "keras_version", "backend"):
        value = file.attrs.get(name)
        if isinstance(value, bytes | str):
            found[name] = value.decode() if isinstance(value, bytes) else str(value)
    return found


def _keras_version(about: Any) -> str | None:
    version = about.get("keras_version") if isinstance(about, dict) else None
    return version if isinstance(version, str) else None


def _read_archive(path: Path, arch: Path | None) -> ModelFile:
    if arch is not None:
        raise ModelError(f"{path}: holds its own architecture; leave out --arch {arch}")
    with archive(path) as members:
        names = members.namelist()
        what = formats.of_archive(names)
        if what is not None:
            raise ModelError(f"{path}: {what}")
        # Such a member would be written outside of the folder that the archive is unpacked to.
        outside = [name for name in names if name.startswith("/") or ".." in name.split("/")]
        if outside:
            raise ModelError(
                f"{path}: its member {outside[0]!r} leads out of the archive, which nothing Keras "
                "saves does; save the model again with model.save()"
            )
        if WEIGHTS_MEMBER not in names:
            raise ModelError(
                f"{path}: has no {WEIGHTS_MEMBER}; save the model again with model.save()"
            )
        record = _read_member(members, "config.json", path)
        about = _read_member(members, "metadata.json", path) if "metadata.json" in names else {}
    return ModelFile(record, _keras_version(about), "any backend", ".keras", "archive")


def _read_member(members: zipfile.ZipFile, name: str, path: Path) -> Any:
    if members.getinfo(name).file_size > LARGEST_RECORD:
        raise ModelError(f"{path}: its {name} is too large to be one; save the model again")
    text = members.read(name).decode("utf-8", errors="replace")
    return _located(path, architecture.from_json, text)


def _read_architecture(arch: Path) -> Any:
    start = _start(arch, holds="architecture")
    if start.startswith((HDF5_START, ZIP_START)):
        raise ModelError(f"{arch}: not an architecture; --arch takes the text of model.to_json()")
    if arch.stat().st_size > LARGEST_RECORD:
        raise ModelError(f"{arch}: too large to be an architecture; give model.to_json()")
    # Editors on Windows put a byte order mark first.
    return _located(arch, architecture.from_text, arch.read_text("utf-8-sig", errors="replace"))


def _located(path: Path, parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except ModelError as problem:
        raise ModelError(*(f"{path}: {line}" for line in problem.problems)) from problem
