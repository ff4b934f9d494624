"""Sequences written in the code of motifs: which stand where in a shuffled background.

An edit puts the consensus of a motif on either strand. Motifs neither overlap nor lie on bases that
stay. Knows motifs and constraints; knows nothing of files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from seqlift.design.candidates import Candidate, Codes
from seqlift.design.constraints import Constraints
from seqlift.design.objective import Objective
from seqlift.errors import InputError
from seqlift.inputs.meme import MemeMotif
from seqlift.inputs.onehot import reverse_complement
from seqlift.inputs.references import ShuffledReferences

MOST_MOTIFS = 8

NOWHERE = 0
"""The choice to place nothing, before those of words and places."""


@dataclass(frozen=True)
class Word:
    """A motif as it is placed on one strand: the bases (width,)."""

    name: str
    codes: Codes


def placeable_words(motifs: Sequence[MemeMotif], length: int) -> tuple[Word, ...]:
    """Write each motif for both strands; raises InputError for one longer than the sequence."""
    longest = max(motifs, key=lambda motif: len(motif.probabilities))
    if len(longest.probabilities) > length:
        raise InputError(
            f"--motifs: motif {longest.name} has {len(longest.probabilities)} positions, and"
            f" sequences have {length} bases; leave it out"
        )
    return tuple(
        Word(f"{motif.name}({strand})", codes)
        for motif in motifs
        for strand, codes in (
            ("+", motif.consensus),
            ("-", reverse_complement(motif.consensus)),
        )
    )


@dataclass(frozen=True)
class Placements:
    """The space of sequences with words placed in a background, shuffled with a seed."""

    objective: Objective
    constraints: Constraints
    words: tuple[Word, ...]
    seed: int = 0
    most: int = MOST_MOTIFS

    def first(self, codes: Codes, draw: np.random.Generator) -> Candidate:
        shuffled = ShuffledReferences("dinucleotide", 1, self.seed).draw(codes[None])[0, 0]
        kept = self.constraints.nearest(shuffled, draw)
        value = float(self.objective.values(kept[None])[0])
        return Candidate(kept, value, "shuffled", code=~self.constraints.free)

    def shaken(self, first: Candidate, edits: int | None, draw: np.random.Generator) -> Candidate:
        candidate = first
        for _ in range(max((edits or self.most) // 2, 1)):
            for place in draw.permutation(len(first.codes) * len(self.words))[: len(self.words)]:
                moved = self.placed(candidate, *divmod(int(place), len(first.codes)))
                if moved is not None:
                    candidate = moved
                    break
        value = float(self.objective.values(candidate.codes[None])[0])
        return replace(candidate, value=value)

    def placed(self, candidate: Candidate, number: int, start: int) -> Candidate | None:
        """Place a word, without its value; None where it does not fit."""
        word = self.words[number]
        place = slice(start, start + len(word.codes))
        taken = candidate.code
        if start + len(word.codes) > len(taken) or taken[place].any():
            return None
        codes, now_taken = candidate.codes.copy(), taken.copy()
        codes[place], now_taken[place] = word.codes, True
        if not self.constraints.keeps(codes):
            return None
        edit = f"{word.name}@{start}"
        return Candidate(codes, np.nan, edit, candidate, candidate.step + 1, now_taken)

    def moves(self, candidate: Candidate) -> Iterator[Candidate]:
        values = self.objective.replaced(candidate.codes, *self.windows(candidate.codes))
        for place in np.argsort(-values, axis=None, kind="stable"):
            start, number = divmod(int(place), len(self.words))
            moved = self.placed(candidate, number, start)
            if moved is not None:
                yield replace(moved, value=float(values[start, number]))

    def windows(self, codes: Codes) -> tuple[list[int], NDArray[np.uint8]]:
        """Make the windows that hold each word at each place: (L, words, widest)."""
        widest = max(len(word.codes) for word in self.words)
        # one width is one program
        starts = [min(place, len(codes) - widest) for place in range(len(codes))]
        own = sliding_window_view(codes, widest)[starts]
        windows = np.repeat(own[:, None], len(self.words), axis=1)
        for number, word in enumerate(self.words):
            for place in range(len(codes) - len(word.codes) + 1):
                within = place - starts[place]
                windows[place, number, within : within + len(word.codes)] = word.codes
        return starts, windows

    def relaxed(self, first: Candidate, draw: np.random.Generator) -> "PlacedWords":
        del draw
        choices = 1 + len(self.words) * len(first.codes)
        return PlacedWords(np.zeros((self.most, choices)), self, self.unplaced(first))

    def unplaced(self, candidate: Candidate) -> Candidate:
        """Find the background of a candidate: its first ancestor."""
        return candidate.path()[0]


@dataclass
class PlacedWords:
    """A distribution of the choices of each slot, `theta` (slots, 1 + words * L).

    A choice is nothing, or a word and a place; slots choose one after another, from what does not
    overlap what others chose.
    """

    theta: NDArray[np.float64]
    space: Placements
    background: Candidate
    bound: float = field(init=False)

    def __post_init__(self) -> None:
        self.bound = float(np.log(self.theta.shape[1])) + 2.0

    def sample(self, noise: float, draw: np.random.Generator) -> tuple[Codes, str, Any]:
        candidate = self.background
        for slot in self.theta:
            wanted = slot + noise * draw.gumbel(size=slot.shape)
            for choice in np.argsort(-wanted)[: 1 + len(self.space.words)]:
                if choice == NOWHERE:
                    break
                where = divmod(int(choice) - 1, len(candidate.codes))
                moved = self.space.placed(candidate, *where)
                if moved is not None:
                    candidate = moved
                    break
        return candidate.codes, edits_since(self.background, candidate), candidate.code

    def slope(self, gradient: NDArray[np.float64], code: Any) -> NDArray[np.float64]:
        """Estimate what each choice adds from the gradient: the natural gradient of the slots."""
        del code
        length, own = len(gradient), self.background.codes
        gains = np.zeros(self.theta.shape[1])
        relative = gradient - gradient[np.arange(length), own][:, None]
        for number, word in enumerate(self.space.words):
            width = len(word.codes)
            found = sum(
                relative[j : length - width + 1 + j, base] for j, base in enumerate(word.codes)
            )
            first = 1 + number * length
            gains[first : first + length - width + 1] = found
        shares = np.exp(self.theta - self.theta.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return np.asarray(gains - (shares * gains).sum(axis=1, keepdims=True))

    def scale(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Divide all choices of a slot alike, so that the largest gain stays the largest."""
        return np.asarray(squares.mean(axis=1, keepdims=True))

    def bounded(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        centred = theta - theta.mean(axis=1, keepdims=True)
        return np.asarray(np.clip(centred, -self.bound, self.bound))


def edits_since(background: Candidate, candidate: Candidate) -> str:
    """List all placements of a candidate in its background."""
    return ",".join(one.edit for one in candidate.path() if one.step > background.step)
