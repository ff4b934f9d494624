"""Huffman codes of at most 14 bits, from how often each symbol occurs. Format: RFC 1951, 3.2.2.

Knows how often symbols occur; knows nothing of bytes, blocks or files.
"""

import numpy as np
from numpy.typing import NDArray

from seqlift.system.compiled import inner, kernel

Counts = NDArray[np.int64]

END_OF_BLOCK, CODES = 256, 257  # RFC 1951, 3.2.5; those of 257 and more are for repeats
LONGEST = 14
"""Bits of a code, at most: of the 15 that are allowed one less, so that four and a rest fit 63."""


def byte_codes(counts: Counts) -> tuple[Counts, Counts, Counts]:
    """Find codes for blocks of bytes.

    Parameters
    ----------
    counts : (..., 257)
        How often each byte occurs in a block, and its end; all 0 where no codes are wanted.

    Returns
    -------
    lengths, codes : (..., 257)
        Of each symbol; the first bit of a code is the lowest.
    bits : (...)
        What all symbols of a block take, 0 where no codes are wanted.
    """
    lengths, codes = np.zeros_like(counts), np.empty_like(counts)
    bits = np.zeros(counts.shape[:-1], np.int64)
    shape = (-1, CODES)
    _make_codes(
        counts.reshape(shape), lengths.reshape(shape), codes.reshape(shape), bits.reshape(-1)
    )
    return lengths, codes, bits


@inner
def _sorted(keys: Counts, used: int, most: int) -> Counts:
    """Sort keys that come in the order of symbols by weight, of `most` at most, byte by byte."""
    other, shift = np.empty_like(keys), 9
    while most >> (shift - 9):
        place = np.zeros(257, np.int64)
        for i in range(used):
            place[(keys[i] >> shift & 255) + 1] += 1
        for byte in range(256):
            place[byte + 1] += place[byte]
        for i in range(used):
            byte = keys[i] >> shift & 255
            other[place[byte]] = keys[i]
            place[byte] += 1
        keys, other, shift = other, keys, shift + 8
    return keys


@inner
def _depths(keys: Counts, used: int, depth: Counts) -> int:
    """Find how deep each of `used` leaves lies in Huffman's tree, and the deepest.

    Leaves come as sorted keys, weights times 512.
    """
    total, above = np.empty(2 * used, np.int64), np.empty(2 * used, np.int64)
    for i in range(used):
        total[i] = keys[i] >> 9
    leaf, joint, made = 0, used, used
    while made < 2 * used - 1:  # the two lightest become one
        total[made] = 0
        for _ in range(2):
            # of equal weights the leaf, which makes the tree least deep
            if leaf < used and (joint >= made or total[leaf] <= total[joint]):
                chosen = leaf
                leaf += 1
            else:
                chosen = joint
                joint += 1
            total[made] += total[chosen]
            above[chosen] = made
        made += 1
    depth[made - 1] = 0
    deepest = 0
    for node in range(made - 2, -1, -1):
        depth[node] = depth[above[node]] + 1
        deepest = max(deepest, depth[node])
    return deepest


@inner
def _code_lengths(counts: Counts, lengths: Counts) -> None:
    """Find the lengths of a Huffman code of at most `LONGEST` bits; 0 for what does not occur.

    Where the tree is deeper it is made again from halved counts, which are nearer one another.
    """
    keys, depth = np.empty(CODES, np.int64), np.empty(2 * CODES, np.int64)
    halved, deepest, used, most = 0, LONGEST + 1, 0, 0
    while deepest > LONGEST:
        used = 0
        for symbol in range(CODES):
            if counts[symbol]:
                # one number of both: ties are in the order of symbols, on every machine
                keys[used] = max(counts[symbol] >> halved, 1) * 512 + symbol
                most = max(most, counts[symbol])
                used += 1
        keys = _sorted(keys, used, most)
        deepest = _depths(keys, used, depth)
        halved += 1
    for symbol in range(CODES):
        lengths[symbol] = 0
    for i in range(used):
        lengths[keys[i] & 511] = depth[i]


@inner
def _codes(lengths: Counts, codes: Counts) -> None:
    """Make the canonical codes of their lengths, as deflate packs them: the first bit lowest."""
    following = np.zeros(LONGEST + 2, np.int64)  # the next code of each length, RFC 1951, 3.2.2
    for symbol in range(CODES):
        if lengths[symbol]:
            following[lengths[symbol] + 1] += 1
    for bits in range(1, LONGEST + 2):
        following[bits] = (following[bits - 1] + following[bits]) << 1 if bits > 1 else 0
    for symbol in range(CODES):
        bits = lengths[symbol]
        if bits:
            code = following[bits]
            following[bits] += 1
            for shift, every_other in ((1, 0x5555), (2, 0x3333), (4, 0x0F0F), (8, 0x00FF)):
                code = (code & every_other) << shift | code >> shift & every_other
            codes[symbol] = code >> (16 - bits)


@kernel
def _make_codes(counts: Counts, lengths: Counts, codes: Counts, bits: Counts) -> None:
    for block in range(len(bits)):
        if counts[block, END_OF_BLOCK]:
            _code_lengths(counts[block], lengths[block])
            _codes(lengths[block], codes[block])
            for symbol in range(CODES):
                bits[block] += counts[block, symbol] * lengths[block, symbol]
