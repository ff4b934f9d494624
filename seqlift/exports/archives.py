"""Archives of NumPy arrays (.npz), written a block of rows at a time.

The format is a ZIP archive of .npy files: `numpy.lib.format`. Times are left out, so that equal
scores are equal bytes.
"""

import json
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlift.tracks import layout
from seqlift.tracks.reading import ScoreArray, StoredScores

Report = Callable[[int], object]
"""Called with the number of rows done since it was last called."""


def write_modisco(scores: StoredScores, paths: Sequence[Path], report: Report) -> None:
    """Write one-hot bases and hypothetical contributions, (N, 4, L), to a file each.

    What ``modisco motifs -s SEQUENCES -a ATTRIBUTIONS`` takes: each has the one array ``arr_0``.
    """
    for path, array in zip(paths, (scores.one_hot, scores.hypothetical), strict=True):
        shape = (len(scores), array.shape[2], array.shape[1])
        with zipfile.ZipFile(path, "w") as archive:
            blocks = (block.swapaxes(1, 2) for block in row_blocks(array))
            _add(archive, "arr_0", shape, array.dtype, _counted(blocks, report))


def write_arrays(scores: StoredScores, paths: Sequence[Path], report: Report) -> None:
    """Write all arrays (N, L, 4), the columns of the tables, and the attributes as JSON.

    Names are ``one_hot``, ``hypothetical``, ``contributions``, also ``multipliers`` and
    ``deviation`` where the file has them; ``chrom`` and the other columns of regions and qc;
    ``attributes``, a text. None of the arrays is of Python objects.
    """
    (path,) = paths
    arrays = {name: array for name in ARRAYS if (array := getattr(scores, name)) is not None}
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            blocks = row_blocks(array)
            counted = _counted(blocks, report) if name == ARRAYS[0] else blocks
            _add(archive, name, array.shape, array.dtype, counted)
        for table in (scores.regions, scores.qc):
            for name in table:
                column = table[name].to_numpy()
                values = column if column.dtype.kind in "if" else column.astype(str)
                _add(archive, str(name), values.shape, values.dtype, [values])
        facts = np.array(json.dumps(scores.attributes, sort_keys=True))
        _add(archive, "attributes", (), facts.dtype, [facts])


ARRAYS = ("one_hot", "hypothetical", "contributions", "multipliers", "deviation")


def row_blocks(array: ScoreArray) -> Iterable[NDArray[np.generic]]:
    """Read an array some 2 MB of rows at a time."""
    rows = layout.block_rows(array.shape[1], array.dtype.name)
    return (array[start : start + rows] for start in range(0, len(array), rows))


def _counted(
    blocks: Iterable[NDArray[np.generic]], report: Report
) -> Iterable[NDArray[np.generic]]:
    for block in blocks:
        yield block
        report(len(block))


def _add(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, ...],
    kind: np.dtype[np.generic],
    blocks: Iterable[NDArray[np.generic]],
) -> None:
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = zipfile.ZIP_DEFLATED
    header = {
        "descr": np.lib.format.dtype_to_descr(kind),
        "fortran_order": False,
        "shape": shape,
    }
    with archive.open(member, "w", force_zip64=True) as file:
        np.lib.format.write_array_header_2_0(file, header)
        for block in blocks:
            file.write(block.tobytes())
