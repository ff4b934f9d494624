"""The regions of a run and the genome they lie on, with everything wrong in them found at once.

Knows regions, windows and genomes; knows nothing of models but the length they take.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs.genome import Genome, check_region
from seqlift.inputs.genome_tiles import genome_regions, read_excluded
from seqlift.inputs.regions import RegionFile, no_regions
from seqlift.inputs.summits import Summits
from seqlift.inputs.windows import Framing
from seqlift.intervals import Region, Window
from seqlift.pipeline.held_bases import HeldBases
from seqlift.pipeline.survey import Survey, Surveyor
from seqlift.system.closing import Closing

MOST_PROBLEMS = 100  # listed at once; the rest is counted
SEQUENCES = "of FASTA sequences"  # why their windows are not laid around summits


@dataclass(frozen=True, slots=True)
class WindowBases:
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
        """Mark which of the codes are those of bases on the chromosome: [start, end)."""
        start, end = self.window.start, self.window.end
        first = min(max(-start, 0), end - start)
        return first, max(min(end, self.size) - start, first)

    @property
    def scored(self) -> tuple[int, int]:
        """Find the part of the chromosome that the window gives scores for."""
        start, end = (self.window.start + bound for bound in self.on_chromosome)
        first = max(start, self.window.first)
        return first, max(min(end, self.window.last), first)


class Workload(Closing):
    """The regions of a run and the genome they lie on, checked; a context manager.

    Attributes
    ----------
    regions, genome
        The open files. For a FASTA of sequences they are one file, its records the chromosomes.
    """

    def __init__(
        self,
        regions: str,
        genome: str | None,
        *,
        summits: Summits = "auto",
        genome_tiles: bool = False,
        exclude: str | None = None,
    ) -> None:
        """Open both files; `summits` says which regions have their summit in column 10.

        With `genome_tiles` regions are chromosome sizes, but for what the BED `exclude` has.
        """
        self._excluded = read_excluded(exclude) if genome_tiles else None
        with ExitStack() as opened:
            self.regions = opened.enter_context(RegionFile(regions, summits=summits))
            if self.regions.is_fasta:
                source = self.regions.source
                if genome_tiles:
                    raise InputError(
                        f"{source}: a FASTA; with --genome-tiles give chromosome sizes, such as its"
                        " .fai"
                    )
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
            self._held = opened.enter_context(closing(HeldBases()))
            self._framing: Framing | None = None  # of the windows that are held
            self._opened = opened.pop_all()  # all or none: what fails above closes what was opened

    def close(self) -> None:
        """Close both files."""
        self._opened.close()

    def _candidates(self) -> Iterator[Region | str]:
        """Yield every region, and a problem for every line that is none."""
        if self._excluded is not None:
            yield from genome_regions(
                self.regions.lines(),
                source=self.regions.source,
                sizes=self.genome.sizes,
                excluded=self._excluded,
            )
            return
        if not self.regions.is_fasta:
            yield from self.regions.regions()
            return
        for record, (name, size) in enumerate(self.genome.sizes.items(), start=1):
            if size == 0:
                yield f"{self.regions.source}: record {name} has no bases; remove it"
            else:
                yield Region(name, 0, size, name=name, line=record, no_summit=SEQUENCES)

    def check(self) -> None:
        """Read every region; raise InputError with every problem: 100 are listed, all counted."""
        for _ in self._checked():
            pass

    def _checked(self) -> Iterator[Region]:
        problems: list[str] = []
        number = found = 0
        for candidate in self._candidates():
            if isinstance(candidate, str) or self._is_misplaced(candidate):
                found += 1
                problems += [self._problem(candidate)] if found <= MOST_PROBLEMS else []
            else:
                number += 1
                yield candidate
        if problems:
            raise InputError(*problems, unlisted=found - len(problems))
        if number == 0:
            raise InputError(no_regions(self.regions.source))

    def _is_misplaced(self, region: Region) -> bool:
        return region.end > self.genome.sizes.get(region.chrom, 0)

    def _problem(self, candidate: Region | str) -> str:
        if isinstance(candidate, str):
            return candidate
        problem = check_region(candidate, self.genome.sizes, source=self.regions.source)
        return problem or self.place(candidate.line)

    def survey(self, framing: Framing, *, hold: bool = True) -> Survey:
        """Check all regions and read all windows once; `hold` their bases for `read`.

        Raises InputError with every region that cannot be used, or else with every window whose
        bases cannot be read: 100 are listed, all counted.
        """
        surveyor = Surveyor(framing)
        unreadable: dict[str, None] = {}
        for region in self._checked():
            surveyor.add_region(region)
            for window in framing.windows(region):
                try:
                    codes = self.genome.fetch(region.chrom, window.start, window.end)
                except InputError as error:
                    unreadable.update(dict.fromkeys(error.problems))
                    continue
                surveyor.add_window(window, codes)
                if hold:
                    self._held.append(codes)
        if unreadable:
            listed = list(unreadable)[:MOST_PROBLEMS]
            raise InputError(*listed, unlisted=len(unreadable) - len(listed))
        self._held.finish()
        self._framing = framing if hold else None
        return surveyor.survey()

    def read(
        self, framing: Framing, start: int = 0, stop: int | None = None
    ) -> Iterator[WindowBases]:
        """Yield every window with its bases, in the order of the regions, or some of them.

        `start` and `stop` count windows. What a window has outside its chromosome is N. Raises
        InputError where regions or genome are no longer the files that were checked.
        """
        for number, place, window in islice(self._windows(framing), start, stop):
            codes = None
            if framing == self._framing:
                codes = self._held.read(place, place + window.end - window.start)
            if codes is None:
                codes = self.genome.fetch(window.region.chrom, window.start, window.end)
            yield WindowBases(window, codes, self.genome.sizes[window.region.chrom], number)
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Raise InputError where regions or genome are no longer the files that were opened."""
        self.genome.check_unchanged()
        self.regions.check_unchanged()

    def _windows(self, framing: Framing) -> Iterator[tuple[int, int, Window]]:
        place = 0
        for number, region in enumerate(self._regions()):
            for window in framing.windows(region):
                yield number, place, window
                place += window.end - window.start

    def _regions(self) -> Iterator[Region]:
        for region in self._candidates():
            if isinstance(region, str):
                raise InputError(region, f"{self.regions.source} changed while it was read")
            yield region

    def place(self, line: int) -> str:
        """Say where a region was read, for a message, by its line or its record from 1."""
        if self.regions.is_fasta:
            record = next(islice(self.genome.sizes, line - 1, None))
            return f"{self.regions.source}: record {record}"
        return f"{self.regions.source}:{line}"
