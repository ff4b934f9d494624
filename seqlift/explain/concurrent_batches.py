"""Compute batches at once, in threads: two on a CPU.

While one batch waits for memory or for its last thread, another uses the cores it leaves idle.
"""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import cache
from typing import TypeVar

from seqlift.errors import DeviceMemoryError
from seqlift.explain.schedule import Schedule

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Made = TypeVar("Made")


class ConcurrentBatches:
    """Up to ``schedule.lanes`` batches at once; where the memory was full, alone or in halves.

    `schedule` is the one that fitted so far.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def each(
        self, function: Callable[[Item, int], Made], items: Iterable[Item]
    ) -> Generator[Made, None, None]:
        """Yield ``function(item, size)`` of each item, in order; `size` is that of a batch.

        What one of them raises, or taking an item does, is raised in its place; only what raises
        DeviceMemoryError is tried again: alone, and then with half the size until it is 1. Closing
        the generator waits for those begun.
        """
        source = iter(items)
        begun: deque[tuple[Item, Future[Made] | None]] = deque()
        try:
            while True:
                try:
                    item = next(source)
                except StopIteration:
                    break
                # What was begun comes first, so that no batch is lost to a later line of a file.
                except Exception:
                    yield from self._results(function, begun, leaving=0)
                    raise
                begun.append((item, self._begin(function, item)))
                yield from self._results(function, begun, leaving=self.schedule.lanes - 1)
            yield from self._results(function, begun, leaving=0)
        finally:
            wait([future for _, future in begun if future])

    def _begin(self, function: Callable[[Item, int], Made], item: Item) -> Future[Made] | None:
        if self.schedule.lanes > 1:
            try:
                return threads().submit(function, item, self.schedule.size)
            except RuntimeError:  # Python is ending, and begins nothing in threads any more
                self.schedule = replace(self.schedule, lanes=1)
        return None

    def _results(
        self,
        function: Callable[[Item, int], Made],
        begun: deque[tuple[Item, Future[Made] | None]],
        *,
        leaving: int,
    ) -> Iterator[Made]:
        """Yield the results of the batches begun first, until `leaving` are left."""
        while len(begun) > leaving:
            item, future = begun[0]  # which stays there while it is waited for
            try:
                made = future.result() if future else self._alone(function, item)
            except DeviceMemoryError:
                if future is None:  # it was alone already, in its smallest size
                    raise
                if self.schedule.lanes > 1:
                    log.warning("the device's memory is full: going on with one batch at a time")
                self.schedule = replace(self.schedule, lanes=1)
                # the memory of the other batch is free before the next try
                wait([other for _, other in begun if other])
                made = self._alone(function, item)
            begun.popleft()
            yield made

    def _alone(self, function: Callable[[Item, int], Made], item: Item) -> Made:
        while True:
            size = self.schedule.size
            try:
                return function(item, size)
            except DeviceMemoryError:
                if size == 1:
                    raise
                size = -(-size // 2)  # rounded up, so that it comes to 1
                self.schedule = replace(self.schedule, size=size)
                log.warning("the device's memory is full: batches of %d sequences now", size)


@cache
def threads() -> ThreadPoolExecutor:
    """Start the threads that compute batches, once: new ones would cost half of the gain."""
    return ThreadPoolExecutor(thread_name_prefix="batch")
