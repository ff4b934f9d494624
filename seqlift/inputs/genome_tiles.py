"""Chromosome sizes become regions that tiles cover: whole chromosomes, but for excluded stretches.

Lines are a name and a size, as of ``chrom.sizes``; further columns, as of a .fai, are
not looked at. Knows text and intervals; knows nothing of genomes or models.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from seqlift.errors import InputError
from seqlift.inputs.regions import RegionFile
from seqlift.intervals import Region

Stretch = tuple[int, int]
TILES = "that are tiles of the genome"
MOST_EXCLUDED = 20


def genome_regions(
    lines: Iterable[str],
    *,
    source: str,
    sizes: Mapping[str, int],
    excluded: Mapping[str, Sequence[Stretch]],
) -> Iterator[Region | str]:
    """Yield every stretch of each listed chromosome that is not excluded, or a problem.

    Parameters
    ----------
    lines
        Lines of names and sizes; those that are blank or begin with ``#`` are left out.
    source
        Name of the file, for problems.
    sizes
        Sizes of the chromosomes in the genome, which the file must agree with.
    excluded
        Sorted stretches of each chromosome, which do not overlap.
    """
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        columns = line.split()
        if not columns or columns[0].startswith("#"):
            continue
        problem = wrong_size(columns, sizes, seen)
        if problem:
            yield f"{source}:{number}: {problem}"
            continue
        chrom, size = columns[0], int(columns[1])
        seen.add(chrom)
        start = 0
        for first, last in [*excluded.get(chrom, ()), (size, size)]:
            if first > start:
                name = f"{chrom}:{start}-{first}"
                yield Region(chrom, start, first, name=name, line=number, no_summit=TILES)
            start = max(start, last)


def wrong_size(columns: Sequence[str], sizes: Mapping[str, int], seen: set[str]) -> str | None:
    """Say what is wrong with a line of a name and a size; None where nothing is."""
    if len(columns) < 2 or not (columns[1].isascii() and columns[1].isdigit()):
        shown = " ".join(columns[:2])
        return f"{shown!r} is not a name and a size; give chromosome sizes or a FASTA's .fai"
    chrom, size = columns[0], int(columns[1])
    if chrom in seen:
        return f"{chrom} is there twice; leave one of them out"
    if chrom not in sizes:
        return f"{chrom} is not in the genome; give the sizes of the genome of -g"
    if size != sizes[chrom]:
        return (
            f"{chrom} has {size} bases, and {sizes[chrom]} in the genome; give the sizes of the"
            " genome of -g"
        )
    return None


def read_excluded(path: str | None) -> dict[str, list[Stretch]]:
    """Read the intervals of a BED file, sorted and joined where they overlap or touch.

    Raises InputError with every line that is none, up to 20.
    """
    found: dict[str, list[Stretch]] = {}
    problems: list[str] = []
    if path is None:
        return found
    with RegionFile(path) as file:
        for one in file.regions():
            if isinstance(one, str):
                problems.append(one)
            else:
                found.setdefault(one.chrom, []).append((one.start, one.end))
    if problems:
        raise InputError(*problems[:MOST_EXCLUDED])
    return {chrom: joined_stretches(stretches) for chrom, stretches in found.items()}


def joined_stretches(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Sort stretches, and join those that overlap or touch."""
    joined: list[Stretch] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
