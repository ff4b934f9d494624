"""`seqlift` in processes that are killed at a moment of their own: forked, so each starts at once.

Run as a program it reads a task a line, and answers with how its process ended. Nothing here may
import TensorFlow: the stand-in scores.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate")
NEVER = -1


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, or minus the signal; and its standard error."""

    code: int
    said: str


class Children:
    """A process that starts others: see `Children.run`."""

    def __init__(self, scratch: Path) -> None:
        self._said = scratch / "said"
        self._parent = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        )

    def run(
        self,
        folder: Path,
        words: Sequence[object],
        *,
        change: int = NEVER,
        number: int = signal.SIGKILL,
        after: float = 0.0,
    ) -> Ended:
        """Return how ``seqlift WORDS`` ended in a folder.

        It sends itself the signal `number` before its change to the folder of the number `change`,
        counted from zero, and is killed `after` some seconds, where that is not 0.
        """
        task = {"folder": str(folder), "words": [str(word) for word in words], "change": change}
        task |= {"number": int(number), "after": after, "said": str(self._said)}
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        print(json.dumps(task), file=self._parent.stdin, flush=True)
        code = json.loads(self._parent.stdout.readline())
        return Ended(code, self._said.read_text())

    def close(self) -> None:
        """End the process that starts others."""
        self._parent.communicate(timeout=60)


@contextlib.contextmanager
def children(scratch: Path) -> Iterator[Children]:
    """Give what starts processes, and end it."""
    started = Children(scratch)
    try:
        yield started
    finally:
        started.close()


def watch(change: int, number: int) -> None:
    """Have this process send itself a signal before a change to its folder."""
    changes = count()

    def see(event: str, arguments: Any) -> None:
        changed = event in CHANGES
        written = event == "open" and isinstance(arguments[2], int)
        written = written and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if (
            (changed or written)
            and not str(arguments[0]).startswith("/")
            and next(changes) == change
        ):
            os.kill(os.getpid(), number)

    sys.addaudithook(see)


def child(task: dict[str, Any]) -> None:
    """Run a command as the shell would, and end the process."""
    from stand_in import LongStandIn, settings

    from seqlift.cli import main

    os.chdir(task["folder"])
    descriptor = os.open(task["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 2)
    code = 1
    try:
        if task["after"]:
            signal.setitimer(signal.ITIMER_REAL, task["after"])
        watch(task["change"], task["number"])
        main(task["words"], prog_name="seqlift", obj=settings(load=LongStandIn))
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
        os._exit(code)


def warm() -> None:
    """Run a command here, so that what each child needs is imported, and its loops compiled."""
    import multiprocessing.synchronize  # noqa: F401  # of the pools of threads in children

    from stand_in import LongStandIn, settings

    from seqlift.cli import main
    from seqlift.explain.concurrent_batches import threads

    with tempfile.TemporaryDirectory() as folder:
        genome, regions, output = (str(Path(folder, name)) for name in ("g.fa", "r.bed", "x"))
        Path(genome).write_text(">c\n" + "ACGT" * 100 + "\n")
        Path(regions).write_text("c\t30\t80\n")
        score = ["score", str(Path(folder, "m.h5")), regions, "-g", genome, "-r", "zeros", "-q"]
        own = settings(load=LongStandIn)
        for words in (
            [*score, "-o", output, "--shard", "1-of-1"],
            ["merge", f"{output}.1-of-1.h5", "-o", output, "-q"],
        ):
            main(words, standalone_mode=False, obj=own)
    threads().shutdown()  # a fork has none of its parent's threads
    threads.cache_clear()


def serve() -> None:
    """Run a task in a process of its own for every line read."""
    warm()
    assert "tensorflow" not in sys.modules
    assert "keras" not in sys.modules
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            child(json.loads(line))
        _, status = os.waitpid(process, 0)
        print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)


if __name__ == "__main__":
    serve()
