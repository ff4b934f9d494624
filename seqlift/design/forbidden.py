"""Motifs that a sequence must not have, as an automaton that reads it base by base.

Letters are the IUPAC nucleotide code (Cornish-Bowden 1985, doi:10.1093/nar/13.9.3021). The states
are the sets of motifs that may be under way, made by the subset construction (Rabin and Scott 1959,
doi:10.1147/rd.32.0114). Knows letters and codes; knows nothing of models.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.intervals import CHANNELS

IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "U": "T",
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip

MOST_STATES = 4096
"""Of an automaton; a motif of many N doubles them with each."""

FOUND = -1
"""The state after a motif."""

Pattern = tuple[frozenset[int], ...]
State = frozenset[tuple[Pattern, int]]


@dataclass(frozen=True)
class Automaton:
    """The state after each base, (states, 4), `FOUND` where it ends a motif; 0 is the first."""

    after: NDArray[np.int64]

    def finds(self, codes: NDArray[np.uint8]) -> bool:
        """Tell whether a sequence of codes (L,) has a motif; N is part of none."""
        after, state = self.after.tolist(), 0
        for code in codes.tolist():
            state = after[state][code] if code < CHANNELS else 0
            if state == FOUND:
                return True
        return False


def automaton_of(motifs: Sequence[str]) -> Automaton:
    """Make the automaton of motifs on either strand.

    Raises InputError for a motif that is empty or has another letter, and for too many states.
    """
    patterns = [one for motif in motifs for one in both_strands(motif)]
    states: dict[State, int] = {frozenset(): 0}
    queue, rows = [frozenset[tuple[Pattern, int]]()], []
    for state in queue:
        row = []
        for base in range(CHANNELS):
            following = state_after(state, base, patterns)
            if following is not None and following not in states:
                states[following] = len(states)
                queue.append(following)
            row.append(FOUND if following is None else states[following])
        rows.append(row)
        if len(states) > MOST_STATES:
            raise InputError(
                f"--forbid: {len(motifs)} motifs with too many letters that stand for several"
                " bases; give fewer, or shorter ones"
            )
    return Automaton(np.array(rows, np.int64))


def state_after(state: State, base: int, patterns: Sequence[Pattern]) -> State | None:
    """Read a base: the motifs under way after it, None where one is complete."""
    under_way = [*state, *((pattern, 0) for pattern in patterns)]
    going = {(pattern, place + 1) for pattern, place in under_way if base in pattern[place]}
    complete = any(place == len(pattern) for pattern, place in going)
    return None if complete else frozenset(going)


def both_strands(motif: str) -> tuple[Pattern, Pattern]:
    """Read a motif, and the motif as the other strand has it."""
    letters = motif.strip().upper()
    wrong = [letter for letter in letters if letter not in IUPAC]
    if wrong or not letters:
        what = f"{wrong[0]!r} is not an IUPAC letter" if wrong else "no letters"
        raise InputError(f"--forbid {motif!r}: {what}; give bases such as GAATTC or GANTC")
    forward = tuple(frozenset("ACGT".index(base) for base in IUPAC[one]) for one in letters)
    # In the order A C G T the complement of a base is its mirror image.
    backward = tuple(frozenset(CHANNELS - 1 - base for base in one) for one in reversed(forward))
    return forward, backward
