"""The table of measures as text: tab-separated for programs, in columns for people.

Knows rows; knows nothing of how they were measured.
"""

from collections.abc import Sequence

from seqlift.evaluate.comparison import MEASURE_COLUMNS, MeasureRow
from seqlift.evaluate.measure_list import MEASURES


def tab_separated(rows: Sequence[MeasureRow]) -> str:
    """Write a heading and a line for each row."""
    cells = [MEASURE_COLUMNS, *(row.cells() for row in rows)]
    return "".join("\t".join(line) + "\n" for line in cells)


def in_columns(rows: Sequence[MeasureRow]) -> list[str]:
    """Write lines for a terminal: per measure, a line for each method and target.

    Methods stand below one another, so that they can be compared; the way that is better is marked.
    """
    cells = [("measure", "target", "method", "mean", "95 % interval", "sequences")]
    order = {name: place for place, name in enumerate(MEASURES)}
    for row in sorted(rows, key=lambda row: (order[row.measure], row.target)):
        better = MEASURES[row.measure].better
        method, target, measure, mean, low, high, number = three_digit_cells(row)
        span = f"{low} to {high}"
        cells.append((f"{measure} ({better} is better)", target, method, mean, span, number))
    widths = [max(len(line[place]) for line in cells) for place in range(len(cells[0]))]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def three_digit_cells(row: MeasureRow) -> tuple[str, ...]:
    found = row.estimate
    numbers = (f"{number:.3g}" for number in (found.mean, found.low, found.high))
    return (row.method, row.target, row.measure, *numbers, str(found.sequences))
