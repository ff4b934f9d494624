"""Finished parts of a run that is not finished: what a run that was ended goes on from.

The folder PREFIX.parts has run.json, which says of what run the parts are, and a folder for each
part, named by its first row and the one after its last, with the scores of all targets. Every
name comes from renaming what is whole, so whatever has a part's name is one. Nothing here depends
on the clock. Without run.json nothing in the folder is known to be a run's, so nothing is removed;
therefore it is the first to come and the last to go. docs/decisions/0013 has all states.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqlift.errors import OutputError
from seqlift.pipeline.facts import changes
from seqlift.pipeline.output_files import has_locks, is_locked
from seqlift.pipeline.part_folders import LEFT_BEHIND, PART, PARTIAL, Part, remove_part
from seqlift.pipeline.run_record import RUN, as_identified, identity, read_run
from seqlift.pipeline.stopping import undisturbed
from seqlift.pipeline.track_formats import FORMATS
from seqlift.system.closing import Closing
from seqlift.tracks.batch import Attribute
from seqlift.tracks.unfinished import output_errors, to_disk

LOCK = "lock"
REMOVE = "remove that folder, and the same command computes its rows anew"
NO_LOCK = -1  # no lock yet
RETRIES = 10  # of entering a folder that another run is just leaving


class PartsFolder(Closing):
    """The folder of a run's finished parts; a context manager, which keeps other runs out of it.

    Left without a finished part in it, the folder is removed.

    Parameters
    ----------
    folder
        Made where it is not there.
    facts
        What the run is known by.
    force
        Whether to start over, and to replace `finals`.
    drop_stale
        Whether to start over where another run has left its parts.
    finals
        Final names of the run's files.

    Raises
    ------
    OutputError
        Another run has left its parts there or is at work there, somebody else has put something
        there, or the folder cannot be written.

    Attributes
    ----------
    run
        SHA-256 of the facts.
    replaced
        Final files that may be replaced: those that were there when ``--force`` was set, and have
        not changed since.
    placed
        Whether the score files have their final names.
    drawn
        What `record_drawn` has recorded of a run whose final files have not changed since: its
        parts are all that is to be removed. None where there is more to do.
    """

    def __init__(
        self,
        folder: Path,
        facts: Mapping[str, Attribute],
        *,
        force: bool,
        drop_stale: bool = False,
        finals: Sequence[Path] = (),
    ) -> None:
        self.folder, self.placed, self._begun = folder, False, False
        self.replaced: frozenset[Path] = frozenset()
        self.drawn: dict[str, Any] | None = None
        # Sorted, so that the order of facts does not matter.
        self.run = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode()).hexdigest()
        self._lock = NO_LOCK
        try:
            # a signal here would leave a lock without an owner
            with undisturbed(), output_errors(folder):
                self._lock = self._locked()
                self._enter(dict(facts), finals, force=force, keep_stale=not (force or drop_stale))
        except BaseException:
            if self._lock != NO_LOCK:
                self.close()
            raise

    def _locked(self) -> int:
        for _ in range(RETRIES):
            self.folder.mkdir(exist_ok=True)
            try:
                lock, self._made_lock = self._opened_lock()
            except FileNotFoundError:
                continue
            if not is_locked(lock):
                os.close(lock)
                break
            with suppress(FileNotFoundError):
                # The run that was leaving may have removed the file before it was locked here.
                if os.path.samestat((self.folder / LOCK).lstat(), os.fstat(lock)):
                    return lock
            os.close(lock)
        raise OutputError(
            f"{self.folder}: another run is at work there; wait for it, or write elsewhere with -o"
        )

    def notes(self) -> tuple[str, ...]:
        """Say where nothing keeps other runs out, for the summary."""
        if has_locks(self._lock):
            return ()
        return (f"{self.folder}: its file system has no locks; start no second run of this name",)

    def _opened_lock(self) -> tuple[int, bool]:
        path, flags = self.folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
        with suppress(FileExistsError):
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644), True
        return os.open(path, flags), False

    def _enter(
        self, facts: dict[str, Any], finals: Sequence[Path], *, force: bool, keep_stale: bool
    ) -> None:
        before = read_run(self.folder)
        if before is None:
            self._refuse_strangers()
        elif keep_stale and before["facts"] != facts and self.finished():
            raise OutputError(*self._refusals(before["facts"], facts))
        elif force or before["facts"] != facts:
            self._clear()
            before = None
        if before is None:
            # Of the files at the time of --force: what appears later is somebody else's, and stays.
            identities = {path.name: identity(path) for path in finals if force and path.exists()}
            before, self._begun = {"facts": facts, "replaces": identities}, True
            self._write(RUN, before)
        self.replaced = as_identified(finals, before["replaces"])
        if finals and as_identified(finals, before.get("draws", {})) == {*finals}:
            self.drawn = before["found"]
        self._clear_unfinished()

    def record_drawn(self, finals: Sequence[Path], found: Mapping[str, Any]) -> None:
        """Record that the final files are there, and what was found of their scores.

        A track does not say what run it is of: without a record nobody could know it once some of
        the parts are removed.
        """
        drawn = {"draws": {path.name: identity(path) for path in finals}, "found": dict(found)}
        with undisturbed(), output_errors(self.folder):
            self._write(RUN, {**(read_run(self.folder) or {}), **drawn})

    def _refusals(
        self, before: Mapping[str, Attribute], facts: Mapping[str, Attribute]
    ) -> list[str]:
        remedy = "give --drop-stale-parts to start over, or write elsewhere with -o"
        return [
            f"{self.folder}: has parts of another run: {change}; {remedy}"
            for change in changes(before, facts)
        ]

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        unfinished = self.folder / f"{name}{PARTIAL}"
        unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")
        to_disk(unfinished)
        unfinished.replace(self.folder / name)  # whole or not there, at every moment

    def _refuse_strangers(self) -> None:
        """Raise OutputError unless the folder is as a run begins or leaves it."""
        begun = {LOCK} if self._made_lock else {LOCK, f"{RUN}{PARTIAL}"}
        if os.fstat(self._lock).st_size:  # a run's lock is empty
            begun = set()
        for path in self.folder.iterdir():
            if path.name not in begun or not path.is_file():
                raise OutputError(
                    f"{path}: no run has put this there; move it, or write elsewhere with -o"
                )

    def _clear(self) -> None:
        self._clear_unfinished()
        for part in self.finished():
            remove_part(part.folder)
        # the last, as without it the rest would be a stranger's
        (self.folder / RUN).unlink(missing_ok=True)

    def _clear_unfinished(self) -> None:
        """Remove what was being written or removed when a run was ended."""
        prefix = re.escape(self.folder.name.removesuffix(".parts"))
        endings = "|".join(re.escape(one.ending) for one in FORMATS)
        final = rf"({prefix}(\..+)?(\.h5|\.regions\.bed|{endings})|run\.json)\.partial"
        for path in list(self.folder.iterdir()):
            if LEFT_BEHIND.fullmatch(path.name):
                remove_part(path)
            elif re.fullmatch(final, path.name, re.DOTALL) and not path.is_dir():
                path.unlink()

    def finished(self) -> list[Part]:
        """List the finished parts, in the order of their rows."""
        found = [
            Part(path, int(name[1]), int(name[2]))
            for path in self.folder.iterdir()
            if (name := PART.fullmatch(path.name))
        ]
        return sorted(found, key=lambda part: (part.start, part.stop))

    def check(self, first: int, last: int, chunk: int) -> None:
        """Raise OutputError where a folder is not a part of the rows from `first` up to `last`.

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
        """Count the rows of finished parts."""
        return sum(part.stop - part.start for part in self.finished())

    def missing(self, start: int, stop: int) -> list[tuple[int, int]]:
        """List the stretches between two rows that no part has."""
        stretches = []
        for part in self.finished():
            if part.start > start:
                stretches.append((start, part.start))
            start = max(start, part.stop)
        return [*stretches, (start, stop)] if start < stop else stretches

    def begin(self, start: int) -> Path:
        """Make a folder for the part that begins at a row."""
        folder = self.folder / f"{start:010d}{PARTIAL}"
        with output_errors(folder):
            folder.mkdir()
        return folder

    def finish(self, folder: Path, start: int, stop: int) -> None:
        """Give the folder of a part its name, at once and whole."""
        for path in folder.iterdir():
            to_disk(path)
        with output_errors(folder):
            # a name means that all of it is there
            folder.replace(self.folder / f"{start:010d}-{stop:010d}")

    def unfinished(self, path: Path) -> Path:
        """Name a final file until it is finished."""
        return self.folder / f"{path.name}{PARTIAL}"

    def remove(self) -> None:
        """Remove the folder: all is finished."""
        # what is left is removed by the next run of the command
        with undisturbed(), suppress(OSError):
            self._clear()
            (self.folder / LOCK).unlink()
            self.folder.rmdir()

    def close(self) -> None:
        """Let other runs in, and remove what is not finished."""
        with undisturbed():
            with suppress(OSError, OutputError):
                self._tidy()
            os.close(self._lock)  # last: another run may come in from here on

    def _tidy(self) -> None:
        try:
            before = read_run(self.folder)
        except OutputError:  # nothing there is known to be a run's
            if self._made_lock:
                (self.folder / LOCK).unlink()
            raise
        if before is None:  # what else is there is somebody else's
            if self._begun:
                (self.folder / f"{RUN}{PARTIAL}").unlink(missing_ok=True)
            if self._begun or self._made_lock:
                (self.folder / LOCK).unlink()
            self.folder.rmdir()
        elif self.finished():
            self._clear_unfinished()
        else:
            self.remove()


def discard(folder: Path, facts: Mapping[str, Attribute]) -> None:
    """Remove what a finished run has left of its folder; any other folder stays as it is."""
    with suppress(OSError, OutputError):
        before = read_run(folder) if folder.is_dir() else {"facts": None}
        if before is None or before["facts"] == dict(facts):
            with PartsFolder(folder, facts, force=False) as parts:
                parts.remove()
