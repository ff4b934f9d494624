"""A FASTA file as chromosome sizes and bases in codes; what lies outside a chromosome is N.

Knows FASTA and its index, and whether a region fits; knows nothing of BED text, windows of a
model or one-hot rows.
"""

import difflib
import hashlib
import os
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs import fasta_check
from seqlift.inputs.fasta_bytes import open_fasta
from seqlift.inputs.fasta_index import IndexRecord, build_index, index_agrees, read_index
from seqlift.inputs.onehot import FOREIGN, lookup
from seqlift.inputs.text import signature
from seqlift.intervals import UNKNOWN, Region
from seqlift.system.closing import Closing

_MITOCHONDRIA = {"chrM": ("MT",), "M": ("MT",), "MT": ("chrM", "M"), "chrMT": ("chrM", "M")}
_SHORT_LINE = 4096  # bases of a line that is read whole, so that its end is looked at
_LINE_ENDS = b"\r\n"
_MOST_COMPARED = 10_000  # names beyond which comparing spellings takes longer than a user waits


class Genome(Closing):
    """A FASTA file, open for reading any interval; a context manager.

    One thread at a time may read from it.

    Attributes
    ----------
    path : pathlib.Path
        The FASTA file.
    sizes : dict of str to int
        Bases of every record, in the order of the file.
    """

    def __init__(self, path: str | os.PathLike[str], *, source: str | None = None) -> None:
        """Open a FASTA file by its index, `path` + ".fai", which is made when absent or outdated.

        The index is completed under another name and moved into place, so that jobs that start
        together do not disturb each other; where the folder cannot be written it is not kept.

        Parameters
        ----------
        path
            A FASTA file, plain or compressed by bgzip.
        source
            Name of the file in messages, where it is not the path.

        Raises
        ------
        InputError
            When the file is missing, no FASTA, or cannot be indexed: the line is named.
        """
        self.path = Path(path)
        self._source = str(path) if source is None else source
        fasta_check.check_fasta_kind(self.path, source=self._source)
        self._fasta = open_fasta(self.path, source=self._source)
        try:
            self._records = {record.name: record for record in self._index()}
        except BaseException:
            self._fasta.close()
            raise
        self._signature = signature(self.path)
        self.sizes: dict[str, int] = {name: one.size for name, one in self._records.items()}

    def fetch(self, chrom: str, start: int, end: int) -> NDArray[np.uint8]:
        """Read the codes of [start, end), uint8 (end - start,), 0-based and half-open.

        Bases outside the chromosome are N (4).

        Raises
        ------
        InputError
            When the chromosome is unknown, or a letter in the interval is not a nucleotide.
        """
        if chrom not in self.sizes:
            raise InputError(
                f"{self._source}: no record {chrom}; {missing_chromosome(chrom, self.sizes)}"
            )
        codes = np.full(end - start, UNKNOWN, dtype=np.uint8)
        first, stop = max(start, 0), min(end, self.sizes[chrom])
        if first < stop:
            codes[first - start : stop - start] = self._known(chrom, first, stop)
        return codes

    def index_text(self) -> str:
        """Write the index of the file, as `.fai`."""
        return "".join(map(str, self._records.values()))

    def check_unchanged(self) -> None:
        """Raise InputError where the file is no longer the one that was opened."""
        if signature(self.path) != self._signature:
            raise InputError(f"{self._source}: the file changed while it was read; run again")

    def digest(self) -> str:
        """Compute the SHA-256 of the records' names and sizes, in hexadecimal.

        It tells assemblies apart without reading the sequence; it does not cover the bases.
        """
        text = "".join(f"{name}\t{size}\n" for name, size in self.sizes.items())
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._fasta.close()

    def _known(self, chrom: str, start: int, end: int) -> NDArray[np.uint8]:
        """Read the codes of an interval inside a chromosome."""
        letters = self._letters(self._records[chrom], start, end)
        codes = lookup(letters)
        foreign = np.flatnonzero(codes == FOREIGN)
        if foreign.size:
            place = int(foreign[0])
            letter = letters[place : place + 1].decode("ascii", "backslashreplace").upper()
            raise InputError(
                f"{self._source}: {letter!r} at base {start + place} of {chrom} (counted "
                "from 0) is not a nucleotide letter; use A, C, G, T, and N where the base is not "
                "known"
            )
        return codes

    def _letters(self, record: IndexRecord, start: int, end: int) -> bytes:
        """Read the letters of an interval; raise InputError unless lines end where they should.

        Lines are read whole, with the line end before the first, so that an index of another fold
        is found though no line ends inside the interval. Of long lines the ends before and behind
        the interval are looked at by themselves.
        """
        width = record.line_bases
        first, last = start, end
        if width > _SHORT_LINE:
            self._check_ends(record, start, end)
        else:
            # out to whole lines
            first, last = start // width * width, min(-(-end // width) * width, record.size)
        before = int(0 < first == start // width * width)  # bytes of a line end
        place = record.place(first) - before
        raw = self._fasta.read(place, record.after(last))
        letters = raw.translate(None, _LINE_ENDS)
        wide, column = record.line_bytes, place - record.offset
        # Every line end must stand in its place: taken out unseen, each base could be one off.
        ends = [raw[(one - column) % wide :: wide] for one in range(width, wide)]
        whole = len(letters) == last - first and not any(one.strip(_LINE_ENDS) for one in ends)
        if not whole or len(raw) != len(letters) + sum(map(len, ends)):
            raise self._misplaced(record)
        return letters[start - first : end - first]

    def _check_ends(self, record: IndexRecord, start: int, end: int) -> None:
        """Raise InputError unless lines end before and behind those that hold an interval."""
        width = record.line_bases
        for edge in (start // width * width, -(-end // width) * width):
            if 0 < edge < record.size:
                place = record.place(edge)
                raw = self._fasta.read(place - (record.line_bytes - width), place)
                if not raw or raw.strip(_LINE_ENDS):
                    raise self._misplaced(record)

    def _misplaced(self, record: IndexRecord) -> InputError:
        return InputError(
            f"{self._source}: the lines of {record.name} do not end where its index has them:"
            " the file changed while it was read, or the index is of another; remove"
            f" {self.path}.fai and run again"
        )

    def _index(self) -> list[IndexRecord]:
        """Find the records of the FASTA file, by its index or, where that does not fit, anew."""
        kept = Path(f"{self.path}.fai")
        records = self._kept_index(kept)
        if records is not None:
            return records
        try:
            records = build_index(self._fasta)
        except ValueError as error:
            raise InputError(self._fault()) from error
        if sum(record.size for record in records) == 0:
            raise InputError(f"{self._source}: no bases in it; give sequences under its '>' lines")
        if not index_agrees(records, self._fasta):
            raise InputError(self._fault())
        with suppress(OSError):  # the folder cannot be written
            _write(records, kept)
        return records

    def _kept_index(self, path: Path) -> list[IndexRecord] | None:
        """Read an index that is not older than its FASTA file and describes it, None elsewise."""
        try:
            # made for an older version of the file
            if path.stat().st_mtime < self.path.stat().st_mtime:
                return None
            records = read_index(path)
        except (OSError, ValueError):
            return None
        return records if index_agrees(records, self._fasta) else None

    def _fault(self) -> str:
        return fasta_check.first_fault(self._fasta, source=self._source)


def _write(records: list[IndexRecord], path: Path) -> None:
    # A name of its own: jobs of a workflow that start together each make the index.
    unfinished = Path(f"{path}.{uuid.uuid4().hex}.partial")
    try:
        unfinished.write_text("".join(map(str, records)), "utf-8", newline="\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def missing_chromosome(name: str, sizes: Collection[str]) -> str:
    """End a message about an unknown chromosome: name what may have been meant.

    The name with or without "chr" first, then one that differs in case, then the nearest by
    spelling, else the first few of those there are.
    """
    swapped = name[3:] if name.lower().startswith("chr") else f"chr{name}"
    for guess in (swapped, f"chr{swapped}", *_MITOCHONDRIA.get(name, ())):
        if guess in sizes:
            return f"did you mean {guess}?"
    bare = {_bare(known): known for known in sizes} if len(sizes) <= _MOST_COMPARED else {}
    near = difflib.get_close_matches(_bare(name), bare, n=1, cutoff=0.75)
    if near:
        return f"did you mean {bare[near[0]]}?"
    first = ", ".join(list(sizes)[:3])
    more = f" and {len(sizes) - 3} more" if len(sizes) > 3 else ""
    return f"it has {first}{more}"


def _bare(name: str) -> str:
    return name.lower().removeprefix("chr")


def check_region(region: Region, sizes: Mapping[str, int], *, source: str) -> str | None:
    """Describe the problem of a region that is not inside a chromosome, or None.

    Parameters
    ----------
    region
        The region, with its line.
    sizes
        Size of every chromosome.
    source
        Name of the regions file, for the message.
    """
    size = sizes.get(region.chrom)
    place = f"{source}:{region.line}"
    if size is None:
        return (
            f"{place}: chromosome {region.chrom} is not in the genome; "
            f"{missing_chromosome(region.chrom, sizes)}"
        )
    if region.end > size:
        return (
            f"{place}: end {region.end} is past the end of {region.chrom} ({size}); "
            "take regions and genome from the same assembly"
        )
    return None
