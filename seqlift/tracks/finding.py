"""Score files on the disk: known from other files, offered by their prefix, and opened.

Knows paths and HDF5; knows nothing of the contents of score files.
"""

import glob
from pathlib import Path
from typing import Any

from seqlift.errors import InputError
from seqlift.system.hdf5_reader import open_to_read
from seqlift.system.paths import not_regular
from seqlift.system.refusals import is_refusal, reading_error
from seqlift.tracks import layout
from seqlift.tracks.checks import DAMAGE, damaged
from seqlift.tracks.datasets import dataset, has

MOST_NEAR = 5
"""Files that a message offers in the place of one that is not there."""


def is_score_file(path: Path | str) -> bool:
    """Tell whether a file is HDF5 with scores in it, of this program or another; never raises."""
    try:
        if not Path(path).is_file():  # opening a pipe would wait for ever
            return False
        with open_to_read(path) as file:
            name = layout.BASE_SUMS if has(file, layout.BASE_SUMS) else layout.HYPOTHETICAL
            return dataset(file, name) is not None
    except DAMAGE:
        return False


def score_files_near(path: Path | str) -> list[Path]:
    """List the score files of a prefix, where the path names no file itself.

    A run of several targets writes PREFIX.TARGET.h5 for each, and no PREFIX.h5.
    """
    path = Path(path)
    prefix = path.name.removesuffix(".h5")
    if path.exists() or not prefix:
        return []
    named = sorted(path.parent.glob(f"{glob.escape(prefix)}*.h5"))
    like = (one for one in named if one.name.removeprefix(prefix).startswith("."))
    return [one for one in like if is_score_file(one)][:MOST_NEAR]


def open_score_file(path: Path, *, sparing: bool = False) -> Any:
    """Open a file as HDF5 to be read; `sparing` as in `open_to_read`.

    Raises InputError where it is missing, refused or not HDF5; a message offers files near it.
    """
    try:
        problem = not_regular(path)
        if problem is not None:
            raise InputError(f"{path}: {problem}; give the .h5 file that `seqlift score` wrote")
        return open_to_read(path, sparing=sparing)
    except FileNotFoundError as error:
        near = ", ".join(map(str, score_files_near(path)))
        remedy = f"did you mean {near}?" if near else "check the path"
        raise InputError(f"{path}: no such file; {remedy}") from error
    except OSError as error:
        if is_refusal(error):
            raise reading_error(path, error) from error
        if "truncated" in str(error):  # h5py says it in the message only
            raise damaged(path, "it is shorter than it says") from error
        raise InputError(
            f"{path}: not an HDF5 file; give the .h5 file that `seqlift score` wrote"
        ) from error
