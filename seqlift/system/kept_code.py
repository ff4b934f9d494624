"""The user's folder of compiled code, which later runs start from.

Who can write there can run code in the name of who reads it, so it belongs to the user alone. Knows
files; knows nothing of what compiles.
"""

import hashlib
import logging
import os
import platform
import re
import stat
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

CACHE_VARIABLE = "SEQLIFT_CACHE"
"""Of the environment: ``off``, or a folder instead of ``XDG_CACHE_HOME/seqlift``."""

MOST_KEPT = 2**30
"""Bytes that are left when a run begins: a BPNet takes some 10 MB for each precision."""


def folder_for(versions: str) -> Path | None:
    """Make the folder of code compiled by `versions` for this processor; None where there is none.

    Removes what was used least recently from the folders of all versions, down to `MOST_KEPT`
    bytes.
    """
    root = root_folder()
    if root is None:
        return None
    try:
        own_folder(root)
        shrink(root, MOST_KEPT)
        # A home may be shared by machines of which one lacks instructions of the other.
        place = root / hashlib.sha256(f"{versions} {processor()}".encode()).hexdigest()[:16]
        own_folder(place)
    except OSError as error:
        log.info("compiled code is not kept: %s", error)
        return None
    return place


def root_folder() -> Path | None:
    """Choose the folder of all versions; None where it is switched off or the user has no home."""
    asked = os.environ.get(CACHE_VARIABLE, "").strip()
    if asked == "off":
        return None
    if asked:
        return Path(asked)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seqlift"
    except RuntimeError:
        return None


def own_folder(place: Path) -> None:
    """Make a folder that is the user's alone; raise OSError where it is not."""
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = place.lstat()  # not stat: a link could lead to another's folder
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{place} is not a folder")
    # who can write there can run code as the user
    if found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"others can write to {place}; give it mode 700")
    place.chmod(0o700)


def processor() -> str:
    """Describe the processor that code is compiled for: its kind and its instructions."""
    with suppress(OSError):
        found = re.search(r"^(?:flags|Features)\s*:.*$", Path("/proc/cpuinfo").read_text(), re.M)
        if found:
            return f"{platform.machine()} {found[0]}"
    return f"{platform.machine()} {platform.processor()}"


def shrink(root: Path, largest: int) -> None:
    """Remove the files of a folder that were used least recently, down to `largest` bytes.

    Another run may remove or replace files meanwhile.
    """
    files = []
    for path in root.rglob("*"):
        with suppress(OSError):
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode):
                # Many systems mount without times of access: then the time of writing counts.
                files.append((max(found.st_atime, found.st_mtime), found.st_size, path))
    left = sum(size for _, size, _ in files)
    for _, size, path in sorted(files, key=lambda file: file[0]):
        if left <= largest:
            break
        with suppress(OSError):
            path.unlink()
        left -= size
