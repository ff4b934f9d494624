"""The regions of a run and the genome they lie on, with everything wrong in them found at once.

Knows regions, windows and genomes; knows nothing of models but the length they take.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs.genome import Genome, check_region
from seqlift.inputs.regions import RegionFile, no_regions
from seqlift.inputs.summits import Summits
from seqlift.inputs.windows import Framing
from seqlift.intervals import UNKNOWN, Region, Window

MOST_PROBLEMS = 100  # listed at once; the rest is counted
SEQUENCES = "of FASTA sequences"  # why their windows are not laid around summits


@dataclass(frozen=True, slots=True)
class Row:
    """One window on its way to the model.

    `codes` are its bases, `window` where they lie, `size` the bases of its chromosome, `number`
    that of its region, counted from 0.
    """

    window: Window
    codes: NDArray[np.uint8]
    size: int
    number: int

    @property
    def on_chromosome(self) -> tuple[int, int]:
        """Return which of the codes are those of bases on the chromosome: [start, end)."""
        start, end = self.window.start, self.window.end
        first = min(max(-start, 0), end - start)
        return first, max(min(end, self.size) - start, first)

    @property
    def scored(self) -> tuple[int, int]:
        """Return the part of the chromosome that the window gives scores for."""
        start, end = (self.window.start + bound for bound in self.on_chromosome)
        first = max(start, self.window.first)
        return first, max(min(end, self.window.last), first)


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known when all windows have been read once.

    Attributes
    ----------
    rows
        Number of windows.
    counts
        How often each code occurs, (5,).
    unknown
        Number of windows in which no base is known.
    digest
        SHA-256 of where the windows lie and of their bases, in hexadecimal.
    centred
        Number of windows that are not laid around a summit, by the reason, the commonest first.
    """

    rows: int
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


class Workload:
    """The regions of a run and the genome they lie on, checked; a context manager.

    Attributes
    ----------
    regions, genome
        The open files. For a FASTA of sequences they are one file, its records the chromosomes.
    number
        Number of regions.
    longest, shortest
        Regions of the greatest and of the least extent.
    """

    def __init__(self, regions: str, genome: str | None, *, summits: Summits = "auto") -> None:
        """Open both files and check every region; `summits` says which have one in column 10.

        Raises InputError with every problem there is, up to 100.
        """
        with ExitStack() as opened:
            self.regions = opened.enter_context(RegionFile(regions, summits=summits))
            if self.regions.is_fasta:
                source = self.regions.source
                if summits == "column":
                    raise InputError(
                        f"{source}: sequences in FASTA have no columns; leave out --summit column"
                    )
                self.genome = opened.enter_context(Genome(self.regions.path, source=source))
            elif genome is None:
                raise InputError(
                    f"{self.regions.source}: regions need a genome; give its FASTA with -g, or set"
                    " SEQLIFT_GENOME"
                )
            else:
                self.genome = opened.enter_context(Genome(genome))
            self.number, self.shortest, self.longest = self._check()
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        """Return the workload."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close both files."""
        self._opened.close()

    def _candidates(self) -> Iterator[Region | str]:
        """Yield every region, and a problem for every line that is none."""
        if not self.regions.is_fasta:
            yield from self.regions.regions()
            return
        for record, (name, size) in enumerate(self.genome.sizes.items(), start=1):
            if size == 0:
                yield f"{self.regions.source}: record {name} has no bases; remove it"
            else:
                yield Region(name, 0, size, name=name, line=record, no_summit=SEQUENCES)

    def _check(self) -> tuple[int, Region, Region]:
        """Return the number of regions, the shortest and the longest."""
        problems: list[str] = []
        number, found = 0, 0
        shortest = longest = Region("", 0, 0)
        for candidate in self._candidates():
            if isinstance(candidate, str) or self._is_misplaced(candidate):
                found += 1
                problems += [self._problem(candidate)] if found <= MOST_PROBLEMS else []
            else:
                extent = candidate.end - candidate.start
                if number == 0 or extent < shortest.end - shortest.start:
                    shortest = candidate
                if extent > longest.end - longest.start:
                    longest = candidate
                number += 1
        if found > MOST_PROBLEMS:
            problems.append(f"{self.regions.source}: and {found - MOST_PROBLEMS} problems more")
        if problems:
            raise InputError(*problems)
        if number == 0:
            raise InputError(no_regions(self.regions.source))
        return number, shortest, longest

    def _is_misplaced(self, region: Region) -> bool:
        return region.end > self.genome.sizes.get(region.chrom, 0)

    def _problem(self, candidate: Region | str) -> str:
        if isinstance(candidate, str):
            return candidate
        problem = check_region(candidate, self.genome.sizes, source=self.regions.source)
        return problem or self.place(candidate)

    def read(self, framing: Framing, start: int = 0, stop: int | None = None) -> Iterator[Row]:
        """Yield every window with its bases, in the order of the regions, or some of them.

        `start` and `stop` count windows. What a window has outside its chromosome is N. Raises
        InputError where regions or genome are no longer the files that were checked.
        """
        for number, frame in islice(self._windows(framing), start, stop):
            codes = self.genome.fetch(frame.region.chrom, frame.start, frame.end)
            yield Row(frame, codes, self.genome.sizes[frame.region.chrom], number)
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Raise InputError where regions or genome are no longer the files that were opened."""
        self.genome.check_unchanged()
        self.regions.check_unchanged()

    def _windows(self, framing: Framing) -> Iterator[tuple[int, Window]]:
        """Yield every window with the number of its region."""
        for number, region in enumerate(self._regions()):
            for frame in framing.windows(region):
                yield number, frame

    def region(self, row: int, framing: Framing) -> Region:
        """Return the region of a window, by the window's number."""
        _, frame = next(islice(self._windows(framing), row, None))
        return frame.region

    def _regions(self) -> Iterator[Region]:
        """Yield every region, in file order."""
        for region in self._candidates():
            if isinstance(region, str):
                raise InputError(region, f"{self.regions.source} changed while it was read")
            yield region

    def survey(self, framing: Framing) -> Survey:
        """Return what there is to know of the windows, having read them all once.

        Raises InputError with every window whose bases cannot be read, up to 100.
        """
        counts = np.zeros(UNKNOWN + 1, dtype=np.int64)
        digest = hashlib.sha256()
        problems: dict[str, None] = {}
        reasons: Counter[str] = Counter()
        rows = unknown = 0
        for _, frame in self._windows(framing):
            try:
                codes = self.genome.fetch(frame.region.chrom, frame.start, frame.end)
            except InputError as error:
                problems.update(dict.fromkeys(error.problems))
                if len(problems) >= MOST_PROBLEMS:
                    break
                continue
            found = np.bincount(codes, minlength=UNKNOWN + 1)
            rows, unknown = rows + 1, unknown + int(found[UNKNOWN] == codes.size)
            counts += found
            region = frame.region
            reasons[framing.why_centred(region)] += 1
            place = (region.chrom, frame.start, frame.end, region.name, region.score, region.strand)
            digest.update("\t".join(map(str, place)).encode("utf-8", "surrogateescape"))
            digest.update(codes.tobytes())
        if problems:
            raise InputError(*problems)
        centred = {reason: number for reason, number in reasons.most_common() if reason}
        return Survey(rows, counts, unknown, digest.hexdigest(), centred)

    def place(self, region: Region) -> str:
        """Return where a region was read, for a message."""
        if self.regions.is_fasta:
            return f"{self.regions.source}: record {region.chrom}"
        return f"{self.regions.source}:{region.line}"
