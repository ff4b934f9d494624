"""Bases as letters, as codes and as one-hot rows; the tables below are the whole mapping.

Knows the alphabet; knows nothing of files, regions or models. Letters follow the IUPAC nucleotide
code (Cornish-Bowden 1985, doi:10.1093/nar/13.9.3021).

======================  ====  =======================
letter (either case)    code  one-hot row (A C G T)
======================  ====  =======================
A                       0     1 0 0 0
C                       1     0 1 0 0
G                       2     0 0 1 0
T, U                    3     0 0 0 1
N R Y S W K M B D H V   4     0 0 0 0
======================  ====  =======================
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from seqlift.errors import InputError
from seqlift.intervals import CHANNELS, UNKNOWN

FOREIGN = 255
"""What `lookup` gives for a byte that is not a nucleotide letter."""

_LETTERS_OF_CODES = b"ACGTN"


def _letter_table() -> NDArray[np.uint8]:
    table = np.full(256, FOREIGN, dtype=np.uint8)
    for letters, code in (("A", 0), ("C", 1), ("G", 2), ("TU", 3), ("NRYSWKMBDHV", UNKNOWN)):
        for letter in letters + letters.lower():
            table[ord(letter)] = code
    return table


_CODE_OF_BYTE = _letter_table()
_BYTE_OF_CODE = np.frombuffer(_LETTERS_OF_CODES, dtype=np.uint8)
_COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)
_ROW_OF_CODE = np.eye(UNKNOWN + 1, CHANNELS, dtype=np.uint8)


def lookup(bases: bytes) -> NDArray[np.uint8]:
    """Look up one code per byte, `FOREIGN` for bytes that are not a nucleotide letter.

    For readers that can name the place of a foreign letter better than `encode` can.
    """
    return _CODE_OF_BYTE[np.frombuffer(bases, dtype=np.uint8)]


def encode(bases: str | bytes) -> NDArray[np.uint8]:
    """Find the codes of a sequence, uint8 (L,): A C G T are 0 to 3, everything ambiguous is 4.

    Upper and lower case (soft-masked) letters are the same.

    Raises
    ------
    InputError
        When a letter is not an IUPAC nucleotide.
    """
    text = bases.encode("latin-1", "replace") if isinstance(bases, str) else bases
    codes = lookup(text)
    foreign = np.flatnonzero(codes == FOREIGN)
    if foreign.size:
        place = int(foreign[0])
        letter = bases[place] if isinstance(bases, str) else chr(text[place])
        raise InputError(
            f"sequence, base {place} (counted from 0): {letter!r} is not a nucleotide letter; "
            "use A, C, G, T, and N where the base is not known"
        )
    return codes


def decode(codes: NDArray[np.uint8]) -> str:
    """Write the letters of one sequence of codes (L,), N for code 4."""
    return _BYTE_OF_CODE[codes].tobytes().decode("ascii")


def one_hot(codes: NDArray[np.uint8], dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Make the one-hot rows (..., L, 4) of codes (..., L); N is four zeros."""
    return _ROW_OF_CODE.astype(dtype)[codes]


def sequence_one_hot(
    bases: str | bytes | Iterable[str | bytes], dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """Make the one-hot rows of letters, channels A C G T; N is four zeros.

    Parameters
    ----------
    bases
        A sequence, or several of one length: a list, an array or a column of a table.
    dtype
        Of the result, by default float32.

    Returns
    -------
    NDArray
        (L, 4) of one sequence, (N, L, 4) of several.

    Raises
    ------
    InputError
        A letter is not an IUPAC nucleotide, or the sequences are not of one length.
    """
    if isinstance(bases, str | bytes):
        return one_hot(encode(bases), dtype)
    several = list(bases)
    wrong = next((one for one in several if not isinstance(one, str | bytes)), None)
    if wrong is not None:
        raise InputError(f"sequences: {wrong!r} is not text; give letters such as 'ACGT'")
    sizes = [len(one) for one in several]
    differing = [row for row, size in enumerate(sizes) if size != sizes[0]]
    if differing:
        row = differing[0]
        raise InputError(
            f"sequences: number {row} (counted from 0) has {sizes[row]} bases, and number 0 has"
            f" {sizes[0]}; give sequences of one length"
        )
    if not several:
        raise InputError("sequences: there are none; give one or more")
    codes = []
    for row, one in enumerate(several):
        try:
            codes.append(encode(one))
        except InputError as error:
            raise InputError(f"number {row} (counted from 0): {error}") from error
    return one_hot(np.stack(codes), dtype)


def is_text(sequences: Any) -> bool:
    """Tell letters, one sequence or several, from arrays of numbers."""
    if isinstance(sequences, str | bytes):
        return True
    if isinstance(sequences, np.ndarray):
        return sequences.dtype.kind in "SUOT" and all(isinstance(one, str) for one in sequences)
    first = next(iter(sequences), None) if isinstance(sequences, Iterable) else None
    return isinstance(first, str | bytes)


def reverse_complement(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Compute the other strand of sequences of codes (..., L), read in its own direction."""
    return _COMPLEMENT[codes[..., ::-1]]


def codes_of(one_hot: NDArray[Any]) -> NDArray[np.uint8]:
    """Find the codes (..., L) of one-hot rows (..., L, 4); four zeros are N.

    Raises
    ------
    InputError
        When the last axis is not 4, or a row is neither one-hot nor zeros.
    """
    if one_hot.ndim < 2 or one_hot.shape[-1] != CHANNELS:
        raise InputError(
            f"one-hot array of shape {one_hot.shape}: its last axis is not 4; "
            "give (..., L, 4) with the bases in the order A C G T"
        )
    ones = np.count_nonzero(one_hot == 1, axis=-1)
    zeros = np.count_nonzero(one_hot == 0, axis=-1)
    wrong = np.argwhere((ones > 1) | (ones + zeros != CHANNELS))
    if wrong.size:
        place = tuple(int(axis) for axis in wrong[0])
        raise InputError(
            f"one-hot array, row {place}: {one_hot[place].tolist()} is neither a base nor N; "
            "a base is a single 1 among zeros, N is four zeros"
        )
    return np.where(ones == 1, one_hot.argmax(axis=-1), UNKNOWN).astype(np.uint8)


def hide_unknown(rows: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Repeat rows for every sequence (N, R, L, 4), zeros where a base of the sequence is N.

    Parameters
    ----------
    rows
        (N, R, L, 4), where N and L may be 1 for rows that are alike.
    codes
        The sequences, (N, L).
    """
    known = (codes < UNKNOWN)[:, np.newaxis, :, np.newaxis]
    return rows * known
