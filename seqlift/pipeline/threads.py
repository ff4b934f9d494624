"""Two ways of doing something in a thread of its own while the caller computes.

Both keep a bounded number of things under way, and both hand an exception on to the caller.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from seqlift.system.closing import Finishing

Item = TypeVar("Item")

NO_MORE = object()


def prefetched(items: Iterator[Item], *, ahead: int) -> Generator[Item, None, None]:
    """Yield the items of an iterator that runs in a thread, up to `ahead` items before the caller.

    What the iterator raises is raised where its item would have come. Closing the generator waits
    for the item under way.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="reader") as pool:
        # One thread, so that the iterator is never asked twice at once.
        waiting = deque(pool.submit(next, items, NO_MORE) for _ in range(ahead))
        try:
            while (item := waiting.popleft().result()) is not NO_MORE:
                waiting.append(pool.submit(next, items, NO_MORE))
                yield item  # type: ignore[misc]  # it is not NO_MORE
        finally:
            pool.shutdown(cancel_futures=True)


class Background(Finishing):
    """Calls made one after another in a thread, of which at most `waiting` have not been made.

    After one that raises none is made. The end of a `with` block waits for the calls, and raises
    what one of them raised.
    """

    def __init__(self, *, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._calls: deque[Future[Any]] = deque()
        self._waiting = waiting
        self._failed = False

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Have `function` called, once fewer calls wait; raise what an earlier call raised."""
        while len(self._calls) >= self._waiting:
            self._calls.popleft().result()
        self._calls.append(self._pool.submit(self._make, function, *arguments))

    def _make(self, function: Callable[..., Any], *arguments: Any) -> None:
        if self._failed:
            return
        self._failed = True  # until it has returned: what comes after a failure is not done
        function(*arguments)
        self._failed = False

    def close(self) -> None:
        """Wait for the calls; raise what one of them raised."""
        self._pool.shutdown()
        for call in self._calls:
            call.result()

    def discard(self) -> None:
        """Wait only for the call that is being made."""
        self._pool.shutdown(cancel_futures=True)
