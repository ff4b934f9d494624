"""How long measures that score sequences again and again will take, before the first one.

Knows subjects and the costs of measures; knows nothing of how a measure is computed.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from seqlift.evaluate.explained import Compared
from seqlift.evaluate.measure_list import Measure
from seqlift.evaluate.subject import ExplainedModel
from seqlift.pipeline.forecast import LONG, MANY, duration_words

log = logging.getLogger(__name__)

SCORINGS = 1000
"""Of sequences by a method, whose time is worth that of timing two batches."""

PARTS_NAMED, WORTH_NAMING = 3, 0.1
"""Most parts of the work that are named, and the least share of the time of each."""


def warn_of_measures(
    first: Compared,
    rows: int,
    subjects: Mapping[str, ExplainedModel],
    measures: Sequence[Measure],
    clock: Callable[[], float],
) -> None:
    """Log in one line how long measuring `rows` windows will take and why, where that is long.

    Each method is timed on the first window.
    """
    times: dict[str, float] = {}
    for label, subject in subjects.items():
        counts = scorings_of(first.sequences.shape[1], subject, measures)
        each_is_long = subject.sequences_at_once is not None and rows >= MANY
        if each_is_long or rows * sum(counts.values()) >= SCORINGS:
            seconds = rows * seconds_of_scoring(first, subject, clock)
            times |= {f"{name} by {label}": seconds * n for name, n in counts.items()}
    total = sum(times.values())
    if total < LONG:
        return
    longest = sorted(times.items(), key=lambda one: -one[1])[:PARTS_NAMED]
    parts = [f"{name} {duration_words(t)}" for name, t in longest if t >= WORTH_NAMING * total]
    log.warning(
        "measuring %d windows takes about %s: %s; give fewer regions, methods or measures",
        rows,
        duration_words(total),
        ", ".join(parts),
    )


def scorings_of(
    length: int, subject: ExplainedModel, measures: Sequence[Measure]
) -> dict[str, int]:
    """Count how often a sequence is scored for its scores and for each measure.

    Measures of one computation are counted once, by the name of the first.
    """
    counts = {"scores": 1}
    of_computations = {one.compute: one for one in reversed(measures)}
    for one in measures:
        if one.scorings is not None and of_computations[one.compute] is one:
            counts[one.name] = one.scorings(length, len(subject.targets))
    return counts


def seconds_of_scoring(
    first: Compared, subject: ExplainedModel, clock: Callable[[], float]
) -> float:
    """Time how long a method takes for a sequence, among as many as it scores best at a time."""
    one = first.sequences[:1]
    subject.scored(one, first.references[0], first.others_of([0]))  # compiles
    number = subject.at_once
    sequences, rows = np.repeat(one, number, axis=0), first.others_of([0] * number)
    before = clock()
    subject.scored(sequences, first.references[0], rows)
    return (clock() - before) / number
