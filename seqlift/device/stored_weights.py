"""Large arrays of weights as arguments of compiled functions, each stored once.

A constant inside a function is copied and looked through by the compiler: a dense layer of 32
million weights took 25 s and 10 GB to compile as constants, and 4 s and 2 GB as arguments. Knows
arrays; names no backend.
"""

import hashlib
import math
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from threading import RLock
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

Array = Any
Change = Callable[[Any, Array], Array]
"""From a library, NumPy or `keras.ops`, and an array of its kind to another array."""

LARGE = 2**20
"""Values from which an array is stored: one of 2.4 million takes 0.15 s longer as a constant."""


def axes_reversed(library: Any, weights: Array) -> Array:
    return library.transpose(weights)


def positive(library: Any, weights: Array) -> Array:
    return library.maximum(weights, 0.0)


def negative(library: Any, weights: Array) -> Array:
    return library.minimum(weights, 0.0)


def sizes(library: Any, weights: Array) -> Array:
    return library.abs(weights)


def changed(weights: Array, changes: tuple[Change, ...], library: Any = np) -> Array:
    """Apply changes to weights, one after another."""
    for change in changes:
        weights = change(library, weights)
    return weights


class StoredWeights:
    """Arrays on the device, by their contents: equal ones are stored once.

    `make` puts an array on the device, in a dtype, and `untraced` is a context in which the backend
    computes at once; both whatever function is being traced. Arrays of fewer than `large` values
    stay constants.
    """

    def __init__(
        self,
        make: Callable[[NDArray[Any], str], Array],
        *,
        large: int = LARGE,
        untraced: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._make, self.large, self._untraced = make, large, untraced
        self._arrays: dict[tuple[bytes, tuple[int, ...], str, tuple[Change, ...]], Array] = {}
        self._digests: dict[tuple[int, str], tuple[weakref.ref[Any], bytes]] = {}
        self._lock = RLock()

    def array(self, values: NDArray[Any], dtype: str, *changes: Change) -> Array:
        """Store `values`, and what changes make of them, unless they are stored already.

        The device computes changes: an array of 32 million values is transposed there in a tenth of
        the time, and no copy of it is made on the way.
        """
        with self._lock:  # two batches side by side may both be tracing
            key = self._digest(values, dtype), values.shape, dtype, changes
            if key not in self._arrays:
                self._arrays[key] = self._made(values, dtype, changes)
            return self._arrays[key]

    def _made(self, values: NDArray[Any], dtype: str, changes: tuple[Change, ...]) -> Array:
        if not changes:
            return self._make(np.ascontiguousarray(values, dtype), dtype)
        stored = self.array(values, dtype)
        with self._untraced():
            return changed(stored, changes, ops)

    def _digest(self, values: NDArray[Any], dtype: str) -> bytes:
        """Digest the contents of an array, once for as long as it is there."""
        place = id(values), dtype
        if place not in self._digests:
            contents = np.ascontiguousarray(values, dtype).data
            found = hashlib.blake2b(contents, digest_size=32).digest()
            gone = weakref.ref(values, lambda _: self._digests.pop(place))
            self._digests[place] = gone, found
        return self._digests[place][1]

    def values(self) -> int:
        """Count the numbers of all arrays."""
        return sum(math.prod(shape) for _, shape, _, _ in self._arrays)


_IN_USE: ContextVar[StoredWeights | None] = ContextVar("stored", default=None)


@contextmanager
def storing(stored: StoredWeights | None) -> Iterator[None]:
    """Have large arrays that are traced inside stored there; None leaves them constants."""
    token = _IN_USE.set(stored)
    try:
        yield
    finally:
        _IN_USE.reset(token)


def constant_tensor(values: NDArray[Any], like: Array, *changes: Change) -> Array:
    """Make a tensor of `values`, changed, in the dtype of `like`: stored, where it is large."""
    if not isinstance(values, np.ndarray):
        return ops.cast(values, like.dtype)  # a tensor already: of one head of several
    stored = _IN_USE.get()
    if stored is None or values.size < stored.large:
        return ops.convert_to_tensor(changed(values, changes), dtype=like.dtype)
    return stored.array(values, np.dtype(ops.dtype(like)).name, *changes)
