"""`seqlift track`: the track of a score file, made again."""

import os
from pathlib import Path

from seqlift.errors import OutputError
from seqlift.pipeline.finished import REMEDY
from seqlift.pipeline.output_files import Written, check_outputs, finish, writing
from seqlift.pipeline.progress import Progress
from seqlift.pipeline.threads import Workers
from seqlift.pipeline.track_formats import FORMATS, format_of
from seqlift.system.cores import usable_cores
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import check_seal


def make_track(
    scores: str, output: str | None, *, overlap: Overlap, force: bool, progress: Progress
) -> Written:
    """Make the track of a score file, by default in its folder with the ending .bw."""
    source = Path(scores)
    check_seal(source)
    with ScoreFile(source) as opened:
        path = source.with_suffix(FORMATS[0].ending) if output is None else Path(output)
        check_outputs([path], inputs=[source])
        with writing(path) as new:
            if not force and os.path.lexists(path):
                if format_of(path).is_track(path, source, overlap):
                    return Written((path,), before=True)
                raise OutputError(
                    f"{path}: already exists, and it is not the track of {source}; {REMEDY}"
                )
            with Workers(usable_cores()) as workers:
                format_of(path).make(
                    opened, new, overlap=overlap, progress=progress, workers=workers
                )
            finish(new, path, replace=force)
    return Written((path,))
