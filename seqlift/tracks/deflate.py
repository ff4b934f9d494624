"""Bytes compressed as zlib does, for scores: Huffman codes for each byte plane, and no searching.

Scores are floats, whose lower bytes are as good as random: zlib searches them for repeats in vain,
which is nearly all of its time. Here each byte plane of a chunk (HDF5's shuffle filter puts the
first bytes of all numbers first, then the second, ...) is a block of its own, stored as it is where
codes would not shorten it. Every reader of zlib reads it, and the bytes depend on the input only,
not on the machine or a library's version. Format: RFC 1950, RFC 1951. docs/decisions/0025.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.system.compiled import inner, kernel
from seqlift.tracks.huffman import CODES, END_OF_BLOCK, byte_codes
from seqlift.tracks.planes import Bytes, Counts, Places, Words, planes_of

STREAM_HEADER, STREAM_WIDTHS = np.array([0x78, 0x01]), np.array([8, 8])
"""A zlib stream of a 32 kB window, compressed fast."""

STORED_MOST = 65_535
"""Bytes in a stored block, at most."""

HEADER_WIDTHS = np.array([17, *[3] * 19, *[4] * (CODES + 2)])
"""Bits of a block before its first code: its kind, and the lengths of codes."""

BLOCK_HEADER_BITS = int(HEADER_WIDTHS.sum())

WORTH = 64
"""A plane is stored unless codes save one byte in so many: stored bytes are read at once."""


def compressed(data: bytes | NDArray[Any], *, planes: bool = False) -> bytes:
    """Compress bytes, or the items of an array, to a zlib stream.

    Parameters
    ----------
    data
        Bytes, or a contiguous array.
    planes
        Whether to apply HDF5's shuffle filter first: the first bytes of all items, then the second.
    """
    items = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data.reshape(-1)
    size = items.itemsize if planes else 1
    words = items.view(np.dtype(f"u{size}"))
    out, _ = _streams(words, np.array([len(words)]))
    return out.tobytes()


def compressed_pieces(data: bytes | bytearray, sizes: Sequence[int]) -> tuple[Bytes, Counts]:
    """Compress consecutive pieces of `data` to a stream each: all streams, and where each ends."""
    return _streams(np.frombuffer(data, np.uint8), np.array(sizes))


def _streams(words: Words, sizes: Counts) -> tuple[Bytes, Counts]:
    planes, counts, checks, places, found = planes_of(words, sizes)
    lengths, codes, bits = byte_codes(counts)
    blocks = bits.size
    most = len(planes) + 5 * (len(planes) // STORED_MOST) + blocks * (22 + BLOCK_HEADER_BITS)
    out, ends = np.empty(most, np.uint8), np.empty(len(sizes), np.int64)
    _deflate(planes, sizes, lengths, codes, bits, checks, places, found, out, ends)
    return out[: ends[-1]], ends


@inner
def _append(values: Counts, widths: Counts, out: Bytes, state: Counts) -> None:
    """Append values of so many bits; `state` is a rest of bits, their number, and the place."""
    held, count, at = state[0], state[1], state[2]
    for i in range(len(values)):
        held |= values[i] << count
        count += widths[i]
        while count >= 8:
            out[at] = held & 255
            held >>= 8
            count -= 8
            at += 1
    state[0], state[1], state[2] = held, count, at


@inner
def _store(plane: Bytes, out: Bytes, state: Counts, last: bool) -> None:
    """Append a plane as it is, in blocks that begin at a byte."""
    held, count, at = state[0], state[1], state[2]
    for start in range(0, max(len(plane), 1), STORED_MOST):
        stop = min(start + STORED_MOST, len(plane))
        held |= (1 if last and stop == len(plane) else 0) << count
        for _ in range(0, count + 3, 8):  # the kind, then up to a whole byte: RFC 1951, 3.2.4
            out[at] = held & 255
            held >>= 8
            at += 1
        held, count, size = 0, 0, stop - start
        out[at], out[at + 1] = size & 255, size >> 8
        out[at + 2], out[at + 3] = ~size & 255, (~size >> 8) & 255
        to, whence = np.uintp(at + 4), np.uintp(start)
        for i in range(np.uintp(size)):
            out[to + i] = plane[whence + i]
        at += 4 + size
    state[0], state[1], state[2] = held, count, at


@inner
def _block_header(lengths: Counts, last: bool, values: Counts) -> None:
    """List the kind of a block and the lengths of its codes, in fields of `HEADER_WIDTHS`."""
    # RFC 1951, 3.2.7: codes of its own; 257 of bytes and the end, 2 distances, 19 lengths
    values[0] = (1 if last else 0) | 2 << 1 | 1 << 8 | 15 << 13  # two distances, as readers expect
    for place in range(1, 20):
        # the first three would repeat lengths, which is not done
        values[place] = 0 if place < 4 else 4  # the lengths 0 to 15 in four bits each
    for symbol in range(CODES + 2):
        value = lengths[symbol] if symbol < CODES else 1  # of the distances, which nothing uses
        # the four bits turned round, as codes are packed from their first bit
        values[20 + symbol] = (value & 1) << 3 | (value & 2) << 1 | (value & 4) >> 1 | value >> 3


@inner
def _encode(plane: Bytes, codes: Counts, lengths: Counts, out: Bytes,
            state: Counts) -> int:  # fmt: skip
    """Append bytes four by four in their codes, up to a rest; find where it begins.

    Indices are without sign, as numba looks for negative ones at each use of the others.
    """
    held, count, at = np.uint64(state[0]), np.uint64(state[1]), np.uintp(state[2])
    fours, byte = np.uintp(len(plane) & ~3), np.uint64(255)
    both = np.empty(256, np.uint64)
    for symbol in range(256):
        both[symbol] = codes[symbol] << 8 | lengths[symbol]
    for i in range(np.uintp(0), fours, np.uintp(4)):  # no branch depends on the data
        first, second = both[plane[i]], both[plane[i + np.uintp(1)]]
        third, fourth = both[plane[i + np.uintp(2)]], both[plane[i + np.uintp(3)]]
        # in pairs, so that only the pair of pairs waits for the four before
        width = (first + second) & byte
        early = first >> np.uint64(8) | second >> np.uint64(8) << (first & byte)
        late = third >> np.uint64(8) | fourth >> np.uint64(8) << (third & byte)
        held |= (early | late << width) << count
        count += width + ((third + fourth) & byte)
        for k in range(8):  # more than are whole: the next four begin over the rest
            out[at + np.uintp(k)] = held >> np.uint64(8 * k) & byte
        at += count >> np.uint64(3)
        held >>= count & ~np.uint64(7)
        count &= np.uint64(7)
    state[0], state[1], state[2] = held, count, at
    return len(plane) & ~3


@inner
def _encode_few(plane: Bytes, places: Places, codes: Counts, lengths: Counts, out: Bytes,
                state: Counts) -> None:  # fmt: skip
    """Append bytes of which all but those at `places` are 0, which has a code of one bit, 0."""
    held, count, at = np.uint64(state[0]), np.uint64(state[1]), np.uintp(state[2])
    next_place, byte = np.uint64(0), np.uint64(255)
    both = np.empty(256, np.uint64)
    for symbol in range(256):
        both[symbol] = codes[symbol] << 8 | lengths[symbol]
    for k in range(np.uintp(len(places) + 1)):
        ended = k == np.uintp(len(places))
        place = np.uint64(len(plane)) if ended else np.uint64(places[k])
        count += place - next_place
        next_place = place + np.uint64(1)
        while count > np.uint64(40):  # zeros, most of which are held no more
            for j in range(8):
                out[at + np.uintp(j)] = held >> np.uint64(8 * j) & byte
            at += np.uintp(5)
            held >>= np.uint64(40)
            count -= np.uint64(40)
        entry = np.uint64(0) if ended else both[plane[place]]
        held |= entry >> np.uint64(8) << count
        count += entry & byte
        for j in range(8):
            out[at + np.uintp(j)] = held >> np.uint64(8 * j) & byte
        at += count >> np.uint64(3)
        held >>= count & ~np.uint64(7)
        count &= np.uint64(7)
    state[0], state[1], state[2] = held, count, at


@inner
def _coded(plane: Bytes, places: Places, few: bool, codes: Counts, lengths: Counts, last: bool,
           out: Bytes, state: Counts) -> None:  # fmt: skip
    """Append a plane in codes of these lengths."""
    header, rest = np.zeros(len(HEADER_WIDTHS), np.int64), len(plane)
    values, widths = np.zeros(4, np.int64), np.zeros(4, np.int64)
    _block_header(lengths, last, header)
    _append(header, HEADER_WIDTHS, out, state)
    if few and lengths[0] == 1:
        _encode_few(plane, places, codes, lengths, out, state)
    else:
        rest = _encode(plane, codes, lengths, out, state)
    for i in range(len(plane) - rest + 1):  # the bytes left, then the end of the block
        symbol = END_OF_BLOCK if rest + i == len(plane) else plane[rest + i]
        values[i], widths[i] = codes[symbol], lengths[symbol]
    _append(values, widths, out, state)


@kernel
def _deflate(
    planes: Bytes, sizes: Counts, lengths: Counts, codes: Counts, bits: Counts, checks: Counts,
    places: Places, found: Counts, out: Bytes, ends: Counts,
) -> None:  # fmt: skip
    """Fill `out` with a stream of each piece: see `planes_of` and `byte_codes`."""
    at, first, state = 0, 0, np.zeros(3, np.int64)
    for piece in range(len(sizes)):
        size, check = sizes[piece], checks[piece]
        own = places[first : first + max(found[piece], 0)]
        _append(STREAM_HEADER, STREAM_WIDTHS, out, state)
        for place in range(bits.shape[1]):
            plane, last = planes[at : at + size], place == bits.shape[1] - 1
            if bits[piece, place] and bits[piece, place] + BLOCK_HEADER_BITS < 8 * (
                size - size // WORTH
            ):
                block = codes[piece, place], lengths[piece, place]
                _coded(plane, own, found[piece] >= 0, *block, last, out, state)
            else:
                _store(plane, out, state, last)
            at += size
        ending = np.array([0, check[1] >> 8, check[1] & 255, check[0] >> 8, check[0] & 255])
        _append(ending, np.array([-state[1] & 7, 8, 8, 8, 8]), out, state)  # from a whole byte
        first, ends[piece] = first + size, state[2]
