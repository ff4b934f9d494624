"""How a run works, apart from what it is asked for: nothing here changes a score.

Knows what a run takes from outside: the explainer, a clock, the space on disks, signals.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seqlift.pipeline.score_options import ScoreOptions
from seqlift.pipeline.stopping import Stop
from seqlift.pipeline.threads import Workers
from seqlift.pipeline.timings import Timings
from seqlift.system.process_age import process_age

if TYPE_CHECKING:
    from seqlift.explain.explainer import Explainer

PART_SECONDS = 30.0
"""Work lost at most when a run is killed; a part is finished at the next whole chunk."""


def free_space(folder: Path) -> int:
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The services a run uses: loading, clock, disk space and signals.

    Attributes
    ----------
    load
        Makes the explainer: `seqlift.pipeline.loading.load_explainer`, or what stands in for it.
    part_seconds
        How long rows are written into each of the first parts before the next is begun.
    clock
        Seconds from any moment on, for the length of parts and for timings.
    age
        Seconds since the program began.
    timings
        Where the seconds of the run go; each run has its own.
    workers
        Threads that shuffle, compress and write; each run has its own.
    free_space
        Free bytes of the disk that a folder is on.
    stop
        Notices requests to end, while rows are computed.
    """

    load: "Callable[[ScoreOptions], Explainer]"
    part_seconds: float = PART_SECONDS
    clock: Callable[[], float] = time.monotonic
    age: Callable[[], float] = process_age
    timings: Timings = field(default_factory=lambda: Timings(time.monotonic))
    workers: Workers = field(default_factory=Workers)
    free_space: Callable[[Path], int] = free_space
    stop: Callable[[], Stop] = Stop
