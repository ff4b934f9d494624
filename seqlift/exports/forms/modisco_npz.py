"""Two archives for `modisco motifs -s -a`."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from seqlift.exports.archives import Report, add_array, counted_blocks, row_blocks
from seqlift.tracks.reading import StoredScores

ENDINGS = (".sequences.npz", ".attributions.npz")


def write(scores: StoredScores, paths: Sequence[Path], report: Report) -> None:
    """Write one-hot bases and hypothetical contributions, (N, 4, L), to a file each.

    What ``modisco motifs -s SEQUENCES -a ATTRIBUTIONS`` takes: each has the one array ``arr_0``,
    channels A C G T, in the dtype of the score file.
    """
    for path, array in zip(paths, (scores.one_hot, scores.hypothetical), strict=True):
        shape = (len(scores), array.shape[2], array.shape[1])
        with zipfile.ZipFile(path, "w") as archive:
            blocks = (block.swapaxes(1, 2) for block in row_blocks(array))
            add_array(archive, "arr_0", shape, array.dtype, counted_blocks(blocks, report))
