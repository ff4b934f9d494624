"""Problems of a line that should be BED: each has the value and the remedy.

Knows the formats people mistake for BED; knows nothing of files or places, which `regions` adds.
"""

import re

LARGEST_COORDINATE = 2**63 - 1
"""Coordinates are kept as signed 64-bit integers in the score file."""

_MOST_DIGITS = 20  # characters of a 64-bit integer; int() itself refuses some thousands
_WHOLE_NUMBER = re.compile(r"-?[0-9]+")
_INTERVAL = re.compile(r"\S+:[0-9,]+(-|\.\.)[0-9,]+")
_HEADER_WORDS = {"start", "end", "stop", "chromstart", "chromend", "pos", "position"}
_ZERO_BASED = "give 0-based half-open coordinates"
_SUMMIT = "give its distance from start, -1 for none, or --summit centre"


def undecodable(line: str) -> str | None:
    """Describe why a line is not text; None if it is."""
    if "\0" in line:
        return "a NUL byte in the line, so this is not text; give BED as plain or gzip text"
    if line.isascii():
        return None
    try:
        line.encode("utf-8")
    except UnicodeEncodeError as error:
        byte = ord(line[error.start]) - 0xDC00  # how "surrogateescape" carries a byte
        return f"byte 0x{byte:02x} is not UTF-8 text; save the file as UTF-8"
    return None


def not_bed(columns: list[str]) -> str | None:
    """Say why a line cannot be BED at all, or None: too few columns, or another format."""
    if len(columns) < 3:
        return _too_few(columns)
    if not columns[0]:
        return "column 1 (chrom) is empty; give chrom, start and end"
    if _is_whole(columns[1]) and _is_whole(columns[2]):
        return None
    numeric = [_is_whole(column) for column in columns]
    if {columns[1].lower(), columns[2].lower()} & _HEADER_WORDS and not any(numeric[1:3]):
        return f"{_shown(' '.join(columns[:3]))} is a header, not a region; start the line with '#'"
    if len(columns) >= 8 and not numeric[1] and numeric[3] and numeric[4]:
        return (
            "this is a GFF or GTF line, not BED; give chrom, start - 1 and end "
            "(its columns 1, 4 and 5) as columns 1 to 3"
        )
    if len(columns) >= 8 and numeric[1] and columns[3].isalpha():
        return (
            "this is a VCF line, not BED; give chrom, position - 1 and position "
            "(from its columns 1 and 2) as columns 1 to 3"
        )
    return None


def _too_few(columns: list[str]) -> str:
    if _INTERVAL.fullmatch(columns[0]):
        return f"{_shown(columns[0])} is not BED; give chrom, start - 1 and end in three columns"
    if columns[0].startswith(">"):
        return (
            f"{_shown(columns[0])} begins a FASTA record, not a region; give BED or FASTA, not both"
        )
    count = "1 column" if len(columns) == 1 else f"{len(columns)} columns"
    return f"{_shown(' '.join(columns))} has {count}; give chrom, start and end, separated by tabs"


def wrong_interval(start: str, end: str) -> str | None:
    """Describe why two texts are not an interval [start, end); None if they are."""
    for column, text in (("start", start), ("end", end)):
        if not _is_whole(text):
            return f"{column} {_shown(text)} is not a whole number; {_ZERO_BASED}"
        # by length first: int() refuses long texts
        if len(text) > _MOST_DIGITS or int(text) > LARGEST_COORDINATE:
            return f"{column} {_cut(text)} is past any chromosome; {_ZERO_BASED}"
    if int(start) < 0:
        return f"start {start} is negative; {_ZERO_BASED}"
    if int(end) <= int(start):
        return f"end {end} is not after start {start}; {_ZERO_BASED}"
    return None


def wrong_strand(strand: str) -> str | None:
    """Describe why a text is not a strand; None if it is."""
    if strand in ("+", "-", ".", "?"):
        return None
    return (
        f"strand {_shown(strand)} is none of + - . ?; "
        "keep columns 1 to 3 only if column 6 is something else"
    )


def wrong_summit(summit: str, size: int) -> str | None:
    """Describe why a text is not the summit of a region of `size` bases; None if it is."""
    if not _is_whole(summit):
        return f"summit {_shown(summit)} is not a whole number; {_SUMMIT}"
    if len(summit) > _MOST_DIGITS or not -1 <= int(summit) < size:
        return f"summit {_cut(summit)} is outside the region of {size} bases; {_SUMMIT}"
    return None


def no_summit_column(count: int) -> str:
    """Explain a row of `count` columns that is to have its summit in column 10."""
    return f"{count} columns, and --summit column takes the tenth; give --summit auto or centre"


def wrong_blocks(count: str, size: int) -> str:
    """Explain a row whose columns 10 to 12 may be blocks, or a summit and two lists."""
    return (
        f"columns 10 to 12 list {_cut(count)} blocks that do not span the region of {size} bases;"
        " correct them, or give --summit column or --summit centre"
    )


def _is_whole(text: str) -> bool:
    return _WHOLE_NUMBER.fullmatch(text) is not None


def _shown(text: str) -> str:
    return repr(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
