"""Random draws of methods: from a seed and the sequence alone, so that no score has neighbours.

Knows sequences as arrays; knows nothing of batches or of what is drawn.
"""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def one_hot_rows(sequences: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Expand sequences of `shape` to arrays (N, *shape), where they are codes."""
    if sequences.ndim > len(shape):
        return np.asarray(sequences)
    # A row for every uint8: codes above the channels, such as that of N, have zeros.
    rows: NDArray[Any] = np.eye(256, shape[-1], dtype=np.float32)[sequences]
    return rows


def generator_of(sequence: NDArray[Any], *numbers: int) -> np.random.Generator:
    """Seed a generator by the content of a sequence (L, C), and by numbers if there are any."""
    # By content and not by row number, so that a score depends on its own sequence only.
    digest = hashlib.blake2b(np.ascontiguousarray(sequence, np.float32).tobytes(), digest_size=16)
    for number in numbers:
        digest.update(number.to_bytes(8, "little"))
    # PCG64 by name: the generator behind `default_rng` may change with a version of NumPy.
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest.digest(), "little")))


def number_of_references(references: Any) -> int:
    """Count the references R of arrays (N, R, ...) or (1, R, ...)."""
    return int(getattr(references, "inputs", references).shape[1])
