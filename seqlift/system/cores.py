"""How many cores this process may use."""

import os


def usable_cores() -> int:
    """Count the cores that the system, a container or a scheduler leaves to this process."""
    if hasattr(
        os, "sched_getaffinity"
    ):  # Linux: fewer than there are, where a scheduler keeps it to some
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
