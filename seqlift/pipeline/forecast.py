"""How long a run of a method of thousands of predictions will take, before it begins.

Knows runs; knows nothing of what a method predicts.
"""

import logging
from typing import TYPE_CHECKING

from seqlift.attribution.registry import options_of

if TYPE_CHECKING:
    from seqlift.pipeline.run import Run

log = logging.getLogger(__name__)

MANY = 20
"""Windows of a run whose time is worth that of scoring one of them twice."""

LONG = 600.0
"""Seconds from which a run says how long it will take."""

UNITS = (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


def warn_of_time(run: "Run", left: int) -> None:
    """Log how long the `left` rows of a run will take, where that is long, and what takes less.

    Only methods that score one sequence at a time are timed, by scoring the first one twice.
    """
    method = run.explainer.method
    if method.sequences_at_once is None or left < MANY:
        return
    seconds = seconds_of_one(run)
    if seconds * left < LONG:
        return
    ways = "a smaller file of regions takes fewer windows, --shard shares them out"
    if "positions" in options_of(method.name):
        ways = f"--positions START-END substitutes fewer bases, {ways}"
    log.warning(
        "%s of %d windows takes about %s, %.1f s each; %s",
        method.name,
        left,
        duration_words(seconds * left),
        seconds,
        ways,
    )


def seconds_of_one(run: "Run") -> float:
    """Time the first window, once its code is compiled."""
    batch = next(run.batches(run.first, run.first + 1))
    took = 0.0
    for _ in range(2):  # the first one compiles
        before = run.settings.clock()
        run.explainer.explain_by(run.schedule, batch.codes, batch.references, batch.others)
        took = run.settings.clock() - before
    return took


def duration_words(seconds: float) -> str:
    # in two of a unit or more: 83 minutes, not 1 hours
    name, unit = next((one for one in UNITS if seconds >= 2 * one[1]), UNITS[-1])
    return f"{seconds / unit:.0f} {name}"
