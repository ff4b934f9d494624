"""Ways of doing something in threads while the caller computes.

All keep a bounded number of things under way, and hand an exception on to the caller.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from threading import Event
from typing import Any, TypeVar

from seqlift.system.closing import Closing, Finishing

Item = TypeVar("Item")
Made = TypeVar("Made")

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


class AbandonedError(Exception):
    """Ends a call whose result nobody waits for: another failed, or the caller was interrupted."""


class Workers(Closing):
    """Threads for what has no order, of which nothing waits for anything else in them.

    Parameters
    ----------
    number
        Threads; of one alone the caller does the work itself.

    Attributes
    ----------
    pool
        The threads, None where the caller does the work.
    """

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.pool: Executor | None = None
        if number > 1:
            self.pool = ThreadPoolExecutor(number, thread_name_prefix="worker")

    def map(self, function: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        """Call `function` of each item; raise what the first that fails raises."""
        return list(map(function, items) if self.pool is None else self.pool.map(function, items))

    def each(
        self, function: Callable[[Item, Callable[[], None]], object], items: Iterable[Item]
    ) -> None:
        """Call ``function(item, check)`` of each item, in threads of their own, which may wait.

        What the first of them raises is raised, once the others have ended: `check`, which they
        call now and then, raises AbandonedError in them.
        """
        waiting, abandoned = list(items), Event()

        def check() -> None:
            if abandoned.is_set():
                raise AbandonedError

        def call(item: Item) -> None:
            try:
                check()
                function(item, check)
            except BaseException:
                abandoned.set()
                raise

        if self.number == 1 or len(waiting) == 1:
            for item in waiting:
                function(item, lambda: None)
            return
        with ThreadPoolExecutor(self.number, thread_name_prefix="each") as pool:
            calls: list[Future[None]] = []
            try:  # an interrupt may come while they are begun
                calls += [pool.submit(call, item) for item in waiting]
                for made in calls:
                    made.result()
            except BaseException as error:
                abandoned.set()
                self._raise_cause(calls, error)
                raise

    def _raise_cause(self, calls: Iterable[Future[None]], error: BaseException) -> None:
        """Raise what made a call be abandoned, where that is what was met first."""
        if isinstance(error, AbandonedError):
            for made in calls:
                found = made.exception()
                if found is not None and not isinstance(found, AbandonedError):
                    raise found

    def within(self, items: int) -> "Workers":
        """Choose threads for the work within each of `items`: none, where these fill them all.

        To hand over a block of a track takes as long as to compress it.
        """
        return self if items < self.number else Workers()

    def close(self) -> None:
        """Wait for what is being done; what is not begun is dropped."""
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)
