"""Constraints on designed sequences: flanks, bounds of the GC content, motifs not to have.

Knows codes; knows nothing of models or searches.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.design.forbidden import FOUND, Automaton, automaton_of
from seqlift.errors import InputError
from seqlift.inputs.onehot import encode
from seqlift.intervals import CHANNELS, UNKNOWN

Codes = NDArray[np.uint8]

IMPOSSIBLE = 1 << 20
"""Substitutions that no sequence needs."""

MOST_CHOICES = 400_000_000
"""Bytes of the table that the nearest sequence is read from."""

IS_GC = (0, 1, 1, 0)


@dataclass(frozen=True)
class Constraints:
    """Constraints of one sequence.

    `fixed` (L,) has the code of every base that stays and N elsewhere; `gc` are the least and the
    most bases that are G or C, None for any number; `forbidden` finds forbidden motifs.
    """

    fixed: Codes
    gc: tuple[int, int] | None = None
    forbidden: Automaton | None = None

    @property
    def free(self) -> NDArray[np.bool_]:
        """Mark the positions whose base may change."""
        return np.asarray(self.fixed == UNKNOWN)

    def keeps(self, codes: Codes) -> bool:
        """Tell whether a sequence keeps all constraints."""
        if (codes[~self.free] != self.fixed[~self.free]).any() or (codes == UNKNOWN).any():
            return False
        if self.gc is not None and not self.gc[0] <= gc_count(codes) <= self.gc[1]:
            return False
        return self.forbidden is None or not self.forbidden.finds(codes)

    def nearest(self, codes: Codes, draw: np.random.Generator) -> Codes:
        """Find the sequence with the fewest substitutions that keeps all constraints.

        By dynamic programming over positions, states of the automaton and the number of G and C so
        far; of equally near bases `draw` takes one. Raises InputError where there is none.
        """
        if self.keeps(codes):
            return codes
        after = (
            np.zeros((1, CHANNELS), np.int64) if self.forbidden is None else self.forbidden.after
        )
        most = 0 if self.gc is None else self.gc[1]
        check_choices(len(codes) * len(after) * (most + 1))
        left = np.zeros((len(after) + 1, most + 1), np.int32)  # the last state is `FOUND`
        left[FOUND] = IMPOSSIBLE
        if self.gc is not None:
            left[:, : self.gc[0]] = IMPOSSIBLE
        choices = np.zeros((len(codes), len(after), most + 1), np.uint8)
        for i in reversed(range(len(codes))):  # what is best after a position is known before it
            # argmin takes the first of equal costs: no base goes before others
            order = draw.permutation(CHANNELS)
            costs = [self.cost(codes, i, base, left, after[:, base]) for base in order]
            best = np.argmin(costs, axis=0)
            choices[i] = order[best]
            left[:-1] = np.min(costs, axis=0)
        if left[0, 0] >= IMPOSSIBLE:
            raise InputError(
                f"constraints: no sequence of {len(codes)} bases keeps the flanks, the bounds of GC"
                " content and the forbidden motifs together; relax one of them"
            )
        return self.walked(choices, after)

    def cost(
        self, codes: Codes, i: int, base: int, left: NDArray[Any], following: NDArray[np.int64]
    ) -> NDArray[Any]:
        """Count the substitutions from position i on, with a base there: (states, GC so far)."""
        if self.fixed[i] not in (UNKNOWN, base):
            return np.full((len(following), left.shape[1]), IMPOSSIBLE, np.int32)
        rest = left[following]
        if self.gc is not None and IS_GC[base]:
            rest = np.concatenate([rest[:, 1:], np.full_like(rest[:, :1], IMPOSSIBLE)], axis=1)
        return np.asarray(np.minimum(rest + int(codes[i] != base), IMPOSSIBLE))

    def walked(self, choices: NDArray[np.uint8], after: NDArray[np.int64]) -> Codes:
        """Read the chosen bases from the first position on."""
        state = so_far = 0
        found = np.zeros(len(choices), np.uint8)
        for i in range(len(choices)):
            base = int(choices[i, state, so_far])
            found[i], state = base, int(after[state, base])
            so_far += IS_GC[base] if self.gc is not None else 0
        return found


def gc_count(codes: Codes) -> int:
    return int(np.count_nonzero((codes == 1) | (codes == 2)))


def check_choices(choices: int) -> None:
    if choices > MOST_CHOICES:
        raise InputError(
            "constraints: too many forbidden motifs for a sequence of this length with bounds of"
            " its GC content; give fewer motifs, or no --gc-range"
        )


def constraints_of(
    start: Codes,
    *,
    left_flank: str | None = None,
    right_flank: str | None = None,
    gc_range: tuple[float, float] | None = None,
    forbid: Sequence[str] = (),
) -> Constraints:
    """Make the constraints of the designs that begin from a sequence (L,).

    Raises InputError for constraints that no sequence can keep.
    """
    left, right = flank(left_flank, start, "left"), flank(right_flank, start[::-1], "right")
    if len(left) + len(right) >= len(start):
        raise InputError(
            f"--left-flank, --right-flank: {len(left)} and {len(right)} bases leave none of the"
            f" {len(start)} of the sequence to design; give shorter ones"
        )
    fixed = np.full(len(start), UNKNOWN, np.uint8)
    fixed[: len(left)] = left
    fixed[len(start) - len(right) :] = right[::-1]
    automaton = automaton_of(forbid) if forbid else None
    if automaton is not None:
        for name, part in (("left", left), ("right", right[::-1])):
            if automaton.finds(part):
                raise InputError(f"--{name}-flank: it has a forbidden motif; change one of them")
    return Constraints(fixed, gc_counts(gc_range, fixed), automaton)


def flank(wanted: str | None, start: Codes, side: str) -> Codes:
    """Read a flank, from the end of the sequence inwards: (bases,)."""
    if not wanted:
        return start[:0]
    if re.fullmatch("[0-9]{1,9}", wanted):
        kept = start[: int(wanted)]
        if len(kept) < int(wanted):
            raise InputError(
                f"--{side}-flank {wanted}: longer than the {len(start)} bases of the sequence; give"
                " fewer"
            )
    else:
        bases = bases_of(wanted, f"--{side}-flank")
        kept = bases[::-1] if side == "right" else bases
    if (kept == UNKNOWN).any():
        raise InputError(f"--{side}-flank {wanted}: it has an N; give A, C, G and T only")
    return kept


def bases_of(text: str, place: str) -> Codes:
    try:
        return encode(text)
    except InputError as error:
        raise InputError(f"{place} {text!r}: {error.problems[0]}") from error


def gc_counts(bounds: tuple[float, float] | None, fixed: Codes) -> tuple[int, int] | None:
    if bounds is None:
        return None
    low, high = bounds
    if not 0.0 <= low <= high <= 1.0:
        raise InputError(
            f"--gc-range {low:g}-{high:g}: not two fractions from 0 to 1 with the lower first; give"
            " such as 0.4-0.6"
        )
    size, own = len(fixed), gc_count(fixed)
    free = int((fixed == UNKNOWN).sum())
    # 0.1 * 30 is above 3 in floats
    least, most = ceil(low * size - 1e-9), floor(high * size + 1e-9)
    if max(least, own) > min(most, own + free):
        raise InputError(
            f"--gc-range {low:g}-{high:g}: no sequence of {size} bases has it: with its flanks, one"
            f" has {own} to {own + free} bases that are G or C; give a wider range"
        )
    return least, most
