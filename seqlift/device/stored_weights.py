"""Large arrays of weights as arguments of compiled functions, each stored once.

A constant inside a function is copied and looked through by the compiler: a dense layer of 32
million weights took 25 s and 10 GB to compile as constants, and 4 s and 2 GB as arguments. Knows
arrays; names no backend.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

Array = Any

LARGE = 2**20
"""Values from which an array is stored: one of 2.4 million takes 0.15 s longer as a constant."""


class StoredWeights:
    """Arrays on the device, by their contents: equal ones are stored once.

    `make` puts an array on the device, in a dtype, whatever function is being traced. Arrays of
    fewer than `large` values stay constants.
    """

    def __init__(self, make: Callable[[NDArray[Any], str], Array], *, large: int = LARGE) -> None:
        self._make, self.large = make, large
        self._arrays: dict[tuple[bytes, tuple[int, ...], str], Array] = {}
        self._lock = Lock()

    def array(self, values: NDArray[Any], dtype: str) -> Array:
        """Store `values`, unless they are stored already."""
        values = np.ascontiguousarray(values, dtype)
        # By content: the forward pass, its transpose and each engine ask with arrays of their own.
        key = hashlib.sha256(values.data).digest(), values.shape, dtype
        with self._lock:  # two batches side by side may both be tracing
            if key not in self._arrays:
                self._arrays[key] = self._make(values, dtype)
            return self._arrays[key]

    def values(self) -> int:
        """Count the numbers of all arrays."""
        return sum(math.prod(shape) for _, shape, _ in self._arrays)


_STORED: ContextVar[StoredWeights | None] = ContextVar("stored", default=None)


@contextmanager
def storing(stored: StoredWeights | None) -> Iterator[None]:
    """Have large arrays that are traced inside stored there; None leaves them constants."""
    token = _STORED.set(stored)
    try:
        yield
    finally:
        _STORED.reset(token)


def constant_tensor(values: NDArray[Any], like: Array) -> Array:
    """Make a tensor of `values` in the dtype of `like`: stored, where it is large."""
    stored = _STORED.get()
    if stored is None or values.size < stored.large:
        return ops.convert_to_tensor(values, dtype=like.dtype)
    return stored.array(values, np.dtype(ops.dtype(like)).name)
