"""Finished parts of a run that is not finished: what a run that was ended goes on from.

The folder PREFIX.parts has run.json, which says of what run the parts are, and a folder for each
part, named by its first row and the one after its last, with a score file for each target. Every
name is given by renaming what is whole, so whatever has a part's name is one. Nothing here depends
on the clock.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from seqlift.errors import OutputError
from seqlift.pipeline.facts import changes, digest_of
from seqlift.tracks.batch import Attribute
from seqlift.tracks.unfinished import output_errors, to_disk

RUN, LOCK, SCORED = "run.json", "lock", "scored"
UNFINISHED = ".partial"
PART = re.compile("([0-9]{10,18})-([0-9]{10,18})", re.ASCII)
REMOVE = "remove that folder, and the same command computes its rows anew"


@dataclass(frozen=True, slots=True)
class Part:
    """Rows from `start` up to `stop`, in `folder`."""

    folder: Path
    start: int
    stop: int

    def scores(self, target: int) -> Path:
        """Return the score file of a target, by its number."""
        return self.folder / f"{target}.h5"


def is_ours(name: str) -> bool:
    """Return whether runs make files or folders of that name."""
    made = name in (RUN, LOCK, SCORED) or name.endswith(UNFINISHED)
    return made or PART.fullmatch(name) is not None


class Parts:
    """The folder of a run's finished parts; a context manager, which keeps other runs out of it.

    Left without a finished part in it, the folder is removed.

    Parameters
    ----------
    folder
        Made where it is not there.
    facts
        What the run is known by.
    force
        Whether to start over, whatever is there.

    Raises
    ------
    OutputError
        Another run has left its parts there or is at work there, or the folder cannot be written.

    Attributes
    ----------
    continued
        Whether there are parts of this run already, or its score files are finished.
    run
        SHA-256 of the facts.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Attribute], *, force: bool) -> None:
        self.folder, self.continued = folder, False
        self.run = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode()).hexdigest()
        with output_errors(folder):
            folder.mkdir(exist_ok=True)
            self._lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._lock_or_raise()
        except BaseException:
            os.close(self._lock)
            raise
        try:
            self._enter(facts, force=force)
        except BaseException:
            self._leave()
            raise

    def _lock_or_raise(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"{self.folder}: another run is at work there; wait for it, or write elsewhere"
                " with -o"
            ) from error
        except OSError:  # a file system without locks
            pass

    def _enter(self, facts: Mapping[str, Attribute], *, force: bool) -> None:
        with output_errors(self.folder):
            if force:
                self._clear()
            before = self._read(RUN) if (self.folder / RUN).exists() else None
            if before is None:
                self._refuse_strangers()
            if before is None or not (self.finished() or self.scored):
                self._clear()
                self._write(RUN, facts)
            elif before != dict(facts):
                raise OutputError(*self._refusals(before, facts))
            else:
                self.continued = True
            for path in self.folder.glob(f"*{UNFINISHED}"):
                _remove(path)

    def _refusals(
        self, before: Mapping[str, Attribute], facts: Mapping[str, Attribute]
    ) -> list[str]:
        remedy = "give --force to start over, or write elsewhere with -o"
        return [
            f"{self.folder}: has parts of another run: {change}; {remedy}"
            for change in changes(before, facts)
        ]

    def _read(self, name: str) -> dict[str, Attribute]:
        """Return what a small file says."""
        path = self.folder / name
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise OutputError(f"{path}: the file is damaged; give --force to start over")
        return said

    def _write(self, name: str, said: Mapping[str, Attribute]) -> None:
        """Write a small file, which has its name when it is whole."""
        unfinished = self.folder / f"{name}{UNFINISHED}"
        unfinished.write_text(json.dumps(dict(said), indent=1), encoding="utf-8")
        unfinished.replace(self.folder / name)

    def _clear(self) -> None:
        """Remove everything that runs make but the lock; first what says what it all is."""
        (self.folder / RUN).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.name != LOCK and is_ours(path.name):
                _remove(path)

    def _refuse_strangers(self) -> None:
        """Raise OutputError where the folder is not one that runs make."""
        for path in self.folder.iterdir():
            if not is_ours(path.name):
                raise OutputError(
                    f"{path}: no run has put this there; move it, or write elsewhere with -o"
                )

    def finished(self) -> list[Part]:
        """Return the finished parts, in the order of their rows."""
        found = [
            Part(path, int(name[1]), int(name[2]))
            for path in self.folder.iterdir()
            if (name := PART.fullmatch(path.name))
        ]
        return sorted(found, key=lambda part: (part.start, part.stop))

    def check(self, first: int, last: int, chunk: int) -> None:
        """Raise OutputError where a folder is no part of the rows from `first` up to `last`.

        Parts are whole chunks, but for the end, and none has a row of another.
        """
        row = first
        for part in self.finished():
            whole = part.start % chunk == 0 and (part.stop % chunk == 0 or part.stop == last)
            if not (row <= part.start <= part.stop <= last and whole):
                raise OutputError(
                    f"{part.folder}: not a part of this run, or one that overlaps another; {REMOVE}"
                )
            row = part.stop

    def rows(self) -> int:
        """Return how many rows are in finished parts."""
        return sum(part.stop - part.start for part in self.finished())

    def missing(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the stretches between two rows that no part has."""
        stretches = []
        for part in self.finished():
            if part.start > start:
                stretches.append((start, part.start))
            start = max(start, part.stop)
        return [*stretches, (start, stop)] if start < stop else stretches

    def begin(self, start: int) -> Path:
        """Return a new folder for the part that begins at a row."""
        folder = self.folder / f"{start:010d}{UNFINISHED}"
        with output_errors(folder):
            folder.mkdir()
        return folder

    def finish(self, folder: Path, start: int, stop: int) -> None:
        """Give the folder of a part its name, at once and whole."""
        for path in folder.iterdir():
            to_disk(path)
        with output_errors(folder):
            folder.replace(self.folder / f"{start:010d}-{stop:010d}")

    def unfinished(self, path: Path) -> Path:
        """Return the name that a final file has until it is finished."""
        return self.folder / f"{path.name}{UNFINISHED}"

    @property
    def scored(self) -> bool:
        """Return whether the score files have their final names, and only tracks are missing."""
        return (self.folder / SCORED).exists()

    def check_scored(self) -> bool:
        """Return whether the score files were finished, and are there as they were.

        One that is gone is made from the parts again: what runs commands removes the files of one
        that failed. Raises OutputError where one is another now.
        """
        if not self.scored:
            return False
        with output_errors(self.folder):
            finished = self._read(SCORED)
            there = {self.folder.parent / name: finished[name] for name in finished}
            there = {path: digest for path, digest in there.items() if path.exists()}
            for path, digest in there.items():
                if not path.is_file() or digest_of(path) != digest:
                    raise OutputError(
                        f"{path}: not the file that this run finished; give --force to start over"
                    )
            if len(there) < len(finished):
                (self.folder / SCORED).unlink()
        return len(there) == len(finished)

    def set_scored(self, paths: Iterable[Path]) -> None:
        """Remember the files that have their final names now."""
        with output_errors(self.folder):
            self._write(SCORED, {path.name: digest_of(path) for path in paths})

    def remove(self) -> None:
        """Remove the folder: all is finished."""
        with suppress(OSError):
            self._clear()
            (self.folder / LOCK).unlink()
            self.folder.rmdir()

    def __enter__(self) -> Self:
        """Return the parts."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let other runs in, and remove what is not finished."""
        self._leave()

    def _leave(self) -> None:
        with suppress(OSError):
            if not self.scored and not self.finished():
                self.remove()
            for path in self.folder.glob(f"*{UNFINISHED}"):
                _remove(path)
        os.close(self._lock)


def _remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it; a folder first loses its name."""
    if path.is_dir() and not path.is_symlink():
        unfinished = path if path.name.endswith(UNFINISHED) else path.with_suffix(UNFINISHED)
        path.replace(unfinished)
        shutil.rmtree(unfinished)
    else:
        path.unlink(missing_ok=True)
