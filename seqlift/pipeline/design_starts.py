"""The sequences that designs begin from: random, from FASTA, or from regions of a genome.

Knows regions, genomes and lengths; knows nothing of models or searches.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.inputs.genome import Genome, check_region
from seqlift.inputs.windows import Framing
from seqlift.intervals import Region
from seqlift.pipeline.workload import Workload

START_REGION = re.compile(r"(?P<chrom>\S+):(?P<start>[0-9]+)-(?P<end>[0-9]+)")


@dataclass(frozen=True)
class DesignStart:
    """A starting sequence (L,) and its name."""

    name: str
    codes: NDArray[np.uint8]


def starts_in(source: str, genome: str | None, length: int | None) -> Iterator[DesignStart]:
    """Yield the sequences of a FASTA, or the windows of regions.

    `length` is that of the windows, None for regions as they are. Raises InputError for files and
    regions that cannot be used, and for sequences of another length.
    """
    region = None if Path(source).exists() else START_REGION.fullmatch(source)
    if region is not None:
        bounds = int(region["start"]), int(region["end"])
        yield start_of_region(source, Region(region["chrom"], *bounds), genome, length)
        return
    with Workload(source, genome) as workload:
        framing = Framing(None if workload.regions.is_fasta else length)
        workload.survey(framing, hold=False)
        for one in workload.read(framing):
            place = one.window.region
            named = place.name if place.name != "." else f"{place.chrom}:{place.start}-{place.end}"
            if length is not None and len(one.codes) != length:
                raise InputError(
                    f"{workload.place(place.line)}: it has {len(one.codes)} bases, and designs have"
                    f" {length}; give as many"
                )
            yield DesignStart(named, one.codes)


def start_of_region(
    source: str, region: Region, genome: str | None, length: int | None
) -> DesignStart:
    """Read the window around one region's centre."""
    if genome is None:
        raise InputError(
            f"{source}: a region needs a genome; give its FASTA with -g, or set SEQLIFT_GENOME"
        )
    if region.end <= region.start:
        raise InputError(
            f"{source}: end {region.end} is not after start {region.start}; give CHROM:START-END,"
            " 0-based and half-open"
        )
    with Genome(genome) as opened:
        problem = check_region(region, opened.sizes, source=source)
        if problem is not None:
            raise InputError(problem.replace(f"{source}:0", source, 1))
        (window,) = Framing(length).windows(region)
        return DesignStart(source, opened.fetch(region.chrom, window.start, window.end))
