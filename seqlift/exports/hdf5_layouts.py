"""Other layouts of HDF5: that of bpnet, and AnnData's.

bpnet's: https://github.com/kundajelab/bpnet-refactor, what `bpnet-shap` writes. AnnData's on disk:
https://anndata.readthedocs.io/en/stable/fileformat-prose.html, of which the `anndata` package
writes all but the large arrays, which are added a block of rows at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from seqlift.errors import InputError
from seqlift.exports.archives import Report, row_blocks
from seqlift.tracks.reading import ScoreArray, StoredScores
from seqlift.tracks.unfinished import PatientFile

COMPRESSED = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def write_bpnet(scores: StoredScores, paths: Sequence[Path], report: Report) -> None:
    """Write ``input_seqs`` and ``hyp_scores`` (N, L, 4), and where the windows lie.

    What ``finemo extract-regions-bpnet-h5`` takes; ``modisco motifs -i`` takes it too.
    """
    with _new_file(paths[0]) as (file, check):
        text = h5py.string_dtype("utf-8")
        file.create_dataset("coords_chrom", data=list(scores.regions.chrom), dtype=text)
        for name in ("start", "end"):
            file.create_dataset(f"coords_{name}", data=scores.regions[name].to_numpy())
        for name, array in (("input_seqs", scores.one_hot), ("hyp_scores", scores.hypothetical)):
            for done in _copied(array, file, name):
                check()
                report(done if name == "hyp_scores" else 0)


def write_annotated(scores: StoredScores, paths: Sequence[Path], report: Report) -> None:
    """Write an AnnData: a row for each region, a column for each place in the window.

    ``X`` is the contribution of the observed base (N, L); ``obsm["one_hot"]`` and
    ``obsm["hypothetical"]`` are (N, L, 4); ``obs`` has the columns of regions and qc, ``var`` the
    distance from the middle of the window, ``uns["seqlift"]`` the attributes.

    Raises
    ------
    InputError
        The package anndata is not installed.
    """
    try:
        from anndata import AnnData
        from anndata.io import write_elem
    except ImportError as error:
        raise InputError(
            f"--to anndata: cannot be imported ({error}); pip install 'seqlift[anndata]'"
        ) from error
    table = scores.regions.join(scores.qc)
    table.index = table.index.astype(str)
    names = scores.regions.name
    if names.is_unique:
        table.index = names.to_numpy()
    places = np.arange(scores.length)
    frame = AnnData(obs=table, uns={"seqlift": scores.attributes}, shape=(len(scores), len(places)))
    frame.var_names = [str(place) for place in places]
    frame.var["from_middle"] = places - scores.length // 2
    with _new_file(paths[0]) as (file, check):
        write_elem(file, "/", frame)
        if "X" in file:
            del file["X"]
        tracks = (block.sum(axis=2) for block in row_blocks(scores.contributions))
        _described(_stored(file, "X", (len(scores), scores.length), scores.contributions.dtype))
        start = 0
        for block in tracks:  # of the four contributions at most one is not 0
            file["X"][start : start + len(block)] = block
            start += len(block)
            check()
            report(len(block))
        for name in ("one_hot", "hypothetical"):
            for _ in _copied(getattr(scores, name), file, f"obsm/{name}"):
                check()
            _described(file[f"obsm/{name}"])


def _copied(array: ScoreArray, file: h5py.File, name: str) -> Iterator[int]:
    """Copy an array to a new dataset; yield the number of rows of each block."""
    dataset, start = _stored(file, name, array.shape, array.dtype), 0
    for block in row_blocks(array):
        dataset[start : start + len(block)] = block
        start += len(block)
        yield len(block)


def _stored(
    file: h5py.File, name: str, shape: tuple[int, ...], kind: np.dtype[np.generic]
) -> h5py.Dataset:
    rows = min(max(1, 2**15 // int(np.prod(shape[1:]))), max(1, shape[0]))
    chunks = (rows, *shape[1:])
    return file.create_dataset(name, shape=shape, dtype=kind, chunks=chunks, **COMPRESSED)


def _described(dataset: h5py.Dataset) -> None:
    dataset.attrs["encoding-type"] = "array"
    dataset.attrs["encoding-version"] = "0.2.0"


@contextmanager
def _new_file(path: Path) -> Iterator[tuple[Any, Callable[[], None]]]:
    """Open a new HDF5 file, and give what raises where something could not be written."""
    with PatientFile(path) as disk:
        with h5py.File(disk, "w") as file:
            yield file, disk.check
        disk.check()
