"""The line that ends a score file: a checksum of all before it, which readers of HDF5 do not see.

HDF5 believes what it reads. A flipped bit in what it keeps for itself can have it read the wrong
rows, or go round in circles for ever (found by flipping bits, HDF5 1.14). A program that changes
the file drops the line, as HDF5 cuts what lies behind its own end; such a file is taken as it is.
"""

import hashlib
import io
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from seqlift.tracks.checks import damage, damaged

DIGITS = 8
MARK = b"\nseqlift adler32 "
SIZE = len(MARK) + DIGITS + 1
CRC_MARK, CRC_SIZE = b"\nseqlift crc32 ", len(b"\nseqlift crc32 ") + DIGITS + 1
OLD_MARK, OLD_SIZE = b"\nseqlift sha256 ", len(b"\nseqlift sha256 ") + 64 + 1
"""Of files that earlier versions wrote: six and thirty times the time, and as good as any against
accident, which is all that each notices."""
_HASHED_AT_ONCE = 1 << 18


Checksum = Callable[[Iterable[memoryview]], bytes]


def seal(file: io.FileIO) -> None:
    """Append the line to a file that is open for reading and writing."""
    check = _compiled(_blocks(file, None))
    file.seek(0, io.SEEK_END)
    file.write(MARK + check + b"\n")


def check_seal(path: Path, *, compiled: bool = False) -> bool:
    """Compare a file with its checksum; False where it has none, or is not there to be read.

    By compiled code, it takes a fifth of the time; to load the compiler, half a second.
    Raises InputError where the file is not what was written.
    """
    if not path.is_file() or not os.access(path, os.R_OK):
        return False  # who opens it next says so
    known: tuple[tuple[bytes, int, Checksum], ...] = (
        (MARK, SIZE, _compiled if compiled else partial(_numbered, zlib.adler32, 1)),
        (CRC_MARK, CRC_SIZE, partial(_numbered, zlib.crc32, 0)),
        (OLD_MARK, OLD_SIZE, _hashed),
    )
    with damage(path), path.open("rb", buffering=0) as file:
        length = file.seek(0, io.SEEK_END)
        file.seek(-min(length, OLD_SIZE), io.SEEK_END)
        end = file.read()
        for mark, size, checksum in known:
            if end[-size:].startswith(mark):
                found, wanted = checksum(_blocks(file, length - size)), end[len(mark) - size : -1]
                break
        else:
            return False
    if found != wanted:
        raise damaged(path, "its checksum is another")
    return True


def _blocks(file: io.FileIO, size: int | None) -> Iterator[memoryview]:
    """Read a file from its start, all or up to `size` bytes of it, always to the same memory."""
    file.seek(0)
    held = memoryview(bytearray(_HASHED_AT_ONCE))
    while count := file.readinto(held if size is None else held[:size]):
        yield held[:count]
        size = None if size is None else size - count


def _compiled(blocks: Iterable[memoryview]) -> bytes:
    from seqlift.tracks.planes import adler32  # numba, which reading needs not

    return _numbered(adler32, 1, blocks)


def _numbered(
    function: Callable[[memoryview, int], int], value: int, blocks: Iterable[memoryview]
) -> bytes:
    for block in blocks:
        value = function(block, value)
    return f"{value:0{DIGITS}x}".encode()


def _hashed(blocks: Iterable[memoryview]) -> bytes:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest().encode()
