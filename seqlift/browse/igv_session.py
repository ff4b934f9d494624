"""The session of igv.js: a genome, tracks of letters, regions and annotations.

Format: the documentation of igv.js, https://igv.org/doc/igvjs/#Configuration
"""

from collections.abc import Collection, Iterator
from html import escape
from typing import Any

from seqlift.browse.shown_files import ListedRegion, ShownFiles

LETTERS_IN_SIGHT = 300
"""Bases of a region that are in sight at once; of longer ones, the middle."""

MARGIN = 30
"""Bases in sight before a region, where igv.js lays the names of tracks over letters."""


def igv_session(shown: ShownFiles, names: Collection[str]) -> dict[str, Any]:
    """Write what igv.js opens; `names` are those of the files that it may ask for."""
    fasta = next(name for name in names if name in ("genome.fa", "genome.fa.gz"))
    reference = {"id": shown.assembly, "name": shown.assembly, "fastaURL": fasta}
    reference["indexURL"] = f"{fasta}.fai"
    if fasta.endswith(".gz"):
        reference["compressedIndexURL"] = f"{fasta}.gzi"
    session: dict[str, Any] = {
        "reference": reference,
        "tracks": [*letter_tracks(shown), *interval_tracks(shown, names)],
        "loadDefaultGenomes": False,  # those would be asked for over the network
        "showSampleNames": False,
    }
    if shown.regions:
        session["locus"] = locus(shown.regions[0])
    return session


def locus(one: ListedRegion) -> str:
    """Write what is in sight of a region, 1-based as igv.js takes it."""
    spare = max(0, one.end - one.start - LETTERS_IN_SIGHT) // 2
    first = max(0, one.start + spare - MARGIN)
    return f"{one.chrom}:{first + 1}-{one.end - spare}"


def letter_tracks(shown: ShownFiles) -> Iterator[dict[str, Any]]:
    """Write a track for each bigWig, on one scale by head; igv.js takes names for HTML."""
    heads = list(dict.fromkeys(shown.scales))
    for i, (label, head) in enumerate(zip(shown.labels, shown.scales, strict=True)):
        shared = {"autoscaleGroup": f"scores-{heads.index(head)}"} if head else {}
        yield {
            "name": escape(label, quote=False), "type": "wig", "format": "bigwig",
            "url": f"scores-{i}.bw", "graphType": "dynseq", "height": 150,
            "autoscale": True, **shared, "order": i + 1,
        }  # fmt: skip


def interval_tracks(shown: ShownFiles, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Write a track for the regions, and one for each file of annotations."""
    beds = [(f"annotations-{i}", one.name) for i, one in enumerate(shown.annotations)]
    for i, (stem, label) in enumerate([("regions", "regions"), *beds]):
        name = next((one for one in (f"{stem}.bed", f"{stem}.bed.gz") if one in names), None)
        if name is not None:
            # narrowPeak of regions: as BED, so that measures of peaks change no colour
            yield {
                "name": escape(label, quote=False), "type": "annotation", "format": "bed",
                "url": name, "displayMode": "EXPANDED", "indexed": False, "order": 100 + i,
            }  # fmt: skip
