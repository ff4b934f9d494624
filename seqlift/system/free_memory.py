"""Estimate the memory this process may still take, and refuse work that needs more.

A compiler that gets no memory ends the process without a word, so large arrays are counted before.
Knows the operating system; knows nothing of models.
"""

import re
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from seqlift.errors import DeviceError

GB = 2**30

RESERVED = 7 * 2**30 // 10
"""Bytes of address space that threads and compiled code reserve and do not fill: 0.7 measured."""

Limits = tuple[tuple[str, str], ...]

GROUP_FILES: Limits = (
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Files of the limit and the use of a control group, in both versions."""


def check_free(needed: int, what: str, *, proc: Path = Path("/proc")) -> None:
    """Raise DeviceError where `needed` bytes for `what` are more than this process may take."""
    free = min(free_amounts(proc), default=None)
    if free is not None and needed > free:
        raise DeviceError(
            f"{what} take about {needed / GB:.1f} GB of memory, and {max(free, 0) / GB:.1f} GB are"
            " free; give the process more (ulimit -v, or the memory that the job asks for), or take"
            " --rule rescale, which stores fewer arrays"
        )


def free_amounts(proc: Path) -> Iterator[int]:
    """List the bytes that the machine, the process's limits and its control group leave.

    What a system does not tell is left out.
    """
    with suppress(OSError, KeyError):
        yield memory_lines(proc / "meminfo")["MemAvailable"]
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        with suppress(OSError, KeyError):
            yield soft - memory_lines(proc / "self" / "status")["VmSize"] - RESERVED
    with suppress(OSError):
        yield from free_in_groups((proc / "self" / "cgroup").read_text())


def memory_lines(path: Path) -> dict[str, int]:
    """Read the lines of a file such as `MemAvailable:   1024 kB`, in bytes."""
    rows = re.findall(r"^(\w+):\s+(\d+) kB", path.read_text(), re.MULTILINE)
    return {name: int(value) * 1024 for name, value in rows}


def free_in_groups(own: str, root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """List the bytes that each control group on the way from the root to `own` leaves.

    `own` is the text of /proc/self/cgroup. Files that are kept in memory count as free.
    """
    for line in own.split():
        _, controllers, path = line.split(":", 2)
        top = root / "memory" if "memory" in controllers.split(",") else root
        parts = Path(path.lstrip("/")).parts
        for depth in range(len(parts) + 1):  # each group on the way may have a limit of its own
            yield from free_in(top.joinpath(*parts[:depth]))


def free_in(group: Path) -> Iterator[int]:
    """Read the bytes that one control group leaves, where it has a limit."""
    for limit, used in GROUP_FILES:
        with suppress(OSError, ValueError):
            most = int((group / limit).read_text())
            kept = re.search(r"^inactive_file (\d+)$", (group / "memory.stat").read_text(), re.M)
            # freed by the kernel when memory is short
            cached = int(kept.group(1)) if kept else 0
            yield most - int((group / used).read_text()) + cached
