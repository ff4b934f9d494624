"""The bytes of a FASTA file from any place in it, plain or compressed by bgzip.

A bgzip file (BGZF, section 4.1 of https://samtools.github.io/hts-specs/SAMv1.pdf) is a row of gzip
members of at most 64 kB, each with its own size in the header: where they lie is read from the
headers, so a `.gzi` is neither needed nor trusted. Offsets are those of the text, as in a `.fai`.
Knows nothing of records or of what the text says.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs.text import BOM, GZIP_MAGIC

"""The byte order mark that some editors put before UTF-8 text."""

_TEXT_BLOCK = 1 << 23
_BLOCK_HEAD = 64  # bytes that hold the header of a block
_GZIP_HEADER = 18  # bytes of a bgzip header without further fields
_END = 8  # bytes after the data of a gzip member: its checksum and the size of its text
_COPY_AGAIN = "the compressed file is {}; copy or download it again"


class FastaBytes(Protocol):
    """A file that can be read from any place; to be closed at the end."""

    size: int
    """Bytes of the text."""

    def read(self, start: int, stop: int) -> bytes:
        """Read the text [start, stop), less where the file ends before."""

    def close(self) -> None:
        """Close the file."""


class PlainBytes:
    """A file that is not compressed."""

    def __init__(self, path: Path, *, source: str) -> None:
        self._source = source
        self._file: BinaryIO = path.open("rb")
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, start: int, stop: int) -> bytes:
        """Read the text [start, stop), less where the file ends before."""
        return _read(self._file, start, stop, source=self._source)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class BgzipBytes:
    """A file that was compressed by bgzip; opening it reads the headers of all its blocks.

    Raises
    ------
    InputError
        When it is damaged or cut short, here or where it is read.
    """

    def __init__(self, path: Path, *, source: str) -> None:
        self._source = source
        self._file: BinaryIO = path.open("rb")
        try:
            self._places, self._starts = _blocks_of(self._file, source=source)
        except BaseException:
            self._file.close()
            raise
        self.size = int(self._starts[-1])
        self._held: tuple[int, bytes] = -1, b""

    def read(self, start: int, stop: int) -> bytes:
        """Read the text [start, stop), less where the file ends before."""
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        pieces = []
        for block in range(max(first, 0), len(self._starts) - 1):
            begin = int(self._starts[block])
            if begin >= stop:
                break
            pieces.append(self._text(block)[max(start - begin, 0) : stop - begin])
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _text(self, block: int) -> bytes:
        """Decompress a block; the last one is kept, as neighbours are often read together."""
        if self._held[0] != block:
            place, end = map(int, self._places[block : block + 2])
            data = _read(self._file, place, end, source=self._source)
            try:
                text = zlib.decompress(data, wbits=31)  # gzip, with its checksum
            except zlib.error as error:
                problem = _COPY_AGAIN.format(f"damaged ({error})")
                raise InputError(f"{self._source}: {problem}") from error
            self._held = block, text
        return self._held[1]


def blocks(fasta: FastaBytes) -> Iterator[bytes]:
    """Yield the whole text in blocks."""
    start = 0
    while block := fasta.read(start, start + _TEXT_BLOCK):
        yield block
        start += len(block)


def fasta_lines(fasta: FastaBytes) -> Iterator[bytes]:
    """Yield the lines of the text, without a byte order mark."""
    held: list[bytes] = []
    for number, block in enumerate(blocks(fasta)):
        text = block.removeprefix(BOM) if number == 0 else block
        first, *rest = text.split(b"\n")
        held.append(first)
        for line in rest:
            yield b"".join(held) + b"\n"
            held = [line]
    if last := b"".join(held):
        yield last


def _read(file: BinaryIO, start: int, stop: int, *, source: str) -> bytes:
    try:
        file.seek(start)
        return file.read(max(stop - start, 0))
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror}); check the disk") from error


def is_bgzip(head: bytes) -> bool:
    """Tell whether a file begins as bgzip writes it: a gzip header with a size of its block."""
    return _block_size(head) is not None


def open_fasta(path: Path, *, source: str) -> FastaBytes:
    """Open a plain or bgzip file; what kind it is shows in its first bytes."""
    with path.open("rb") as file:
        compressed = is_bgzip(file.read(_BLOCK_HEAD))
    return BgzipBytes(path, source=source) if compressed else PlainBytes(path, source=source)


def _block_size(head: bytes) -> int | None:
    if len(head) < _GZIP_HEADER or head[:4] != GZIP_MAGIC + b"\x08\x04":
        return None
    place, stop = 12, 12 + int.from_bytes(head[10:12], "little")
    while place + 4 <= min(stop, len(head)):
        name, size = head[place : place + 2], int.from_bytes(head[place + 2 : place + 4], "little")
        if (name, size) == (b"BC", 2):  # BGZF's own among the extra fields of a gzip header
            return int.from_bytes(head[place + 4 : place + 6], "little") + 1
        place += 4 + size
    return None


def _blocks_of(file: BinaryIO, *, source: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find where blocks begin in the file and in the text, and where both end.

    The last block of a whole file is empty.
    """
    end, place, text = os.fstat(file.fileno()).st_size, 0, 0
    places, starts = [0], [0]
    header, last = os.pread(file.fileno(), _BLOCK_HEAD, 0), -1
    while place < end:
        size = _block_size(header)
        if size is None or size <= _GZIP_HEADER + _END:
            raise InputError(f"{source}: {_COPY_AGAIN.format(f'damaged at byte {place}')}")
        place += size
        # One read for this block's size of text and the next one's header: a genome has 48,000.
        trailer = os.pread(file.fileno(), 4 + _BLOCK_HEAD, place - 4)
        if place > end or len(trailer) < 4:
            break
        last, header = struct.unpack_from("<I", trailer)[0], trailer[4:]
        text += last
        places.append(place)
        starts.append(text)
    if last != 0 or place > end:  # bgzip ends a file with an empty block, so a cut is seen
        raise InputError(f"{source}: {_COPY_AGAIN.format('cut short')}")
    return np.array(places, np.int64), np.array(starts, np.int64)
