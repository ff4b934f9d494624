"""Sequences written base by base: an edit is a substitution.

Knows constraints and scores of substitutions; knows nothing of models or of how a search goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlift.design.candidates import Candidate, Codes, edits_between
from seqlift.design.constraints import Constraints
from seqlift.design.objective import Objective
from seqlift.intervals import CHANNELS

BOUND = 2.0
"""Of the parameters of a base, less their mean."""

START_THETA = 2.0
"""Parameter of the base that a gradient search begins with; those of the others are 0."""


@dataclass(frozen=True)
class Substitutions:
    """The space of all sequences that keep the constraints."""

    objective: Objective
    constraints: Constraints
    most: int | None = None

    def first(self, codes: Codes, draw: np.random.Generator) -> Candidate:
        kept = self.constraints.nearest(codes, draw)
        value = float(self.objective.values(kept[None])[0])
        return Candidate(kept, value, edits_between(codes, kept))

    def shaken(self, first: Candidate, edits: int | None, draw: np.random.Generator) -> Candidate:
        places = np.flatnonzero(self.constraints.free)
        number = min(len(places) if edits is None else edits, len(places))
        chosen = draw.choice(places, size=max(number // 2, 1), replace=False)
        codes = first.codes.copy()
        codes[chosen] = (codes[chosen] + draw.integers(1, CHANNELS, len(chosen))) % CHANNELS
        codes = self.constraints.nearest(codes, draw)
        changed = int((codes != first.codes).sum())
        if not changed or (edits is not None and changed > edits):
            return first  # by the constraints nothing changes, or too much
        value = float(self.objective.values(codes[None])[0])
        edit = edits_between(first.codes, codes)
        return Candidate(codes, value, edit, first, step=changed)

    def moves(self, candidate: Candidate) -> Iterator[Candidate]:
        values = self.objective.substituted(candidate.codes)
        values[~self.constraints.free] = -np.inf
        values[np.arange(len(values)), candidate.codes] = -np.inf
        for place in np.argsort(-values, axis=None, kind="stable"):
            i, base = divmod(int(place), CHANNELS)
            if np.isneginf(values[i, base]):
                return
            codes = candidate.codes.copy()
            codes[i] = base
            if self.constraints.keeps(codes):
                edit = edits_between(candidate.codes, codes)
                yield Candidate(codes, float(values[i, base]), edit, candidate, candidate.step + 1)

    def relaxed(self, first: Candidate, draw: np.random.Generator) -> "Bases":
        theta = START_THETA * np.eye(CHANNELS)[first.codes]
        return Bases(theta, self.constraints)


@dataclass
class Bases:
    """A distribution of the base at each position, independently: softmax of `theta` (L, 4)."""

    theta: NDArray[np.float64]
    constraints: Constraints

    def sample(self, noise: float, draw: np.random.Generator) -> tuple[Codes, str, None]:
        shaken = self.theta + noise * draw.gumbel(size=self.theta.shape)
        codes = shaken.argmax(axis=1).astype(np.uint8)
        free = self.constraints.free
        codes[~free] = self.constraints.fixed[~free]
        return self.constraints.nearest(codes, draw), "", None

    def slope(self, gradient: NDArray[np.float64], code: None) -> NDArray[np.float64]:
        """Propagate back through the softmax, as if it had been what the model saw."""
        del code
        shares = softmax(self.theta)
        mean = (shares * gradient).sum(axis=1, keepdims=True)
        return np.asarray(shares * (gradient - mean) * self.constraints.free[:, None])

    def scale(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Leave each parameter its own, as Adam does."""
        return squares

    def bounded(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        # A softmax does not see their mean; bounded, no base is so sure that noise changes nothing.
        return np.asarray(np.clip(theta - theta.mean(axis=1, keepdims=True), -BOUND, BOUND))


def softmax(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(theta - theta.max(axis=-1, keepdims=True))  # none above 1
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
