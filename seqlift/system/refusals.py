"""Recognise refusals of the system and the device: full disks and memories, limits, locks.

A file that cannot be read for one of these reasons is not damaged. Knows errors; knows no file
format.
"""

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqlift.errors import DeviceError, InputError, OutputError, SeqliftError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Refusals to a program that writes: no space, over quota, over the limit of a file."""

OF_CONTENTS = frozenset({errno.EINVAL, errno.ERANGE, errno.EOVERFLOW, errno.EDOM})
"""Failed requests of libraries to the system because a file holds something senseless."""

NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, 524})
"""Answers of file systems without locks; 524 is ENOTSUPP, which Linux hides from programs."""

MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "OOM", "Out of memory", "bad_alloc")
"""Messages of frameworks for a full memory, in errors that are not of a class for it."""

REMEDIES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "close some programs",
    errno.EACCES: "ask its owner for permission to read it, or use a copy",
    errno.EPERM: "ask its owner for permission to read it, or use a copy",
    errno.ENOENT: "check the path",
    errno.EIO: "check the disk",
    errno.ESTALE: "wait for the file server, and run the command again",
    **dict.fromkeys(
        (*NO_LOCKS, errno.EAGAIN),
        "it cannot be locked: set HDF5_USE_FILE_LOCKING=FALSE before Python starts",
    ),
}


def is_full_memory(error: BaseException) -> bool:
    """Tell whether an error says that the memory of the machine or the device is full.

    TensorFlow has a class for it, whose words depend on who asked for memory; JAX has words.
    """
    named = isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"
    return named or any(words in str(error) for words in MEMORY_WORDS)


def memory_error(place: object, what: str) -> DeviceError:
    """Make the error for a memory that does not hold `what`."""
    return DeviceError(
        f"{place}: the memory does not hold {what}; use a machine or a --device with more memory"
    )


def can_be_locked(path: Path) -> bool:
    """Tell whether a lock for reading can be had on a file now."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # the lock that HDF5 takes to read
    except OSError:
        return False
    return True


def is_refusal(error: OSError) -> bool:
    """Tell whether the system refused to read a file, rather than a library its contents."""
    # h5py raises OSError without one
    return error.errno is not None and error.errno not in OF_CONTENTS


def reading_error(
    place: object, error: OSError, *, kind: type[SeqliftError] = InputError
) -> SeqliftError:
    """Make the error, of a `kind`, for a file that the system refused to read."""
    number = error.errno or 0
    if number == errno.ENOMEM:
        return memory_error(place, "what is read")
    reason = os.strerror(number) if number != 524 else "no locks available"
    remedy = REMEDIES.get(number, "check the disk")
    return kind(f"{place}: cannot be read ({reason}); {remedy}")


@contextmanager
def temporary_errors(folder: Path) -> Iterator[None]:
    """Raise `OutputError` where a folder for temporary files is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise OutputError(
            f"{folder}: temporary files cannot be written ({os.strerror(error.errno or 0)}); "
            f"{REMEDIES[error.errno or 0]}, or name another folder with TMPDIR"
        ) from error


def new_temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for temporary files; raises `OutputError` where none can be made."""
    try:
        with temporary_errors(Path(tempfile.gettempdir())):
            return tempfile.TemporaryDirectory(prefix="seqlift-")
    except OSError as error:
        raise OutputError(
            f"no folder for temporary files can be made ({error.strerror}); "
            "name one that can be written with TMPDIR"
        ) from error
