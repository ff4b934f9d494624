"""The files a run leaves: their names, and the way from an unfinished name to the final one."""

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seqlift.errors import OutputError
from seqlift.tracks.unfinished import to_disk

NAME_BYTES = 255
"""The longest name of a file that file systems take."""

SPARE = len(".4194304.partial")
"""Bytes that a name is longer by until the file is finished."""

STEM_SUFFIXES = (".gz", ".bgz", ".bed", ".narrowPeak", ".fa", ".fasta", ".fna", ".txt")


@dataclass(frozen=True, slots=True)
class TargetFiles:
    """The score file and the track of one target."""

    target: str
    scores: Path
    track: Path


@dataclass(frozen=True, slots=True)
class Outputs:
    """All files of a run; those of a shard have no track, which needs all rows.

    `parts` is the folder of what is finished of a run that is not.
    """

    regions: Path
    parts: Path
    targets: tuple[TargetFiles, ...]
    tracks: bool = True

    def scores(self) -> tuple[Path, ...]:
        """Return the score files and the regions file, in the order in which they are finished."""
        return (*(files.scores for files in self.targets), self.regions)

    def paths(self) -> tuple[Path, ...]:
        """Return every file, in the order in which they are finished."""
        return (*self.scores(), *(files.track for files in self.targets if self.tracks))


def outputs_of(
    prefix: str, targets: Sequence[str], shard: tuple[int, int] | None = None
) -> Outputs:
    """Return the files of `targets`: PREFIX.h5, or PREFIX.TARGET.h5 where there are several.

    A shard's have its name after the prefix: PREFIX.3-of-8.h5. What is no letter, digit, ``.``,
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
    files = tuple(
        TargetFiles(name, Path(f"{prefix}{infix}.h5"), Path(f"{prefix}{infix}.bw"))
        for name, infix in zip(targets, infixes, strict=True)
    )
    regions, parts = Path(f"{prefix}.regions.bed"), Path(f"{prefix}.parts")
    return Outputs(regions, parts, files, tracks=shard is None)


def shard_name(shard: tuple[int, int]) -> str:
    """Return a shard's name, as Snakemake writes a scatter item: ``3-of-8``."""
    number, count = shard
    return f"{number}-of-{count}"


def default_prefix(regions: str) -> str:
    """Return the prefix of the output files of a regions file: its stem, in the current folder."""
    name = "stdin" if regions == "-" else Path(regions).name
    suffix = next((s for s in STEM_SUFFIXES if name.endswith(s) and name != s), None)
    if suffix in (".gz", ".bgz"):
        return default_prefix(name.removesuffix(suffix))
    return f"{name.removesuffix(suffix or '')}.seqlift"


def unfinished(path: Path) -> Path:
    """Return the name a file has until it is finished: this run's own, beside the final one."""
    return path.with_name(f"{path.name}.{os.getpid()}.partial")


def finish(new: Path, path: Path) -> None:
    """Give a finished file its final name, at once and whole."""
    to_disk(new)
    try:
        new.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be put in place ({error.strerror}); write elsewhere with -o"
        ) from error


def remove_unfinished(paths: Iterable[Path]) -> None:
    """Remove what a failed run has left."""
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
    """Raise OutputError where a name is too long for a file system."""
    size = len(os.fsencode(path.name))
    if size + SPARE > NAME_BYTES:
        raise OutputError(
            f"{path}: a name of {size} bytes, and {NAME_BYTES - SPARE} is the most; give a shorter"
            " prefix with -o"
        )


def check_outputs(paths: Iterable[Path], *, inputs: Iterable[Path], force: bool) -> None:
    """Raise OutputError for every file that could not be put in its place.

    An existing file is kept unless `force`, and one of the run's own `inputs` always.
    """
    kept = {path.resolve() for path in inputs}
    problems = []
    for path in paths:
        check_name(path)
        folder = path.parent
        if not folder.is_dir():
            problems.append(f"{path}: there is no folder {folder}; make it first")
        elif not os.access(folder, os.W_OK | os.X_OK):
            problems.append(f"{path}: folder {folder} is not writable; give another with -o")
        elif path.is_dir():
            problems.append(f"{path}: a folder has this name; give another prefix with -o")
        elif path.resolve() in kept:
            problems.append(f"{path}: this run reads that file; give another prefix with -o")
        elif path.exists() and not force:
            problems.append(f"{path}: already exists; give --force to replace it, or another -o")
    if problems:
        raise OutputError(*problems)
