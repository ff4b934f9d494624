"""Write archives of NumPy arrays (.npz) a block of rows at a time.

The format is a ZIP archive of .npy files: `numpy.lib.format`. Times are left out, so that equal
scores are equal bytes.
"""

import zipfile
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from seqlift.tracks import layout
from seqlift.tracks.reading import ScoreArray

Report = Callable[[int], object]
"""Called with the number of rows done since it was last called."""


def row_blocks(array: ScoreArray) -> Iterable[NDArray[np.generic]]:
    """Read an array some 2 MB of rows at a time."""
    rows = layout.block_rows(array.shape[1], array.dtype.name)
    return (array[start : start + rows] for start in range(0, len(array), rows))


def counted_blocks(
    blocks: Iterable[NDArray[np.generic]], report: Report
) -> Iterable[NDArray[np.generic]]:
    for block in blocks:
        yield block
        report(len(block))


def add_array(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    kind: np.dtype[np.generic],
    blocks: Iterable[NDArray[np.generic]],
) -> None:
    # with the fixed date of 1980, so that equal scores are equal bytes
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = zipfile.ZIP_DEFLATED
    header = {
        "descr": np.lib.format.dtype_to_descr(kind),
        "fortran_order": False,
        "shape": shape,
    }
    with archive.open(member, "w", force_zip64=True) as file:  # its size is not known beforehand
        np.lib.format.write_array_header_2_0(file, header)
        for block in blocks:
            file.write(block.tobytes())
