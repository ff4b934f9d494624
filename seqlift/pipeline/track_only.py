"""Tracks drawn from parts, or from shards, which keep nothing else (`--keep track`).

A track says nothing about the run that made it. So one that is there already is taken for that of
this run only where all its parts are there too, and it is theirs. Knows runs and parts.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from seqlift.errors import OutputError
from seqlift.pipeline.facts import run_attributes
from seqlift.pipeline.finished import REMEDY
from seqlift.pipeline.open_parts import OpenParts
from seqlift.pipeline.output_files import TargetFiles, finish
from seqlift.pipeline.parts import PartsFolder
from seqlift.pipeline.progress import Progress
from seqlift.pipeline.run import Run
from seqlift.pipeline.track_formats import format_of
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.several_files import SeveralFiles


def check_tracks(run: Run, parts: PartsFolder) -> None:
    """Raise OutputError for a track that is there before the parts that it could be of are."""
    if parts.finished() and parts.rows() == run.rows:
        return
    problems = [
        f"{track}: already exists, and nothing tells whether it is of this run; {REMEDY}"
        for track in run.outputs.tracks()
        if os.path.lexists(track) and track not in parts.replaced
    ]
    if problems:
        raise OutputError(*problems)


@contextmanager
def parts_opened(run: Run, parts: PartsFolder) -> Iterator[list[Callable[[], SeveralFiles]]]:
    """Open the parts; yield for every target what reads its rows as one file."""

    def of_target(place: int) -> SeveralFiles:
        return SeveralFiles(
            opened.of_target(place),
            path=parts.folder,
            attributes=run_attributes(run, run.outputs.targets[place].target),
            sizes=run.workload.genome.sizes,
        )

    with OpenParts(parts.finished()) as opened:
        yield [partial(of_target, place) for place in range(len(run.outputs.targets))]


def draw_parts(
    run: Run,
    parts: PartsFolder,
    opened: Sequence[Callable[[], SeveralFiles]],
    progress: Progress,
) -> None:
    """Write the tracks of every target, or find that they are there."""
    workers, overlap = run.settings.workers, run.options.overlap
    within = workers.within(len(run.outputs.targets))

    def drawn(
        target: tuple[TargetFiles, Callable[[], SeveralFiles]], check: Callable[[], None]
    ) -> None:
        files, open_scores = target
        with open_scores() as scores:
            for track in files.tracks:
                replace = track in parts.replaced
                if not replace and is_there(track, scores, overlap):
                    continue
                new = parts.unfinished(track)
                format_of(track).make(
                    scores, new, overlap=overlap, progress=progress, workers=within, check=check
                )
                finish(new, track, replace=replace)

    workers.each(drawn, zip(run.outputs.targets, opened, strict=True))


def is_there(track: Path, scores: SeveralFiles, overlap: Overlap) -> bool:
    """Find out whether a track is there; raise OutputError where it is not that of `scores`."""
    if not os.path.lexists(track):
        return False
    if not format_of(track).agrees(scores, track, scores.sizes(), overlap=overlap):
        raise OutputError(f"{track}: already exists, and is not of this run; {REMEDY}")
    return True
