"""What a stage of the work has used is given back before the next one."""

import ctypes
import gc
from contextlib import suppress


def give_back() -> None:
    """Have the C library return freed memory to the system, where it is one that can.

    It keeps what was freed for later use: of 1,000 batches some 60 MB, which would count towards
    the peak of the next stage.
    """
    gc.collect()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
