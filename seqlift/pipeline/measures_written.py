"""The files of `seqlift evaluate`: PREFIX.measures.tsv and PREFIX.measures.png.

Knows the rows of the table; knows nothing of how they were measured.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from seqlift.errors import InputError, OutputError
from seqlift.evaluate.comparison import MeasureRow
from seqlift.evaluate.measure_list import MEASURES
from seqlift.evaluate.measure_table import tab_separated
from seqlift.pipeline.output_files import check_outputs, check_prefix, finish, writing
from seqlift.tracks.unfinished import output_errors

Paths = tuple[Path, Path]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The table of a run, what a reader should know of it, and the files it is in."""

    rows: Sequence[MeasureRow]
    notes: Sequence[str]
    files: Paths


def measure_files(prefix: str, *, inputs: Iterable[Path], force: bool) -> Paths:
    """Name the table and the picture.

    Raises OutputError where they cannot be written, or exist and `force` is not set.
    """
    check_prefix(prefix)
    paths = Path(f"{prefix}.measures.tsv"), Path(f"{prefix}.measures.png")
    check_outputs(paths, inputs=inputs)
    there = [path for path in paths if os.path.lexists(path) and not force]
    if there:
        raise OutputError(
            *(f"{path}: already exists; give another -o or --force" for path in there)
        )
    return paths


def write_measures(rows: Sequence[MeasureRow], paths: Paths, *, replace: bool) -> None:
    """Write the table and its picture under unfinished names, and finish them."""
    if not rows:
        raise InputError("measures: none has a sequence it can be computed on; choose others")
    table, picture = paths
    with ExitStack() as stack:
        new_table, new_picture = (stack.enter_context(writing(path)) for path in paths)
        with output_errors(table):
            new_table.write_text(tab_separated(rows), encoding="utf-8")
        with output_errors(picture):
            draw_table(rows, new_picture)
        finish(new_table, table, replace=replace)
        finish(new_picture, picture, replace=replace)


def draw_table(rows: Sequence[MeasureRow], path: Path) -> None:
    """Draw the table: a panel for each measure, in the order of `MEASURES`."""
    from seqlift.plots.measure_panels import MeasuredPoint, MeasurePanel, draw_measures

    panels = []
    for name, about in MEASURES.items():
        points = [
            MeasuredPoint(
                row.method, row.target, row.estimate.mean, row.estimate.low, row.estimate.high
            )
            for row in rows
            if row.measure == name
        ]
        if points:
            panels.append(MeasurePanel(name, about.better == "low", points))
    draw_measures(panels, path)
