"""Seqlets of a score file with the motifs that they match, and a table of these motifs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seqlift.inputs.meme import MemeMotif
from seqlift.inputs.onehot import decode
from seqlift.intervals import UNKNOWN
from seqlift.seqlets.calling import Called, call_windows
from seqlift.seqlets.motifs import background_of, best_matches
from seqlift.seqlets.seqlet_settings import SeqletSettings
from seqlift.tracks import layout
from seqlift.tracks.reading import StoredScores


@dataclass(frozen=True, slots=True)
class Seqlet:
    """A stretch of bases whose contributions stand out.

    Attributes
    ----------
    row
        Of the score file, from 0.
    chrom, start, end
        On the genome, 0-based half-open: the window, less bases at its ends whose contributions do
        not have the sign of its sum.
    name
        Of the region.
    score
        Sum of the contributions of the window; negative where they lower the prediction.
    p_value, q_value
        See `seqlift.seqlets.calling.Called`.
    sequence
        Bases of the genome's strand.
    motif, motif_p, strand
        The motif that matches best, ``.`` where none does, and the strand it matches on.
    """

    row: int
    chrom: str
    start: int
    end: int
    name: str
    score: float
    p_value: float
    q_value: float
    sequence: str
    motif: str = "."
    motif_p: float = 1.0
    strand: str = "."


@dataclass(frozen=True, slots=True)
class MotifCount:
    """A motif with its seqlets.

    Attributes
    ----------
    count, mean_score
        Number of seqlets that match it, and the mean of their scores.
    enrichment
        The share of seqlets that match it, to that of stretches of the same lengths, at random
        places of the same rows, that no seqlet overlaps; one is added to either count.
    """

    motif: str
    count: int
    mean_score: float
    enrichment: float


def seqlets_of(
    scores: StoredScores,
    motifs: Sequence[MemeMotif] = (),
    settings: SeqletSettings | None = None,
) -> tuple[list[Seqlet], list[MotifCount]]:
    """Call seqlets in a score file, in the order of its rows; count the motifs that they match.

    Contributions are read a block of rows at a time, several times over; what is held is a few
    numbers for each seqlet, and with motifs the bases of all rows.
    """
    chosen = settings or SeqletSettings()
    found: list[tuple[Called, int]] = []
    for sign in (1, -1):
        called = call_windows(
            lambda sign=sign: _blocks(scores, sign),  # type: ignore[misc]  # mypy infers no default
            width=chosen.width, rate=chosen.rate, seed=chosen.seed,
        )  # fmt: skip
        found.append((called, sign))
    seqlets = sorted(
        (
            seqlet
            for called, sign in found
            for seqlet in _placed(scores, called, sign, chosen.width)
        ),
        key=lambda one: (one.row, one.start),
    )
    if not motifs:
        return seqlets, []
    return _named(scores, seqlets, motifs, chosen)


def _blocks(scores: StoredScores, sign: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    step = layout.block_rows(scores.length, scores.contributions.dtype.name)
    for first in range(0, len(scores), step):
        yield first, sign * scores.file.tracks(slice(first, first + step))


def _placed(scores: StoredScores, called: Called, sign: int, width: int) -> Iterator[Seqlet]:
    """Put called windows on the genome, but those whose middle another row's window shows."""
    order = np.lexsort((called.start, called.row))
    regions = scores.regions
    starts, chroms, names = regions.start.to_numpy(), list(regions.chrom), list(regions.name)
    shown = regions.scored_start.to_numpy(), regions.scored_end.to_numpy()
    for i in order.tolist():
        row, first = int(called.row[i]), int(called.start[i])
        middle = starts[row] + first + width // 2
        # tiles overlap: each place is shown by one of them
        if not shown[0][row] <= middle < shown[1][row]:
            continue
        inside = slice(first, first + width)
        signed = np.flatnonzero(sign * scores.file.tracks(slice(row, row + 1))[0, inside] > 0)
        start, end = first + int(signed[0]), first + int(signed[-1]) + 1
        place = int(starts[row])
        bases = decode(_codes(scores, slice(row, row + 1))[0, start:end])
        yield Seqlet(
            row, chroms[row], place + start, place + end, names[row], sign * float(called.score[i]),
            float(called.p_value[i]), float(called.q_value[i]), bases,
        )  # fmt: skip


def _codes(scores: StoredScores, rows: slice) -> NDArray[np.uint8]:
    one_hot = scores.one_hot[rows]
    return np.where(one_hot.any(axis=2), one_hot.argmax(axis=2), UNKNOWN).astype(np.uint8)


def _named(
    scores: StoredScores,
    seqlets: list[Seqlet],
    motifs: Sequence[MemeMotif],
    settings: SeqletSettings,
) -> tuple[list[Seqlet], list[MotifCount]]:
    codes = _codes(scores, slice(None))
    starts = scores.regions.start.to_numpy()
    places = [(s.row, s.start - int(starts[s.row]), s.end - int(starts[s.row])) for s in seqlets]
    background = background_of(codes)
    matches = best_matches(codes, places, motifs, background)
    named = [
        replace(seqlet, motif=motifs[index].name, motif_p=float(p), strand="+" if forward else "-")
        if p <= settings.motif_p
        else seqlet
        for seqlet, index, p, forward in zip(
            seqlets, matches.motif, matches.p_value, matches.forward, strict=True
        )
    ]
    elsewhere = _other_places(codes, places, settings.seed)
    other = best_matches(codes, elsewhere, motifs, background)
    counts = []
    for index, motif in enumerate(motifs):
        own = [one.score for one in named if one.motif == motif.name]
        by_chance = int(((other.motif == index) & (other.p_value <= settings.motif_p)).sum())
        share = (len(own) + 1) / (len(named) + 1)  # never 0, nor over 0
        enrichment = share / ((by_chance + 1) / (len(elsewhere) + 1))
        mean = float(np.mean(own)) if own else 0.0
        counts.append(MotifCount(motif.name, len(own), mean, enrichment))
    return named, sorted(counts, key=lambda one: (-one.count, one.motif))


def _other_places(
    codes: NDArray[np.uint8], places: Sequence[tuple[int, int, int]], seed: int
) -> list[tuple[int, int, int]]:
    """Draw a stretch of each seqlet's length in its row, outside of seqlets, where one fits."""
    taken = np.zeros(codes.shape, dtype=bool)
    for row, start, end in places:
        taken[row, start:end] = True
    random, found = np.random.default_rng(seed), []
    for row, start, end in places:
        windows = np.lib.stride_tricks.sliding_window_view(taken[row], end - start)
        free = np.flatnonzero(~windows.any(axis=1))
        if len(free):
            first = int(random.choice(free))
            found.append((row, first, first + end - start))
    return found
