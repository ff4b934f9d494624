"""Annotations of BED files, such as motif instances, drawn above scores with their names.

Knows BED and Matplotlib; knows nothing of scores.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.patches import Polygon

from seqlift.errors import InputError
from seqlift.inputs.genome import missing_chromosome
from seqlift.inputs.regions import parse_regions
from seqlift.inputs.text import TextFile
from seqlift.intervals import Region
from seqlift.system.printable import printable

MARK_COLOURS = ("#4c6fb1", "#a8577e", "#5c8a4a", "#a07a35", "#7460a8", "#3f8f8f")
FONT_SIZE = 7.0  # points
LETTER = 0.62 * FONT_SIZE / 72
"""Inches that a letter of a name takes, about."""

OVERHANG = 0.2
"""Inches by which a name may leave the tracks."""

MOST_LANES = 6
LONGEST_NAME = 24
SHADE = 0.10
MOTIF = "motif"


@dataclass(frozen=True, slots=True)
class Mark:
    """An annotation within a picture, in the lane that is free for it, from the lowest, 0.

    Its label stands at its right, or at its left where the picture ends.
    """

    start: int
    end: int
    label: str
    at_left: bool
    strand: str
    colour: str
    lane: int


def read_marks(
    paths: Sequence[str | os.PathLike[str]], chroms: Collection[str] = ()
) -> list[Region]:
    """Read the rows of BED files. Raises InputError with all problems of the first bad file.

    A file none of whose rows lies on one of `chroms`, where these are known, is one of another
    genome or of other names of chromosomes, and refused too: nothing of it would be seen.
    Where a header has a column "motif", as that of `seqlift seqlets`, a row is called by what
    stands there.
    """
    found: list[Region] = []
    for path in paths:
        with closing(TextFile(path, remedy="give BED as text")) as file:
            if file.head.lstrip().startswith(b">"):
                raise InputError(f"{file.source}: a FASTA, not annotations; give BED")
            lines = list(file.lines())
            rows = list(parse_regions(lines, source=file.source))
        problems = [row for row in rows if isinstance(row, str)]
        if problems:
            raise InputError(*problems)
        regions = [row for row in rows if isinstance(row, Region)]
        if regions and chroms and not any(one.chrom in chroms for one in regions):
            raise InputError(elsewhere(file.source, regions[0], chroms))
        found += by_motif(regions, lines)
    return found


def elsewhere(source: str, first: Region, chroms: Collection[str]) -> str:
    """Word the problem of annotations that lie on no chromosome of the scores."""
    return (
        f"{source}:{first.line}: chromosome {printable(first.chrom)} is not in the genome of the"
        f" scores, nor is any other of this file; {missing_chromosome(first.chrom, chroms)}"
    )


def by_motif(regions: list[Region], lines: Sequence[str]) -> list[Region]:
    """Name regions by the column "motif" of the lines they come from, where there is one.

    Else those whose name only says where they lie have none.
    """
    column = motif_column(next((line for line in lines if line.strip()), ""))
    if column is None:
        return [
            replace(one, name=".") if one.name == f"{one.chrom}:{one.start}-{one.end}" else one
            for one in regions
        ]
    words = (lines[one.line - 1].rstrip("\n").split("\t") for one in regions)
    return [
        replace(one, name=row[column] if len(row) > column else one.name)
        for one, row in zip(regions, words, strict=True)
    ]


def motif_column(head: str) -> int | None:
    """Find the column "motif" in the first line of a BED file, from 0; None where there is none."""
    names = head.rstrip("\r\n").split("\t")
    return names.index(MOTIF) if names[0].startswith("#") and MOTIF in names else None


def colours_of(regions: Iterable[Region]) -> dict[str, str]:
    """Give every name a colour, in the order of the alphabet."""
    # in every picture of the file the same colour
    names = sorted({region.name for region in regions})
    return {name: MARK_COLOURS[i % len(MARK_COLOURS)] for i, name in enumerate(names)}


def laid_out(
    regions: Iterable[Region],
    *,
    chrom: str,
    limits: tuple[int, int],
    base: float,
    colours: dict[str, str],
) -> list[Mark]:
    """Put the regions in sight into lanes, so that neither they nor their names overlap.

    Where all lanes are taken, names are left out, and what is left overlaps in the last lane.

    Parameters
    ----------
    regions
        Of all chromosomes, in any order.
    chrom, limits
        What is in sight.
    base
        Width of a base, in inches.
    colours
        By name.
    """
    first, last = limits
    here = [one for one in regions if one.chrom == chrom and one.start < last and one.end > first]
    free: list[float] = []
    found = []
    for one in sorted(here, key=lambda region: (region.start, region.end)):
        start, end = max(one.start, first), min(one.end, last)
        name = "" if one.name == "." else printable(one.name)
        label = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        space = (len(label) + 1) * LETTER / base
        at_left = end + space > last + OVERHANG / base
        taken, begin = (end, start - space) if at_left else (end + space, start)
        lane = next((i for i, until in enumerate(free) if until <= begin), len(free))
        if lane == len(free) < MOST_LANES:
            free.append(taken)
        elif lane == MOST_LANES:
            lane, label = lane - 1, ""
        else:
            free[lane] = taken
        found.append(Mark(start, end, label, at_left, one.strand, colours[one.name], lane))
    return found


def lanes(marks: Sequence[Mark]) -> int:
    """Count the lanes in use."""
    return max((mark.lane + 1 for mark in marks), default=0)


def draw_marks(axes: Axes, marks: Sequence[Mark], base: float) -> None:
    """Draw marks into axes of their own: an arrow in the direction of the strand, and the name.

    `base` is the width of a base in inches.
    """
    axes.set_ylim(-0.1, max(1, lanes(marks)))
    tip = 0.06 / base
    for mark in marks:
        low, high, middle = mark.lane + 0.2, mark.lane + 0.8, mark.lane + 0.5
        tip_here = min(tip, (mark.end - mark.start) / 2)
        left = mark.start + tip_here * (mark.strand == "-")
        right = mark.end - tip_here * (mark.strand == "+")
        corners = [(left, low), (right, low), (mark.end, middle), (right, high), (left, high)]
        corners += [(mark.start, middle)]
        axes.add_artist(Polygon(corners, facecolor=mark.colour, linewidth=0))
        x = mark.start - 0.04 / base if mark.at_left else mark.end + 0.04 / base
        axes.text(
            x, middle, mark.label, color=mark.colour, fontsize=FONT_SIZE,
            ha="right" if mark.at_left else "left", va="center_baseline", parse_math=False,
        )  # fmt: skip


def shade(axes: Axes, marks: Sequence[Mark]) -> None:
    """Shade the bases of marks behind scores."""
    for mark in marks:
        axes.axvspan(mark.start, mark.end, color=mark.colour, alpha=SHADE, linewidth=0, zorder=0)
