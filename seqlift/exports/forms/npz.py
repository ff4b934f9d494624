"""All arrays in one archive."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqlift.exports.archives import Report, add_array, counted_blocks, row_blocks
from seqlift.tracks.reading import StoredScores

ENDINGS = (".npz",)
ARRAYS = ("one_hot", "hypothetical", "contributions", "multipliers", "deviation")


def write(scores: StoredScores, paths: Sequence[Path], report: Report) -> None:
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
            counted = counted_blocks(blocks, report) if name == ARRAYS[0] else blocks
            add_array(archive, name, array.shape, array.dtype, counted)
        for table in (scores.regions, scores.qc):
            for name in table:
                column = table[name].to_numpy()
                # Text of fixed width: objects would be pickled, which readers refuse.
                values = column if column.dtype.kind in "if" else column.astype(str)
                add_array(archive, str(name), values.shape, values.dtype, [values])
        facts = np.array(json.dumps(scores.attributes, sort_keys=True))
        add_array(archive, "attributes", (), facts.dtype, [facts])
