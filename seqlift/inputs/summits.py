"""Whether a BED row has a summit, where it is, and why a row has none.

Knows the columns of one row; knows nothing of files, places or windows. Which columns narrowPeak
and BED12 have: https://genome.ucsc.edu/FAQ/FAQformat.html. Peak callers and their tools write more
than that: dots or ``NA`` in columns 7 to 9, columns after the tenth (IDR has 20). So column 10 is
the summit whatever the other columns hold, unless it counts the blocks of a BED12.
"""

from collections.abc import Sequence
from typing import Literal

from seqlift.inputs import bed_problems
from seqlift.system.numbers import number_or_none

Summits = Literal["auto", "column", "centre"]
SUMMITS: tuple[Summits, ...] = ("auto", "column", "centre")
"""Column 10 unless it counts blocks, column 10 in any case, or the centre of every region."""

FEW_COLUMNS = "with fewer than 10 columns"
BLOCKS = "of BED12 rows"
NO_SUMMIT = "with -1 in column 10"
NO_NUMBER = "with no number in column 10"
ASKED_FOR = "by --summit centre"

Measures = tuple[float | None, float | None, float | None]
"""Signal value, p-value and q-value of a peak, None where it has none."""

_COLUMN = 9  # column 10, counted from 0
_MEASURED = slice(6, 9)  # columns 7 to 9


def summit_of(columns: Sequence[str], size: int, choice: Summits) -> tuple[int, str] | str:
    """Find the summit of a row of `size` bases, counted from its start.

    Without a summit it is -1, and the second item says why. A problem (a str) is a value and its
    remedy: a summit outside the region, or a column 10 that may be one and is not.
    """
    if choice == "centre":
        return -1, ASKED_FOR
    if len(columns) <= _COLUMN:
        few = -1, FEW_COLUMNS
        return few if choice == "auto" else bed_problems.no_summit_column(len(columns))
    text = columns[_COLUMN]
    if choice == "auto":
        blocks = _blocks(columns, size)
        if blocks is not None:
            return (-1, BLOCKS) if blocks == "" else blocks
        if number_or_none(text) is None:
            return -1, NO_NUMBER
    problem = bed_problems.wrong_summit(text, size)
    if problem is not None:
        return problem
    return int(text), NO_SUMMIT if int(text) < 0 else ""


def _blocks(columns: Sequence[str], size: int) -> str | None:
    """Tell a BED12 row (an empty str), one that may be either (a problem), or none (None).

    The blocks of a BED12 are as many as column 10 says, the first begins at 0 and the last ends
    with the region. Lists of that many numbers that do not fit the region may be blocks that are
    wrong, or no blocks; numbers without commas are blocks only where one of them spans the region.
    """
    pair = columns[_COLUMN + 1 : _COLUMN + 3]
    sizes, starts = (_whole_numbers(text) for text in pair) if len(pair) == 2 else ([], [])
    if not sizes or not starts:
        return None
    count, are_lists = columns[_COLUMN], all("," in text for text in pair)
    if not count == str(len(sizes)) == str(len(starts)):
        return None
    # what the specification asks of the blocks of a BED12
    if (starts[0], starts[-1] + sizes[-1]) == (0, size):
        return ""
    return bed_problems.wrong_blocks(count, size) if are_lists else None


def _whole_numbers(text: str) -> list[int]:
    items = text.removesuffix(",").split(",")
    if not all(item.isascii() and item.isdigit() and len(item) < 20 for item in items):
        return []
    return [int(item) for item in items]


def measures_of(columns: Sequence[str], start: int, end: int, choice: Summits) -> Measures:
    """Read columns 7 to 9 of a peak; three times None where they are those of BED7 to BED12.

    A row of at least ten columns has them as it has its summit, unless it is a BED12. A row of
    nine is a broadPeak, unless columns 7 and 8 are places in the region, as in BED9.
    """
    if len(columns) < _MEASURED.stop:
        return None, None, None
    if len(columns) == _MEASURED.stop:
        # thickStart and thickEnd
        is_bed = all(_is_place(text, start, end) for text in columns[6:8])
    else:
        is_bed = choice != "column" and _blocks(columns, end - start) == ""
    first, second, third = (None if is_bed else number_or_none(text) for text in columns[_MEASURED])
    return first, second, third


def _is_place(text: str, start: int, end: int) -> bool:
    # int() refuses long texts
    return text.isascii() and text.isdigit() and start <= int(text[:20]) <= end
