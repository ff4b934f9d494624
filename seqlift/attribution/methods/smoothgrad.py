"""SmoothGrad: mean gradient at noisy or substituted copies of the sequence, times the difference.

Smilkov et al. 2017 (arXiv:1706.03825). The noise of a sequence depends on the sequence alone, so a
score never depends on its neighbours, the batch or the order of regions. Gaussian noise leaves the
simplex of sequences; substitutions of single bases, the discrete form, do not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.draws import generator_of, one_hot_rows
from seqlift.attribution.method import Backward, MeanGradient, Points
from seqlift.attribution.rules.gradient import RULE
from seqlift.errors import InputError
from seqlift.inputs.onehot import codes_of
from seqlift.intervals import CHANNELS, UNKNOWN

Array = Any


@dataclass(frozen=True, eq=False)
class Noisy:
    """Copies of the sequence plus noise, drawn or from an `array` (number, L, C)."""

    number: int
    deviation: float
    array: NDArray[Any] | None = None

    def of(
        self, sequences: NDArray[Any], references: int, shape: tuple[int, ...]
    ) -> Iterator[NDArray[Any]]:
        if self.array is not None:
            for noise in self.array:
                yield np.broadcast_to(noise, (len(sequences), 1, *shape))
            return
        draws = [generator_of(row) for row in one_hot_rows(sequences, shape)]
        for _ in range(self.number):
            # From each sequence's own generator, so that neighbours in the batch change nothing.
            noise = np.stack([draw.standard_normal(shape, dtype=np.float32) for draw in draws])
            yield self.deviation * noise[:, None]

    @staticmethod
    def place(x: Array, x0: Array, point: Array) -> Array:
        return x + point


@dataclass(frozen=True)
class Substituted:
    """Copies of one-hot sequences in which each known base is another one with a probability."""

    number: int
    fraction: float

    def of(
        self, sequences: NDArray[Any], references: int, shape: tuple[int, ...]
    ) -> Iterator[NDArray[Any]]:
        codes = sequences if sequences.ndim == len(shape) else codes_of(sequences)
        rows = one_hot_rows(codes, shape)
        draws = [generator_of(row) for row in rows]
        for _ in range(self.number):
            pairs = zip(codes, draws, strict=True)
            others = np.stack([self.drawn(code, draw) for code, draw in pairs])
            # added to the sequence like any noise
            yield (one_hot_rows(others, shape) - rows)[:, None]

    def drawn(self, codes: NDArray[Any], draw: np.random.Generator) -> NDArray[Any]:
        """Substitute bases of a sequence (L,); N stays N."""
        chosen = (draw.random(len(codes)) < self.fraction) & (codes < UNKNOWN)
        turns = draw.integers(1, CHANNELS, len(codes))
        return np.where(chosen, (codes + turns) % CHANNELS, codes)

    @staticmethod
    def place(x: Array, x0: Array, point: Array) -> Array:
        return x + point


def method(
    *,
    samples: int = 50,
    noise: float | NDArray[Any] = 0.1,
    substituted: float = 0.0,
    corrected: bool = False,
    max_rule: str = "complete",
) -> MeanGradient:
    """Average over `samples` copies, with noise of a standard deviation, or an array of noise.

    One-hot sequences go from 0 to 1, so that a deviation of 0.1 is the 10 % of the range that the
    paper suggests. An array (samples, L, 4) is used as it is, for every sequence. A fraction of
    bases to be `substituted` takes the place of the noise. `corrected` is that of the method
    gradient.
    """
    array = None if np.ndim(noise) == 0 else np.asarray(noise)
    if samples < 1:
        raise InputError(f"samples {samples}: fewer than one; give 1 or more")
    if array is None and not float(noise) >= 0.0:
        raise InputError(f"noise {noise}: not a standard deviation; give 0 or more")
    if not 0.0 <= substituted <= 1.0:
        raise InputError(f"substituted {substituted:g}: not a fraction; give one from 0 to 1")
    number = samples if array is None or substituted else len(array)
    deviation = 0.0 if array is not None else float(noise)
    points: Points = Noisy(number, deviation, array)
    facts: dict[str, Any] = {"noise": deviation if array is None else "an array"}
    if substituted:
        points, facts = Substituted(number, substituted), {"substituted": substituted}
    return MeanGradient(
        "smoothgrad",
        points,
        Backward("gradient", RULE, max_rule=max_rule, corrected=corrected),
        facts={"samples": number, **facts, "corrected": int(corrected)},
    )
