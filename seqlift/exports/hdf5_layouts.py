"""Write HDF5 of another layout than a score file's, a block of rows at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from seqlift.exports.archives import row_blocks
from seqlift.tracks.reading import ScoreArray
from seqlift.tracks.unfinished import PatientFile

COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
TEXT_KIND = h5py.string_dtype("utf-8")


def copied_array(array: ScoreArray, file: h5py.File, name: str) -> Iterator[int]:
    """Copy an array to a new dataset; yield the number of rows of each block."""
    dataset, start = new_dataset(file, name, array.shape, array.dtype), 0
    for block in row_blocks(array):
        dataset[start : start + len(block)] = block
        start += len(block)
        yield len(block)


def new_dataset(
    file: h5py.File, name: str, shape: tuple[int, ...], kind: np.dtype[np.generic]
) -> h5py.Dataset:
    rows = min(max(1, 2**15 // int(np.prod(shape[1:]))), max(1, shape[0]))
    chunks = (rows, *shape[1:])
    return file.create_dataset(name, shape=shape, dtype=kind, chunks=chunks, **COMPRESSION)


def describe_array(dataset: h5py.Dataset) -> None:
    dataset.attrs["encoding-type"] = "array"
    dataset.attrs["encoding-version"] = "0.2.0"


@contextmanager
def new_hdf5(path: Path) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Open a new HDF5 file, and give what raises where something could not be written."""
    with PatientFile(path) as disk:  # h5py ends the process where it cannot flush on closing
        with h5py.File(disk, "w") as file:
            yield file, disk.check
        disk.check()
