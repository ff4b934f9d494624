"""The regions of a run and the genome they lie on, with everything wrong in them found at once.

Knows regions and genomes; knows nothing of models but the length they take.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs.genome import Genome, check_region
from seqlift.inputs.regions import Region, RegionFile, Window, no_regions, window

MOST_PROBLEMS = 100  # listed at once; the rest is counted


@dataclass(frozen=True, slots=True)
class Row:
    """One region on its way to the model.

    `codes` are the bases given to the model, `window` where they lie, `scored` the part of it that
    is on the chromosome.
    """

    window: Window
    codes: NDArray[np.uint8]
    scored: tuple[int, int]


class Workload:
    """The regions of a run and the genome they lie on, checked; a context manager.

    Attributes
    ----------
    regions, genome
        The open files. For a FASTA of sequences they are one file, its records the chromosomes.
    rows
        Number of regions.
    longest, shortest
        Regions of the greatest and of the least extent.
    """

    def __init__(self, regions: str, genome: str | None) -> None:
        """Open both files and check every region.

        Raises InputError with every problem there is, up to 100.
        """
        with ExitStack() as opened:
            self.regions = opened.enter_context(RegionFile(regions))
            if self.regions.is_fasta:
                source = self.regions.source
                self.genome = opened.enter_context(Genome(self.regions.path, source=source))
            elif genome is None:
                raise InputError(
                    f"{self.regions.source}: regions need a genome; give its FASTA with -g, or set"
                    " SEQLIFT_GENOME"
                )
            else:
                self.genome = opened.enter_context(Genome(genome))
            self.rows, self.shortest, self.longest = self._check()
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
                yield Region(name, 0, size, name=name, line=record)

    def _check(self) -> tuple[int, Region, Region]:
        """Return the number of regions, the shortest and the longest."""
        problems: list[str] = []
        rows, found = 0, 0
        shortest = longest = Region("", 0, 0)
        for candidate in self._candidates():
            if isinstance(candidate, str) or self._is_misplaced(candidate):
                found += 1
                problems += [self._problem(candidate)] if found <= MOST_PROBLEMS else []
            else:
                extent = candidate.end - candidate.start
                if rows == 0 or extent < shortest.end - shortest.start:
                    shortest = candidate
                if extent > longest.end - longest.start:
                    longest = candidate
                rows += 1
        if found > MOST_PROBLEMS:
            problems.append(f"{self.regions.source}: and {found - MOST_PROBLEMS} problems more")
        if problems:
            raise InputError(*problems)
        if rows == 0:
            raise InputError(no_regions(self.regions.source))
        return rows, shortest, longest

    def _is_misplaced(self, region: Region) -> bool:
        return region.end > self.genome.sizes.get(region.chrom, 0)

    def _problem(self, candidate: Region | str) -> str:
        if isinstance(candidate, str):
            return candidate
        problem = check_region(candidate, self.genome.sizes, source=self.regions.source)
        return problem or self.place(candidate)

    def read(self, length: int | None) -> Iterator[Row]:
        """Yield every region with its bases, in file order.

        `length` is that of the windows, None for the regions as they are. What a window has
        outside its chromosome is N.
        """
        for region in self._regions():
            frame = window(region, length)
            codes = self.genome.fetch(region.chrom, frame.start, frame.end)
            size = self.genome.sizes[region.chrom]
            yield Row(frame, codes, (max(frame.start, 0), min(frame.end, size)))

    def _regions(self) -> Iterator[Region]:
        """Yield every region, in file order."""
        for region in self._candidates():
            if isinstance(region, str):
                raise InputError(region, f"{self.regions.source} changed while it was read")
            yield region

    def survey(self, length: int | None) -> NDArray[np.int64]:
        """Return how often each code occurs in the windows, (5,), having read them all once.

        Raises InputError with every window whose bases cannot be read, up to 100.
        """
        counts = np.zeros(5, dtype=np.int64)
        problems: dict[str, None] = {}
        for region in self._regions():
            frame = window(region, length)
            try:
                codes = self.genome.fetch(region.chrom, frame.start, frame.end)
            except InputError as error:
                problems.update(dict.fromkeys(error.problems))
                if len(problems) >= MOST_PROBLEMS:
                    break
            else:
                counts += np.bincount(codes, minlength=5)
        if problems:
            raise InputError(*problems)
        return counts

    def place(self, region: Region) -> str:
        """Return where a region was read, for a message."""
        if self.regions.is_fasta:
            return f"{self.regions.source}: record {region.chrom}"
        return f"{self.regions.source}:{region.line}"
