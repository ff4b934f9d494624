"""Laws of doing things at once: in order, never too far ahead, and no failure is lost."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from seqlift.errors import DeviceMemoryError
from seqlift.explain.concurrent_batches import ConcurrentBatches
from seqlift.explain.schedule import Schedule
from seqlift.pipeline.threads import Background, Workers, prefetched

PATIENCE = 5.0  # seconds until a test gives up on another thread


class BoomError(Exception):
    """What goes wrong in these tests."""


def eventually(condition: Callable[[], bool]) -> bool:
    """Return whether a condition comes true."""
    limit = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < limit:
        time.sleep(0.001)
    return condition()


def counting(number: int, seen: list[int]) -> Iterator[int]:
    for i in range(number):
        seen.append(i)
        yield i


@pytest.mark.parametrize("ahead", [1, 2, 5, 50])
def test_items_come_in_order_and_all(ahead: int) -> None:
    assert list(prefetched(iter(range(20)), ahead=ahead)) == list(range(20))
    assert list(prefetched(iter(()), ahead=ahead)) == []


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_no_more_than_asked_for_is_read_ahead(ahead: int) -> None:
    seen: list[int] = []
    with closing(prefetched(counting(30, seen), ahead=ahead)) as items:
        for item in items:
            # The items handed out, and `ahead` more: exactly these, after a time.
            expected = min(item + 1 + ahead, 30)
            assert eventually(lambda expected=expected: len(seen) >= expected)
            assert len(seen) == expected


def test_none_and_false_are_items() -> None:
    assert list(prefetched(iter([None, False, 0]), ahead=2)) == [None, False, 0]


def test_reading_happens_in_another_thread() -> None:
    def name() -> Iterator[str]:
        yield threading.current_thread().name

    (reader,) = prefetched(name(), ahead=1)
    assert reader != threading.current_thread().name


def test_what_reading_raises_comes_where_its_item_would_have() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise BoomError

    items = prefetched(failing(), ahead=3)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(BoomError):
        next(items)


def test_a_closed_reader_has_stopped() -> None:
    seen: list[int] = []
    with closing(prefetched(counting(1000, seen), ahead=2)) as items:
        next(items)
    stopped = len(seen)
    assert stopped <= 4
    assert not any(thread.name.startswith("reader") for thread in threading.enumerate())
    time.sleep(0.02)
    assert len(seen) == stopped


def test_calls_are_made_in_order_in_one_other_thread() -> None:
    made: list[tuple[int, str]] = []
    with Background(waiting=2) as background:
        for i in range(20):
            background.call(lambda i=i: made.append((i, threading.current_thread().name)))
    assert [i for i, _ in made] == list(range(20))
    assert len({name for _, name in made}) == 1
    assert made[0][1] != threading.current_thread().name


@pytest.mark.parametrize("waiting", [1, 3])
def test_a_caller_waits_while_too_much_is_waiting(waiting: int) -> None:
    gate, asked, finished = threading.Event(), [], []

    def caller() -> None:
        with Background(waiting=waiting) as background:
            for i in range(waiting + 2):
                background.call(lambda i=i: (gate.wait(PATIENCE), finished.append(i)))
                asked.append(i)

    thread = threading.Thread(target=caller)
    thread.start()
    assert eventually(lambda: len(asked) == waiting)
    time.sleep(0.02)
    assert (len(asked), finished) == (waiting, [])
    gate.set()
    thread.join(PATIENCE)
    assert finished == list(range(waiting + 2))


def test_leaving_waits_for_what_was_called() -> None:
    made: list[int] = []
    with Background(waiting=4) as background:
        background.call(lambda: (time.sleep(0.05), made.append(1)))
    assert made == [1]


def test_what_a_call_raises_reaches_the_caller_later() -> None:
    def fail() -> None:
        raise BoomError

    with Background(waiting=1) as background:
        background.call(fail)
        with pytest.raises(BoomError):
            background.call(lambda: None)


def test_what_the_last_call_raises_is_raised_on_leaving() -> None:
    def fail() -> None:
        raise BoomError

    with pytest.raises(BoomError), Background(waiting=4) as background:
        background.call(fail)


def test_after_a_failure_of_the_callers_own_only_the_call_under_way_is_made() -> None:
    started, made = threading.Event(), []

    def slow() -> None:
        started.set()
        time.sleep(0.05)
        made.append("under way")

    def caller() -> None:
        with Background(waiting=4) as background:
            background.call(slow)
            background.call(made.append, "waiting")
            started.wait(PATIENCE)
            raise BoomError

    with pytest.raises(BoomError):
        caller()
    assert made == ["under way"]


def test_after_a_call_that_raises_none_is_made() -> None:
    made: list[int] = []

    def raise_boom() -> None:
        raise BoomError

    def make_calls() -> None:
        with Background(waiting=3) as background:
            background.call(raise_boom)
            background.call(made.append, 1)
            background.call(made.append, 2)

    with pytest.raises(BoomError):
        make_calls()
    assert made == []


def at_once(lanes: int) -> ConcurrentBatches:
    return ConcurrentBatches(Schedule(1, lanes, compiled=True))


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_what_is_made_side_by_side_comes_in_order_and_all(lanes: int) -> None:
    def made(item: int, _size: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(at_once(lanes).each(made, range(20))) == [i * i for i in range(20)]
    assert list(at_once(lanes).each(made, ())) == []


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_as_many_are_made_at_once_as_there_are_lanes(lanes: int) -> None:
    together, under_way, most = threading.Barrier(lanes), [], []

    def made(item: int, _size: int) -> int:
        under_way.append(item)
        most.append(len(under_way))
        together.wait(PATIENCE)  # breaks where fewer are made at once
        under_way.remove(item)
        return item

    assert list(at_once(lanes).each(made, range(4 * lanes))) == list(range(4 * lanes))
    assert max(most) == lanes


def test_no_item_is_taken_before_a_lane_is_free() -> None:
    seen: list[int] = []
    with closing(at_once(2).each(lambda item, _: item, counting(30, seen))) as items:
        for item in items:
            assert len(seen) <= item + 2


def test_what_one_raises_comes_in_its_place_when_the_others_have_ended() -> None:
    ended: list[int] = []

    def made(item: int, _size: int) -> int:
        if item == 2:
            raise BoomError
        time.sleep(0.05 if item == 3 else 0.0)
        ended.append(item)
        return item

    items = at_once(2).each(made, range(10))
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(BoomError):
        next(items)
    assert sorted(ended) == [0, 1, 3]


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_what_taking_an_item_raises_comes_after_those_that_were_taken(lanes: int) -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise BoomError

    items = at_once(lanes).each(lambda item, _: item, failing())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(BoomError):
        next(items)


def test_leaving_early_waits_for_what_was_begun() -> None:
    ended: list[int] = []

    def made(item: int, _size: int) -> int:
        time.sleep(0.05 * item)
        ended.append(item)
        return item

    with closing(at_once(2).each(made, range(10))) as items:
        assert next(items) == 0
    assert ended == [0, 1]


def test_an_interrupt_waits_for_what_was_begun() -> None:
    ended: list[int] = []

    def made(item: int, _size: int) -> int:
        if item == 0:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.1)
        ended.append(item)
        return item

    with pytest.raises(KeyboardInterrupt):
        list(at_once(2).each(made, range(10)))
    assert sorted(ended) == [0, 1]


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_a_memory_that_holds_one_at_a_time_loses_none(lanes: int) -> None:
    room, most = threading.Semaphore(1), []

    def made(item: int, _size: int) -> int:
        if not room.acquire(blocking=False):
            raise DeviceMemoryError("full")
        most.append(item)
        time.sleep(0.01)
        room.release()
        return item

    assert list(at_once(lanes).each(made, range(10))) == list(range(10))
    assert sorted(most) == list(range(10))


def test_a_memory_that_does_not_hold_one_is_told() -> None:
    tried: list[int] = []

    def made(item: int, _size: int) -> int:
        tried.append(item)
        if item >= 2:
            raise DeviceMemoryError("full")
        return item

    items = at_once(2).each(made, range(10))
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(DeviceMemoryError):
        next(items)
    assert sorted(tried) == [0, 1, 2, 2, 3]  # the third once more, alone


def test_where_python_ends_all_is_made_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ThreadPoolExecutor()
    monkeypatch.setattr("seqlift.explain.concurrent_batches.threads", lambda: pool)
    own = threading.current_thread().name
    made_by = []
    for name in at_once(2).each(lambda *_: threading.current_thread().name, range(6)):
        made_by.append(name)
        pool.shutdown()  # as Python does when its main thread has ended
    assert own not in made_by[:2]
    assert made_by[2:] == [own] * 4


@pytest.mark.parametrize("number", [1, 2, 4])
def test_workers_give_results_in_the_order_of_the_items(number: int) -> None:
    def late(item: int) -> int:
        time.sleep(0.001 * (item % 3))
        return item * item

    with Workers(number) as workers:
        assert workers.map(late, range(20)) == [item * item for item in range(20)]


@pytest.mark.parametrize("number", [1, 2, 4])
def test_what_one_of_several_raises_ends_the_others(number: int) -> None:
    ended = []

    def work(item: int, check: Callable[[], None]) -> None:
        if item == 1:
            raise BoomError
        try:
            for _ in range(int(PATIENCE / 0.001) if number > 1 else 1):
                check()
                time.sleep(0.001)
        finally:
            ended.append(item)

    with Workers(number) as workers, pytest.raises(BoomError):
        workers.each(work, range(3))
    assert 0 in ended


def test_an_interrupt_ends_all_of_several() -> None:
    ended = []

    def work(item: int, check: Callable[[], None]) -> None:
        if item == 0:
            time.sleep(0.05)  # both have begun
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        try:
            while True:
                check()
                time.sleep(0.001)
        finally:
            ended.append(item)

    with Workers(2) as workers, pytest.raises(KeyboardInterrupt):
        workers.each(work, range(2))
    assert sorted(ended) == [0, 1]


def test_each_may_wait_for_the_workers() -> None:
    sums = {}

    def work(item: int, _: Callable[[], None]) -> None:
        sums[item] = sum(workers.map(lambda value: value * item, range(50)))

    with Workers(2) as workers:
        workers.each(work, range(6))
    assert sums == {item: item * 1225 for item in range(6)}
