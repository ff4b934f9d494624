"""The files a run leaves: their names, and the way from an unfinished name to the final one."""

import fcntl
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from seqlift.errors import OutputError
from seqlift.pipeline.stopping import undisturbed
from seqlift.pipeline.track_formats import FORMATS
from seqlift.tracks.bigwig import bigwig_name
from seqlift.tracks.layout import Kept
from seqlift.tracks.unfinished import output_errors, to_disk

NAME_BYTES = 255
"""The longest name of a file that file systems take."""

UNFINISHED = ".seqlift.partial"
"""Ends the name of a file until it is finished, outside the folder of a run's parts."""

SPARE = len(UNFINISHED)

STEM_SUFFIXES = (".gz", ".bgz", ".bed", ".narrowPeak", ".fa", ".fasta", ".fna", ".txt")


@dataclass(frozen=True, slots=True)
class Written:
    """Final files of a command, and whether all of them were there `before` it began."""

    files: tuple[Path, ...]
    before: bool = False


@dataclass(frozen=True, slots=True)
class TargetFiles:
    """The score file of one target, and its tracks: one in each format, in their order."""

    target: str
    scores: Path
    tracks: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Outputs:
    """All files of a run; those of a shard have no tracks, which need all rows.

    `parts` is the folder of the finished rows of an unfinished run. Without `keeps_scores` only
    tracks are left.
    """

    regions: Path
    parts: Path
    targets: tuple[TargetFiles, ...]
    keeps_scores: bool = True

    def scores(self) -> tuple[Path, ...]:
        """List the score files and the regions file, in the order in which they are finished."""
        if not self.keeps_scores:
            return ()
        return (*(files.scores for files in self.targets), self.regions)

    def paths(self) -> tuple[Path, ...]:
        """List every file, in the order in which they are finished."""
        return (*self.scores(), *self.tracks())

    def tracks(self) -> tuple[Path, ...]:
        """List the tracks of every target."""
        return tuple(track for files in self.targets for track in files.tracks)


def outputs_of(
    prefix: str,
    targets: Sequence[str],
    shard: tuple[int, int] | None = None,
    *,
    keep: Kept = "all",
) -> Outputs:
    """Name the files of `targets`: PREFIX.h5, or PREFIX.TARGET.h5 where there are several.

    A shard's have its name after the prefix: PREFIX.3-of-8.h5. What is not a letter, digit, ``.``,
    ``_`` or ``-`` in a target's name becomes ``-``; where that makes names equal, the target's
    place is added.
    """
    if shard is not None:
        prefix = f"{prefix}.{shard_name(shard)}"
    infixes = [f".{re.sub('[^A-Za-z0-9._-]+', '-', name)}" for name in targets]
    if len(targets) == 1:
        infixes = [""]
    elif len(set(infixes)) < len(infixes):
        infixes = [f"{infix}.{place}" for place, infix in enumerate(infixes)]
    formats = FORMATS if shard is None else ()
    files = tuple(
        TargetFiles(
            name,
            Path(f"{prefix}{infix}.h5"),
            tuple(Path(f"{prefix}{infix}{one.ending}") for one in formats),
        )
        for name, infix in zip(targets, infixes, strict=True)
    )
    regions, parts = Path(f"{prefix}.regions.bed"), Path(f"{prefix}.parts")
    return Outputs(regions, parts, files, keeps_scores=keep == "all" or shard is not None)


def shard_name(shard: tuple[int, int]) -> str:
    """Name a shard, as Snakemake writes a scatter item: ``3-of-8``."""
    number, count = shard
    return f"{number}-of-{count}"


def default_prefix(regions: str) -> str:
    """Choose the prefix of the output files of a regions file: its stem, in the current folder."""
    name = "stdin" if regions == "-" else Path(regions).name
    suffix = next((s for s in STEM_SUFFIXES if name.endswith(s) and name != s), None)
    if suffix in (".gz", ".bgz"):
        return default_prefix(name.removesuffix(suffix))
    return f"{name.removesuffix(suffix or '')}.seqlift"


def unfinished(path: Path) -> Path:
    """Name a file while it is written: in the final folder, the same for every command."""
    return path.with_name(f"{path.name}{UNFINISHED}")


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Keep the unfinished name of a file to this command, and remove what is left under it.

    What a command that was killed has left there is written over. Raises OutputError where another
    command is writing the same file.
    """
    new, locks = unfinished(path), list[int]()
    try:
        with undisturbed():
            # listed before the signal that was held back may come
            locks.append(_locked(new))
        yield new
    finally:
        with undisturbed():
            for lock in locks:
                with suppress(OSError):
                    if os.path.samestat(new.lstat(), os.fstat(lock)):
                        new.unlink()
                os.close(lock)


def _locked(new: Path) -> int:
    # Neither a link to another's file is followed, nor a pipe waited for.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    # Between opening and locking, the one who had the lock may have renamed the file.
    while True:
        with output_errors(new):
            lock = os.open(new, flags, 0o666)
        try:
            if not stat.S_ISREG(os.fstat(lock).st_mode):
                raise OutputError(f"{new}: not a regular file; remove it")
            if not is_locked(lock):
                raise OutputError(
                    f"{new}: another command is writing this file; wait for it, or give another -o"
                )
            with suppress(FileNotFoundError):  # it was finished just before it was locked
                if os.path.samestat(new.lstat(), os.fstat(lock)):
                    return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def is_locked(lock: int) -> bool:
    """Lock an open file; False where another process has it. File systems without locks pass."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # another process has it; any other error is a file system without locks
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def has_locks(lock: int) -> bool:
    """Tell whether a lock can be had on a file that no other process has locked."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def finish(new: Path, path: Path, *, replace: bool) -> None:
    """Give a finished file its final name, at once and whole.

    Raises OutputError where `replace` is false and something has that name by now.
    """
    # before it has its name: after a loss of power a name could come without its bytes
    to_disk(new)
    try:
        if replace:
            new.replace(path)
        else:
            _name_once(new, path)
    except FileExistsError as error:
        raise OutputError(
            f"{path}: appeared while this command was at work; move it, and run the command again"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be put in place ({error.strerror}); write elsewhere with -o"
        ) from error


def _name_once(new: Path, path: Path) -> None:
    try:
        path.hardlink_to(new)  # unlike rename(2), link(2) never takes the place of another file
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        new.replace(path)
    else:
        new.unlink()


def remove_outdated(outputs: Outputs, replaced: Collection[Path]) -> None:
    """Remove regions and tracks whose score files are about to be replaced."""
    for path in outputs.paths():
        # Score files are replaced in one step; a track would be that of a file which is gone.
        if path in replaced and not path.is_dir() and path.suffix != ".h5":
            with output_errors(path):
                path.unlink(missing_ok=True)


def remove_unfinished(paths: Iterable[Path]) -> None:
    """Remove what a failed command has left."""
    with undisturbed():
        for path in paths:
            with suppress(OSError):
                unfinished(path).unlink(missing_ok=True)


def check_prefix(prefix: str) -> None:
    """Raise OutputError where `prefix` is a folder, whose files would have no name, or too long."""
    if not prefix:
        raise OutputError("-o: the prefix is empty; give the first part of a name")
    check_name(Path(f"{prefix}.regions.bed"))
    if prefix.endswith("/") or Path(prefix).is_dir():
        raise OutputError(
            f"{prefix}: a folder, not a prefix; give the first part of a name too, such as"
            f" -o {Path(prefix) / 'scores'}"
        )


def check_name(path: Path) -> None:
    """Raise OutputError for a name that a file system, or the library for tracks, does not take."""
    size = len(os.fsencode(path.name))
    if size + SPARE > NAME_BYTES:  # as the unfinished name, too, must be one
        raise OutputError(
            f"{path}: a name of {size} bytes, and {NAME_BYTES - SPARE} is the most; give a shorter"
            " prefix with -o"
        )
    bigwig_name(path)


def check_outputs(paths: Iterable[Path], *, inputs: Iterable[Path]) -> None:
    """Raise OutputError for every file that could not be put in its place.

    One of the command's own `inputs` is never replaced, nor is anything but a file.
    """
    kept = {path.resolve() for path in inputs}
    problems = []
    for path in paths:
        check_name(path)
        folder = path.parent
        if not folder.is_dir():
            problems.append(f"{path}: the folder {folder} does not exist; make it first")
        elif not os.access(folder, os.W_OK | os.X_OK):
            problems.append(f"{path}: folder {folder} is not writable; give another with -o")
        elif path.is_dir():
            problems.append(f"{path}: a folder has this name; give another prefix with -o")
        elif path.exists() and not path.is_file():
            problems.append(f"{path}: a device, pipe or socket has this name; give another with -o")
        elif path.resolve() in kept:  # by where links lead: another name of an input is that input
            problems.append(f"{path}: this run reads that file; give another prefix with -o")
    if problems:
        raise OutputError(*problems)
