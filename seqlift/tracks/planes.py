"""The byte planes of numbers, and what a coder must know of them: how often each byte occurs.

The checksum, too, by compiled code: zlib's takes five times as long. Knows bytes; knows nothing of
codes or of files.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.system.compiled import inner, kernel

Bytes = NDArray[np.uint8]
Counts = NDArray[np.int64]
Places = NDArray[np.uint32]
Words = NDArray[np.unsignedinteger[Any]]

SAMPLE = 2048
"""Bytes of a plane that show whether it is as good as random: then all need not be counted."""

EVEN = 1.08
"""How often two bytes of a sample are equal, at most, 1 where all bytes are as frequent. Entropy is
at least Renyi's, 8 bits less log2 of this, so that codes save no more than one byte in 72."""

ADLER, SUMMED = 65_521, 4096
"""Modulus of the checksum (RFC 1950, 8.2), and the bytes of which it is taken at once: their sums
fit 32 bits with a sign, of which a processor adds up many at a time."""

PLACES = np.arange(SUMMED, dtype=np.int16)


def planes_of(words: Words, sizes: Counts) -> tuple[Bytes, Counts, Counts, Places, Counts]:
    """Split consecutive pieces of `words`, of these sizes, into planes.

    Returns
    -------
    planes
        Of each piece the lowest bytes of its words, then the second, ...
    counts : (pieces, planes, 257)
        How often each byte occurs in each plane, and 1; all 0 where codes would not shorten it.
    checks : (pieces, 2)
        The two sums of Adler-32 over the planes of a piece.
    places : (words,)
        From where a piece begins: the places in it of words that are not 0.
    found : (pieces,)
        How many there are, -1 where they are many or were not looked for.
    """
    planes = np.empty(words.nbytes, np.uint8)
    counts = np.zeros((len(sizes), words.itemsize, 257), np.int64)
    checks = np.empty((len(sizes), 2), np.int64)
    places, found = np.empty(len(words), np.uint32), np.full(len(sizes), -1)
    _survey(words, sizes, planes, counts, checks, places, found)
    return planes, counts, checks, places, found


def adler32(data: memoryview, value: int = 1) -> int:
    """Compute what `zlib.adler32` does: the checksum of bytes that follow those of `value`."""
    check = np.array([value & 0xFFFF, value >> 16])
    _check(np.frombuffer(data, np.uint8), check)
    return int(check[1]) << 16 | int(check[0])


@inner
def _split(words: Words, place: int, plane: Bytes) -> None:
    """Take the bytes of all words at one place, from the lowest."""
    shift = words.dtype.type(8 * place)
    for i in range(len(words)):
        plane[i] = words[i] >> shift & 255


@inner
def _count(plane: Bytes, counts: Counts, four: Counts) -> None:
    """Count how often each byte occurs: in four counts, as one waits where bytes repeat."""
    four[:] = 0
    whole = np.uintp(len(plane) & ~3)
    for i in range(np.uintp(0), whole, np.uintp(4)):
        four[0, plane[i]] += 1
        four[1, plane[i + np.uintp(1)]] += 1
        four[2, plane[i + np.uintp(2)]] += 1
        four[3, plane[i + np.uintp(3)]] += 1
    for i in range(whole, np.uintp(len(plane))):
        four[0, plane[i]] += 1
    counts[256] = 1
    for symbol in range(256):
        counts[symbol] = four[0, symbol] + four[1, symbol] + four[2, symbol] + four[3, symbol]


@inner
def _is_random(plane: Bytes, counts: Counts) -> bool:
    """Find out by a sample whether codes would not shorten a plane: see `EVEN`."""
    stride = np.uintp((len(plane) // SAMPLE - 1) | 1)  # odd: the bytes of numbers alternate
    if len(plane) < 4 * SAMPLE:
        return False
    counts[:] = 0
    for i in range(np.uintp(SAMPLE)):
        counts[plane[i * stride]] += 1
    pairs = 0
    for symbol in range(256):
        pairs += counts[symbol] * (counts[symbol] - 1)
    return pairs * 256 < EVEN * SAMPLE * (SAMPLE - 1)


@inner
def _add_to_check(plane: Bytes, check: Counts) -> None:
    """Add bytes to the two sums of Adler-32."""
    for first in range(np.uintp(0), np.uintp(len(plane)), np.uintp(SUMMED)):
        size = min(np.uintp(len(plane)) - first, np.uintp(SUMMED))
        one, by_place = np.int32(0), np.int32(0)
        for i in range(size):
            byte = np.int32(plane[first + i])
            one = np.int32(one + byte)
            by_place = np.int32(by_place + np.int32(byte * np.int32(PLACES[i])))
        check[1] = (check[1] + np.int64(size) * (check[0] + one) - by_place) % ADLER
        check[0] = (check[0] + one) % ADLER


@inner
def _find_others(words: Words, places: Places) -> int:
    """List the places of words that are not 0; -1 where that is not worth it."""
    if words.itemsize == 1:
        return -1
    found = np.uintp(0)
    for i in range(np.uintp(len(words))):
        places[found] = i
        found += np.uintp(words[i] != 0)
    number = int(found)
    return number if 2 * number <= len(words) else -1


@inner
def _count_few(plane: Bytes, places: Places, counts: Counts) -> None:
    """Count bytes of which all but those at some places are 0."""
    for k in range(np.uintp(len(places))):
        counts[plane[places[k]]] += 1
    counts[0] += len(plane) - len(places)
    counts[256] = 1


@kernel
def _survey(words: Words, sizes: Counts, planes: Bytes, counts: Counts, checks: Counts,
            places: Places, found: Counts) -> None:  # fmt: skip
    first, at, four = 0, 0, np.empty((4, 256), np.int64)
    for piece in range(len(sizes)):
        own = words[first : first + sizes[piece]]
        there = places[first : first + sizes[piece]]
        checks[piece, 0], checks[piece, 1], found[piece] = 1, 0, _find_others(own, there)
        for place in range(counts.shape[1]):
            plane = planes[at : at + len(own)]
            _split(own, place, plane)
            _add_to_check(plane, checks[piece])
            if found[piece] >= 0:
                _count_few(plane, there[: found[piece]], counts[piece, place])
            elif not _is_random(plane, four[0]):
                _count(plane, counts[piece, place], four)
            at += len(own)
        first += len(own)


@kernel
def _check(data: Bytes, check: Counts) -> None:
    _add_to_check(data, check)
