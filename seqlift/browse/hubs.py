"""Configurations of other browsers for the files of an exported page.

Formats: UCSC track hubs, https://genome.ucsc.edu/goldenPath/help/hgTrackHubHelp.html; WashU data
hubs, https://epigenomegateway.readthedocs.io; JBrowse 2, https://jbrowse.org/jb2/docs/config_guide
"""

import json
from collections.abc import Collection, Sequence
from html import unescape
from typing import Any

from seqlift.browse.igv_session import interval_tracks
from seqlift.browse.shown_files import ShownFiles
from seqlift.system.printable import printable

SHORT_LABEL = 17
"""Characters of a short label that UCSC shows."""


def hub_files(shown: ShownFiles, names: Collection[str], *, url: str) -> dict[str, bytes]:
    """Write the files of all hubs, by name; `url` is put before what WashU must find."""
    base = f"{url.rstrip('/')}/" if url else ""
    texts = {
        "hub.txt": ucsc_hub(shown.title),
        "genomes.txt": f"genome {one_line(shown.assembly)}\ntrackDb trackDb.txt\n",
        "trackDb.txt": "\n".join(
            ucsc_track(number, label, track.name)
            for number, (label, track) in enumerate(zip(shown.labels, shown.tracks, strict=True))
        ),
        "washu.json": json_text(washu_tracks(shown.labels, base)),
        "jbrowse.json": json_text(jbrowse(shown, names)),
    }
    return {name: text.encode() for name, text in texts.items()}


def json_text(value: Any) -> str:
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def one_line(text: str) -> str:
    r"""Write text as one line of a hub, where a backslash at the end would continue it."""
    return printable(" ".join(text.split())).rstrip("\\") or "scores"


def ucsc_hub(title: str) -> str:
    name = one_line(title)
    return (
        f"hub seqlift\nshortLabel {name[:SHORT_LABEL]}\nlongLabel Contributions: {name}\n"
        "genomesFile genomes.txt\nemail nobody@localhost\n"  # UCSC asks for an address
    )


def ucsc_track(number: int, label: str, file: str) -> str:
    """Write a track of letters; its long label names the file, too."""
    name = one_line(label)
    long = name if file in label else f"{name}, {one_line(file)}"
    return (
        f"track scores_{number}\ntype bigWig\nbigDataUrl scores-{number}.bw\n"
        f"shortLabel {name[:SHORT_LABEL]}\nlongLabel {long}\n"
        "visibility full\nlogo on\nautoScale on\nmaxHeightPixels 200:100:32\n"
    )


def washu_tracks(labels: Sequence[str], base: str) -> list[dict[str, Any]]:
    return [
        {"type": "dynseq", "name": label, "url": f"{base}scores-{i}.bw", "showOnHubLoad": True,
         "options": {"height": 100}}
        for i, label in enumerate(labels)
    ]  # fmt: skip


def jbrowse(shown: ShownFiles, names: Collection[str]) -> dict[str, Any]:
    """Write the genome and all tracks as JBrowse 2 takes them, with addresses next to the file."""
    fasta = next(name for name in names if name in ("genome.fa", "genome.fa.gz"))
    kind = "BgzipFastaAdapter" if fasta.endswith(".gz") else "IndexedFastaAdapter"
    adapter = {"type": kind, "fastaLocation": uri(fasta), "faiLocation": uri(f"{fasta}.fai")}
    if fasta.endswith(".gz"):
        adapter["gziLocation"] = uri(f"{fasta}.gzi")
    sequence = {
        "type": "ReferenceSequenceTrack", "trackId": "sequence", "adapter": adapter,
    }  # fmt: skip
    scores = [
        jbrowse_track(shown, f"scores-{i}", label, "QuantitativeTrack", {
            "type": "BigWigAdapter", "bigWigLocation": uri(f"scores-{i}.bw"),
        })
        for i, label in enumerate(shown.labels)
    ]  # fmt: skip
    intervals = [
        jbrowse_track(shown, one["url"], unescape(one["name"]), "FeatureTrack", {
            "type": "BedAdapter", "bedLocation": uri(one["url"]),
        })
        for one in interval_tracks(shown, names)
    ]  # fmt: skip
    tracks = [*scores, *intervals]
    session: dict[str, Any] = {"name": "seqlift"}
    if shown.regions:
        first = shown.regions[0]
        session["views"] = [{
            "type": "LinearGenomeView",
            "id": "scores",
            "init": {
                "assembly": shown.assembly,
                "loc": f"{first.chrom}:{first.start + 1}..{first.end}",  # counted from 1
                "tracks": [one["trackId"] for one in tracks],
            },
        }]  # fmt: skip
    return {
        "assemblies": [{"name": shown.assembly, "sequence": sequence}],
        "tracks": tracks,
        "defaultSession": session,
    }


def jbrowse_track(
    shown: ShownFiles, name: str, label: str, kind: str, adapter: dict[str, Any]
) -> dict[str, Any]:
    return {
        "type": kind, "trackId": name, "name": label, "assemblyNames": [shown.assembly],
        "adapter": adapter,
    }  # fmt: skip


def uri(name: str) -> dict[str, str]:
    return {"uri": name, "locationType": "UriLocation"}
