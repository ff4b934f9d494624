"""Regions and windows on a genome, and the codes of bases: the words of every floor above.

Coordinates are 0-based and half-open, as in BED. Knows no files, arrays or models.
"""

from dataclasses import dataclass, field

CHANNELS = 4
"""Values of a base in an array: one for each of A C G T, in this order."""

LETTERS = "ACGT"
"""The letters of the channels."""

UNKNOWN = 4
"""Code of a base that is not known: N, the other ambiguous letters, and padding.

Codes of the others are their channels: A=0 C=1 G=2 T=3.
"""


def middle(start: int, end: int) -> int:
    """Find the middle base of an interval, the right one of two.

    For a window made around a centre this is that centre, for odd and even lengths alike.
    """
    return start + (end - start) // 2


@dataclass(frozen=True, slots=True)
class Region:
    """One BED row: the interval [start, end) of a chromosome, and what the row says about it.

    `score` is column 5, and `signal`, `p_value` and `q_value` columns 7 to 9 of narrowPeak or
    broadPeak: None where the row has no number there. `summit` counts from `start`, -1 when there
    is none; `line` is the line of the file, from 1; `no_summit` says why there is none.
    """

    chrom: str
    start: int
    end: int
    name: str = "."
    score: float | None = 0.0
    strand: str = "."
    summit: int = -1
    line: int = 0
    no_summit: str = field(default="", compare=False)
    signal: float | None = None
    p_value: float | None = None
    q_value: float | None = None

    @property
    def extent(self) -> int:
        """Count its bases."""
        return self.end - self.start

    @property
    def centre(self) -> int:
        """Find the summit where there is one, else the middle."""
        return self.start + self.summit if self.summit >= 0 else middle(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Window:
    """The interval [start, end) that a region is scored in: a row of a score file.

    `start` may be negative and `end` past the end of the chromosome: the bases there are unknown.
    [first, last) are the bases whose scores are wanted: those of the window itself, or of the
    region it is a tile of; in a score file only those on the chromosome, and none where
    `first` = `last`.
    """

    region: Region
    start: int
    end: int
    first: int
    last: int
