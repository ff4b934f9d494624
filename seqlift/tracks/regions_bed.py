"""The regions file of a score file: row i of one is row i of the other.

Ten-column narrowPeak without a header, because motif tools pair its lines with rows of the score
file by number, comments included (``modisco seqlet-bed``, Fi-NeMo). Knows the text format and
where the rows of a score file lie; knows nothing of scores. Format: https://genome.ucsc.edu/FAQ/FAQformat.html#format12
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from seqlift.intervals import Window, middle
from seqlift.system.closing import Finishing
from seqlift.system.printable import printable
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.unfinished import output_errors, remove

WRITTEN_AT_ONCE = 4096  # rows read at once

HIGHEST_SCORE = 1000
"""BED allows whole scores from 0 to this one in column 5."""

NO_MEASURES = (0.0, -1.0, -1.0)
"""What narrowPeak has in columns 7 to 9 where there is no signal value, p-value or q-value."""


class RegionsWriter(Finishing):
    """Writes the rows of every batch to `path`; removes the file when the block inside fails.

    Raises
    ------
    OutputError
        The file cannot be opened or written.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        with output_errors(self.path):
            # the same bytes on every system
            self._file = self.path.open("w", encoding="utf-8", newline="\n")

    def write(self, windows: Iterable[Window]) -> None:
        """Append a line for each window."""
        with output_errors(self.path):
            self._file.writelines(map(narrow_peak, windows))

    def close(self) -> None:
        """Finish the file."""
        with output_errors(self.path):
            self._file.close()

    def discard(self) -> None:
        """Close and remove the file."""
        with suppress(OSError):  # what could not be written need not be
            self._file.close()
        remove(self.path)


def write_regions(scores: ScoreFile, path: Path | str) -> None:
    """Write the rows of a score file to a new regions file."""
    with RegionsWriter(path) as writer:
        for start in range(0, scores.rows, WRITTEN_AT_ONCE):
            writer.write(scores.windows(slice(start, start + WRITTEN_AT_ONCE)))


def is_regions_of(scores: ScoreFile, path: Path) -> bool:
    """Find out whether a regions file has the rows of a score file, to the byte."""
    try:
        with path.open("rb") as file:
            for lines in _blocks(scores):
                data = "".join(lines).encode()
                if file.read(len(data)) != data:
                    return False
            return not file.read(1)
    except OSError:
        return False


def _blocks(scores: ScoreFile) -> Iterator[list[str]]:
    for start in range(0, scores.rows, WRITTEN_AT_ONCE):
        yield list(map(narrow_peak, scores.windows(slice(start, start + WRITTEN_AT_ONCE))))


def narrow_peak(window: Window) -> str:
    """Write the narrowPeak line of a window, whose scored bases lie on the chromosome.

    Readers find the columns of the score file by the centre of the line, but do not agree where
    that is: modisco takes ``(start + end) // 2``, Fi-NeMo ``start + summit``. So that both get the
    middle of the window, a window that is clipped on one side is as short on the other. Names hold
    nothing that a reader could take for the end of the line.
    """
    region = window.region
    start, end = window.first, window.last
    if start >= end:
        start, end = _on_chromosome(window)
    centre = min(max(middle(window.start, window.end), start), end - 1)
    # modisco takes the middle of the interval, Fi-NeMo the summit: clipped alike on both sides,
    # the two are the same base.
    left = min(centre - start, end - centre)
    right = min(end - centre, left + 1)
    interval = (region.chrom, centre - left, centre + right)
    found = (region.signal, region.p_value, region.q_value)
    measures = [
        _text(none if value is None else value)
        for value, none in zip(found, NO_MEASURES, strict=True)
    ]
    columns = (*interval, region.name, _bed_score(region.score), region.strand, *measures, left)
    return "\t".join(printable(str(column)) for column in columns) + "\n"


def _on_chromosome(window: Window) -> tuple[int, int]:
    start = max(window.start, 0)
    return start, max(window.end, start + 1)


def _bed_score(score: float | None) -> int:
    return round(min(max(score or 0.0, 0.0), HIGHEST_SCORE))


def _text(value: float) -> str:
    return repr(value).removesuffix(".0")
