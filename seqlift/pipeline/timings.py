"""Where the seconds of a run go, as `--timings` shows them.

Times are those of the thread that leads a run, so they add up to its duration, however many others
work at once. Knows a clock; knows nothing of the stages.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import ParamSpec, TypeVar

Item = TypeVar("Item")
Arguments = ParamSpec("Arguments")

START_UP, LOAD, CHECK, COMPILE = "start", "load", "check", "compile"
INPUT, COMPUTE, OUTPUT = "wait for input", "compute", "wait for output"
JOIN, TRACK = "join", "track"
STAGES = (START_UP, LOAD, CHECK, COMPILE, INPUT, COMPUTE, OUTPUT, JOIN, TRACK)

NOTHING_LEFT = object()


class Timings:
    """Adds up the seconds of each stage; a stage within another counts alone.

    Parameters
    ----------
    clock
        Seconds from any moment on.
    before
        Seconds that had passed since the program began.

    Attributes
    ----------
    seconds
        By the name of the stage. What belongs to none is `CHECK`.
    """

    def __init__(self, clock: Callable[[], float], *, before: float = 0.0) -> None:
        self._clock, self._since, self._stage = clock, clock(), CHECK
        self._batches: list[float] = []
        self.seconds = dict.fromkeys(STAGES, 0.0) | {START_UP: before}

    def _begin(self, stage: str) -> str:
        now, before = self._clock(), self._stage
        self.seconds[before] += now - self._since
        self._since, self._stage = now, stage
        return before

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside as that of a stage."""
        before = self._begin(name)
        try:
            yield
        finally:
            self._begin(before)

    def timed(self, name: str, function: Callable[Arguments, Item]) -> Callable[Arguments, Item]:
        """Wrap a function so that its calls count as a stage."""

        def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Item:
            with self.stage(name):
                return function(*arguments, **named)

        return call

    def waited(self, name: str, items: Iterable[Item]) -> Generator[Item, None, None]:
        """Yield items, the wait for each of which counts as a stage."""
        source = iter(items)
        while True:
            with self.stage(name):
                item = next(source, NOTHING_LEFT)
            if item is NOTHING_LEFT:
                return
            yield item  # type: ignore[misc]  # it is not NOTHING_LEFT

    def batch(self, function: Callable[[], Item]) -> Item:
        """Compute a batch, in any thread, and note how long that took."""
        began = self._clock()
        made = function()
        self._batches.append(self._clock() - began)
        return made

    def finish(self, *, lanes: int) -> dict[str, float]:
        """End the last stage, and find the seconds of each, compilation apart from computing.

        Compilation is what the longest of the first `lanes` batches took longer than the median of
        those after them; with no batch after them it is part of `COMPUTE`.
        """
        self._begin(self._stage)
        found, first, later = dict(self.seconds), self._batches[:lanes], self._batches[lanes:]
        if later:
            more = min(max(max(first) - median(later), 0.0), found[COMPUTE])
            found[COMPILE] += more
            found[COMPUTE] -= more
        return found
