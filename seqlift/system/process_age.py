"""How long ago this program began: the part of a run before its own code is reached.

Knows the kernel's record of processes, where there is one (Linux).
"""

import os
import time
from contextlib import suppress
from pathlib import Path

IMPORTED = time.monotonic()
STARTED_FIELD = 19
"""Of those after the program's name in /proc/self/stat: when it began, in ticks since boot."""


def process_age() -> float:
    """Count the seconds since this process began; since this module was imported, where unknown."""
    with suppress(OSError, AttributeError, ValueError, IndexError):
        about = Path("/proc/self/stat").read_text(errors="replace").rpartition(")")[2].split()
        began = int(about[STARTED_FIELD]) / os.sysconf("SC_CLK_TCK")
        return max(time.clock_gettime(time.CLOCK_BOOTTIME) - began, 0.0)
    return time.monotonic() - IMPORTED
