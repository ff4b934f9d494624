"""How much space a run takes, looked at before anything is computed.

Knows runs and the free space of disks; writes nothing.
"""

import shutil

import numpy as np

from seqlift.errors import OutputError
from seqlift.pipeline.run import Run

HYPOTHETICAL, CONTRIBUTIONS = 0.88, 0.45
"""Share of their size that these take when they are compressed, in either dtype; measured."""

LETTERS = 0.83
"""Bytes that the one-hot letter of a base takes when it is compressed."""

FILE = 130_000
"""Bytes that a score file takes beside its rows, or its parts do."""

TRACK = 5.6
"""Bytes that a base takes in a track."""


def bytes_needed(run: Run, kept: int) -> int:
    """Return about how many bytes a run is still going to write, `kept` rows being there.

    Rows are there twice, as parts and in the score file, until all are joined.
    """
    bases, four = run.row_length, 4 * np.dtype(run.options.dtype).itemsize
    row = bases * (four * (HYPOTHETICAL + CONTRIBUTIONS) + LETTERS)
    if run.options.multipliers:
        row += bases * 4 * 4 * HYPOTHETICAL
    scored = min(run.rows * bases, sum(run.workload.genome.sizes.values()))
    track = TRACK * scored if run.outputs.tracks else 0.0
    files = 2 * FILE * len(run.outputs.targets)
    return int(files + len(run.outputs.targets) * ((2 * run.rows - kept) * row + track))


def check_space(run: Run, kept: int) -> None:
    """Raise OutputError where the disk has less space than the run is going to take."""
    folder = run.outputs.regions.parent
    needed, free = bytes_needed(run, kept), shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(
            f"{folder}: the files of this run take about {shown(needed)}, and"
            f" {shown(free)} are free; free some space there or write elsewhere with -o"
        )


def shown(size: int) -> str:
    """Return a number of bytes as text."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
