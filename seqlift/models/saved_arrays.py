"""Read the arrays of trained weights in an HDF5 file, layer by layer, as the file names them.

Keras 0 numbered its groups and arrays; since Keras 1 attributes list the names of the layers and of
their arrays. Follows no link and reads no other file. Knows nothing of layers and their shapes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from seqlift.errors import ModelError
from seqlift.models import legacy

AGAIN = "save the weights again"

NAME_OF_KERAS_1 = re.compile(
    r"^param_\d+$|^[^/]+_(W|U|b|gamma|beta|running_mean|running_std|alphas)(_[a-z])?(:0)?$"
)
"""Names that Keras 1 gave to arrays: the layer's and a letter, or a number."""

LARGEST_UNWRITTEN = 1 << 28
"""Bytes that an array may claim without having them in the file; the largest weights are larger."""


@dataclass(frozen=True, slots=True)
class SavedArray:
    """One array of a layer in the file: the name it was saved under, and where it is."""

    name: str
    dataset: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Read the array's shape, but none of its values."""
        return tuple(self.dataset.shape)


@dataclass(frozen=True, slots=True)
class Source:
    """Who wrote the arrays: `version` is (0,) for the numbered groups of Keras 0, () if unsaid.

    `backend` is "theano", "tensorflow", ..., or "unknown".
    """

    version: tuple[int, ...]
    backend: str

    @property
    def is_keras_1(self) -> bool:
        """Tell whether the arrays are in the layouts of Keras 1 and before."""
        return self.version[:1] in ((0,), (1,))


def source(group: Any, backend: str) -> Source:
    """Find the writer of a group's arrays, by its attributes and the manner of its names.

    The numbered groups of Keras 0 are taken as Theano's, its default, if the file does not say.
    """
    if is_of_keras_0(group):
        return Source((0,), "theano" if backend == "unknown" else backend)
    written = group.attrs.get("keras_version", group.file.attrs.get("keras_version"))
    text = written.decode() if isinstance(written, bytes) else str(written or "")
    version = tuple(int(number) for number in re.findall(r"\d+", text.split("-")[0]))
    if not version:
        listed = (array.name for arrays in layers(group).values() for array in arrays)
        version = (1,) if any(NAME_OF_KERAS_1.search(name) for name in listed) else ()
    return Source(version, backend)


def is_of_keras_0(group: Any) -> bool:
    """Tell whether the layers of a group are numbered as Keras 0 did."""
    return "nb_layers" in group.attrs and "layer_names" not in group.attrs


def layers(group: Any) -> dict[str, list[SavedArray]]:
    """List the arrays of each layer in the file's order, layers without arrays left out."""
    found = {}
    for name in _layer_names(group):
        arrays = child(group, name, h5py.Group)
        listed = [SavedArray(n, child(arrays, n, h5py.Dataset)) for n in _array_names(arrays)]
        if listed:
            found[legacy.layer_name(name)] = listed
    return found


def _layer_names(group: Any) -> list[str]:
    if is_of_keras_0(group):
        return [f"layer_{number}" for number in range(_count(group, "nb_layers"))]
    return _names(group, "layer_names")


def _array_names(group: Any) -> list[str]:
    if "nb_params" in group.attrs:
        return [f"param_{number}" for number in range(_count(group, "nb_params"))]
    return _names(group, "weight_names")


def _count(group: Any, attribute: str) -> int:
    return min(int(group.attrs[attribute]), len(group) + 1)  # one too many is reported as missing


def _names(group: Any, attribute: str) -> list[str]:
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    else:
        parts = []
        # HDF5 has at most 64 kB in an attribute, so Keras splits a long list.
        while f"{attribute}{len(parts)}" in group.attrs:
            parts.append(group.attrs[f"{attribute}{len(parts)}"])
    names = [name for part in parts for name in np.asarray(part).ravel().tolist()]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def child(group: Any, name: str, kind: Any) -> Any:
    """Open a member of an HDF5 group, a `kind`, that is stored in this file itself.

    A link or a dataset kept elsewhere would read another file of the machine: `ModelError`.
    """
    member = group
    for part in filter(None, name.split("/")):
        link = member.get(part, getlink=True) if isinstance(member, h5py.Group) else None
        if link is None:
            raise ModelError(f"{name!r} is listed and not there; {AGAIN}")
        if not isinstance(link, h5py.HardLink):  # soft and external links lead to other files
            raise ModelError(f"{name!r} is a link, which is never followed; {AGAIN}")
        member = member[part]
    if not isinstance(member, kind):
        raise ModelError(f"{name!r} is not a {kind.__name__.lower()}; {AGAIN}")
    if isinstance(member, h5py.Dataset):
        _check_kept_here(member, name)
    return member


def check_kept_here(file: Any) -> None:
    """Raise `ModelError` if anything in a file is a link, or an array that is not in the file."""
    seen = set()
    for name, member in _members(file, ""):
        address = h5py.h5o.get_info(member.id).addr
        # a hard link to what holds it would have Keras's reader go round for ever
        if address in seen:
            raise ModelError(f"{name!r} is another name of an earlier array or group; {AGAIN}")
        seen.add(address)
        if isinstance(member, h5py.Dataset):
            _check_kept_here(member, name)


def _members(group: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and object of everything in a group; a link raises `ModelError`.

    An object is yielded before what it holds, so that a reader can stop at one seen before.
    """
    for part in group:
        name = f"{place}{part}"
        member = child(group, part, object)
        yield name, member
        if isinstance(member, h5py.Group):
            yield from _members(member, f"{name}/")


def _check_kept_here(dataset: Any, name: str) -> None:
    if dataset.external or dataset.is_virtual:  # HDF5 would open the other file by itself
        raise ModelError(f"{name!r} is kept in another file; {AGAIN}")
    # HDF5 makes up what was never written: a file of 1 kB may claim a terabyte of zeros.
    if dataset.nbytes > LARGEST_UNWRITTEN and dataset.nbytes > 100 * dataset.id.get_storage_size():
        raise ModelError(f"{name!r} claims {dataset.nbytes} bytes that are not there; {AGAIN}")
