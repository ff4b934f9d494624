"""BED text becomes checked regions.

Knows BED3 to BED12 and narrowPeak; knows nothing of genomes (whether a chromosome exists, or is
long enough), arrays or models. The rules, from the BED specification version 1
(https://samtools.github.io/hts-specs/BEDv1.pdf) and the UCSC description of narrowPeak:

- coordinates are 0-based and half-open: `start` is the first base, `end` the one after the last;
- columns are separated by tabs, or by any white space when a line has fewer than two tabs;
- blank lines, and lines that begin with `#`, `track` or `browser`, are not regions;
- columns 4 to 6 are name, score and strand; strand is `+`, `-`, `.` or `?` (kept as `.`);
- a row of exactly ten columns whose columns 7 to 9 are numbers is a narrowPeak: column 10 is the
  summit, counted from start, and -1 means none (BED itself forbids ten columns);
- every line is read by itself: files that mix column counts are read as they come.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType

from seqlift.errors import InputError
from seqlift.inputs import bed_problems
from seqlift.inputs.text import TextFile, signature


@dataclass(frozen=True, slots=True)
class Region:
    """One BED row: the interval [start, end) of a chromosome, and what the row says about it.

    `summit` counts from `start`, -1 when there is none; `line` is the line of the file, from 1.
    """

    chrom: str
    start: int
    end: int
    name: str = "."
    score: str = "0"
    strand: str = "."
    summit: int = -1
    line: int = 0

    @property
    def centre(self) -> int:
        """Return the summit where there is one, else the middle (the right one of two)."""
        return self.start + self.summit if self.summit >= 0 else (self.start + self.end) // 2


def parse(lines: Iterable[str], *, source: str) -> Iterator[Region | str]:
    """Yield a region for every BED line, or a problem (a str) where the line is none.

    A problem has the place, the value and the remedy:
    ``regions.bed:17: end 5 is not after start 9; give 0-based half-open coordinates``.

    Parameters
    ----------
    lines
        Text lines; bytes that are not UTF-8 are expected as lone surrogates ("surrogateescape").
    source
        Name of the file, for problems.
    """
    for number, line in enumerate(lines, start=1):
        problem = bed_problems.undecodable(line)
        if problem is None:
            columns = line.split("\t") if line.count("\t") >= 2 else line.split()
            columns = [column.strip() for column in columns]
            if not _is_data(columns):
                continue
            result = _region(columns, number)
            if isinstance(result, Region):
                yield result
                continue
            problem = result
        yield f"{source}:{number}: {problem}"


def no_regions(source: str) -> str:
    """Return the problem of a file in which no line is a region."""
    return f"{source}: no regions in it; give at least one line of chrom, start and end"


def _is_data(columns: list[str]) -> bool:
    """Return whether a line holds a region, rather than nothing, a comment or a display setting."""
    first = columns[0] if columns else ""
    if first.startswith("#") or first.split(" ", 1)[0] in ("track", "browser"):
        return False
    return any(columns)


def _region(columns: list[str], line: int) -> Region | str:
    """Return the region of one line, or its problem without the place."""
    problem = bed_problems.not_bed(columns) or bed_problems.wrong_interval(columns[1], columns[2])
    if problem is not None:
        return problem
    start, end = int(columns[1]), int(columns[2])
    strand = columns[5] if len(columns) > 5 else "."
    summit = columns[9] if _is_narrow_peak(columns) else "-1"
    problem = bed_problems.wrong_strand(strand) or bed_problems.wrong_summit(summit, end - start)
    if problem is not None:
        return problem
    name = columns[3] if len(columns) > 3 else ""
    score = columns[4] if len(columns) > 4 else ""
    return Region(
        chrom=columns[0],
        start=start,
        end=end,
        name=name or ".",
        score=score or "0",
        strand="." if strand == "?" else strand,
        summit=int(summit),
        line=line,
    )


def _is_narrow_peak(columns: list[str]) -> bool:
    """Return whether column 10 is a summit: ten columns, of which 7 to 9 are numbers."""
    if len(columns) != 10:
        return False
    try:
        for column in columns[6:9]:
            float(column)
    except ValueError:
        return False
    return True


class RegionFile:
    """A file of regions, or of sequences in FASTA, that can be read any number of times.

    A context manager: what was spooled for standard input, a pipe or a compressed FASTA is removed
    on leaving.

    Attributes
    ----------
    source : str
        Name for messages.
    path : pathlib.Path
        A real file: the one given, or the spooled copy. A FASTA is never compressed there.
    is_fasta : bool
        Whether the first byte that is not blank is ``>``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open BED, narrowPeak or FASTA: plain, gzip, bgzip, or "-" for standard input.

        Raises
        ------
        InputError
            When the file is missing, unreadable, or no text at all.
        """
        self._text = TextFile(path, remedy="give BED, narrowPeak or FASTA as text")
        self.source = self._text.source
        self.is_fasta = self._text.head.lstrip().startswith(b">")
        if self.is_fasta:
            self._text.decompress()
        self.path = self._text.path
        self._signature = signature(self.path)

    def regions(self) -> Iterator[Region | str]:
        """Yield every region in file order, and a problem (a str) for every line that is none.

        Lines are streamed, from the start each time this is called.

        Raises
        ------
        InputError
            When the file turns out to be cut short or damaged.
        """
        return parse(self._text.lines(), source=self.source)

    def check_unchanged(self) -> None:
        """Raise InputError where the file is no longer the one that was opened."""
        if signature(self.path) != self._signature:
            raise InputError(f"{self.source}: the file changed while it was read; run again")

    def digest(self) -> str:
        """Return the SHA-256 of the (decompressed) text, in hexadecimal."""
        digest = hashlib.sha256()
        for block in self._text.blocks():
            digest.update(block)
        return digest.hexdigest()

    def close(self) -> None:
        """Remove what was spooled."""
        self._text.close()

    def __enter__(self) -> "RegionFile":
        """Return the file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove what was spooled."""
        self.close()
