"""Open HDF5 files to be read.

No lock is taken: a file that is only read needs none, and file systems such as NFS, Lustre and DVS
may not support locks.
"""

from pathlib import Path
from typing import Any

import h5py


def open_to_read(path: Path | str) -> Any:
    """Open an HDF5 file for reading, without a lock; raises what h5py raises."""
    return h5py.File(path, "r", locking=False)
