"""From finished parts to final files: score files joined, and their tracks drawn.

Tracks of several targets are drawn at once. Knows runs and parts; knows nothing of how rows are
computed.
"""

from collections.abc import Callable, Collection
from pathlib import Path

from seqlift.pipeline.facts import run_attributes, shard_attributes
from seqlift.pipeline.open_parts import OpenParts
from seqlift.pipeline.output_files import TargetFiles, finish, remove_outdated
from seqlift.pipeline.parts import PartsFolder
from seqlift.pipeline.progress import Progress
from seqlift.pipeline.run import Run
from seqlift.pipeline.run_summary import Judged, judged
from seqlift.pipeline.track_formats import format_of
from seqlift.tracks.held_tracks import HeldScoreFile
from seqlift.tracks.join import join
from seqlift.tracks.regions_bed import write_regions
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.several_files import SeveralFiles


def place_scores(
    run: Run, parts: PartsFolder, done: Collection[Path], progress: Progress
) -> dict[Path, Judged]:
    """Join the parts to score files, and give these and the regions file their final names.

    Returns what was found of each score file that was made.
    """
    found: dict[Path, Judged] = {}
    run.workload.check_unchanged()  # what was scored must be what the digests in the file say
    new = {path: parts.unfinished(path) for path in run.outputs.scores() if path not in done}

    sizes = run.workload.genome.sizes
    with OpenParts(parts.finished()) as opened:
        # One after another: HDF5 has one lock for all files, for which threads would only wait.
        for place, files in enumerate(run.outputs.targets):
            if files.scores not in new:
                continue
            path, sources = new[files.scores], opened.of_target(place)
            attributes = run_attributes(run, files.target) | shard_attributes(run)
            with SeveralFiles(
                sources, path=files.scores, attributes=attributes, sizes=sizes
            ) as scores:
                found[files.scores] = judged(run, scores, files)
            with progress("joining", run.rows) as bar:
                join(sources, path, attributes=attributes, sizes=sizes, progress=bar.update)
    first = run.outputs.targets[0].scores  # the regions of every target are the same
    if run.outputs.regions in new:
        with ScoreFile(new.get(first, first)) as scores:
            write_regions(scores, new[run.outputs.regions])
    # Before new score files have their names, so that no track of the old ones stands next to them.
    remove_outdated(run.outputs, parts.replaced)
    for path in new:
        finish(new[path], path, replace=path in parts.replaced)
    parts.placed = True
    return found


def write_tracks(run: Run, parts: PartsFolder, done: Collection[Path], progress: Progress) -> None:
    """Write the tracks of every score file, from what is held of them if that is all."""
    workers, overlap = run.settings.workers, run.options.overlap
    within = workers.within(len(run.outputs.targets))
    held = run.held if run.held is not None and run.held.whole(run.rows) else None

    def drawn(target: tuple[int, TargetFiles], check: Callable[[], None]) -> None:
        place, files = target
        for track in [track for track in files.tracks if track not in done]:
            with HeldScoreFile(files.scores, held, place) as scores:
                new = parts.unfinished(track)
                format_of(track).make(
                    scores, new, overlap=overlap, progress=progress, workers=within, check=check
                )
            finish(new, track, replace=track in parts.replaced)

    workers.each(drawn, enumerate(run.outputs.targets))
