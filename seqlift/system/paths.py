"""Look at a path before it is opened: opening a pipe would wait for ever.

Knows the file system only.
"""

import stat
from pathlib import Path

_NO_FILES = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def not_regular(path: Path) -> str | None:
    """Name the kind of a path that is not a regular file; None for one, and for a missing one.

    Raises OSError where the path cannot be looked at.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    return next((f"this is {kind}, not a file" for holds, kind in _NO_FILES if holds(mode)), None)
