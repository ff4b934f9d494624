"""The sheet that tracks are drawn on: blocks of aligned tracks below each other, on one scale.

Knows Matplotlib and arrays; knows nothing of score files. Everything is placed in inches, so that
letters are as wide and tracks as tall however many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from seqlift.errors import InputError
from seqlift.intervals import Region
from seqlift.plots import logos, marks
from seqlift.plots.logos import FRAME, NARROWEST, TEXT

LEFT, RIGHT, TOP, BOTTOM = 0.75, 0.4, 0.12, 0.02
TITLE, LABEL, LANE, TICKS, GAP = 0.24, 0.17, 0.14, 0.24, 0.14
ONE_TRACK, MANY_TRACKS = 1.1, 0.8
"""Height of a track, alone in its block and not."""

NARROWEST_SHEET, WIDEST, BASE_WIDTH = 8.0, 14.0, 0.16
"""Least and greatest width of a sheet, and the width of a base where there is space for it."""

TITLE_LETTER, NOTE_LETTER = 0.092, 0.07
"""Width of a letter of a title and of its note, in inches, about."""

TICK = 1.1
"""Least distance between two labels of the x axis, in inches: twelve digits of a coordinate."""

TALLEST = 400
"""Inches of a sheet: Matplotlib draws no PNG of 65,536 pixels, which are 409 of them."""

ZOOM = 120
"""Bases of a stretch that is drawn as letters, below one of which only bars can be seen."""


@dataclass(frozen=True, slots=True)
class Track:
    """Scores of one stretch: `values` (L, 4), and which bases are `known`, (L,).

    Tracks of one `kind` can be compared, and have one scale.
    """

    label: str
    kind: str
    values: NDArray[np.float64]
    known: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Block:
    """Tracks of the same bases from `start` on; `note` is what the title says at its right."""

    name: str
    place: str
    note: str
    chrom: str
    start: int
    tracks: Sequence[Track]

    @property
    def title(self) -> str:
        """Name the block by its name, if it has one, and its place."""
        return "   ".join(word for word in (self.name, self.place) if word)

    @property
    def end(self) -> int:
        """Find the position after the last base."""
        return self.start + len(self.tracks[0].values)


@dataclass(frozen=True, slots=True)
class Line:
    """A stretch [start, end) of a block, drawn as one line; `zoomed` is what the next one shows."""

    block: Block
    start: int
    end: int
    first: bool
    zoomed: tuple[int, int] | None = None
    is_zoom: bool = False


def lines_of(block: Block, *, wrap: int | None, width: float) -> list[Line]:
    """Fold a block into lines of `wrap` bases, or zoom in where letters could not be read."""
    start, end = block.start, block.end
    if wrap is not None:
        starts = range(start, end, wrap)
        return [Line(block, at, min(at + wrap, end), at == start) for at in starts]
    if 72 * width / (end - start) >= NARROWEST:
        return [Line(block, start, end, True)]
    zoomed = strongest(block)
    return [Line(block, start, end, True, zoomed), Line(block, *zoomed, False, is_zoom=True)]


def strongest(block: Block) -> tuple[int, int]:
    """Find the stretch of 120 bases with the largest sum of |score| in the first track."""
    sizes = np.abs(block.tracks[0].values).sum(axis=1)
    width = min(ZOOM, len(sizes))
    sums = np.convolve(sizes, np.ones(width), mode="valid")
    first = block.start + int(sums.argmax())
    return first, first + width


class Sheet:
    """Draws blocks into a figure, whose size it sets; `axes` are those of the tracks, in order."""

    def __init__(
        self,
        figure: Figure,
        blocks: Sequence[Block],
        *,
        annotations: Sequence[Region] = (),
        wrap: int | None = None,
    ) -> None:
        longest = wrap or max(block.end - block.start for block in blocks)
        self.figure = figure
        self.width = float(np.clip(BASE_WIDTH * longest, NARROWEST_SHEET, WIDEST)) - LEFT - RIGHT
        self.annotations, self.colours = annotations, marks.colours_of(annotations)
        self.wrap = wrap
        self.lines = [
            one for block in blocks for one in lines_of(block, wrap=wrap, width=self.width)
        ]
        self.limits = limits_by_kind(blocks)
        most = max(len(block.tracks) for block in blocks)
        self.track = ONE_TRACK if most == 1 else MANY_TRACKS
        self.marks = [self._marks_of(line) for line in self.lines]
        self.height = TOP + BOTTOM + sum(map(self._height_of, self.lines, self.marks))
        if self.height > TALLEST:
            tracks = sum(len(line.block.tracks) for line in self.lines)
            raise InputError(
                f"{tracks} tracks in one picture would be {self.height:.0f} inches tall, and"
                f" {TALLEST} is the most; draw fewer rows, or fewer files"
            )
        figure.set_size_inches(self.width + LEFT + RIGHT, self.height)
        self._y = self.height - TOP
        self.axes = [
            one
            for line, its_marks in zip(self.lines, self.marks, strict=True)
            for one in self._draw(line, its_marks)
        ]

    def _base(self, line: Line) -> float:
        return self.width / (self.wrap or (line.end - line.start))  # in a short last line the same

    def _marks_of(self, line: Line) -> list[marks.Mark]:
        return marks.laid_out(
            self.annotations, chrom=line.block.chrom, limits=(line.start, line.end),
            base=self._base(line), colours=self.colours,
        )  # fmt: skip

    def _height_of(self, line: Line, its_marks: Sequence[marks.Mark]) -> float:
        tracks = len(line.block.tracks) * (LABEL + self.track)
        return TITLE * line.first + marks.lanes(its_marks) * LANE + tracks + TICKS + GAP

    def _draw(self, line: Line, its_marks: Sequence[marks.Mark]) -> list[Axes]:
        if line.first:
            self._title(line.block)
        if its_marks:
            lanes = self._panel(line, marks.lanes(its_marks) * LANE)
            lanes.set_axis_off()
            marks.draw_marks(lanes, its_marks, self._base(line))
        drawn = [self._track(line, track) for track in line.block.tracks]
        for axes in drawn:
            marks.shade(axes, its_marks)
            if line.zoomed:
                axes.axvspan(*line.zoomed, color=TEXT, alpha=0.07, linewidth=0, zorder=0)
        drawn[-1].tick_params(labelbottom=True)
        self._y -= TICKS + GAP
        return drawn

    def _title(self, block: Block) -> None:
        self._y -= TITLE
        left, y = LEFT / (self.width + LEFT + RIGHT), (self._y + 0.07) / self.height
        fonts: dict[str, Any] = {"color": TEXT, "parse_math": False}
        space = self.width - len(block.note) * NOTE_LETTER - len(block.place) * TITLE_LETTER
        name = shortened(block.name, int(space / TITLE_LETTER) - 3)
        title = replace(block, name=name).title
        self.figure.text(left, y, title, fontsize=9, weight="bold", **fonts)
        right = 1 - RIGHT / (self.width + LEFT + RIGHT)
        self.figure.text(right, y, block.note, fontsize=8, ha="right", **fonts)

    def _track(self, line: Line, track: Track) -> Axes:
        self._y -= LABEL
        label = track.label
        if line.is_zoom:
            label = f"{track.label}, shaded bases of the line above"
        self.figure.text(
            LEFT / (self.width + LEFT + RIGHT), (self._y + 0.04) / self.height, label,
            fontsize=7, color="#666666", parse_math=False,
        )  # fmt: skip
        axes = self._panel(line, self.track)
        part = slice(line.start - line.block.start, line.end - line.block.start)
        width = self._base(line) * (line.end - line.start)
        letters = 72 * width / (line.end - line.start) >= NARROWEST
        logos.logo(
            axes, track.values[part], start=line.start, letters=letters,
            limits=self.limits[track.kind],
        )  # fmt: skip
        shade_unknown(axes, track.known[part], line.start)
        styled(axes, width)
        return axes

    def _panel(self, line: Line, height: float) -> Axes:
        self._y -= height
        across = self.width + LEFT + RIGHT
        width = self._base(line) * (line.end - line.start)
        place = (LEFT / across, self._y / self.height, width / across, height / self.height)
        axes = self.figure.add_axes(place)
        axes.set_xlim(line.start, line.end)
        return axes


def shortened(name: str, most: int) -> str:
    most = max(8, most)
    return name if len(name) <= most else f"{name[: most - 1]}…"


def limits_by_kind(blocks: Sequence[Block]) -> dict[str, tuple[float, float]]:
    """Find limits for the tracks of each kind, which all of them have."""
    tracks = sorted((track for block in blocks for track in block.tracks), key=lambda t: t.kind)
    found = {}
    for kind, members in groupby(tracks, key=lambda track: track.kind):
        ends = np.array([logos.find_limits(track.values) for track in members])
        found[kind] = (float(ends[:, 0].min()), float(ends[:, 1].max()))
    return found


def shade_unknown(axes: Axes, known: NDArray[np.bool_], start: int) -> None:
    """Hatch the bases that have no scores: N, padding, and what was not scored."""
    # Where known and unknown bases meet; each stretch without scores has two such places.
    edges = np.flatnonzero(np.diff(np.concatenate([[True], known, [True]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        axes.axvspan(
            start + first, start + last, facecolor="none", edgecolor=FRAME, hatch="////",
            linewidth=0, zorder=0,
        )  # fmt: skip


def styled(axes: Axes, width: float) -> None:
    """Set ticks and lines of a track of `width` inches.

    Its x labels are shown below the last track of a line.
    """
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(FRAME)
    axes.tick_params(colors=TEXT, labelsize=7, length=2, color=FRAME, labelbottom=False)
    ticks = max(3, int(width / TICK))
    axes.xaxis.set_major_locator(MaxNLocator(ticks, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
