"""The track values of a stored chunk of contributions, decompressed outside HDF5.

HDF5 decompresses under a lock of its own, a chunk at a time; here threads do. Knows how chunks are
stored (`seqlift.tracks.hdf5`); knows no files.
"""

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHUFFLED = 0b01
"""Bit of a chunk's filter mask: its bytes were not shuffled."""

COMPRESSED = 0b10
"""The same: it was not compressed, as that would have made it larger."""

CHUNKS_AHEAD = 32
"""Chunks that are being decompressed at once, at most."""

Shape = tuple[int, ...]


def track_of_chunk(
    mask: int, data: bytes, *, shape: Shape, dtype: np.dtype[Any]
) -> NDArray[np.float32]:
    """Sum up a chunk (n, 4, L) over the bases: (n, L); one of (n, L) is summed up already.

    At most one of the four is not zero, so the sum is exact. Raises ValueError for bytes that are
    not such a chunk.
    """
    if not mask & COMPRESSED:
        data = decompressed(data)
    size = int(np.prod(shape))
    if len(data) != size * dtype.itemsize:
        raise ValueError(f"a chunk of {len(data)} bytes")
    items = np.frombuffer(data, np.uint8)
    if not mask & SHUFFLED:
        items = np.ascontiguousarray(items.reshape(dtype.itemsize, size).T)
    values = items.view(dtype).reshape(shape).astype(np.float32, copy=False)
    return np.asarray(values if len(shape) == 2 else values.sum(axis=1, dtype=np.float32))


def decompressed(data: bytes) -> bytes:
    """Decompress a chunk; raise ValueError where it is not whole."""
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def in_threads(
    calls: Iterable[Callable[[], Any]], workers: Executor | None, *, ahead: int = CHUNKS_AHEAD
) -> Iterator[Any]:
    """Make calls in threads, if there are any, up to `ahead` at once; yield what they return."""
    if workers is None:
        for call in calls:
            yield call()
        return
    begun: deque[Future[Any]] = deque()
    for call in calls:
        begun.append(workers.submit(call))
        if len(begun) > ahead:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()
