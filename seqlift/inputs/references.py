"""References: the sequences a prediction is compared with, drawn from the sequence or from a file.

Knows codes, frequencies and seeds; knows nothing of regions, models or how references are used.

| kind | R | reference of a sequence |
|---|---|---|
| dinucleotide | 20 | shuffles, uniform among those with the same dinucleotide counts and ends |
| shuffle | 20 | shuffles, uniform among those with the same base counts |
| gc | 1 | the frequencies at/2 gc/2 gc/2 at/2 at every base, for one GC content |
| gc-each | 1 | the same, for the GC content of the sequence itself |
| zeros | 1 | zeros |
| uniform | 1 | a quarter for each base |
| (a file) | R | `.npy` (L, 4) or (R, L, 4), or R records of FASTA, the same for all |

Two laws hold for every kind. A base that is N in the sequence is N (zeros) in its references. A
draw depends on the run's seed, the kind, the sequence and the number k of the reference only:
neither on the batch nor on its order, and the first k of many are the k of few.
"""

import difflib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs.onehot import hide_unknown
from seqlift.inputs.own_references import FixedReferences, from_file
from seqlift.intervals import UNKNOWN

__all__ = [
    "KINDS",
    "LARGEST_SEED",
    "NUMBER",
    "EachGcReference",
    "FixedReferences",
    "References",
    "RowReference",
    "SharedReferences",
    "ShuffledReferences",
    "from_file",
    "gc_content",
    "gc_reference",
    "parse",
    "sequence_keys",
]

KINDS = ("dinucleotide", "shuffle", "gc", "gc-each", "zeros", "uniform")
"""The kinds `parse` knows by name."""

LARGEST_SEED = 2**64 - 1  # of eight bytes, the salt of `sequence_keys`
NUMBER = 20  # shuffles of each sequence, where no other number is asked for

Draw = NDArray[np.uint8] | NDArray[np.float32]


class References(Protocol):
    """The interface of every kind of reference."""

    @property
    def kind(self) -> str:
        """Name the kind, as the score file records it."""

    @property
    def number(self) -> int:
        """Count the references of each sequence, R."""

    @property
    def shared(self) -> bool:
        """Tell whether all sequences (without N) have the same references: see `common`."""

    def draw(self, codes: NDArray[np.uint8]) -> Draw:
        """Draw the references of sequences (N, L): codes (N, R, L) or rows (N, R, L, 4)."""


class SharedReferences(References, Protocol):
    """References that are the same for every sequence, but for its N."""

    def common(self, length: int) -> NDArray[np.float32]:
        """Make the rows (R, L, 4) of every sequence of this length that has no N."""


@dataclass(frozen=True, slots=True)
class ShuffledReferences:
    """Shuffled copies of each sequence, as codes; `kind` is "dinucleotide" or "shuffle"."""

    kind: str = "dinucleotide"
    number: int = NUMBER
    seed: int = 0
    shared: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.kind not in ("dinucleotide", "shuffle"):
            raise InputError(f"reference {self.kind}: not a shuffle; use dinucleotide or shuffle")
        if self.number < 1:
            raise InputError(f"references {self.number}: fewer than one; give 1 or more")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InputError(f"seed {self.seed}: not from 0 to {LARGEST_SEED}; give one that is")

    def draw(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Draw the shuffles of sequences (N, L) as codes (N, R, L)."""
        from seqlift.inputs import shuffle  # importing numba takes half a second

        draw = (
            shuffle.shuffle_dinucleotides if self.kind == "dinucleotide" else shuffle.shuffle_bases
        )
        return draw(codes, sequence_keys(codes, seed=self.seed, kind=self.kind), number=self.number)


@dataclass(frozen=True, slots=True)
class RowReference:
    """One row of base frequencies (A, C, G, T) at every base of every sequence."""

    kind: str
    frequencies: tuple[float, float, float, float]
    number: int = 1
    shared: bool = True

    def row(self) -> NDArray[np.float32]:
        """Compute the frequencies, (4,)."""
        return np.array(self.frequencies, dtype=np.float32)

    def common(self, length: int) -> NDArray[np.float32]:
        """Make the rows (1, L, 4) of every sequence of this length that has no N."""
        return np.tile(self.row(), (1, length, 1))

    def draw(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Make the rows of sequences (N, L), (N, 1, L, 4): zeros where the sequence is N."""
        return hide_unknown(self.common(codes.shape[1])[np.newaxis], codes)


@dataclass(frozen=True, slots=True)
class EachGcReference:
    """One row of base frequencies per sequence, from the GC content of its known bases."""

    kind: str = "gc-each"
    number: int = 1
    shared: bool = False

    def draw(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Make the rows of sequences (N, L), (N, 1, L, 4): zeros where the sequence is N."""
        strong = np.count_nonzero((codes == 1) | (codes == 2), axis=1)
        known = np.count_nonzero(codes < UNKNOWN, axis=1)
        gc = strong / np.maximum(known, 1)  # all N: its rows are hidden anyway
        at = 1 - gc
        rows = (np.stack([at, gc, gc, at], axis=-1) / 2).astype(np.float32)
        return hide_unknown(rows[:, np.newaxis, np.newaxis, :], codes)


def gc_reference(gc: float) -> RowReference:
    """Make the reference of background frequencies for a GC content between 0 and 1."""
    if not 0 < gc < 1:
        raise InputError(
            f"gc {gc:g}: not between 0 and 1; give a fraction such as 0.41, "
            "or use the reference gc-each"
        )
    at = 1 - gc
    return RowReference("gc", (at / 2, gc / 2, gc / 2, at / 2))


def gc_content(counts: NDArray[np.integer]) -> float:
    """Compute the fraction of G and C among the known bases.

    Parameters
    ----------
    counts
        How often each code was seen, (4,) or (5,) in the order A C G T (N).

    Raises
    ------
    InputError
        When no base is known.
    """
    known = int(counts[:UNKNOWN].sum())
    if known == 0:
        raise InputError("regions: all bases are N, so their GC content is unknown; give --gc")
    return int(counts[1] + counts[2]) / known


def parse(
    kind: str,
    *,
    number: int = NUMBER,
    seed: int = 0,
    gc: float | None = None,
    length: int | None = None,
) -> References:
    """Make the references of a kind by its name, or from a file by its path.

    Parameters
    ----------
    kind
        One of `KINDS`, or the path of a `.npy` or FASTA file.
    number
        R for the kinds that are drawn at random; the others have as many as they have.
    seed
        Seed of the run, 0 to 2**64 - 1.
    gc
        GC content, needed by "gc" and by no other kind.
    length
        Bases of the model's input, for checking a file; None when the model takes any.

    Raises
    ------
    InputError
        When the kind is unknown, or an argument does not fit it.
    """
    if gc is not None and kind != "gc":
        raise InputError(f"gc {gc:g}: not used by the reference {kind}; use the reference gc")
    if kind == "gc":
        if gc is None:
            raise InputError("reference gc: no GC content; give one, or measure it from regions")
        return gc_reference(gc)
    named: dict[str, Callable[[], References]] = {
        "dinucleotide": lambda: ShuffledReferences("dinucleotide", number, seed),
        "shuffle": lambda: ShuffledReferences("shuffle", number, seed),
        "gc-each": EachGcReference,
        "zeros": lambda: RowReference("zeros", (0.0, 0.0, 0.0, 0.0)),
        "uniform": lambda: RowReference("uniform", (0.25, 0.25, 0.25, 0.25)),
    }
    if kind in named:
        return named[kind]()
    if Path(kind).exists():
        return from_file(kind, length)
    near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]}?" if near else f"use {', '.join(KINDS)}, or a file"
    raise InputError(f"reference {kind}: no such kind, and no such file; {meant}")


def sequence_keys(codes: NDArray[np.uint8], *, seed: int, kind: str) -> NDArray[np.uint64]:
    """Compute the 64-bit key of each sequence (N, L), (N,): a BLAKE2b hash of seed, kind and codes.

    Equal sequences have equal keys; the keys of unequal ones are unrelated.
    """
    rows = np.ascontiguousarray(codes, dtype=np.uint8)
    salt, person = seed.to_bytes(8, "little"), kind.encode("ascii")
    # Salt and person keep seeds and kinds apart without changing what is hashed.
    digests = (
        hashlib.blake2b(row, digest_size=8, salt=salt, person=person).digest() for row in rows
    )
    # the same on every processor
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
