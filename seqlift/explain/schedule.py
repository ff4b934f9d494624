"""How a run is divided into batches: decided once, and replaced where the memory is full."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """The size of batches, and how many run at once.

    Attributes
    ----------
    size
        Sequences of a batch.
    lanes
        Batches computed at once, in threads.
    compiled
        Whether all sequences have one length, so that compiling for it pays.
    """

    size: int
    lanes: int
    compiled: bool
