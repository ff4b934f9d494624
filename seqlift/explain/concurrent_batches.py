"""Compute batches at once, in threads: two on a CPU.

While one batch waits for memory or for its last thread, another uses the cores it leaves idle.
"""

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from threading import local
from typing import TypeVar

from seqlift.errors import DeviceMemoryError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Made = TypeVar("Made")

THREAD = local()  # `lane` is set in the threads that compute batches


class Lanes:
    """Up to `number` batches at once; one at a time after the memory was full."""

    def __init__(self, number: int) -> None:
        self.number = number

    def each(
        self, function: Callable[[Item], Made], items: Iterable[Item]
    ) -> Generator[Made, None, None]:
        """Yield ``function(item)`` of each item, in order.

        What one of them raises, or taking an item does, is raised in its place; only what raises
        DeviceMemoryError is tried again alone. Closing the generator waits for those begun. In a
        lane `function` is called in place: threads that wait for threads may wait for ever.
        """
        source = iter(items)
        begun: deque[tuple[Item, Future[Made] | None]] = deque()
        try:
            while True:
                try:
                    item = next(source)
                except StopIteration:
                    break
                except Exception:
                    yield from self._results(function, begun, leaving=0)
                    raise
                begun.append((item, self._begin(function, item)))
                yield from self._results(function, begun, leaving=self.number - 1)
            yield from self._results(function, begun, leaving=0)
        finally:
            wait([future for _, future in begun if future])

    def _begin(self, function: Callable[[Item], Made], item: Item) -> Future[Made] | None:
        if self.number > 1 and not in_lane():
            try:
                return threads().submit(function, item)
            except RuntimeError:  # Python is ending, and begins nothing in threads any more
                self.number = 1
        return None

    def _results(
        self,
        function: Callable[[Item], Made],
        begun: deque[tuple[Item, Future[Made] | None]],
        *,
        leaving: int,
    ) -> Iterator[Made]:
        """Yield the results of the batches begun first, until `leaving` are left."""
        while len(begun) > leaving:
            item, future = begun[0]  # which stays there while it is waited for
            try:
                made = future.result() if future else function(item)
            except DeviceMemoryError:
                if future is None:  # it was alone
                    raise
                if self.number > 1:
                    log.warning("the device's memory is full: going on with one batch at a time")
                self.number = 1
                wait([other for _, other in begun if other])
                made = function(item)
            begun.popleft()
            yield made


def in_lane() -> bool:
    """Tell whether this thread computes a batch while others share the memory."""
    return getattr(THREAD, "lane", False)


@cache
def threads() -> ThreadPoolExecutor:
    """Start the threads that compute batches, once: new ones would cost half of the gain."""
    return ThreadPoolExecutor(
        thread_name_prefix="batch", initializer=lambda: setattr(THREAD, "lane", True)
    )
