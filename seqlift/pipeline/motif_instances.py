"""Instances of motifs from a BED file, and those that lie in a window.

Knows regions and windows; knows nothing of scores.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from seqlift.errors import InputError
from seqlift.evaluate.explained import Instance
from seqlift.inputs.regions import RegionFile, no_regions
from seqlift.intervals import Region, Window


class MotifInstances:
    """All instances of a file, by place; it counts those that were met in a window.

    Attributes
    ----------
    source : str
        The name of the file.
    names : list of str
        The names of motifs, in the order in which they first come.
    """

    def __init__(self, path: str) -> None:
        """Read the file. Raises InputError with every line that is not a region."""
        with RegionFile(path) as file:
            self.source = file.source
            if file.is_fasta:
                raise InputError(f"{file.source}: sequences; give instances of motifs as BED")
            found = list(file.regions())
        problems = [one for one in found if isinstance(one, str)]
        regions = [one for one in found if isinstance(one, Region)]
        if problems or not regions:
            raise InputError(*(problems or [no_regions(self.source)]))
        self.names = list(dict.fromkeys(one.name for one in regions))
        self.number, self._longest = len(regions), max(one.extent for one in regions)
        self._places: dict[str, list[Region]] = {}
        for one in sorted(regions, key=lambda one: one.start):
            self._places.setdefault(one.chrom, []).append(one)
        self._whole: set[int] = set()
        self._cut: set[int] = set()

    def within(self, window: Window, *, turned: bool = False) -> list[Instance]:
        """Find the instances in a window, counted from its first base as the model reads it.

        Of one that the end of the window cuts there is the part inside, which is not `whole`.
        """
        places = self._places.get(window.region.chrom, [])
        # Sorted by start only: one that begins so far ahead may still reach into the window.
        first = bisect_left(places, window.start - self._longest, key=lambda one: one.start)
        last = bisect_left(places, window.end, key=lambda one: one.start)
        met = [one for one in places[first:last] if one.end > window.start]
        return [self._met(one, window, turned=turned) for one in met]

    def _met(self, one: Region, window: Window, *, turned: bool) -> Instance:
        start, end = max(one.start, window.start), min(one.end, window.end)
        whole = end - start == one.extent
        (self._whole if whole else self._cut).add(one.line)
        start, end = start - window.start, end - window.start
        if turned:
            length = window.end - window.start
            start, end = length - end, length - start
        return Instance(one.name, start, end, whole)

    def note(self) -> str:
        """Say how many instances lay in windows, were cut by the end of one, or in none."""
        whole, cut = len(self._whole), len(self._cut - self._whole)
        return (
            f"{self.source}: of {self.number} instances {whole} lie in a window, {cut} are cut by"
            f" the end of one and count as bases only, {self.number - whole - cut} lie outside"
        )


def motifs_of(
    pairs: Mapping[str, str], targets: Sequence[str], instances: MotifInstances | None
) -> dict[str, str]:
    """Check the motifs of targets. Raises InputError for names that are not there."""
    if pairs and instances is None:
        raise InputError("--on: it names motifs; give their instances with --instances FILE.bed")
    problems = []
    for target, motif in pairs.items():
        if target not in targets:
            problems.append(f"--on {target}: no target of this run; use {', '.join(targets)}")
        if instances is not None and motif not in instances.names:
            names = ", ".join(instances.names[:20])
            problems.append(
                f"--on {motif}: {instances.source} has no motif of this name; use {names}"
            )
    if problems:
        raise InputError(*problems)
    return dict(pairs)
