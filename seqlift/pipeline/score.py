"""`seqlift score`: from a model, regions and a genome to score files and tracks.

What can be found wrong is looked for before anything is computed. Reading and shuffling for the
next batches, computing this one, and checking and compressing the last then happen at once, in
three threads; what is under way is bounded, so memory does not grow with the number of regions.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from seqlift.attribution.engine import Result
from seqlift.pipeline.memory import give_back
from seqlift.pipeline.options import ScoreOptions
from seqlift.pipeline.outputs import Outputs, TargetFiles, finish, remove_unfinished, unfinished
from seqlift.pipeline.rows import Residuals, check_residuals, residuals_of, score_batch
from seqlift.pipeline.run import Batch, Run, notes_of, prepare, run_attributes
from seqlift.pipeline.threads import Background, prefetched
from seqlift.pipeline.workload import Workload
from seqlift.tracks.bigwig import write_bigwig
from seqlift.tracks.hdf5 import ScoreFile, ScoreWriter
from seqlift.tracks.regions_bed import RegionsWriter

log = logging.getLogger(__name__)

AHEAD = 2  # batches read before they are needed, and batches waiting to be written


class ProgressBar(Protocol):
    """Something that is told how many more are done."""

    def update(self, n: int) -> object:
        """Count `n` more."""


Progress = Callable[[str, int], AbstractContextManager[ProgressBar]]
"""Given a stage's name and the number of its steps, a bar."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did.

    `relative_residual` is the largest of any row, `worst` the place of that row; `status` how many
    rows have each status; `files` are final names; `complete` whether the rule promises that
    contributions sum to the difference; `notes` say what was asked for and has no effect.
    """

    rows: int
    seconds: float
    relative_residual: float
    worst: str
    complete: bool
    status: dict[str, int]
    device: str
    precision: str
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """What has been counted so far, for the summary."""

    status: Counter[str] = field(default_factory=Counter)
    relative_residual: float = 0.0
    worst: str = ""

    def count(self, run: Run, batch: Batch, residuals: Residuals) -> None:
        """Remember the row with the largest residual."""
        i = int(np.argmax(residuals.relative))
        if residuals.relative[i] >= self.relative_residual:
            self.relative_residual = float(residuals.relative[i])
            self.worst = run.workload.place(batch.rows[i].window.region)


def score(options: ScoreOptions, *, progress: Progress) -> Summary:
    """Return what was done, having written the score files, the regions file and the tracks.

    Score files have their final names before the tracks are begun, so a track that cannot be
    written costs no scores. Of a run that fails before, nothing stays.

    Raises
    ------
    SeqliftError
        Of the kind that fits: see `seqlift.errors`.
    """
    started = time.perf_counter()
    with Workload(options.regions, options.genome) as workload:
        run = prepare(options, workload)
        announce(run)
        paths = run.outputs.paths()
        try:
            tally = write_scores(run, progress)
            for path in paths[: len(run.outputs.targets) + 1]:
                finish(path)
            give_back()
            write_tracks(run.outputs, workload.genome.sizes, progress)
        finally:
            remove_unfinished(paths)
    return Summary(
        rows=workload.rows,
        seconds=time.perf_counter() - started,
        relative_residual=tally.relative_residual,
        worst=tally.worst,
        complete=run.complete,
        status=dict(tally.status.most_common()),
        device=run.explainer.device,
        precision=options.precision,
        files=paths,
        notes=notes_of(options),
    )


def announce(run: Run) -> None:
    """Log what was decided, for those who want to know."""
    log.info(
        "%d regions, windows of %s bases, %d references (%s) each, %d sequences at once, on %s",
        run.workload.rows,
        run.length or "their own",
        run.references.number,
        run.references.kind,
        run.batch_size,
        run.explainer.device,
    )
    log.info("targets: %s", ", ".join(files.target for files in run.outputs.targets))


def write_scores(run: Run, progress: Progress) -> Tally:
    """Return the tally, having explained every batch and written its rows."""
    tally = Tally()
    with ExitStack() as stack:
        writers = {
            files.target: stack.enter_context(score_writer(run, files))
            for files in run.outputs.targets
        }
        regions = stack.enter_context(RegionsWriter(unfinished(run.outputs.regions)))
        background = stack.enter_context(Background(waiting=AHEAD))
        batches = stack.enter_context(closing(prefetched(run.batches(), ahead=AHEAD)))
        bar = stack.enter_context(progress("scoring", run.workload.rows))
        for batch in batches:
            results = run.explainer.explain(batch.codes, batch.references, batch.others)
            background.call(write_batch, run, batch, results, writers, regions, tally)
            bar.update(len(batch.rows))
    return tally


def write_batch(
    run: Run,
    batch: Batch,
    results: Mapping[str, Result],
    writers: Mapping[str, ScoreWriter],
    regions: RegionsWriter,
    tally: Tally,
) -> None:
    """Check the residuals of a batch, count its rows and write them.

    Raises NumericError for the first row that does not add up.
    """
    for target, result in results.items():
        residuals = residuals_of(result)
        check_residuals(residuals, batch.rows, run.workload, target=target, tolerance=run.tolerance)
        tally.count(run, batch, residuals)
        scores = score_batch(
            batch.rows,
            result,
            residuals,
            length=run.row_length,
            multipliers=run.options.multipliers,
        )
        writers[target].write(scores)
    regions.write(scores)
    tally.status.update(scores.status)


def score_writer(run: Run, files: TargetFiles) -> ScoreWriter:
    """Return the writer of one target's score file."""
    return ScoreWriter(
        unfinished(files.scores),
        length=run.row_length,
        attributes=run_attributes(run, files.target),
        dtype=run.options.dtype,
        multipliers=run.options.multipliers,
    )


def write_tracks(outputs: Outputs, sizes: dict[str, int], progress: Progress) -> None:
    """Write the track of every score file."""
    for files in outputs.targets:
        with ScoreFile(files.scores) as scores, progress("track", scores.rows) as bar:
            write_bigwig(scores, unfinished(files.track), sizes, progress=bar.update)
        finish(files.track)
