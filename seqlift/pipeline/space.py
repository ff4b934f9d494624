"""How much space a run takes, looked at before anything is computed.

Knows runs and the free space of disks; writes nothing.
"""

import numpy as np

from seqlift.errors import OutputError
from seqlift.pipeline.run import Run
from seqlift.pipeline.track_formats import format_of
from seqlift.tracks.held_tracks import FLOAT_BYTES
from seqlift.tracks.score_file import TRACK_BYTES

HYPOTHETICAL_SHARE, CONTRIBUTION_SHARE = 0.88, 0.45
"""Share of their size that these take when they are compressed, in either dtype; measured."""

LETTER_BYTES = 0.83
"""Bytes that the one-hot letter of a base takes when it is compressed."""

FILE = 130_000
"""Bytes that a score file, or its parts, take in addition to the rows."""


def bytes_needed(run: Run, kept: int) -> int:
    """Count about how many bytes a run is still going to write, `kept` rows being there.

    Rows are there twice, as parts and in the score file, until all are joined.
    """
    bases, four = run.row_length, 4 * np.dtype(run.options.dtype).itemsize
    row = bases * (four * (HYPOTHETICAL_SHARE + CONTRIBUTION_SHARE) + LETTER_BYTES)
    if run.options.keep == "track":
        row = bases * 4 * HYPOTHETICAL_SHARE
    if run.options.multipliers:
        row += bases * 4 * 4 * HYPOTHETICAL_SHARE
    targets = len(run.outputs.targets)
    # twice on the disk until they are joined: for each target, and together in the parts
    copies, files = (2, targets + 1) if run.outputs.keeps_scores else (1, 1)
    scores = files * FILE + targets * (copies * run.rows - kept) * row
    drawn = run.outputs.keeps_scores and run.outputs.tracks() and not kept
    held = targets * run.rows * bases * FLOAT_BYTES if drawn else 0
    scores += held if held > TRACK_BYTES else 0  # in memory up to there
    return int(scores + bytes_of_tracks(run))


def bytes_of_tracks(run: Run) -> float:
    """Count about how many bytes the tracks take while the largest is written, with its reserve."""
    sizes = run.workload.genome.sizes
    scored = min(run.rows * run.row_length, sum(sizes.values()))
    formats = [format_of(track) for track in run.outputs.tracks()]
    more = [one.most_bytes(scored, run.rows, sizes) - one.base_bytes * scored for one in formats]
    return sum(one.base_bytes for one in formats) * scored + max(more, default=0)


def check_space(run: Run, kept: int) -> None:
    """Raise OutputError where the disk has less space than the run is going to take."""
    folder = run.outputs.regions.parent
    needed, free = bytes_needed(run, kept), run.settings.free_space(folder)
    if needed > free:
        raise OutputError(
            f"{folder}: the files of this run take about {size_text(needed)}, and"
            f" {size_text(free)} are free; free some space there or write elsewhere with -o"
        )


def size_text(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
