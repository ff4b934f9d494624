"""SmoothGrad: mean gradient at copies of the sequence with Gaussian noise, times the difference.

Smilkov et al. 2017 (arXiv:1706.03825). The noise of a sequence depends on the sequence alone, so a
score never depends on its neighbours, the batch or the order of regions.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.method import Backward, MeanGradient
from seqlift.attribution.rules.gradient import RULE
from seqlift.errors import InputError

Array = Any


@dataclass(frozen=True, eq=False)
class Noisy:
    """Copies of the sequence plus noise, drawn or from an `array` (number, L, C)."""

    number: int
    deviation: float
    array: NDArray[Any] | None = None

    def of(self, sequences: NDArray[Any], shape: tuple[int, ...]) -> Iterator[NDArray[Any]]:
        if self.array is not None:
            for noise in self.array:
                yield np.broadcast_to(noise, (len(sequences), 1, *shape))
            return
        coded = sequences.ndim == len(shape)
        arrays = np.eye(256, shape[-1], dtype=np.float32)[sequences] if coded else sequences
        draws = [generator_of(array) for array in arrays]
        for _ in range(self.number):
            noise = np.stack([draw.standard_normal(shape, dtype=np.float32) for draw in draws])
            yield self.deviation * noise[:, None]

    @staticmethod
    def place(x: Array, x0: Array, point: Array) -> Array:
        return x + point


def generator_of(sequence: NDArray[Any]) -> np.random.Generator:
    """Seed a generator by the content of a sequence (L, C)."""
    digest = hashlib.blake2b(
        np.ascontiguousarray(sequence, np.float32).tobytes(), digest_size=16
    ).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def method(
    *,
    samples: int = 50,
    noise: float | NDArray[Any] = 0.1,
    max_rule: str = "complete",
) -> MeanGradient:
    """Average over `samples` copies, with noise of a standard deviation, or an array of noise.

    One-hot sequences go from 0 to 1, so that a deviation of 0.1 is the 10 % of the range that the
    paper suggests. An array (samples, L, 4) is used as it is, for every sequence.
    """
    array = None if np.ndim(noise) == 0 else np.asarray(noise)
    if samples < 1:
        raise InputError(f"samples {samples}: fewer than one; give 1 or more")
    if array is None and not float(noise) >= 0.0:
        raise InputError(f"noise {noise}: not a standard deviation; give 0 or more")
    number = samples if array is None else len(array)
    return MeanGradient(
        "smoothgrad",
        Noisy(number, 0.0 if array is not None else float(noise), array),
        Backward("gradient", RULE, max_rule=max_rule),
        facts={"samples": number, "noise": "an array" if array is not None else float(noise)},
    )
