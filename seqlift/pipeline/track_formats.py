"""The formats that the track of a finished score file is written in, each a row of `FORMATS`.

A run, `seqlift merge` and `seqlift track` write every track through this table: another format is a
module of `seqlift.tracks` and a row here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlift.errors import SeqliftError
from seqlift.pipeline.progress import Progress
from seqlift.pipeline.threads import Workers
from seqlift.tracks.bigwig import is_track_of, reserved_bytes, write_bigwig
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.several_files import SeveralFiles


@dataclass(frozen=True, slots=True)
class TrackFormat:
    """How the track of a score file is written.

    Attributes
    ----------
    ending
        End of the file's name, with its dot.
    write
        Called with a `ScoreFile`, the path of a new file, the chromosomes' sizes, and `overlap`,
        `progress` and `workers` by keyword, as `seqlift.tracks.bigwig.write_bigwig`.
    agrees
        Called with a `ScoreFile`, the path of a file, the sizes and `overlap`: whether the file has
        these scores and no others. May raise SeqliftError for a damaged score file.
    most_bytes
        Called with the numbers of scored bases and of rows, and the sizes: more bytes than the file
        can take while it is written.
    base_bytes
        Bytes that a scored base takes in a finished file, about.
    """

    ending: str
    write: Callable[..., object]
    agrees: Callable[..., bool]
    most_bytes: Callable[[int, int, Mapping[str, int]], int]
    base_bytes: float

    def make(
        self,
        scores: ScoreFile | SeveralFiles,
        new: Path,
        *,
        overlap: Overlap,
        progress: Progress,
        workers: Workers,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Write the track of a score file to a file that is still to get its final name.

        `check`, called now and then, raises where the track is not wanted any more.
        """
        how: dict[str, Any] = {"overlap": overlap, "workers": workers.pool}
        with progress("track", scores.rows) as bar:

            def report(rows: int) -> None:
                check()
                bar.update(rows)

            self.write(scores, new, scores.sizes(), progress=report, **how)

    def is_track(self, track: Path, scores: Path, overlap: Overlap) -> bool:
        """Find out whether a track has the scores of a score file, and no others."""
        try:
            with ScoreFile(scores) as opened:
                return self.agrees(opened, track, opened.sizes(), overlap=overlap)
        except SeqliftError:
            return False


BIGWIG = TrackFormat(".bw", write_bigwig, is_track_of, reserved_bytes, base_bytes=5.6)
FORMATS = [BIGWIG]


def format_of(path: Path) -> TrackFormat:
    """Choose the format by the end of a file's name; bigWig for any other."""
    fitting = (one for one in FORMATS if path.name.endswith(one.ending))
    return next(fitting, FORMATS[0])
