"""`seqlift track`: the track of a score file, made again."""

from pathlib import Path

from seqlift.pipeline.outputs import check_outputs, finish, remove_unfinished, unfinished
from seqlift.pipeline.progress import Progress
from seqlift.tracks.bigwig import write_bigwig
from seqlift.tracks.layers import Overlap
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import check_seal


def make_track(
    scores: str, output: str | None, *, overlap: Overlap, force: bool, progress: Progress
) -> tuple[Path]:
    """Return the track of a score file, by default beside it with the ending .bw."""
    source = Path(scores)
    check_seal(source)
    with ScoreFile(source) as opened:
        path = source.with_suffix(".bw") if output is None else Path(output)
        check_outputs([path], inputs=[source], force=force)
        try:
            write_track(opened, unfinished(path), path, overlap=overlap, progress=progress)
        finally:
            remove_unfinished([path])
    return (path,)


def write_track(
    scores: ScoreFile,
    new: Path,
    path: Path,
    *,
    overlap: Overlap,
    progress: Progress,
) -> None:
    """Write the track of a score file to `new`, which becomes `path` when it is whole."""
    with progress("track", scores.rows) as bar:
        write_bigwig(scores, new, scores.sizes(), overlap=overlap, progress=bar.update)
    finish(new, path)
