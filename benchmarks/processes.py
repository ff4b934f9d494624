"""Workers: one process for each implementation, kept alive, asked by lines of JSON.

Knows how to start, ask and end them; knows nothing of what they compute.
"""

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

WORKERS = Path(__file__).resolve().parent / "workers"


class WorkerError(Exception):
    """Why a worker gave no answer, in one line."""


class Worker:
    """An implementation at work on a case; close it to end its process."""

    def __init__(self, name: str, python: Path, folder: Path, *options: str) -> None:
        """Start it; `ready` waits until it is warm."""
        self.name = name
        self.log = folder / f"{name}.log"
        command = [python, WORKERS / f"run_{name}.py", folder, *options]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.notes: dict[str, Any] = {}
        self.peak_mb = 0

    def ready(self) -> "Worker":
        """Return the worker once it is warm, with `notes` of what it chose and its versions."""
        self.notes = self.answer()["notes"]
        return self

    def run(self) -> float:
        """Return the seconds of one run over all sequences."""
        return float(self.ask(do="run")["seconds"])

    def scores(self, path: Path) -> Path:
        """Return the file (targets, N, L, 4) of its scores, which it has written."""
        self.ask(do="scores", path=str(path))
        return path

    def ask(self, **request: str) -> dict[str, Any]:
        """Return the answer to one request."""
        if self.process.stdin is None:
            raise WorkerError(f"{self.name} was started without a pipe")
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise WorkerError(self.last_words()) from None
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Read the next answer of the worker."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise WorkerError(self.last_words())
        found: dict[str, Any] = json.loads(line)
        self.peak_mb = found["peak_mb"]
        return found

    def last_words(self) -> str:
        """Return the last line of the log of a worker that ended."""
        self.process.wait()
        lines = [line for line in self.log.read_text().splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"ended with {self.process.returncode}"

    def close(self) -> None:
        """End the process, asking first."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()  # the end of its input is a request to quit
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
