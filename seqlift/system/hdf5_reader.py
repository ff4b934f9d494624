"""Open HDF5 files to be read.

No lock is taken: a file that is only read needs none, and file systems such as NFS, Lustre and DVS
may not support locks.
"""

from pathlib import Path
from typing import Any

import h5py

SPARING_BYTES = 128 * 1024
"""Memory for what HDF5 notes of a file that is opened sparingly; by default it is up to 32 MB."""


def open_to_read(path: Path | str, *, sparing: bool = False) -> Any:
    """Open an HDF5 file for reading, without a lock; raises what h5py raises.

    `sparing` keeps no chunk in memory, and few places of chunks: for many files open at once.
    """
    if not sparing:
        return h5py.File(path, "r", locking=False)
    file = h5py.File(path, "r", locking=False, rdcc_nbytes=0)
    config = file.id.get_mdc_config()
    config.set_initial_size = True
    config.initial_size = config.min_size = config.max_size = SPARING_BYTES
    file.id.set_mdc_config(config)
    return file
