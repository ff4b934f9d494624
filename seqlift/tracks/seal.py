"""The line that ends a score file: a checksum of all before it, which readers of HDF5 do not see.

HDF5 believes what it reads. A flipped bit in what it keeps for itself can have it read the wrong
rows, or go round in circles for ever (found by flipping bits, HDF5 1.14). A program that changes
the file drops the line, as HDF5 cuts what lies behind its own end; such a file is taken as it is.
"""

import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from seqlift.tracks.checks import damage, damaged

MARK = b"\nseqlift crc32 "
DIGITS = 8
SIZE = len(MARK) + DIGITS + 1
OLD_MARK, OLD_SIZE = b"\nseqlift sha256 ", len(b"\nseqlift sha256 ") + 64 + 1
"""Of files that earlier versions wrote: eight times the time, and as good as any against accident,
which is all that either notices."""
_HASHED_AT_ONCE = 1 << 20


def seal(file: BinaryIO) -> None:
    """Append the line to a file that is open for reading and writing."""
    check = _checksum(_blocks(file, None))
    file.seek(0, io.SEEK_END)
    file.write(MARK + check + b"\n")


def check_seal(path: Path) -> bool:
    """Compare a file with its checksum; False where it has none, or is not there to be read.

    Raises InputError where the file is not what was written.
    """
    if not path.is_file() or not os.access(path, os.R_OK):
        return False  # who opens it next says so
    with damage(path), path.open("rb") as file:
        length = file.seek(0, io.SEEK_END)
        file.seek(-min(length, OLD_SIZE), io.SEEK_END)
        end = file.read()
        for mark, size, checksum in (
            (MARK, SIZE, _checksum),
            (OLD_MARK, OLD_SIZE, _old_checksum),
        ):
            if end[-size:].startswith(mark):
                found, wanted = checksum(_blocks(file, length - size)), end[len(mark) - size : -1]
                break
        else:
            return False
    if found != wanted:
        raise damaged(path, "its checksum is another")
    return True


def _blocks(file: BinaryIO, size: int | None) -> Iterator[bytes]:
    """Read a file from its start, all or up to `size` bytes of it."""
    file.seek(0)
    while block := file.read(_HASHED_AT_ONCE if size is None else min(_HASHED_AT_ONCE, size)):
        yield block
        size = None if size is None else size - len(block)


def _checksum(blocks: Iterable[bytes]) -> bytes:
    check = 0
    for block in blocks:
        check = zlib.crc32(block, check)
    return f"{check:0{DIGITS}x}".encode()


def _old_checksum(blocks: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest().encode()
