"""A FASTA file as chromosome sizes and bases in codes; what lies outside a chromosome is N.

Knows FASTA and its index, and whether a region fits; knows nothing of BED text, windows of a
model or one-hot rows. The bases are read by pyfaidx, which gives no bases for a negative start
and fewer past the end, silently: clipping and padding are done here.
"""

import difflib
import hashlib
import os
import tempfile
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType

import numpy as np
import pyfaidx
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs import fasta_check
from seqlift.inputs.onehot import FOREIGN, UNKNOWN, lookup
from seqlift.inputs.regions import Region
from seqlift.inputs.text import signature
from seqlift.system import new_temporary_folder, temporary_errors

_MITOCHONDRIA = {"chrM": ("MT",), "M": ("MT",), "MT": ("chrM", "M"), "chrMT": ("chrM", "M")}
_MANY = 10_000  # names beyond which comparing spellings takes longer than a user waits


class Genome:
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
        together do not disturb each other; where the folder cannot be written it is kept in a
        temporary folder until `close`.

        Parameters
        ----------
        path
            An uncompressed FASTA file.
        source
            Name of the file in messages, where it is not the path.

        Raises
        ------
        InputError
            When the file is missing, compressed, no FASTA, or cannot be indexed: the line is named.
        """
        self.path = Path(path)
        self._source = str(path) if source is None else source
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        fasta_check.check_kind(self.path, source=self._source)
        try:
            self._fasta = _open(self.path, self._index())
        except BaseException:
            self._remove_folder()
            raise
        self._signature = signature(self.path)
        self.sizes: dict[str, int] = {
            name: int(record.rlen) for name, record in self._fasta.index.items()
        }

    def fetch(self, chrom: str, start: int, end: int) -> NDArray[np.uint8]:
        """Return the codes of [start, end), uint8 (end - start,), 0-based and half-open.

        Bases outside the chromosome are N (4).

        Raises
        ------
        InputError
            When the chromosome is unknown, or a letter in the interval is no nucleotide.
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

    def check_unchanged(self) -> None:
        """Raise InputError where the file is no longer the one that was opened."""
        if signature(self.path) != self._signature:
            raise InputError(f"{self._source}: the file changed while it was read; run again")

    def digest(self) -> str:
        """Return the SHA-256 of the records' names and sizes, in hexadecimal.

        It tells assemblies apart without reading the sequence; it does not cover the bases.
        """
        text = "".join(f"{name}\t{size}\n" for name, size in self.sizes.items())
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    def close(self) -> None:
        """Close the file, and remove an index that had to be temporary."""
        self._fasta.close()
        self._remove_folder()

    def __enter__(self) -> "Genome":
        """Return the genome itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def _known(self, chrom: str, start: int, end: int) -> NDArray[np.uint8]:
        """Return the codes of an interval inside a chromosome."""
        try:
            letters: str = self._fasta.fetch(chrom, start + 1, end)
            codes = lookup(letters.encode("ascii"))
        except UnicodeError as error:
            raise InputError(
                f"{self._source}: bytes in {chrom}:{start}-{end} are no letters; "
                "use A, C, G, T, and N where the base is not known"
            ) from error
        if codes.size != end - start:
            raise InputError(
                f"{self._source}: {chrom}:{start}-{end} gave {codes.size} bases, the file changed "
                "while it was read; run again"
            )
        foreign = np.flatnonzero(codes == FOREIGN)
        if foreign.size:
            place = int(foreign[0])
            raise InputError(
                f"{self._source}: {letters[place]!r} at base {start + place} of {chrom} (counted "
                "from 0) is not a nucleotide letter; use A, C, G, T, and N where the base is not "
                "known"
            )
        return codes

    def _index(self) -> Path:
        """Return a correct index of the FASTA file, made where there is none."""
        beside = Path(f"{self.path}.fai")
        if _is_current(beside, self.path):
            return beside
        unfinished = Path(f"{beside}.{uuid.uuid4().hex}.partial")
        try:
            _build(self.path, unfinished, source=self._source)
            unfinished.replace(beside)
        except OSError:  # the folder cannot be written
            self._folder = new_temporary_folder()
            beside = Path(self._folder.name) / "index.fai"
            with temporary_errors(beside.parent):
                _build(self.path, beside, source=self._source)
        finally:
            unfinished.unlink(missing_ok=True)
        return beside

    def _remove_folder(self) -> None:
        """Remove an index that had to be temporary."""
        if self._folder is not None:
            self._folder.cleanup()


def _open(path: Path, index: Path) -> pyfaidx.Faidx:
    """Return the reader of a FASTA file by an index that is known to be right."""
    return pyfaidx.Faidx(
        str(path),
        indexname=str(index),
        as_raw=True,
        sequence_always_upper=True,
        rebuild=False,
        build_index=False,
    )


def _is_current(index: Path, fasta: Path) -> bool:
    """Return whether an index exists, is not older than its FASTA file, and describes it."""
    try:
        if index.stat().st_mtime < fasta.stat().st_mtime:
            return False
        return fasta_check.index_agrees(fasta_check.read_index(index), fasta)
    except (OSError, ValueError):
        return False


def _build(fasta: Path, index: Path, *, source: str) -> None:
    """Write the index of a FASTA file; raise an `InputError` that names the line it fails at."""
    try:
        pyfaidx.Faidx(str(fasta), indexname=str(index)).close()
        records = fasta_check.read_index(index)
    except (pyfaidx.FastaIndexingError, ValueError, RuntimeError) as error:
        raise InputError(fasta_check.first_fault(fasta, source=source)) from error
    if sum(record.size for record in records) == 0:
        raise InputError(f"{source}: no bases in it; give sequences under its '>' lines")
    if not fasta_check.index_agrees(records, fasta):
        raise InputError(fasta_check.first_fault(fasta, source=source))


def missing_chromosome(name: str, sizes: Collection[str]) -> str:
    """Return the end of a message about an unknown chromosome: what may have been meant.

    The name with or without "chr" first, then one that differs in case, then the nearest by
    spelling, else the first few of those there are.
    """
    swapped = name[3:] if name.lower().startswith("chr") else f"chr{name}"
    for guess in (swapped, f"chr{swapped}", *_MITOCHONDRIA.get(name, ())):
        if guess in sizes:
            return f"did you mean {guess}?"
    bare = {_bare(known): known for known in sizes} if len(sizes) <= _MANY else {}
    near = difflib.get_close_matches(_bare(name), bare, n=1, cutoff=0.75)
    if near:
        return f"did you mean {bare[near[0]]}?"
    first = ", ".join(list(sizes)[:3])
    more = f" and {len(sizes) - 3} more" if len(sizes) > 3 else ""
    return f"there is {first}{more}"


def _bare(name: str) -> str:
    """Return what tells a chromosome from others: chrX and chrM have nothing in common."""
    return name.lower().removeprefix("chr")


def check_region(region: Region, sizes: Mapping[str, int], *, source: str) -> str | None:
    """Return the problem of a region that is not inside a chromosome, or None.

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
