"""Datasets of a score file, taken only where the file itself has them.

HDF5 lets a file name others, of any format, in which its datasets lie: a file that somebody sends
could so have anything on this machine read, and shown. Knows HDF5; knows nothing of what is in it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import h5py
import numpy as np
from h5py import h5l
from h5py._objects import phil

from seqlift.tracks import layout
from seqlift.tracks.batch import Attribute


def dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """Open a dataset of a file.

    Raises KeyError where it has none, ValueError where the dataset is reached by another link than
    HDF5's plain ones, has its data in another file or is virtual.
    """
    path = ""
    for part in name.split("/"):
        path = f"{path}/{part}" if path else part
        # Part by part: HDF5 would follow a link in the middle of a path without a word.
        if _link_kind(file, path) != h5l.TYPE_HARD:
            raise ValueError(f"{name} is a link to elsewhere")
    place = file[name]
    if not isinstance(place, h5py.Dataset):
        raise KeyError(f"{name} is not a dataset")
    # plain datasets by their link, whose data lies elsewhere
    if place.external or place.is_virtual:
        raise ValueError(f"{name} lies in another file")
    return place


def _link_kind(file: h5py.File, path: str) -> int:
    """Find out the kind of the last link of a path, all before which are plain.

    Asked of HDF5 itself, as h5py would open the group of each dataset again.
    """
    try:
        return int(file.id.links.get_info(path.encode()).type)
    except (KeyError, RuntimeError) as error:
        raise KeyError(f"{path} is missing") from error


def datasets(
    file: h5py.File, *, rows: int, length: int, targets: int | None = None
) -> dict[str, h5py.Dataset]:
    """Open every dataset of a score file, or of a part of several targets.

    Raises ValueError or KeyError where one is missing, or is not what its name promises.
    """
    found = {}
    kept: layout.Kept = "track" if has(file, layout.BASE_SUMS) else "all"
    for name in layout.dtypes("float32", multipliers=True, deviation=True, kept=kept):
        if name in layout.OPTIONAL and not has(file, name):
            continue
        found[name] = one = dataset(file, name)
        axis = () if targets is None or name not in layout.OF_TARGETS else (targets,)
        expected = (rows, *axis, *layout.row_shape(name, length))
        if one.shape != expected:
            raise ValueError(f"{name} has shape {one.shape}, not {expected}")
    if has(file, layout.GENOME_CHROM):
        found |= {name: dataset(file, name) for name in (layout.GENOME_CHROM, layout.GENOME_SIZE)}
    for name, one in found.items():
        check_dataset_kind(name, one.dtype)
    return found


def read_chunk(one: h5py.Dataset, item: tuple[int, ...]) -> tuple[int, bytes]:
    """Read the chunk of a dataset that begins at `item`: filter mask and bytes."""
    with phil:  # h5py 3.14 takes its lock everywhere but here, and HDF5 knows no threads
        mask, data = one.id.read_direct_chunk(item)
    return int(mask), data


def write_chunk(one: h5py.Dataset, item: tuple[int, ...], data: bytes, mask: int = 0) -> None:
    """Write the bytes of the chunk of a dataset that begins at `item`."""
    with phil:
        one.id.write_direct_chunk(item, data, mask)


def has(file: h5py.File, name: str) -> bool:
    """Find out whether a file names a dataset, wherever that lies."""
    group = name.rpartition("/")[0]
    try:
        if _link_kind(file, group) == h5l.TYPE_HARD:
            _link_kind(file, name)
    except KeyError:
        return False
    return True


def check_dataset_kind(name: str, kind: np.dtype[np.generic]) -> None:
    """Raise ValueError where a dataset does not have what its name promises."""
    if name in (*layout.TEXTS, layout.GENOME_CHROM):
        wanted, right = "text", h5py.check_string_dtype(kind) is not None
    elif name == layout.SCORE:
        text = h5py.check_string_dtype(kind) is not None
        wanted, right = "numbers", text or kind.kind == "f"
    elif name in (*layout.POSITIONS, layout.GENOME_SIZE, layout.ONE_HOT):
        wanted, right = "whole numbers", kind.kind in "iu"
    elif name in (layout.HYPOTHETICAL, layout.CONTRIBUTIONS):
        wanted, right = "float32 or float16", kind.name in ("float32", "float16")
    else:
        wanted, right = "numbers", kind.kind == "f"
    if not right:
        raise ValueError(f"{name} is of type {kind}, not {wanted}")


def attributes(stored: Mapping[str, Any]) -> dict[str, Attribute]:
    """Read attributes; raises ValueError for one that is neither text nor a number."""
    found: dict[str, Attribute] = {}
    for name, value in stored.items():
        one = value.item() if isinstance(value, np.generic) else value
        if not isinstance(one, str | int | float):
            raise ValueError(f"the attribute {name} is neither text nor a number")
        found[name] = one
    return found


def check_numbers(found: Mapping[str, Attribute], names: Iterable[str]) -> None:
    """Raise ValueError where an attribute that is a number has text."""
    for name in names:
        if isinstance(found.get(name, 0), str):
            raise ValueError(f"the attribute {name} is not a number")
