"""Shuffled copies of sequences that keep their dinucleotides, or only their bases.

Knows codes and random numbers; knows nothing of files, kinds of reference or models. Importing it
imports numba; the first call compiles (about 3 seconds, once per machine where a cache folder can
be written).

Dinucleotides
    Every sequence with the same dinucleotide counts and the same two ends is equally likely.
    A sequence is a trail that uses every edge of a multigraph once: vertices are the bases, edges
    the observed dinucleotides. Such trails are in one-to-one correspondence with (a tree of last
    exits towards the final base, an order of the other exits of each base); parallel edges only
    repeat each sequence equally often. The tree is drawn uniformly by loop-erased walks, the
    orders by Fisher and Yates, and the trail is then walked.
    Altschul & Erickson 1985, doi:10.1093/oxfordjournals.molbev.a040370 (the decomposition);
    Wilson 1996, doi:10.1145/237814.237880 (the uniform tree); Kandel et al. 1996,
    doi:10.1016/S0166-218X(97)81456-4 (that they fit together).

Unknown bases
    N never moves. For dinucleotides each maximal stretch without N is shuffled by itself, so its
    two ends stay and no dinucleotide is made or lost across an N. For single bases all known bases
    trade places with one another.

Random numbers
    The k-th copy draws from a stream of its own, addressed by (key of the sequence, k, first base
    of the stretch): SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195), bounded
    without bias by Lemire 2019, doi:10.1145/3230636. So the first copies of twenty are the copies
    of five, and neither neighbours nor order matter.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seqlift.system.compiled import inner, kernel

Codes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Shuffling = Callable[[Codes, Words, Codes], None]

# Compiled code reads these as constants. Everything below is unsigned on purpose: numba turns a
# mixture of uint64 and int64 into float64, and checks signed indices for negative values.
_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_TWO_32 = np.uint64(1 << 32)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, SplitMix64's increment
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)  # SplitMix64's finaliser: Stafford's variant 13
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)


@inner
def _mix(word: np.uint64) -> np.uint64:
    # a bijection, so unequal words stay unequal
    word = (word ^ (word >> _SHIFT_1)) * _MIX_1
    word = (word ^ (word >> _SHIFT_2)) * _MIX_2
    return word ^ (word >> _SHIFT_3)


@inner
def _stream(key: np.uint64, copy: int, first: int) -> np.uint64:
    """Compute the state from which one copy of the stretch that begins at `first` is drawn."""
    return _mix(key + _mix(np.uint64(copy) * _GOLDEN + np.uint64(first)))


@inner
def _below(bound: np.uint64, state: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Draw an unbiased integer in [0, bound), for a bound below 2**32, and the next state."""
    state += _GOLDEN
    product = (_mix(state) >> _HALF) * bound
    if (product & _LOW) < bound:
        rejected = (_TWO_32 - bound) % bound
        while (product & _LOW) < rejected:  # the few values by which some numbers would be likelier
            state += _GOLDEN
            product = (_mix(state) >> _HALF) * bound
    return product >> _HALF, state


@inner
def _permute(values: Codes, first: np.uint64, stop: np.uint64, state: np.uint64) -> np.uint64:
    """Permute values[first:stop] uniformly in place; return the next state."""
    left = stop - first
    while left > _ONE:
        chosen, state = _below(left, state)
        left -= _ONE
        here, there = first + left, first + chosen
        value = values[here]
        values[here] = values[there]
        values[there] = value
    return state


@inner
def _group_exits(codes: Codes, first: int, stop: int, exits: Codes, bounds: Words) -> None:
    """Sort the bases that follow each base: those after base b are exits[bounds[b]:bounds[b + 1]].

    Positions count from the first base of the stretch codes[first:stop], which has one exit less
    than bases. `bounds` has a sixth entry as working space.
    """
    for base in range(6):
        bounds[base] = _ZERO
    for i in range(first, stop - 1):
        bounds[codes[i] + 2] += _ONE
    for base in range(5):
        bounds[base + 1] += bounds[base]
    # bounds[b + 1] is where the exits of b begin; filling moves it to where they end.
    for i in range(first, stop - 1):
        base = codes[i] + 1
        exits[bounds[base]] = codes[i + 1]
        bounds[base] += _ONE


@inner
def _last_exits(
    exits: Codes, bounds: Words, root: np.uint8, last: Words, state: np.uint64
) -> np.uint64:
    """Draw for every base but `root` its last exit, a position in `exits`; return the next state.

    Wilson's algorithm: from each base not yet in the tree walk along random exits until the tree
    is met; the exit by which the walk left each base for the last time is the one to keep.
    """
    in_tree = 1 << root  # a set of bases, as bits
    for start in range(4):
        if bounds[start] == bounds[start + 1]:
            continue
        base = np.uint8(start)
        while not (in_tree >> base) & 1:
            chosen, state = _below(bounds[base + 1] - bounds[base], state)
            last[base] = bounds[base] + chosen  # overwritten on each visit, which erases the loops
            base = exits[last[base]]
        base = np.uint8(start)
        while not (in_tree >> base) & 1:
            in_tree |= 1 << base
            base = exits[last[base]]
    return state


@inner
def _order_exits(
    exits: Codes, bounds: Words, root: np.uint8, last: Words, state: np.uint64
) -> None:
    """Put the drawn last exit of each base last, and the others in random order, in place."""
    for base in range(4):
        first, stop = bounds[base], bounds[base + 1]
        if stop > first and base != root:
            stop -= _ONE
            value = exits[stop]
            exits[stop] = exits[last[base]]
            exits[last[base]] = value
        state = _permute(exits, first, stop, state)


@inner
def _walk(exits: Codes, starts: Words, first: int, stop: int, copy: Codes) -> None:
    base = copy[first]
    for i in range(first + 1, stop):
        step = starts[base]
        starts[base] = step + _ONE
        base = exits[step]
        copy[i] = base


@kernel
def _dinucleotides(codes: Codes, keys: Words, out: Codes) -> None:
    """Fill `out` (N, R, L), which holds copies of the sequences, with dinucleotide shuffles."""
    numbers, copies, length = out.shape
    grouped = np.empty(length, np.uint8)
    exits = np.empty(length, np.uint8)
    bounds = np.empty(6, np.uint64)
    last = np.empty(4, np.uint64)
    for n in range(numbers):
        first = 0
        while first < length:
            stop = first
            while stop < length and codes[n, stop] < 4:
                stop += 1
            if stop - first > 3:  # up to three bases there is no other arrangement
                _group_exits(codes[n], first, stop, grouped, bounds)
                root = codes[n, stop - 1]
                for k in range(copies):
                    for i in range(stop - first - 1):
                        # every copy begins from the same order, so that k alone decides it
                        exits[i] = grouped[i]
                    # With `first`, two equal stretches of one sequence are not shuffled alike.
                    state = _last_exits(exits, bounds, root, last, _stream(keys[n], k, first))
                    _order_exits(exits, bounds, root, last, state)
                    for base in range(4):
                        last[base] = bounds[base]
                    _walk(exits, last, first, stop, out[n, k])
            first = stop + 1


@kernel
def _single_bases(codes: Codes, keys: Words, out: Codes) -> None:
    """Fill `out` (N, R, L), which holds copies of the sequences, with single-base shuffles."""
    numbers, copies, length = out.shape
    known = np.empty(length, np.uint8)
    for n in range(numbers):
        for k in range(copies):
            number = 0
            for i in range(length):
                if codes[n, i] < 4:
                    known[number] = codes[n, i]
                    number += 1
            _permute(known, _ZERO, np.uint64(number), _stream(keys[n], k, 0))
            number = 0
            for i in range(length):
                if codes[n, i] < 4:
                    out[n, k, i] = known[number]
                    number += 1


def shuffle_dinucleotides(codes: Codes, keys: Words, *, number: int) -> Codes:
    """Draw `number` shuffles of each sequence, uint8 (N, R, L), uniform with its dinucleotides.

    Parameters
    ----------
    codes
        Sequences as codes, (N, L); 4 (N) never moves and separates the stretches shuffled.
    keys
        One uint64 per sequence, (N,): equal keys and equal sequences give equal shuffles.
    number
        R; the first of them do not depend on how many there are.
    """
    return _shuffled(_dinucleotides, codes, keys, number)


def shuffle_bases(codes: Codes, keys: Words, *, number: int) -> Codes:
    """Draw `number` shuffles of each sequence, uint8 (N, R, L), uniform with its base counts.

    Parameters are those of `shuffle_dinucleotides`.
    """
    return _shuffled(_single_bases, codes, keys, number)


def _shuffled(fill: Shuffling, codes: Codes, keys: Words, number: int) -> Codes:
    # Copies, because numba compiles anew for an array that is read-only or differs in layout.
    codes = np.array(codes, dtype=np.uint8, order="C")
    keys = np.array(keys, dtype=np.uint64, order="C")
    out = np.repeat(codes[:, np.newaxis, :], number, axis=1)
    fill(codes, keys, out)
    return out
