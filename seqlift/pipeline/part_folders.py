"""The folder of a run's parts: their names, and how one of them is removed.

Knows names; knows nothing of what run the parts are of.
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PARTIAL = ".partial"
PART = re.compile("([0-9]{10,18})-([0-9]{10,18})", re.ASCII)
LEFT_BEHIND = re.compile(r"[0-9]{10,18}(-[0-9]{10,18})?\.partial", re.ASCII)
"""A part that was being written, or removed."""

PART_SCORES = re.compile(r"(scores|[0-9]+)\.h5", re.ASCII)
"""The score file of a part; earlier versions had one for each target."""


def scores_in(folder: Path) -> Path:
    """Name the score file in the folder of a part, which may be unfinished."""
    return folder / "scores.h5"


class Part(NamedTuple):
    """Rows from `start` up to `stop`, in `folder`."""

    folder: Path
    start: int
    stop: int

    @property
    def scores(self) -> Path:
        """Name its score file."""
        return scores_in(self.folder)


def remove_part(folder: Path) -> None:
    """Remove the folder of a part, which first loses its name; what no run has put there stays."""
    if folder.is_symlink() or not folder.is_dir():  # a link could lead to files of somebody else
        return
    if not folder.name.endswith(PARTIAL):
        # First the name: ended in the middle, it must not look like a part that is whole.
        folder = folder.replace(folder.with_name(f"{folder.name}{PARTIAL}"))
    for path in list(folder.iterdir()):
        if PART_SCORES.fullmatch(path.name) and not path.is_dir():
            path.unlink()
    with suppress(OSError):  # not empty
        folder.rmdir()
