"""A batch of sequences explained by one method: what every measure is computed from.

Knows subjects and arrays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqlift.evaluate.subject import Array, Others, Scored, Subject

Measured = dict[str, tuple[Array, Array]]
"""By the name of a measure: a numerator and a denominator for each target and sequence, (T, N)."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A motif in a window, [start, end) from the window's first base; `whole` where all is in."""

    name: str
    start: int
    end: int
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Compared:
    """Sequences and what they are compared with, the same for every method.

    Attributes
    ----------
    sequences
        One-hot (N, L, 4), N as zeros.
    references
        Of each sequence, (N, R, L, 4).
    others
        Values of other model inputs, a row for each sequence.
    keys
        Seeds of what is drawn for each sequence, (N,).
    instances
        The motifs in each sequence.
    shared
        Whether all sequences have the same references.
    """

    sequences: Array
    references: Array
    others: Others = field(default_factory=dict)
    keys: NDArray[np.uint64] | None = None
    instances: Sequence[Sequence[Instance]] = ()
    shared: bool = False

    @property
    def mean_reference(self) -> Array:
        """Average the references of each sequence, (N, L, 4)."""
        mean: Array = self.references.mean(axis=1, dtype=np.float64)
        return mean

    def random(self, n: int) -> np.random.Generator:
        """Make the generator of a sequence: of its key, or its number where it has none."""
        return np.random.default_rng(n if self.keys is None else int(self.keys[n]))

    def others_of(self, rows: Sequence[int] | NDArray[np.int64]) -> Others:
        """Take the other inputs of some sequences, one after another."""
        return {number: values[np.asarray(rows)] for number, values in self.others.items()}


@dataclass(frozen=True, slots=True)
class Explained:
    """Sequences with their scores by one method, and the subject that made them, if at hand."""

    compared: Compared
    scored: Scored
    targets: Sequence[str]
    signed: bool
    subject: Subject | None = None
    mutagenesis: Array | None = None
    """In-silico mutagenesis tracks, (T, N, L), where they are asked for."""
    motifs: dict[str, str] = field(default_factory=dict)
    """By target, the name of the motif that it should explain; all motifs where it has none."""

    @property
    def shape(self) -> tuple[int, int]:
        """Count targets and sequences."""
        targets, number = self.scored.tracks.shape[:2]
        return targets, number

    @property
    def model(self) -> Subject:
        """Take the subject, which a measure of the model needs."""
        if self.subject is None:
            raise ValueError("a measure that needs the model was asked of scores alone")
        return self.subject

    def of_variants(
        self, rows: NDArray[np.int64], variants: Array, reduced: Callable[[Array, slice], Array]
    ) -> Array:
        """Score variants (V, L, 4) of the sequences `rows`, (V,), a few at a time.

        They are compared with the references of the sequence itself: new ones, drawn for every
        variant, would move the scores too. `reduced` takes the tracks (T, V, L) of some variants,
        and which they are; what it makes of them is joined along its last axis.
        """
        found, size = [], max(self.model.at_once, 1)
        one_sequence = len(rows) and (rows == rows[0]).all()
        for start in range(0, len(variants), size):
            which = slice(start, start + size)
            references = self.compared.references[rows[which]]
            if one_sequence or self.compared.shared:
                references = references[0]
            others = self.compared.others_of(rows[which])
            scored = self.model.scored(variants[which], references, others)
            found.append(reduced(scored.tracks, which))
        return np.concatenate(found, axis=-1)


def alone(values: Array) -> tuple[Array, Array]:
    """Give every sequence the same weight in a mean of `values`."""
    return values, np.ones_like(values)
