"""`seqlift report`: a page about score files.

Knows the sections of a page, and which regions it shows.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from seqlift.intervals import Region
from seqlift.plots import marks
from seqlift.plots.page import sections
from seqlift.plots.page.charts import html_text, letter_shapes
from seqlift.plots.page.logo_tracks import region_figure
from seqlift.plots.page.measures import Comparison, measure, same_rows
from seqlift.plots.page.sections import FileFigures, card, note, table
from seqlift.plots.page.style import SCRIPT, STYLE, policy
from seqlift.plots.picture import CONTRIBUTION, Path_, block, check_file_count, labels
from seqlift.plots.sheet import limits_by_kind
from seqlift.plots.stretch import StretchReader
from seqlift.system.printable import printable
from seqlift.tracks import layout
from seqlift.tracks.score_file import ScoreFile

ONE_SCALE = (
    "On this page all tracks of one head have one scale. Letters below the line lower the"
    " prediction. Grey bases have no contribution: N, or outside the chromosome. Places are"
    " 0-based and half-open."
)

MOST_FILES = 100
"""Files of a page, which has eight cards for each and compares each with all others."""

TOP_REGIONS, TYPICAL_REGIONS = 4, 3
"""Regions that are shown of the highest predictions, and of predictions around the median."""


def page(paths: Sequence[Path_], *, annotations: Sequence[Path_] = ()) -> str:
    """Write the page about score files, as HTML that needs nothing else.

    Files with the same rows, as of targets or of models, are compared. Memory is that of a block of
    rows and of a few numbers for each row.

    Raises
    ------
    InputError
        A score file or BED file that cannot be read, or more files than a page can show.
    """
    check_file_count(paths, MOST_FILES, "page")
    with ExitStack() as stack:
        files = [stack.enter_context(ScoreFile(Path(path))) for path in paths]
        readers = [StretchReader(one) for one in files]
        regions = marks.read_marks(annotations, readers[0].chromosomes())
        alike = same_rows(readers)
        measured, comparison = measure(readers, alike=alike, annotations=regions)
        figures = [
            FileFigures(one, rows, its, qc_of(one))
            for one, rows, its in zip(files, readers, measured, strict=True)
        ]
        body = list(contents(figures, comparison, alike=alike, annotations=regions))
    return document("".join(body), title=", ".join(printable(Path(path).name) for path in paths))


def qc_of(scores: ScoreFile) -> dict[str, np.ndarray]:
    names = [name for name in layout.FIGURES if name in scores.kinds()]
    return {name.removeprefix("qc/"): scores.values(name, slice(None)) for name in names}


def contents(
    figures: Sequence[FileFigures],
    comparison: Comparison | None,
    *,
    alike: bool,
    annotations: Sequence[Region],
) -> list[str]:
    """Write the parts of a page, in their order."""
    several = len(figures) > 1
    parts = [grid(overview(figures), likeness(figures, comparison))] if several else []
    if several and alike:
        parts.append(f"<h2>Regions</h2>{grid(regions_of_files(figures, annotations))}")
    for one in figures:
        name = html_text(one.scores.path)
        heading = f"<h2>{name}: {html_text(one.facts.get('target', ''))}</h2>" if several else ""
        shown = "" if several and alike else regions_of_files([one], annotations)
        parts.append(f"{heading}{about(one, shown)}")
    return parts


def about(one: FileFigures, shown: str) -> str:
    """Write all sections about one file; `shown` are its regions."""
    cards = [
        sections.what_ran(one.facts, one.scores),
        sections.completeness(one),
        sections.rows_by_status(one),
        sections.distribution(one),
        sections.concentration(one),
        sections.along_window(one),
        sections.annotated(one),
        shown,
        sections.next_steps(one),
    ]
    return f"{sections.warnings_of_file(one.scores)}{grid(*cards)}"


def grid(*cards: str) -> str:
    return f'<div class="grid">{"".join(cards)}</div>'


def overview(figures: Sequence[FileFigures]) -> str:
    """Write a table with a row for each file."""
    head = (
        "file",
        "target",
        "method",
        "rows",
        "residual",
        "positive",
        "negative",
        "99.9 %",
        "half in",
    )
    rows = []
    for one in figures:
        sizes = np.abs(one.qc["relative_residual"])
        counts, shares = one.measures.counts, one.measures.half_shares()
        rows.append((
            one.scores.path, one.facts.get("target", ""), one.facts.get("method", ""),
            f"{one.scores.rows:,}", f"{np.nanmax(sizes, initial=0.0):.1e}",
            *counts.signs(),
            f"{counts.quantiles((0.999,))[0]:.3g}",
            f"{np.median(shares):.1%} of bases" if len(shares) else "",
        ))  # fmt: skip
    return card("Files", table(head, rows), wide=True)


def likeness(figures: Sequence[FileFigures], comparison: Comparison | None) -> str:
    """Write the correlations of files with each other, or why there are none."""
    heading = "How alike are they?"
    if comparison is None:
        words = "The files do not have the same rows, so they are not compared."
        return card(heading, note(words), wide=True)
    names = [f"{i + 1}" for i in range(len(figures))]
    legend = [
        f"{i + 1}: {one.scores.path} ({one.facts.get('target', '')})"
        for i, one in enumerate(figures)
    ]
    predictions = np.stack([one.qc["prediction"] for one in figures])
    usable = predictions[:, np.isfinite(predictions).all(axis=0)]
    between = Comparison(len(figures))
    between.add(usable - usable.sum(axis=1, keepdims=True) / max(1, usable.shape[1]))
    tables = []
    for title, one in (("contributions", comparison), ("predictions", between)):
        square = table(("", *names), matrix(names, one.correlations()))
        tables.append(f"<div><p>{html_text(title)}</p>{square}</div>")
    return card(
        heading,
        note("Pearson's correlation. Folds of a model should be alike; targets need not be."),
        grid(*tables),
        *map(note, legend),
        wide=True,
    )


def matrix(names: Sequence[str], values: np.ndarray) -> list[list[str]]:
    return [
        [name, *("not defined" if np.isnan(one) else f"{one:.3f}" for one in row)]
        for name, row in zip(names, values, strict=True)
    ]


def regions_of_files(figures: Sequence[FileFigures], annotations: Sequence[Region]) -> str:
    """Show top and typical regions as logos: of all files together, chosen by the first."""
    readers = [one.rows for one in figures]
    order = readers[0].by_prediction()
    if not len(order):
        return ""
    names = labels(readers)
    middle = max(TOP_REGIONS, len(order) // 2 - TYPICAL_REGIONS // 2)
    groups = (
        (
            f"The highest predictions of {figures[0].facts.get('target', 'the target')}",
            order[:TOP_REGIONS],
        ),
        ("Typical: predictions around the median", order[middle : middle + TYPICAL_REGIONS]),
    )
    blocks = [
        [block(readers, names, readers[0].row(int(row)), [CONTRIBUTION]) for row in rows]
        for _, rows in groups
    ]
    limits = limits_by_kind([one for some in blocks for one in some])
    colours = marks.colours_of(annotations)
    found = []
    for (title, _), some in zip(groups, blocks, strict=True):
        drawn = [
            region_figure(one, limits, annotations=annotations, colours=colours) for one in some
        ]
        found += [card(title, note(ONE_SCALE), *drawn, wide=True)] if some else []
    return "".join(found)


def document(body: str, *, title: str) -> str:
    """Put the parts of a page into a document that loads nothing and runs its own script only."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>seqlift: {html_text(title)}</title>'
        f"<style>{STYLE}</style></head><body>{letter_shapes()}"
        f"<main><h1>Which bases made the model say that?</h1><p>{html_text(title)}</p>{body}</main>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )
