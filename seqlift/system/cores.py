"""How many cores this process may use."""

import os


def usable_cores() -> int:
    """Count the cores that the system, a container or a scheduler leaves to this process."""
    # on Linux: fewer than the machine has, where a scheduler grants only some
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
