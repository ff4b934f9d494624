"""The files of a browser's page by name: what a server offers, and what an export writes.

Every name is made up here, so that no name of a user's file is part of an address.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from seqlift.browse.frame import frame
from seqlift.browse.igv_session import igv_session
from seqlift.browse.shown_files import ListedRegion, ShownFiles, seqlets_as_bed
from seqlift.errors import InputError

Content = Path | bytes
"""A file to be read when it is asked for, or bytes."""

PAGE, BROWSE_SCRIPT, SESSION, IGV, LICENCE = (
    "index.html",
    "browse.js",
    "session.json",
    "igv.min.js",
    "igv.LICENSE.txt",
)

LETTERS_MARK = b"dynseq"
"""Stands in every igv.js that draws letters."""

MISSING = (
    "igv.js is not at hand, so regions are shown as letters, one at a time. For a genome browser,"
    " fetch it with `npm pack igv@3.8`, unpack it, and give --igv package/dist/igv.min.js."
)


@dataclass(frozen=True, slots=True)
class Site:
    """All files of a page, by name; `figure` draws a row as HTML where igv.js does not."""

    files: dict[str, Content] = field(default_factory=dict)
    figure: Callable[[int], str] | None = None

    def content(self, name: str) -> Content | None:
        """Find what a name stands for, None where that is nothing."""
        if name in self.files or self.figure is None:
            return self.files.get(name)
        number = name.removeprefix("row-").removesuffix(".html")
        if name != figure_name(number) or not (number.isascii() and number.isdigit()):
            return None
        try:
            return self.figure(int(number)).encode()
        except InputError:
            return None  # a row that the file does not have


def figure_name(row: int | str) -> str:
    """Name the figure of a row."""
    return f"row-{row}.html"


def packaged_igv() -> Path | None:
    path = Path(str(package_files("seqlift.browse") / "pages" / IGV))
    return path if path.is_file() else None


def igv_script(igv: str | None) -> Path | None:
    """Choose the script: the one asked for, else that of this installation.

    Raises InputError for a file that is not igv.js, or one that draws no letters.
    """
    if igv is None:
        return packaged_igv()
    path = Path(igv)
    if not path.is_file():
        raise InputError(f"{igv}: no such file; give dist/igv.min.js of the npm package igv")
    if LETTERS_MARK not in path.read_bytes():
        raise InputError(
            f"{igv}: not an igv.js that draws letters; give dist/igv.min.js of the npm package igv,"
            " 3.8 or later"
        )
    return path


def make_site(
    shown: ShownFiles,
    *,
    igv: Path | None,
    figure: Callable[[int], str] | None,
) -> Site:
    """Put together all that a page needs, with a figure of each row where `igv` is None.

    Raises InputError where there is neither.
    """
    if igv is None and figure is None:
        raise InputError(f"{shown.tracks[0]}: its score file (.h5) is not there; {MISSING}")
    names = data_names(shown)
    script = package_files("seqlift.browse") / "pages" / BROWSE_SCRIPT
    title = shown.title
    files: dict[str, Content] = {
        PAGE: frame(title, igv=IGV if igv is not None else None).encode(),
        BROWSE_SCRIPT: script.read_bytes(),
        **names,
    }
    if igv is not None:
        files[IGV] = igv
        licence = next((one for one in licences(igv) if one.is_file()), None)
        files |= {LICENCE: licence} if licence is not None else {}
    session: dict[str, Any] = {
        "title": title,
        "missing": "" if igv is not None else MISSING,
        "order": f"by prediction of {shown.labels[0]}" if shown.scores else "",
        "regions": [as_listed(one) for one in shown.regions],
        "igv": igv_session(shown, names),
    }
    files[SESSION] = json.dumps(session, allow_nan=False).encode()
    return Site(files, figure if igv is None else None)


def licences(igv: Path) -> tuple[Path, ...]:
    return igv.with_name(LICENCE), igv.parent.parent / "LICENSE"


def data_names(shown: ShownFiles) -> dict[str, Content]:
    """Name the files that igv.js reads."""
    zipped = shown.genome.suffix in (".gz", ".bgz")
    genome = "genome.fa.gz" if zipped else "genome.fa"
    found: dict[str, Content] = {genome: shown.genome, f"{genome}.fai": shown.index.encode()}
    if zipped:
        found[f"{genome}.gzi"] = Path(f"{shown.genome}.gzi")
    found |= {f"scores-{i}.bw": one for i, one in enumerate(shown.tracks)}
    if shown.bed:
        found["regions.bed"] = shown.bed.encode()
    for i, one in enumerate(shown.annotations):
        seqlets = seqlets_as_bed(one)
        zipped = seqlets is None and one.suffix in (".gz", ".bgz")
        found[f"annotations-{i}.bed{'.gz' if zipped else ''}"] = one if seqlets is None else seqlets
    return found


def as_listed(one: ListedRegion) -> dict[str, Any]:
    found = {"name": one.name, "chrom": one.chrom, "start": one.start, "end": one.end}
    if one.row is not None:
        found |= {"figure": figure_name(one.row)}
    if one.prediction is not None:
        found |= {"prediction": f"{one.prediction:.3g}"}
    return found
