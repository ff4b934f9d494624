"""The line that ends a score file: a checksum of all before it, which readers of HDF5 do not see.

HDF5 believes what it reads. A flipped bit in what it keeps for itself can have it read the wrong
rows, or go round in circles for ever (found by flipping bits, HDF5 1.14). A program that changes
the file drops the line, as HDF5 cuts what lies behind its own end; such a file is taken as it is.
"""

import hashlib
import io
import os
from pathlib import Path
from typing import BinaryIO

from seqlift.tracks.checks import damage, damaged

MARK = b"\nseqlift sha256 "
SIZE = len(MARK) + 64 + 1
_BLOCK = 1 << 20


def seal(file: BinaryIO) -> None:
    """Append the line to a file that is open for reading and writing."""
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]  # it reads into buffers
    file.seek(0, io.SEEK_END)
    file.write(MARK + digest.hexdigest().encode() + b"\n")


def check_seal(path: Path) -> bool:
    """Compare a file with its checksum; False where it has none, or is not there to be read.

    Raises InputError where the file is not what was written.
    """
    if not path.is_file() or not os.access(path, os.R_OK):
        return False  # who opens it next says so
    with damage(path), path.open("rb") as file:
        size = file.seek(0, io.SEEK_END) - SIZE
        if size < 0:
            return False
        file.seek(size)
        line = file.read(SIZE)
        if not line.startswith(MARK):
            return False
        file.seek(0)
        digest = hashlib.sha256()
        while size > 0 and (block := file.read(min(_BLOCK, size))):
            digest.update(block)
            size -= len(block)
    if digest.hexdigest().encode() != line[len(MARK) : -1]:
        raise damaged(path, "its checksum is another")
    return True
