"""A .h5ad, with the package of that name.

https://anndata.readthedocs.io/en/stable/fileformat-prose.html, of which the `anndata` package
writes all but the large arrays, which are added a block of rows at a time.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqlift.errors import InputError
from seqlift.exports.archives import Report, row_blocks
from seqlift.exports.hdf5_layouts import copied_array, describe_array, new_dataset, new_hdf5
from seqlift.tracks.reading import StoredScores

ENDINGS = (".h5ad",)


def write(scores: StoredScores, paths: Sequence[Path], report: Report) -> None:
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
            f"--to anndata: cannot be imported ({error}); pip install anndata"
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
    with new_hdf5(paths[0]) as (file, check):
        write_elem(file, "/", frame)
        if "X" in file:
            del file["X"]
        tracks = (block.sum(axis=2) for block in row_blocks(scores.contributions))
        describe_array(
            new_dataset(file, "X", (len(scores), scores.length), scores.contributions.dtype)
        )
        start = 0
        for block in tracks:  # of the four contributions at most one is not 0
            file["X"][start : start + len(block)] = block
            start += len(block)
            check()
            report(len(block))
        for name in ("one_hot", "hypothetical"):
            for _ in copied_array(getattr(scores, name), file, f"obsm/{name}"):
                check()
            describe_array(file[f"obsm/{name}"])
