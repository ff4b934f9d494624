"""The bases of windows between the checks and the scoring, so that the genome is read once.

Knows codes; knows nothing of windows or genomes.
"""

import os
import tempfile
from contextlib import suppress
from typing import IO

import numpy as np
from numpy.typing import NDArray

HELD_BUFFER = 1 << 20


class HeldBases:
    """Sequences one after another, a byte for each base, in a temporary file without a name.

    They are not held in memory, which must not grow with the number of regions. Where the file
    cannot be made or its disk is full nothing is held, and the genome is read again.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        with suppress(OSError):
            self._file = tempfile.TemporaryFile(prefix="seqlift-", buffering=HELD_BUFFER)  # noqa: SIM115

    def append(self, codes: NDArray[np.uint8]) -> None:
        """Add a sequence (L,)."""
        if self._file is not None:
            try:
                self._file.write(codes.tobytes())
            except OSError:
                self.close()

    def finish(self) -> None:
        """Make what was added ready to be read."""
        if self._file is not None:
            try:
                self._file.flush()
            except OSError:
                self.close()

    def read(self, start: int, stop: int) -> NDArray[np.uint8] | None:
        """Read the bases from `start` up to `stop`, counted over all sequences; None if not held.

        Any number of threads may read.
        """
        if self._file is None:
            return None
        # no shared position: any thread may read
        found = os.pread(self._file.fileno(), stop - start, start)
        return np.frombuffer(found, np.uint8) if len(found) == stop - start else None

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            with suppress(OSError):  # what does not fit need not be written
                self._file.close()
            self._file = None
