"""Files being written: what a refusal of the disk becomes, and how nothing half-made stays.

Knows operating-system errors; knows no file format. Two of the libraries that write our formats
end the whole process when a disk fills up under them (measured: h5py 3.14 when a file that could
not be flushed is closed, pyBigWig 0.3.29 when a block cannot be written or a file not opened), so
here is also what keeps such a failure away from them.
"""

import errno
import io
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seqlift.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_NO_SPACE = "free some space there or write elsewhere with -o"
_NO_PERMISSION = "choose a folder you may write to with -o"
_REMEDIES_OF_WRITING = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: _NO_SPACE,
    errno.EFBIG: "raise the limit on file sizes (ulimit -f) or write elsewhere with -o",
    errno.EACCES: _NO_PERMISSION,
    errno.EPERM: _NO_PERMISSION,
    errno.EROFS: _NO_PERMISSION,
    errno.ENOENT: "make the folder first",
    errno.ENOTDIR: "make the folder first",
    errno.EISDIR: "a folder has this name; choose another with -o",
}
_CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}


def output_error(path: Path, error: Exception) -> OutputError:
    """Make the one-line error for a refusal met while writing `path`.

    Libraries that hide the operating system's error number in their text ("errno = 28") are
    understood too.
    """
    hidden = re.search(r"errno = (\d+)", str(error))
    # HDF5 and h5py have the number in their text only.
    number = getattr(error, "errno", None) or (int(hidden[1]) if hidden else None)
    reason = os.strerror(number) if number else " ".join(str(error).split()).rstrip(".")
    remedy = _REMEDIES_OF_WRITING.get(number or 0, "try another place with -o")
    return OutputError(f"{path}: cannot be written ({reason}); {remedy}")


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn operating-system and library errors met inside into `OutputError`."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise output_error(path, error) from error


def remove(path: Path) -> None:
    """Remove an unfinished file, silently if that is impossible: another error is under way.

    Devices and folders stay.
    """
    with suppress(OSError):
        if path.is_file():
            path.unlink()


def to_disk(path: Path) -> None:
    """Have the disk hold the bytes of a file that is about to get its final name.

    The name does not wait for them: after a loss of power there could be one and not the other.
    """
    with output_errors(path), path.open("rb") as file:
        os.fsync(file.fileno())


def reserve(path: Path, size: int) -> None:
    """Create `path` and make sure that `size` bytes fit, before a library that does not notice.

    The space is asked of the file system, so that quotas and limits on file sizes count; where
    it cannot be asked, the free space of the disk is looked at. The file is left to be truncated.

    Raises
    ------
    OutputError
        The file cannot be created, or the space is not there; nothing is left behind then.
    """
    with output_errors(path), path.open("wb") as file:
        try:
            _allocate(file.fileno(), path.parent, size)
        except BaseException:
            remove(path)
            raise


def _allocate(descriptor: int, folder: Path, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            # quotas and limits on file sizes count, unlike for free space
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in _CANNOT_RESERVE:
                raise
        else:
            return
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class PatientFile(io.FileIO):
    """A new binary file that never refuses: the first failure is kept, later writes are dropped.

    For a library that must not see a write fail. Whoever hands it over calls `check` after every
    step, and removes the file when that raises.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")  # HDF5 reads again what it wrote
        self._failure: OSError | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write `data`, or drop it after a failure; either way all its bytes count as written."""
        rest = memoryview(data).cast("B")
        size = rest.nbytes
        try:
            while self._failure is None and rest.nbytes:
                rest = rest[super().write(rest) :]  # a raw file may write less than it was asked to
        except OSError as error:
            self._failure = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the size; after a failure only in name."""
        try:
            if self._failure is None:
                return super().truncate(size)
        except OSError as error:
            self._failure = error
        return self.tell() if size is None else size

    def check(self) -> None:
        """Raise the first failure, if there was one."""
        if self._failure is not None:
            raise self._failure
