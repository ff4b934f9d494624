"""Read all windows once: count them, hold their bases and their lines in the file.

Knows regions, windows and codes; knows nothing of the files they come from.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlift.inputs.windows import Framing
from seqlift.intervals import UNKNOWN, Region, Window


@dataclass(frozen=True, slots=True)
class Survey:
    """Facts about all windows, collected in one reading.

    Attributes
    ----------
    framing
        How regions became windows.
    regions, rows
        Number of regions, and of windows.
    shortest, longest
        Regions of the least and of the greatest extent.
    lines
        The line of each window's region in its file, from 1: four bytes a window.
    counts
        How often each code occurs, (5,).
    unknown
        Number of windows in which no base is known.
    digest
        SHA-256 of where the windows lie and of their bases, in hexadecimal.
    centred
        Number of windows that are not laid around a summit, by the reason, the commonest first.
    """

    framing: Framing
    regions: int
    rows: int
    shortest: Region
    longest: Region
    lines: Sequence[int]
    counts: NDArray[np.int64]
    unknown: int
    digest: str
    centred: Mapping[str, int]

    @property
    def facts(self) -> dict[str, str | int]:
        """Count the windows around summits and around centres, for the score file."""
        centres = sum(self.centred.values())
        why = ", ".join(f"{number} {reason}" for reason, number in self.centred.items())
        return {
            "windows_around_summits": self.rows - centres,
            "windows_around_centres": centres,
            "windows_around_centres_why": why or "none",
        }


class Surveyor:
    """Collects a survey, region by region and window by window."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._regions = self._unknown = 0
        self._shortest = self._longest = Region("", 0, 0)
        # 4 bytes a window: 0.8 MB of 200,000 peaks, where a list has 8 and more
        self._lines = array("I")
        self._counts = np.zeros(UNKNOWN + 1, dtype=np.int64)
        self._digest = hashlib.sha256()
        self._reasons: Counter[str] = Counter()

    def add_region(self, region: Region) -> None:
        """Count a region."""
        if self._regions == 0 or region.extent < self._shortest.extent:
            self._shortest = region
        if region.extent > self._longest.extent:
            self._longest = region
        self._regions += 1

    def add_window(self, window: Window, codes: NDArray[np.uint8]) -> None:
        """Count a window of the last region, with its bases."""
        region = window.region
        found = np.bincount(codes, minlength=UNKNOWN + 1)
        self._counts += found
        self._unknown += int(found[UNKNOWN] == codes.size)
        self._lines.append(region.line)
        self._reasons[self._framing.why_centred(region)] += 1
        about = (region.name, region.score, region.strand)
        measures = (region.signal, region.p_value, region.q_value)
        # All that a row of the score file has of its region: equal digests mean equal files.
        place = (region.chrom, window.start, window.end, *about, *measures)
        self._digest.update("\t".join(map(str, place)).encode("utf-8", "surrogateescape"))
        self._digest.update(codes.tobytes())

    def survey(self) -> Survey:
        """Finish the survey."""
        return Survey(
            framing=self._framing,
            regions=self._regions,
            rows=len(self._lines),
            shortest=self._shortest,
            longest=self._longest,
            lines=self._lines,
            counts=self._counts,
            unknown=self._unknown,
            digest=self._digest.hexdigest(),
            centred={why: number for why, number in self._reasons.most_common() if why},
        )
