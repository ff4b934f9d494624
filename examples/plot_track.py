"""Draw contributions of a score file as letters, with planted or known motifs marked.

    python examples/plot_track.py SCORES.h5 --row 0 --motifs data/demo.motifs.bed -o plot.png

Every base is a letter as tall as its contribution; letters of negative contribution hang upside
down below the line. One block per row of the score file, folded into lines; positions count from 0,
as in the BED file. Reads the score file (`projected_shap/seq` and `regions`) and any BED file;
knows nothing of models or genomes.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from matplotlib.transforms import Affine2D, blended_transform_factory
from numpy.typing import NDArray

BASES = "ACGT"
BASE_COLOURS = {"A": "#1b8a3f", "C": "#2563a8", "G": "#e5a01a", "T": "#c8372d"}
MOTIF_COLOURS = ("#5b6c8f", "#a0637b", "#6c8a5b", "#8f7a5b")
TEXT_COLOUR = "#333333"
INCHES_PER_BASE, INCHES_PER_LINE, MARGIN = 0.11, 1.25, 0.6


@dataclass(frozen=True)
class Motif:
    """One row of a BED file: a stretch to be marked, 0-based half-open."""

    chrom: str
    start: int
    end: int
    name: str
    strand: str

    @property
    def label(self) -> str:
        """Return the name with an arrow in the direction of reading."""
        return {"+": f"{self.name} →", "-": f"← {self.name}"}.get(self.strand, self.name)


@dataclass(frozen=True)
class Row:
    """One scored window: `contributions` is (4, L), zero at every base but the observed one."""

    chrom: str
    start: int
    name: str
    contributions: NDArray[np.float32]

    @property
    def end(self) -> int:
        """Return the position after the last base."""
        return self.start + int(self.contributions.shape[1])


def read_rows(path: Path, numbers: list[int]) -> list[Row]:
    """Return these rows (0-based) of a score file; `IndexError` where it has fewer."""
    with h5py.File(path) as file:
        scores, regions = file["projected_shap/seq"], file["regions"]
        for number in numbers:
            if not 0 <= number < len(scores):
                raise IndexError(f"{path}: no row {number}; give 0 to {len(scores) - 1}")
        return [
            Row(
                chrom=regions["chrom"].asstr()[number],
                start=int(regions["start"][number]),
                name=regions["name"].asstr()[number],
                contributions=scores[number].astype(np.float32),
            )
            for number in numbers
        ]


def read_motifs(path: Path) -> list[Motif]:
    """Return the rows of a BED file; name and strand are "" and "." where it has fewer columns."""
    motifs = []
    for line in path.read_text("utf-8-sig").split("\n"):
        columns = line.split("\t")
        if len(columns) >= 3 and not line.startswith("#"):
            name = columns[3] if len(columns) > 3 else ""
            strand = columns[5] if len(columns) > 5 else "."
            motifs.append(Motif(columns[0], int(columns[1]), int(columns[2]), name, strand))
    return motifs


def letter_outlines() -> dict[str, Outline]:
    """Return the outline of each base's letter, stretched to fill the unit square."""
    font = FontProperties(family="DejaVu Sans", weight="bold")
    outlines = {}
    for base in BASES:
        outline = TextPath((0, 0), base, size=1, prop=font)
        box = outline.get_extents()
        to_unit = Affine2D().translate(-box.x0, -box.y0).scale(1 / box.width, 1 / box.height)
        outlines[base] = outline.transformed(to_unit)
    return outlines


def draw_letters(axes: Axes, row: Row, outlines: dict[str, Outline]) -> None:
    """Draw a letter for every base in sight that contributes, at its place in the chromosome."""
    width = 0.92  # of a base, so that neighbours do not touch
    first, last = (round(limit) - row.start for limit in axes.get_xlim())
    for channel, offset in np.argwhere(row.contributions[:, first:last]):
        base, height = BASES[channel], float(row.contributions[channel, first + offset])
        left = row.start + first + int(offset) + (1 - width) / 2
        place = Affine2D().scale(width, height).translate(left, 0)
        outline = outlines[base].transformed(place)
        axes.add_patch(PathPatch(outline, facecolor=BASE_COLOURS[base], linewidth=0))


def draw_motifs(axes: Axes, motifs: list[Motif], colours: dict[str, str]) -> None:
    """Shade every motif and write its name, with its direction, above it."""
    above = blended_transform_factory(axes.transData, axes.transAxes)
    first, last = axes.get_xlim()
    for motif in motifs:
        start, end = max(motif.start, first), min(motif.end, last)
        if start < end:
            colour = colours[motif.name]
            axes.axvspan(start, end, color=colour, alpha=0.14, linewidth=0, zorder=0)
            axes.plot([start, end], [1, 1], color=colour, linewidth=1.6, transform=above)
            middle = (start + end) / 2
            axes.text(
                middle, 1.03, motif.label, transform=above, color=colour, fontsize=8, ha="center"
            )


def style(axes: Axes, row: Row, first: int, bases: int) -> None:
    """Set limits, ticks and lines of the stretch of `bases` bases from `first` on."""
    highest, lowest = float(row.contributions.max()), float(row.contributions.min())
    spread = (highest - lowest) or 1.0
    axes.set_xlim(first, first + bases)
    axes.set_ylim(lowest - 0.04 * spread, highest + 0.04 * spread)
    axes.axhline(0, color=TEXT_COLOUR, linewidth=0.5, zorder=1)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color("#bbbbbb")
    axes.tick_params(colors=TEXT_COLOUR, labelsize=7, length=2, color="#bbbbbb")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(3))


def draw(rows: list[Row], motifs: list[Motif], *, bases_per_line: int = 100) -> Figure:
    """Return a figure with a block of lines for every row, each block with one vertical scale."""
    lines = [(row, first) for row in rows for first in range(row.start, row.end, bases_per_line)]
    names = sorted({motif.name for motif in motifs})
    colours = {name: MOTIF_COLOURS[i % len(MOTIF_COLOURS)] for i, name in enumerate(names)}
    outlines = letter_outlines()
    size = (MARGIN + bases_per_line * INCHES_PER_BASE, MARGIN + len(lines) * INCHES_PER_LINE)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(lines), 1, squeeze=False)[:, 0]
    for axes, (row, first) in zip(panels, lines, strict=True):
        style(axes, row, first, bases_per_line)
        draw_letters(axes, row, outlines)
        draw_motifs(axes, [m for m in motifs if m.chrom == row.chrom], colours)
        if first == row.start:
            title = f"{row.name}   {row.chrom} {row.start:,} to {row.end:,}"
            axes.set_title(title, loc="left", fontsize=9, color=TEXT_COLOUR, pad=16)
    figure.supylabel("contribution", fontsize=8, color=TEXT_COLOUR)
    return figure


def main() -> int:
    """Write the plot asked for; return 0, or 2 after one line when the file or row is not there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scores", type=Path, metavar="SCORES.h5")
    parser.add_argument("--row", type=int, nargs="+", default=[0], metavar="I", help="from 0")
    parser.add_argument("--motifs", type=Path, metavar="BED", help="stretches to be marked")
    parser.add_argument("--bases-per-line", type=int, default=100, metavar="N", help="default: 100")
    parser.add_argument("-o", "--output", type=Path, required=True, help="PNG, SVG or PDF")
    arguments = parser.parse_args()
    try:
        rows = read_rows(arguments.scores, arguments.row)
    except (IndexError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    motifs = read_motifs(arguments.motifs) if arguments.motifs else []
    figure = draw(rows, motifs, bases_per_line=arguments.bases_per_line)
    figure.savefig(arguments.output, dpi=160)
    return 0


if __name__ == "__main__":
    sys.exit(main())
