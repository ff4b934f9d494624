"""`seqlift track`: the track of a score file, made again."""

import os
from pathlib import Path

from seqlift.errors import OutputError
from seqlift.pipeline.finished import REMEDY, same_track
from seqlift.pipeline.outputs import Written, check_outputs, finish, writing
from seqlift.pipeline.progress import Progress
from seqlift.tracks.bigwig import write_bigwig
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import check_seal


def make_track(
    scores: str, output: str | None, *, overlap: Overlap, force: bool, progress: Progress
) -> Written:
    """Make the track of a score file, by default beside it with the ending .bw."""
    source = Path(scores)
    check_seal(source)
    with ScoreFile(source) as opened:
        path = source.with_suffix(".bw") if output is None else Path(output)
        check_outputs([path], inputs=[source])
        with writing(path) as new:
            if not force and os.path.lexists(path):
                if same_track(source, path, overlap):
                    return Written((path,), before=True)
                raise OutputError(
                    f"{path}: already exists, and it is not the track of {source}; {REMEDY}"
                )
            write_track(opened, new, overlap=overlap, progress=progress)
            finish(new, path, replace=force)
    return Written((path,))


def write_track(scores: ScoreFile, new: Path, *, overlap: Overlap, progress: Progress) -> None:
    """Write the track of a score file to a file that is still to be given its final name."""
    with progress("track", scores.rows) as bar:
        write_bigwig(scores, new, scores.sizes(), overlap=overlap, progress=bar.update)
