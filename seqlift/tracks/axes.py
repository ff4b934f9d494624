"""Names of the axes of a score file's datasets, which xarray and netCDF read.

They are HDF5 dimension scales, by the conventions of netCDF-4 (appendix B of its format
specification): a scale that is only a name holds no values. Knows HDF5; knows nothing of scores.
"""

from collections.abc import Mapping

import h5py
import numpy as np

from seqlift.intervals import LETTERS
from seqlift.tracks import layout

ROW, BASE, POSITION = "row", "base", "position"
"""Rows; the four bases, whose scale holds their letters; places in the window, from its start."""

NAME_ONLY = "This is a netCDF dimension but not a netCDF variable. {:9d}"


def name_axes(file: h5py.File, datasets: Mapping[str, h5py.Dataset]) -> None:
    """Name the axes of the finished datasets of a new score file."""
    rows, *_, length = datasets[layout.main_dataset(datasets)].shape
    scales = {ROW: _name_only(file, ROW, rows), POSITION: _name_only(file, POSITION, length)}
    letters = np.array(list(LETTERS), dtype=object)
    scales[BASE] = file.create_dataset(BASE, data=letters, dtype=h5py.string_dtype("utf-8"))
    scales[BASE].make_scale(BASE)
    for dataset in datasets.values():
        axes = {3: (ROW, BASE, POSITION), 2: (ROW, POSITION), 1: (ROW,)}[dataset.ndim]
        for place, axis in enumerate(axes):
            dataset.dims[place].attach_scale(scales[axis])
    if layout.GENOME_CHROM in file:
        file[layout.GENOME_CHROM].make_scale("chrom")
        file[layout.GENOME_SIZE].dims[0].attach_scale(file[layout.GENOME_CHROM])


def _name_only(file: h5py.File, name: str, extent: int) -> h5py.Dataset:
    scale = file.create_dataset(name, shape=(extent,), dtype="float32")
    # the text by which netCDF knows an axis without values
    scale.make_scale(NAME_ONLY.format(extent))
    return scale
