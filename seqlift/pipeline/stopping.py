"""Being asked to end: a run finishes what it is at, keeps it and says how to go on."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

from seqlift.system.closing import Closing

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A run that ended as it was asked to: the signal's number, what is kept and how to go on."""


class Stop(Closing):
    """Remembers the first signal that asks for an end; the second ends at once.

    Attributes
    ----------
    asked
        Number of the signal, None where none has come. Outside the main thread, which alone gets
        signals, it stays None.
    """

    def __init__(self) -> None:
        self.asked: int | None = None

    def __enter__(self) -> Self:
        """Take the signals over."""
        self._before = {}
        # Python sets handlers nowhere else
        if threading.current_thread() is threading.main_thread():
            heeded = [
                n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN
            ]  # as by nohup
            self._before = {number: signal.signal(number, self._ask) for number in heeded}
        return self

    def close(self) -> None:
        """Leave the signals to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if self.asked is not None:  # the user will not wait
            raise KeyboardInterrupt(number)
        self.asked = number


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back what asks for an end while files get or lose their names; then end."""
    with Stop() as stop:
        yield
    if stop.asked is not None:
        raise KeyboardInterrupt(stop.asked)
