"""Rows of score files as figures of letters, for a page without igv.js."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from seqlift.plots import marks
from seqlift.plots.page.charts import html_text
from seqlift.plots.page.logo_tracks import region_figure
from seqlift.plots.picture import CONTRIBUTION, block, labels
from seqlift.plots.sheet import limits_by_kind
from seqlift.plots.stretch import StretchReader
from seqlift.tracks.score_file import ScoreFile

SCALE_NOTE = (
    "Tracks of one head have one scale, which each region has of its own. Grey bases have no"
    " contribution."
)

MOST_TRACKS = 100
"""Tracks of a figure; of more, the first."""


@contextmanager
def row_figures(
    scores: Sequence[Path], annotations: Sequence[Path]
) -> Iterator[Callable[[int], str]]:
    """Open score files for a function that draws a row, numbered as in the first, as HTML."""
    regions = marks.read_marks(annotations)
    colours = marks.colours_of(regions)
    with ExitStack() as stack:
        readers = [
            StretchReader(stack.enter_context(ScoreFile(path))) for path in scores[:MOST_TRACKS]
        ]
        names = labels(readers)
        left_out = len(scores) - len(readers)
        note = SCALE_NOTE + (f" {left_out} tracks more are not drawn." if left_out else "")

        def figure(row: int) -> str:
            one = block(readers, names, readers[0].row(row), [CONTRIBUTION])
            limits = limits_by_kind([one])
            drawn = region_figure(one, limits, annotations=regions, colours=colours)
            return f"{drawn}<p>{html_text(note)}</p>"

        yield figure
