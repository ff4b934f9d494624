"""Text files of any origin (plain, gzip, standard input, a pipe) that can be read repeatedly.

Knows compression and the first bytes of files people mistake for text; knows nothing of what the
text says.
"""

import gzip
import io
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from seqlift.errors import InputError
from seqlift.system.refusals import new_temporary_folder, temporary_errors

GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1; bgzip writes the same
BOM = b"\xef\xbb\xbf"
_READ_AT_ONCE = 1 << 20
_HEAD = 4096

# What reading can raise: BadGzipFile is an OSError; a stream cut short ends in EOFError.
_READING_ERRORS = (OSError, EOFError, zlib.error)

# First bytes of files that are often taken for text.
_NOT_TEXT = (
    (b"BAM\x01", "a BAM file"),
    (b"CRAM", "a CRAM file"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"\xeb\xf2\x89\x87", "a bigBed file"),
    (b"\x26\xfc\x8f\x88", "a bigWig file"),
    (b"\x43\x27\x41\x1a", "a 2bit file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"version https://git-lfs", "a Git LFS pointer: its content was never fetched"),
)


class TextFile:
    """A text file that can be read any number of times; standard input and pipes are spooled.

    Attributes
    ----------
    source : str
        Name for messages: the path as it was written, or "standard input".
    path : pathlib.Path
        A real file with the content.
    head : bytes
        The first bytes of the decompressed text, without a byte order mark.
    """

    def __init__(self, path: str | os.PathLike[str], *, remedy: str) -> None:
        """Open `path`, "-" for standard input.

        Raises
        ------
        InputError
            When the file is missing, unreadable, or not text; `remedy` says what to give instead.
        """
        name = os.fspath(path)
        self.source = "standard input" if name == "-" else name
        self._remedy = remedy
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        try:
            self.path = self._real_file(name)
            self.head = self._read_head()
        except BaseException:
            self.close()
            raise

    def lines(self) -> Iterator[str]:
        """Yield the lines from the first; a byte that is not UTF-8 is a lone surrogate."""
        number = 0
        try:
            with (
                self._open() as binary,
                # Wrong bytes come through, so that the line with them can be named.
                io.TextIOWrapper(binary, "utf-8-sig", errors="surrogateescape") as text,
            ):
                for line in text:
                    number += 1
                    yield line
        except _READING_ERRORS as error:
            raise self._damaged(error, place=f"{self.source}:{number + 1}") from error

    def blocks(self) -> Iterator[bytes]:
        """Yield the decompressed bytes in blocks."""
        try:
            with self._open() as binary:
                while block := binary.read(_READ_AT_ONCE):
                    yield block
        except _READING_ERRORS as error:
            raise self._damaged(error, place=self.source) from error

    def decompress(self) -> None:
        """Make `path` a plain file: a temporary copy where the file is compressed."""
        if not self._is_gzip():
            return
        folder = self._spool_folder()
        plain = folder / "plain"
        with temporary_errors(folder), plain.open("wb") as target:
            for block in self.blocks():
                target.write(block)
        self.path = plain

    def close(self) -> None:
        """Remove what was spooled."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _real_file(self, name: str) -> Path:
        """Find or make a regular file with the content of `name`, spooled where it is none."""
        if name == "-":
            if sys.stdin is None:
                raise InputError("standard input: it is closed; give a file, or pipe regions in")
            return self._spool(sys.stdin.buffer)  # read several times: checked, counted, scored
        path = Path(name)
        try:
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise InputError(f"{self.source}: this is a folder; {self._remedy}")
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):  # it may have no end
                raise InputError(f"{self.source}: this is a device; {self._remedy}")
            if stat.S_ISREG(mode):
                return path
            with path.open("rb") as pipe:
                return self._spool(pipe)
        except FileNotFoundError as error:
            raise InputError(f"{self.source}: no such file; check the path") from error
        except OSError as error:
            raise self._damaged(error, place=self.source) from error

    def _spool(self, stream: BinaryIO) -> Path:
        folder = self._spool_folder()
        path = folder / "spooled"
        with temporary_errors(folder), path.open("wb") as target:
            shutil.copyfileobj(stream, target)
        return path

    def _spool_folder(self) -> Path:
        if self._folder is None:
            self._folder = new_temporary_folder()
        return Path(self._folder.name)

    def _is_gzip(self) -> bool:
        with self.path.open("rb") as file:
            return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC

    def _open(self) -> BinaryIO:
        if self._is_gzip():
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        return self.path.open("rb")

    def _read_head(self) -> bytes:
        """Read the first bytes of the text; raise InputError for what is not text."""
        try:
            with self._open() as binary:
                head = binary.read(_HEAD)
        except _READING_ERRORS as error:
            raise self._damaged(error, place=self.source) from error
        for magic, what in _NOT_TEXT:
            if head.startswith(magic):
                raise InputError(f"{self.source}: this is {what}; {self._remedy}")
        if b"\0" in head:  # which UTF-8 text never has
            raise InputError(f"{self.source}: this is a binary file; {self._remedy}")
        return head.removeprefix(BOM)

    def _damaged(self, error: Exception, *, place: str) -> InputError:
        """Name the problem that a failure to read means."""
        if isinstance(error, EOFError):
            what, remedy = "the compressed file is cut short", "copy or download it again"
        elif isinstance(error, gzip.BadGzipFile | zlib.error):
            what, remedy = f"the compressed file is damaged ({error})", "copy or download it again"
        elif isinstance(error, PermissionError):
            what, remedy = "no permission to read it", "ask its owner, or use a copy"
        elif isinstance(error, OSError):
            what, remedy = f"cannot be read ({error.strerror or error})", "check the disk"
        else:
            what, remedy = f"cannot be read ({error})", self._remedy
        return InputError(f"{place}: {what}; {remedy}")


def signature(path: Path) -> tuple[int, int, int] | None:
    """Read the identity, size and time of a file: they change when it is replaced or written."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
