"""Whether a FASTA file can be indexed, where it cannot, and whether an index belongs to it.

Knows the text of FASTA and `.fai` files
(https://www.htslib.org/doc/faidx.html); knows nothing of regions, codes or who reads them.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seqlift.errors import InputError

_REMEDY = "give an uncompressed FASTA file"
_LONGEST_HEADER = 1 << 20  # bytes; more than that between two records is no header line
_FOLD_AGAIN = "fold it again, for example with seqkit seq -w 60"

# First bytes of files that are often given as a genome.
_NOT_FASTA = (
    (b"\x1f\x8b", "this is compressed; gunzip it first"),
    (b"BZh", "this is compressed; bunzip2 it first"),
    (b"\xfd7zXZ", "this is compressed; unxz it first"),
    (b"\x28\xb5\x2f\xfd", "this is compressed; unzstd it first"),
    (b"PK\x03\x04", "this is a zip archive; unzip it first"),
    (b"\x43\x27\x41\x1a", "this is a 2bit file; convert it with twoBitToFa"),
    (b"\x1a\x41\x27\x43", "this is a 2bit file; convert it with twoBitToFa"),
    (b"version https://git-lfs", "this is a Git LFS pointer; fetch its content with git lfs pull"),
    (b"@", "this looks like FASTQ or SAM; " + _REMEDY),
)


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """One line of a `.fai`: a record's name, how many bases, where they begin, how they fold."""

    name: str
    size: int
    offset: int
    line_bases: int
    line_bytes: int

    @property
    def end(self) -> int:
        """Return the byte after the last base, when the lines are folded as the index says."""
        if self.size == 0:
            return self.offset
        full_lines = (self.size - 1) // self.line_bases
        return self.offset + self.size + full_lines * (self.line_bytes - self.line_bases)


def read_index(path: Path) -> list[IndexRecord]:
    """Return the records of a `.fai` file, in its order.

    Raises
    ------
    ValueError
        When it is no index, or names a record twice.
    OSError
        When it cannot be read.
    """
    records: dict[str, IndexRecord] = {}
    for line in path.read_text("utf-8").removesuffix("\n").split("\n"):  # no empty line
        name, size, offset, line_bases, line_bytes = line.split("\t")
        record = IndexRecord(name, int(size), int(offset), int(line_bases), int(line_bytes))
        if name in records or (record.size and not 0 < record.line_bases <= record.line_bytes):
            raise ValueError(line)
        records[name] = record
    return list(records.values())


def index_agrees(records: Iterable[IndexRecord], fasta: Path) -> bool:
    """Return whether the records are all of a FASTA file, each where its index says.

    Between the bases of one record and the next there must be its header line and nothing else.
    That catches the index of another file, of an older version, and records whose last line is
    longer than the others, which some indexers accept and then read displaced.
    """
    before: IndexRecord | None = None
    with fasta.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        for record in records:
            between = _between(file, before, record.offset)
            if between is None or not _is_header(between, record):
                return False
            before = record
        rest = _between(file, before, size)
        return before is not None and rest is not None and not rest.strip()


def _between(file: BinaryIO, before: IndexRecord | None, stop: int) -> bytes | None:
    """Return the bytes from the end of a record to `stop`; None when it does not end there.

    Its last base is then no line end, and what follows is one or the end of the file.
    """
    end = 0 if before is None else before.end
    if not 0 <= stop - end <= _LONGEST_HEADER:
        return None
    has_bases = before is not None and before.size > 0
    file.seek(end - has_bases)
    last, between = file.read(has_bases), file.read(stop - end)
    if has_bases and (not last.strip() or between[:1].strip()):
        return None
    return between


def _is_header(between: bytes, record: IndexRecord) -> bool:
    """Return whether the bytes before a record's bases are its header line, after blank ones."""
    *before, header = between.splitlines() or [b""]
    names = header[1:].split()
    return (
        header.startswith(b">")
        and bool(names)
        and names[0] == record.name.encode("utf-8")
        and all(not line.strip() or line.startswith(b";") for line in before)
    )


def check_kind(fasta: Path, *, source: str) -> None:
    """Refuse, by an `InputError`, what is no plain FASTA file by its first bytes."""
    try:
        if not fasta.exists():
            raise InputError(f"{source}: no such file; check the path")
        if not fasta.is_file():
            raise InputError(f"{source}: this is not a regular file; {_REMEDY}")
        with fasta.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror}); {_REMEDY}") from error
    for magic, problem in _NOT_FASTA:
        if head.startswith(magic):
            raise InputError(f"{source}: {problem}")
    if not head.strip():
        raise InputError(f"{source}: no sequences in it; {_REMEDY}")
    if fasta.suffix.lower() in (".gz", ".bgz", ".bz2", ".zip"):
        raise InputError(
            f"{source}: not compressed although its name ends in {fasta.suffix}; rename it"
        )


def first_fault(fasta: Path, *, source: str) -> str:
    """Return the first problem that keeps a FASTA file from being indexed, with its line."""
    with fasta.open("rb") as file:
        for number, problem in _faults(file):
            return f"{source}:{number}: {problem}"
    return f"{source}: cannot be indexed; {_REMEDY}, all lines of a record equally long"


def _faults(lines: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Yield the line number and the problem of what no FASTA index can express."""
    named: dict[bytes, int] = {}
    fold = _Fold()
    for number, line in enumerate(lines, start=1):
        if line.startswith(b">"):
            name = line[1:].split()[0] if line[1:].strip() else b""
            if not name:
                yield number, "a record without a name; write it after '>'"
            elif name in named:
                first = named[name]
                yield (
                    number,
                    f"record {_text(name)} again, as on line {first}; give each its own name",
                )
            named.setdefault(name, number)
            fold = _Fold(_text(name))
        elif named:
            problem = fold.add(number, line)
            if problem is not None:
                yield problem
        elif line.strip() and not line.startswith(b";"):
            yield number, f"this is not FASTA, it does not begin with '>'; {_REMEDY}"


class _Fold:
    """How the lines of one record are folded: all as long as the first, the last may be shorter.

    One blank line is suffered at the end.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._first = b""
        self._last: tuple[int, str] | None = None

    def add(self, number: int, line: bytes) -> tuple[int, str] | None:
        """Take the next line; return the number and problem of a line that breaks the fold."""
        bases, first = line.rstrip(b"\r\n"), self._first.rstrip(b"\r\n")
        blank = self._problem("is blank; remove it")
        if not bases and self._last == (number - 1, blank):
            return number, blank
        if bases and self._last is not None:
            return self._last
        if not line.isascii():
            return number, self._problem("has bytes that are no letters; remove them")
        if not bases:
            self._last = number, blank
        elif not first:
            self._first = line
        elif len(bases) > len(first):
            return number, self._problem(f"is longer than the first; {_FOLD_AGAIN}")
        elif len(bases) < len(first):
            shorter = f"is shorter than the first and not the last; {_FOLD_AGAIN}"
            self._last = number, self._problem(shorter)
        elif line.endswith(b"\n") and len(line) != len(self._first):
            return number, self._problem("ends unlike the first (CRLF and LF); convert the file")
        return None

    def _problem(self, what: str) -> str:
        """Return the problem of a line."""
        return f"this line of record {self._name} {what}"


def _text(name: bytes) -> str:
    """Return a record's name for a message."""
    return name[:80].decode("utf-8", "backslashreplace")
