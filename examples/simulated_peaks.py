"""The simulated experiment of the DeepLIFT paper: motifs planted into random sequences.

Knows how a sequence of the demonstration is made: background bases, and instances of two
transcription factor motifs planted into them. Knows nothing of genomes, files or networks; needs
NumPy only.

The recipe is that of Shrikumar, Greenside and Kundaje 2017 (Learning Important Features Through
Propagating Activation Differences, ICML): 200 bases at background frequencies 0.3, 0.2, 0.2, 0.3
with one to three instances of GATA1, of TAL1, of both or of neither. Here

- the motifs are those of HOCOMOCO v12 (Vorontsov et al. 2024, Nucleic Acids Research 52: D154),
  typed in below as counts; the paper's are from ENCODE. For TAL1 it is the E-box form, subtype 2:
  the first subtype holds AGATAA, the GATA1 site, because the two proteins bind as one complex, and
  no network could tell the tasks apart by it;
- an instance lies on either strand, as in a real genome; the paper plants them as they are;
- an instance is drawn again until it has `LEAST_BITS`, so that what is called planted can be seen.

Every random number comes from `Generator.random` of a seeded PCG64, so the same seed gives the
same sequences, to the base, on every machine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BACKGROUND = np.array([0.3, 0.2, 0.2, 0.3])
SEQUENCE_LENGTH = 200
LEAST_BITS = 10.0
"""Log-odds of the weakest instance planted: chance reaches it once in 5,000 places or fewer."""

COPIES = np.array([3 / 8, 3 / 8, 2 / 8])
"""How often 1, 2 and 3 instances are planted: a Poisson number of mean 2, kept from 1 to 3."""

CLASSES = ((True, True), (True, False), (False, True), (False, False))
"""Whether GATA1 and TAL1 are planted, for the four kinds of sequence."""

Codes = NDArray[np.uint8]
"""Bases as numbers: A 0, C 1, G 2, T 3."""


@dataclass(frozen=True)
class Motif:
    """A position frequency matrix: `counts` has a row per position, columns A C G T."""

    name: str
    counts: NDArray[np.int_]

    @property
    def width(self) -> int:
        """Return the number of bases the motif covers."""
        return len(self.counts)

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Return the counts as frequencies, (width, 4); each row sums to one."""
        return self.counts / self.counts.sum(axis=1, keepdims=True)

    @property
    def log_odds(self) -> NDArray[np.float64]:
        """Return log2(frequency / background), (width, 4), with one thousandth added to each."""
        smoothed = (self.frequencies + 0.001) / 1.004
        return np.log2(smoothed / BACKGROUND)

    def bits(self, instances: Codes) -> NDArray[np.float64]:
        """Return how strongly each of (N, width) instances resembles the motif, (N,)."""
        return self.log_odds[np.arange(self.width), instances].sum(axis=1)


GATA1 = Motif(
    # GATA1.H12CORE.0.P.B, 1,000 sites, without the nine all but plain positions before these
    name="GATA1",
    counts=np.array(
        [
            [95, 506, 320, 79],
            [640, 57, 3, 300],
            [0, 0, 1000, 0],
            [1000, 0, 0, 0],
            [2, 2, 5, 991],
            [941, 7, 4, 48],
            [849, 14, 118, 19],
            [99, 175, 685, 41],
            [281, 205, 458, 56],
        ]
    ),
)
TAL1 = Motif(
    # TAL1.H12CORE.2.P.B, 1,020 sites
    name="TAL1",
    counts=np.array(
        [
            [277, 452, 190, 101],
            [604, 128, 128, 160],
            [210, 67, 660, 83],
            [295, 178, 519, 28],
            [606, 139, 116, 159],
            [687, 75, 169, 89],
            [496, 103, 393, 28],
            [16, 971, 21, 12],
            [969, 10, 10, 31],
            [22, 116, 811, 71],
            [372, 441, 164, 43],
            [90, 35, 48, 847],
            [73, 29, 817, 101],
            [86, 241, 370, 323],
        ]
    ),
)
MOTIFS = (GATA1, TAL1)


@dataclass(frozen=True)
class Instance:
    """One planted motif instance; `start` and `end` are 0-based half-open, `bits` its log-odds."""

    motif: Motif
    start: int
    strand: str
    bits: float

    @property
    def end(self) -> int:
        """Return the position after the last base."""
        return self.start + self.motif.width


def stream(*seed: int) -> np.random.Generator:
    """Return a generator of random numbers of its own for these seeds."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))


def choices(
    frequencies: NDArray[np.float64], shape: int | tuple[int, ...], rng: np.random.Generator
) -> Codes:
    """Return an array of this shape of numbers 0, 1, ... drawn with these frequencies."""
    # the last bound is left out, so that rounding can never give a number too many
    return np.searchsorted(np.cumsum(frequencies)[:-1], rng.random(shape), side="right").astype(
        np.uint8
    )


def whole_numbers(number: int, below: int, rng: np.random.Generator) -> NDArray[np.int_]:
    """Return `number` whole numbers from 0 to `below` - 1, each equally likely."""
    return (rng.random(number) * below).astype(int)


def reverse_complement(codes: Codes) -> Codes:
    """Return (L,) codes read from the other strand."""
    return (3 - codes[::-1]).astype(np.uint8)


def draw_instances(motif: Motif, number: int, rng: np.random.Generator) -> Codes:
    """Return (number, width) instances drawn from the motif, each of at least `LEAST_BITS`."""
    kept = np.empty((0, motif.width), dtype=np.uint8)
    while len(kept) < number:
        drawn = np.stack([choices(row, 2 * number, rng) for row in motif.frequencies], axis=1)
        kept = np.concatenate([kept, drawn[motif.bits(drawn) >= LEAST_BITS]])
    return kept[:number]


def simulate(
    planted: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Codes, list[tuple[Instance, ...]]]:
    """Return sequences with motifs planted in them, and what was planted where.

    Parameters
    ----------
    planted
        (N, 2), whether GATA1 and TAL1 are to be planted in each sequence.
    rng
        Where the random numbers come from.

    Returns
    -------
    codes
        (N, 200) bases.
    instances
        N tuples in the order of start; none overlaps another.
    """
    codes = choices(BACKGROUND, (len(planted), SEQUENCE_LENGTH), rng)
    copies = planted * (1 + choices(COPIES, planted.shape, rng).astype(int))
    pools = [
        iter(draw_instances(motif, int(total), rng))
        for motif, total in zip(MOTIFS, copies.sum(axis=0), strict=True)
    ]
    return codes, [
        _plant(row, list(np.repeat(range(len(MOTIFS)), number)), pools, rng)
        for row, number in zip(codes, copies, strict=True)
    ]


def _plant(
    row: Codes, wanted: list[int], pools: Sequence[Iterator[Codes]], rng: np.random.Generator
) -> tuple[Instance, ...]:
    """Write one instance of each wanted motif into the row, in random order, and return them."""
    order = [wanted[i] for i in np.argsort(rng.random(len(wanted)))]
    free = len(row) - sum(MOTIFS[i].width for i in order)
    gaps = np.sort(whole_numbers(len(order), free + 1, rng))
    on_minus = rng.random(len(order)) < 0.5
    instances, used = [], 0
    for which, gap, minus in zip(order, gaps, on_minus, strict=True):
        motif, bases, start = MOTIFS[which], next(pools[which]), int(gap) + used
        row[start : start + motif.width] = reverse_complement(bases) if minus else bases
        bits = float(motif.bits(bases[np.newaxis])[0])
        instances.append(Instance(motif, start, "-" if minus else "+", bits))
        used += motif.width
    return tuple(instances)
