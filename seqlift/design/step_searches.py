"""Greedy and beam search: a step is an edit, and every edit is evaluated.

Knows candidates and spaces; knows nothing of sequences or models.
"""

from itertools import islice

from seqlift.design.candidates import Candidate, Space

PATIENCE = 3
"""Steps without a better sequence after which a beam ends."""

LEAST_GAIN = 1e-6
"""Relative to the score: less may be a rounding of float32, and a search could turn in circles."""


def is_better(one: Candidate, other: Candidate) -> bool:
    """Tell whether a candidate is better than another by more than rounding."""
    return one.value > other.value + LEAST_GAIN * max(1.0, abs(other.value))


def greedy(space: Space, first: Candidate, edits: int | None) -> Candidate:
    """Take the best edit of each step, until none raises the score or `edits` are made."""
    best, most = first, edits or space.most
    while most is None or best.step < most:
        move = next(space.moves(best), None)
        if move is None or not is_better(move, best):
            break
        best = move
    return best


def beam(space: Space, first: Candidate, edits: int | None, width: int) -> Candidate:
    """Keep the best `width` sequences after each edit, better than before or not.

    Ends after `edits`, or when `PATIENCE` steps have found no better one; no sequence is visited
    twice.
    """
    most = edits or space.most
    best, kept, waited = first, [first], 0
    seen = {first.codes.tobytes()}
    while waited < PATIENCE and (most is None or kept[0].step < most):
        found: dict[bytes, Candidate] = {}
        for one in kept:
            new = (move for move in space.moves(one) if move.codes.tobytes() not in seen)
            for move in islice(new, width):
                # two ways to one sequence: one of the beam, not two
                found.setdefault(move.codes.tobytes(), move)
        kept = sorted(found.values(), key=lambda move: -move.value)[:width]
        if not kept:
            break
        seen.update(move.codes.tobytes() for move in kept)
        waited = 0 if is_better(kept[0], best) else waited + 1
        best = kept[0] if is_better(kept[0], best) else best
    return best
