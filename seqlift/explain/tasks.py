"""The profile and count heads of models that have several, known by the task in their names.

``profile_Oct4`` and ``counts_Oct4``, or ``Oct4/logits_profile``, are heads of the task Oct4. Knows
the names and shapes of outputs.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seqlift.explain.model_outputs import Output

PROFILE_WORDS, COUNTS_WORDS = ("profile", "profiles"), ("counts", "count", "logcounts", "logcount")
FILLERS = ("logits", "predictions", "prediction", "head", "output", "out", "log")
"""Words of a head's name that do not belong to the task's."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The profile and the count output of each task, by its name."""

    profile: dict[str, Output]
    counts: dict[str, Output]

    def of(self, kind: str) -> dict[str, Output]:
        """Find the outputs for ``counts``, ``profile`` or ``profile-complete``."""
        return self.counts if kind == "counts" else self.profile

    @property
    def several(self) -> bool:
        """Tell whether there are several tasks."""
        return len({*self.profile, *self.counts}) > 1


def heads_by_task(outputs: Sequence[Output]) -> Heads:
    """Find the heads of each task; two of one name leave both out."""
    profiles = (output for output in outputs if output.is_profile)
    counts = (output for output in outputs if output.units is not None)
    return Heads(by_task(profiles, PROFILE_WORDS), by_task(counts, COUNTS_WORDS))


def by_task(outputs: Iterator[Output], words: Sequence[str]) -> dict[str, Output]:
    """Find the outputs that one of `words` is in the name of, by the rest of the name."""
    found: dict[str, list[Output]] = {}
    for output in outputs:
        task = task_of(output.name, words)
        if task:
            found.setdefault(task, []).append(output)
    # of two outputs for one task neither is known to be meant
    return {task: alike[0] for task, alike in found.items() if len(alike) == 1}


def task_of(name: str, words: Sequence[str]) -> str:
    """Remove one of `words` and its separators from a name; empty where it is not there."""
    parts = re.split("([^A-Za-z0-9]+)", name)
    tokens = parts[::2]
    place = next((i for i, token in enumerate(tokens) if token.lower() in words), None)
    if place is None:
        return ""
    kept = [
        i for i, token in enumerate(tokens) if i != place and token.lower() not in (*FILLERS, "")
    ]
    if not kept:
        return ""
    inner = parts[2 * kept[0] : 2 * kept[-1] + 1]
    whole = kept == list(range(kept[0], kept[-1] + 1))
    return "".join(inner) if whole else "_".join(tokens[i] for i in kept)
