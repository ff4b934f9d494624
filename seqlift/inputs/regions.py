"""BED text becomes checked regions.

Knows BED3 to BED12 and narrowPeak; knows nothing of genomes (whether a chromosome exists, or is
long enough), arrays or models. The rules, from the BED specification version 1
(https://samtools.github.io/hts-specs/BEDv1.pdf) and the UCSC description of narrowPeak:

- coordinates are 0-based and half-open: `start` is the first base, `end` the one after the last;
- columns are separated by tabs, or by any white space when a line has fewer than two tabs;
- blank lines, and lines that begin with `#`, `track` or `browser`, are not regions;
- columns 4 to 6 are name, score and strand; strand is `+`, `-`, `.` or `?` (kept as `.`); a row
  without a name, or with the name `.`, is called `chrom:start-end`;
- of a row of at least ten columns that is no BED12, column 10 is the summit, counted from start,
  and -1 means none: see `seqlift.inputs.summits`;
- every line is read by itself: files that mix column counts are read as they come.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator

from seqlift.errors import InputError
from seqlift.inputs import bed_problems
from seqlift.inputs.summits import Summits, measures_of, summit_of
from seqlift.inputs.text import TextFile, signature
from seqlift.intervals import Region
from seqlift.system.closing import Closing
from seqlift.system.numbers import number_or_none


def parse_regions(
    lines: Iterable[str], *, source: str, summits: Summits = "auto"
) -> Iterator[Region | str]:
    """Yield a region for every BED line, or a problem (a str) where the line is none.

    A problem has the place, the value and the remedy:
    ``regions.bed:17: end 5 is not after start 9; give 0-based half-open coordinates``.

    Parameters
    ----------
    lines
        Text lines; bytes that are not UTF-8 are expected as lone surrogates ("surrogateescape").
    source
        Name of the file, for problems.
    summits
        Which rows have their summit in column 10.
    """
    for number, line in enumerate(lines, start=1):
        problem = bed_problems.undecodable(line)
        if problem is None:
            # names may have spaces
            columns = line.split("\t") if line.count("\t") >= 2 else line.split()
            columns = [column.strip() for column in columns]
            if not _is_data(columns):
                continue
            result = _region(columns, number, summits)
            if isinstance(result, Region):
                yield result
                continue
            problem = result
        yield f"{source}:{number}: {problem}"


def no_regions(source: str) -> str:
    """Describe the problem of a file in which no line is a region."""
    return f"{source}: no regions in it; give at least one line of chrom, start and end"


def _is_data(columns: list[str]) -> bool:
    first = columns[0] if columns else ""
    if first.startswith("#") or first.split(" ", 1)[0] in ("track", "browser"):
        return False
    return any(columns)


def _region(columns: list[str], line: int, summits: Summits) -> Region | str:
    """Read the region of one line, or its problem without the place."""
    problem = bed_problems.not_bed(columns) or bed_problems.wrong_interval(columns[1], columns[2])
    if problem is not None:
        return problem
    start, end = int(columns[1]), int(columns[2])
    strand = columns[5] if len(columns) > 5 else "."
    problem = bed_problems.wrong_strand(strand)
    if problem is not None:
        return problem
    found = summit_of(columns, end - start, summits)
    if isinstance(found, str):
        return found
    summit, no_summit = found
    name = columns[3] if len(columns) > 3 else ""
    score = columns[4] if len(columns) > 4 else ""
    signal, p_value, q_value = measures_of(columns, start, end, summits)
    return Region(
        chrom=columns[0],
        start=start,
        end=end,
        name=f"{columns[0]}:{start}-{end}" if name in ("", ".") else name,
        score=number_or_none(score or "0"),
        strand="." if strand == "?" else strand,
        summit=summit,
        line=line,
        no_summit=no_summit,
        signal=signal,
        p_value=p_value,
        q_value=q_value,
    )


class RegionFile(Closing):
    """A file of regions, or of sequences in FASTA, that can be read any number of times.

    A context manager: what was spooled for standard input, a pipe or a compressed FASTA is removed
    on leaving.

    Attributes
    ----------
    source : str
        Name for messages.
    path : pathlib.Path
        A real file: the one named, or the spooled copy. A FASTA is never compressed there.
    is_fasta : bool
        Whether the first byte that is not blank is ``>``.
    """

    def __init__(self, path: str | os.PathLike[str], *, summits: Summits = "auto") -> None:
        """Open BED, narrowPeak or FASTA: plain, gzip, bgzip, or "-" for standard input.

        `summits` says which rows have their summit in column 10.

        Raises
        ------
        InputError
            When the file is missing, unreadable, or no text at all.
        """
        self._text = TextFile(path, remedy="give BED, narrowPeak or FASTA as text")
        self.source = self._text.source
        self.is_fasta = self._text.head.lstrip().startswith(b">")
        if self.is_fasta:
            self._text.decompress()  # a genome is read from the middle; gzip only from its start
        self.path = self._text.path
        self._signature = signature(self.path)
        self._summits = summits
        self._digest = ""

    def regions(self) -> Iterator[Region | str]:
        """Yield every region in file order, and a problem (a str) for every line that is none.

        Lines are streamed, from the start each time this is called.

        Raises
        ------
        InputError
            When the file turns out to be cut short or damaged.
        """
        return parse_regions(self._text.lines(), source=self.source, summits=self._summits)

    def lines(self) -> Iterator[str]:
        """Yield the lines of the text, from the start each time this is called."""
        return self._text.lines()

    def check_unchanged(self) -> None:
        """Raise InputError where the file is no longer the one that was opened."""
        if signature(self.path) != self._signature:
            raise InputError(f"{self.source}: the file changed while it was read; run again")

    def digest(self) -> str:
        """Compute the SHA-256 of the (decompressed) text as it was when first asked for."""
        if not self._digest:  # once: the file may have changed since, which `check_unchanged` finds
            digest = hashlib.sha256()
            for block in self._text.blocks():
                digest.update(block)
            self._digest = digest.hexdigest()
        return self._digest

    def close(self) -> None:
        """Remove what was spooled."""
        self._text.close()
