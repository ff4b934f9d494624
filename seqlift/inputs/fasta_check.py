"""Say why a file cannot be read as FASTA: its kind by the first bytes, or the line at fault.

Knows the text of FASTA; knows nothing of indexes, regions, codes or who reads them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from seqlift.errors import InputError
from seqlift.inputs.fasta_bytes import FastaBytes, fasta_lines, is_bgzip, open_fasta
from seqlift.inputs.text import BOM, GZIP_MAGIC
from seqlift.system.paths import not_regular

_GIVE_FASTA = "give FASTA, plain or compressed by bgzip"
_FIRST_BYTES = 4096
_FOLD_AGAIN = "fold it again, for example with seqkit seq -w 60"

# First bytes of files that are often taken for a genome.
_NOT_FASTA = (
    (b"BZh", "this is compressed; bunzip2 it first"),
    (b"\xfd7zXZ", "this is compressed; unxz it first"),
    (b"\x28\xb5\x2f\xfd", "this is compressed; unzstd it first"),
    (b"PK\x03\x04", "this is a zip archive; unzip it first"),
    (b"\x43\x27\x41\x1a", "this is a 2bit file; convert it with twoBitToFa"),
    (b"\x1a\x41\x27\x43", "this is a 2bit file; convert it with twoBitToFa"),
    (b"version https://git-lfs", "this is a Git LFS pointer; fetch its content with git lfs pull"),
    (b"BAM\x01", "this is a BAM file; " + _GIVE_FASTA),
    (b"\xff\xfe", "this is UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "this is UTF-16 text; save it as UTF-8"),
    (b"@", "this looks like FASTQ or SAM; " + _GIVE_FASTA),
)


def check_fasta_kind(fasta: Path, *, source: str) -> None:
    """Raise InputError for a file whose first bytes are not those of FASTA."""
    try:
        if not fasta.exists():
            raise InputError(f"{source}: no such file; check the path")
        problem = not_regular(fasta)
        if problem is not None:
            raise InputError(f"{source}: {problem}; {_GIVE_FASTA}")
        head = _head(fasta, source)
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror}); {_GIVE_FASTA}") from error
    for magic, problem in _NOT_FASTA:
        if head.startswith(magic):
            raise InputError(f"{source}: {problem}")
    if not head.removeprefix(BOM).strip():
        raise InputError(f"{source}: no sequences in it; {_GIVE_FASTA}")


def _head(fasta: Path, source: str) -> bytes:
    """Read the first bytes of the text; refuse a compression that is read from its start only."""
    with fasta.open("rb") as file:
        head = file.read(_FIRST_BYTES)
    if not head.startswith(GZIP_MAGIC):
        return head
    if not is_bgzip(head):  # plain gzip can only be read from its start
        raise InputError(
            f"{source}: compressed by gzip, which cannot be read from the middle; gunzip it, and"
            " compress it with bgzip if it is to stay small"
        )
    opened = open_fasta(fasta, source=source)
    try:
        return opened.read(0, _FIRST_BYTES)
    finally:
        opened.close()


def first_fault(fasta: FastaBytes, *, source: str) -> str:
    """Find the first problem that keeps a FASTA file from being indexed, with its line."""
    for number, problem in _faults(fasta_lines(fasta)):
        return f"{source}:{number}: {problem}"
    return f"{source}: cannot be indexed; {_GIVE_FASTA}, all lines of a record equally long"


def _faults(text: Iterable[bytes]) -> Iterator[tuple[int, str]]:
    """Yield the line number and the problem of what no FASTA index can express."""
    named: dict[bytes, int] = {}
    fold = _Fold()
    for number, line in enumerate(text, start=1):
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
            yield number, f"this is not FASTA, it does not begin with '>'; {_GIVE_FASTA}"


class _Fold:
    """How the lines of one record are folded: all as long as the first, the last may be shorter.

    Blank lines may follow the last.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._first = b""
        self._ended: tuple[int, str] | None = None

    def add(self, number: int, line: bytes) -> tuple[int, str] | None:
        """Take the next line; return the number and problem of a line that breaks the fold."""
        bases, first = line.rstrip(b"\r\n"), self._first.rstrip(b"\r\n")
        if bases and self._ended is not None:
            return self._ended
        if not line.isascii():
            return number, self._problem("has bytes that are no letters; remove them")
        if not bases:
            self._ended = self._ended or (number, self._problem("is blank; remove it"))
        elif not first:
            self._first = line
        elif len(bases) > len(first):
            return number, self._problem(f"is longer than the first; {_FOLD_AGAIN}")
        elif len(bases) < len(first):
            shorter = f"is shorter than the first and not the last; {_FOLD_AGAIN}"
            self._ended = number, self._problem(shorter)
        elif line.endswith(b"\n") and len(line) != len(self._first):
            return number, self._problem("ends unlike the first (CRLF and LF); convert the file")
        return None

    def _problem(self, what: str) -> str:
        return f"this line of record {self._name} {what}"


def _text(name: bytes) -> str:
    return name[:80].decode("utf-8", "backslashreplace")
