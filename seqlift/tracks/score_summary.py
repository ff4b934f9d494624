"""The summary of a score file: the figures `seqlift inspect` shows.

Knows columns of numbers; knows no file format.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlift.tracks.batch import Attribute

QUANTILES = (0.5, 0.9, 0.99, 1.0)
"""The shares of rows for which the size of the residual is shown; the last is the largest."""


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """Provenance and quality of a score file.

    Attributes
    ----------
    rows, length
        Number of rows, and of bases in each.
    status
        How many rows have each status, the commonest first.
    residual, relative_residual
        Quantiles (a share of rows, and the size not exceeded in it) of the absolute residual
        and of the relative one, over the rows that were scored. Empty where none was.
    largest_contribution
        Largest absolute contribution of an observed base.
    provenance
        The attributes of the file.
    warnings
        What makes it doubtful that the scores explain anything, a sentence each.
    next_commands
        The command lines that find motifs in the file, where they were asked for.
    """

    rows: int
    length: int
    status: Mapping[str, int]
    residual: Mapping[float, float]
    relative_residual: Mapping[float, float]
    largest_contribution: float
    provenance: Mapping[str, Attribute]
    warnings: tuple[str, ...] = ()
    next_commands: tuple[str, ...] = ()


def quantiles_of_size(values: NDArray[np.floating]) -> dict[float, float]:
    """Compute the `QUANTILES` of the absolute values, leaving NaN out.

    Each is a value that occurs, so the last one is exactly the largest.
    """
    sizes = np.abs(values[~np.isnan(values)])
    if not len(sizes):
        return {}
    # values that occur; the last is the largest
    found = np.quantile(sizes, QUANTILES, method="inverted_cdf")
    return dict(zip(QUANTILES, found.tolist(), strict=True))


def windows_placed(facts: Mapping[str, Attribute]) -> str:
    """Say how many windows lie around summits and centres; nothing of files that do not tell."""
    names = (f"windows_around_{what}" for what in ("summits", "centres", "centres_why"))
    summits, centres, why = (facts.get(name) for name in names)
    if not isinstance(summits, int) or not isinstance(centres, int):
        return ""
    reasons = f" ({why})" if centres else ""
    whole = ", in all shards" if "shard" in facts else ""
    return f"{summits} around summits, {centres} around centres{reasons}{whole}"
