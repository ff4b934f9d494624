"""`seqlift.plot`: stretches of score files as aligned tracks.

Knows score files; draws by `seqlift.plots.sheet`.
"""

import os
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqlift.errors import InputError
from seqlift.intervals import Region
from seqlift.plots import marks
from seqlift.plots.sheet import Block, Sheet, Track
from seqlift.plots.stretch import DrawnRegion, StretchReader, shown_name
from seqlift.system.printable import printable
from seqlift.tracks import layout
from seqlift.tracks.made_by import made_by
from seqlift.tracks.scale_groups import scale_groups
from seqlift.tracks.score_file import ScoreFile

Path_ = str | os.PathLike[str]

CONTRIBUTION, MULTIPLIER = "contribution", "multiplier"
HYPOTHETICAL_KIND = "hypothetical contribution"
LINKS = {MULTIPLIER: "of"}
DATASETS = {
    CONTRIBUTION: layout.CONTRIBUTIONS,
    HYPOTHETICAL_KIND: layout.HYPOTHETICAL,
    MULTIPLIER: layout.MULTIPLIERS,
}

MOST = 200
"""Blocks of a picture, and files; more make one that nothing can show."""

DOTS = 160
"""Pixels per inch of a PNG."""

PICTURE_FORMATS = (".png", ".svg", ".pdf")

ARROWS = {"+": "+ →", "-": "← -"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawingOptions:
    """Choose what of score files is drawn, and how: the options of `seqlift plot`.

    Attributes
    ----------
    rows, regions, names
        Row numbers from 0, places as ``chr1:1000-1200`` (0-based, half-open), names of peaks.
    top
        The rows of the highest predictions, this many.
    hypothetical, multipliers
        Whether to draw these too, below the contributions.
    own_scales
        Whether the tracks of each file have a scale of their own, as for methods that measure
        different things.
    annotations
        BED files.
    wrap
        Bases in a line; by default each stretch is one line.
    """

    rows: Sequence[int] = ()
    regions: Sequence[str] = ()
    names: Sequence[str] = ()
    top: int | None = None
    hypothetical: bool = False
    multipliers: bool = False
    own_scales: bool = False
    annotations: Sequence[Path_] = ()
    wrap: int | None = None

    def kinds(self) -> list[str]:
        """List the kinds of tracks of each file."""
        chosen = ((HYPOTHETICAL_KIND, self.hypothetical), (MULTIPLIER, self.multipliers))
        return [CONTRIBUTION, *(kind for kind, wanted in chosen if wanted)]


def plot(
    scores: Path_ | Sequence[Path_],
    *,
    row: int | Sequence[int] = (),
    region: str | Sequence[str] = (),
    name: str | Sequence[str] = (),
    top: int | None = None,
    hypothetical: bool = False,
    multipliers: bool = False,
    own_scales: bool = False,
    annotations: Path_ | Sequence[Path_] = (),
    wrap: int | None = None,
) -> list[Axes]:
    """Draw stretches of score files as letters, one track below the other.

    Contributions to one head of a model, or of several, have one scale.

    Parameters
    ----------
    scores
        Score files of the same regions: targets, methods or models to be compared.
    row
        Numbers of rows, from 0.
    region
        Places as ``chr1:1000-1200``, 0-based and half-open. Where rows overlap, a base has the
        score of the row whose middle is nearest.
    name
        Names of peaks; all rows of a name are drawn.
    top
        Draw the rows of the highest predictions of the first file, this many.
    hypothetical, multipliers
        Draw these too, as tracks below the contributions; several letters at a base are stacked.
    own_scales
        Give the tracks of each file a scale of their own, as for methods that measure different
        things; by default all contributions to one head have one.
    annotations
        BED files, such as motif instances, drawn above the tracks.
    wrap
        Bases in a line. By default a stretch is one line, and where letters cannot be read in it
        (beyond about 425 bases) they are bars, and its strongest 120 bases follow as letters.

    Returns
    -------
    list of matplotlib.axes.Axes
        One for each track, from the top. Their figure is ``axes[0].figure``.

    Raises
    ------
    InputError
        Nothing is asked for, or a row, name or region is not there, or a file has no multipliers.
    """
    from matplotlib import pyplot  # so that notebooks show the figure

    wanted = DrawingOptions(
        rows=(row,) if isinstance(row, int) else row,
        regions=(region,) if isinstance(region, str) else region,
        names=(name,) if isinstance(name, str) else name,
        top=top,
        hypothetical=hypothetical,
        multipliers=multipliers,
        own_scales=own_scales,
        annotations=list_paths(annotations),
        wrap=wrap,
    )
    blocks, regions = blocks_of(list_paths(scores), wanted)
    figure = pyplot.figure()
    return Sheet(figure, blocks, annotations=regions, wrap=wrap).axes


def list_paths(paths: Path_ | Sequence[Path_]) -> list[Path_]:
    return [paths] if isinstance(paths, str | os.PathLike) else list(paths)


def draw_rows(paths: Sequence[Path_], wanted: DrawingOptions) -> Figure:
    """Draw what is wanted of score files into a figure that no notebook or window shows."""
    blocks, regions = blocks_of(paths, wanted)
    figure = Figure()
    Sheet(figure, blocks, annotations=regions, wrap=wanted.wrap)
    return figure


def blocks_of(paths: Sequence[Path_], wanted: DrawingOptions) -> tuple[list[Block], list[Region]]:
    """Read what is wanted of score files, and the annotations."""
    check_file_count(paths, MOST, "picture")
    with ExitStack() as stack:
        files = [StretchReader(stack.enter_context(ScoreFile(Path(path)))) for path in paths]
        regions = marks.read_marks(wanted.annotations, files[0].chromosomes())
        stretches = find_regions(files[0], wanted)
        names = labels(files)
        found = [block(files, names, one, wanted.kinds()) for one in stretches]
    return [scaled_by_file(one, names) for one in found] if wanted.own_scales else found, regions


def check_file_count(paths: Sequence[Path_], most: int, place: str) -> None:
    """Raise InputError for more score files than a picture or page can show."""
    if len(paths) > most:
        raise InputError(
            f"{paths[0]}: {len(paths)} score files in one {place}; give {most} at most"
        )


def find_regions(first: StretchReader, wanted: DrawingOptions) -> list[DrawnRegion]:
    """Find what is asked for in the first file. Raises InputError where that is nothing."""
    found = [first.row(number) for number in wanted.rows]
    found += [first.region(text) for text in wanted.regions]
    found += [one for name in wanted.names for one in first.named(name)]
    found += first.top(wanted.top) if wanted.top else []
    path = first.scores.path
    if not found:
        raise InputError(f"{path}: nothing to draw; give --row, --region, --name or --top")
    if len(found) > MOST:
        raise InputError(f"{path}: {len(found)} rows in one picture; give {MOST} at most")
    return found


def block(
    files: Sequence[StretchReader], names: Sequence[str], one: DrawnRegion, kinds: list[str]
) -> Block:
    """Read the tracks of a stretch: the files below each other, and below that the next kind."""
    tracks = []
    heads = scale_groups([file.scores.attributes for file in files])
    for kind in kinds:
        for file, name, head in zip(files, names, heads, strict=True):
            values, known = file.values(one, DATASETS[kind])
            label = f"{kind} {LINKS.get(kind, 'to')} {name}"
            tracks.append(Track(label, f"{kind_of_scale(kind)} {head}", values, known))
    place = f"{printable(one.chrom)}:{one.start:,}-{one.end:,}"
    name = (
        ""
        if one.name in ("", ".", place.replace(",", ""))
        else printable(shown_name(one.name, one.chrom))
    )
    if one.strand in ARROWS:
        place += f"   {ARROWS[one.strand]}"
    note = note_of(files[0], one, tracks[0]) if len(files) == 1 else numbered(one)
    return Block(name, place, note, one.chrom, one.start, tracks)


def numbered(one: DrawnRegion) -> str:
    return "" if one.row is None else f"row {one.row}"


def note_of(file: StretchReader, one: DrawnRegion, contributions: Track) -> str:
    """Say what a stretch is next to the rest of the file: weak scores fill a picture, too."""
    tallest = float(np.abs(contributions.values).max(initial=0.0))
    words = [numbered(one)]
    words += [] if one.prediction is None else [f"prediction {one.prediction:.4g}"]
    words.append(f"tallest {tallest:.3g} (of the file {file.scores.largest_contribution:.3g})")
    return ", ".join(word for word in words if word)


def save(figure: Figure, path: Path, ending: str) -> None:
    """Write a picture, the same bytes each time. `ending` is one of `PICTURE_FORMATS`."""
    # Ids of SVG that are not random, and text as text, to be edited and searched for.
    settings: Any = {"svg.hashsalt": "seqlift", "svg.fonttype": "none", "pdf.fonttype": 42}
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    more: dict[str, Any] = {"pil_kwargs": {"compress_level": 4}} if ending == ".png" else {}
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # of a name, that the font does not have
        figure.savefig(path, format=ending[1:], dpi=DOTS, metadata=dates.get(ending), **more)


def scaled_by_file(one: Block, names: Sequence[str]) -> Block:
    """Give the tracks of each file a scale of their own."""
    places = [i % len(names) for i in range(len(one.tracks))]
    tracks = [
        replace(track, kind=f"{track.kind} {place}")
        for track, place in zip(one.tracks, places, strict=True)
    ]
    return replace(one, tracks=tracks)


def kind_of_scale(kind: str) -> str:
    return MULTIPLIER if kind == MULTIPLIER else CONTRIBUTION


def labels(files: Sequence[StretchReader]) -> list[str]:
    """Name the tracks of each file by target and method, and by the file where these are equal."""
    facts: list[dict[str, Any]] = [file.scores.attributes for file in files]
    found = [f"{one.get('target', 'the target')} ({made_by(one)[0]})" for one in facts]
    if len(set(found)) < len(found):
        found = [
            f"{text}, {file.scores.path.name}" for text, file in zip(found, files, strict=True)
        ]
    return [printable(text) for text in found]
