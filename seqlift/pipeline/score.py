"""`seqlift score`: from a model, regions and a genome to score files and tracks.

What can be found wrong is looked for before anything is computed. Reading and shuffling for the
next batches, computing one or two, and checking and compressing the last then happen at once, in
threads; what is under way is bounded, so memory does not grow with the number of regions.
Finished parts are kept until all is finished, so that a run that was ended can be continued.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqlift.attribution.engine import Result
from seqlift.errors import SeqliftError
from seqlift.lanes import Lanes
from seqlift.pipeline.facts import fingerprint, run_attributes
from seqlift.pipeline.memory import give_back
from seqlift.pipeline.options import ScoreOptions
from seqlift.pipeline.outputs import finish, shard_name
from seqlift.pipeline.part_writer import PartWriter, check_parts
from seqlift.pipeline.parts import Parts
from seqlift.pipeline.preflight import check_replaced, notes_of, prepared
from seqlift.pipeline.progress import Progress, ProgressBar
from seqlift.pipeline.rows import (
    above_tolerance,
    check_residuals,
    check_stored,
    residuals_of,
    score_batch,
)
from seqlift.pipeline.run import Batch, Run
from seqlift.pipeline.space import check_space
from seqlift.pipeline.stopping import Stop, Stopped
from seqlift.pipeline.strands import in_genome_direction, mean_of_strands
from seqlift.pipeline.threads import Background, prefetched
from seqlift.pipeline.track import write_track
from seqlift.tracks.merge import join
from seqlift.tracks.regions_bed import write_regions
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.summary import counted, windows_placed

log = logging.getLogger(__name__)

AHEAD = 2  # batches read before they are needed, and batches waiting to be written


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did.

    `relative_residual` is the largest of any row, `worst` the place of that row; `status` how many
    rows have each status; `windows` how many lie around summits; `files` are final names;
    `complete` whether the rule promises that contributions sum to the difference; `notes` are
    those of `notes_of`; `warnings` what makes the scores doubtful.
    """

    rows: int
    seconds: float
    relative_residual: float
    worst: str
    complete: bool
    status: dict[str, int]
    device: str
    precision: str
    windows: str
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def score(options: ScoreOptions, *, progress: Progress) -> Summary:
    """Return what was done, having written the score files, the regions file and the tracks.

    Score files have their final names before the tracks are begun, so a track that cannot be
    written costs no scores. Of a run that fails before its first part is finished, nothing stays;
    one that fails later, or is ended, is continued by the same command.

    Raises
    ------
    SeqliftError
        Of the kind that fits: see `seqlift.errors`.
    Stopped
        Where a signal asked for an end.
    """
    started = time.perf_counter()
    with prepared(options) as run:
        announce(run)
        outputs = run.outputs
        with Parts(outputs.parts, fingerprint(run), force=options.force) as parts:
            if not parts.continued:
                check_replaced(run)
            scored = parts.check_scored()
            if not scored:
                check_parts(run, parts)
            with kept(run, parts):
                if not scored:
                    check_space(run, parts.rows())
                    compute(run, parts, progress)
                    place_scores(run, parts, progress)
                give_back()
                if outputs.tracks:
                    write_tracks(run, parts, progress)
            parts.remove()
        return summary_of(run, time.perf_counter() - started)


def announce(run: Run) -> None:
    """Log what was decided, for those who want to know."""
    log.info(
        "%d regions, windows of %s bases, %d references (%s) each; batches of %d, %d at once; %s",
        run.workload.number,
        run.framing.length or "their own",
        run.references.number,
        run.references.kind,
        run.batch_size,
        run.lanes,
        run.explainer.device,
    )
    log.info("targets: %s", ", ".join(files.target for files in run.outputs.targets))
    if run.options.shard is not None:
        rows = (shard_name(run.options.shard), run.first, run.last, run.survey.rows)
        log.info("shard %s: rows %d to %d of %d", *rows)


@contextmanager
def kept(run: Run, parts: Parts) -> Iterator[None]:
    """Have what fails or is ended inside say what is kept, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        number = interrupt.args[0] if interrupt.args else 2
        said = what_is_kept(run, parts) or "no unfinished file is left"
        raise Stopped(number, f"interrupted; {said}") from interrupt
    except SeqliftError as error:
        said = what_is_kept(run, parts)
        raise error.of_kind(*error.problems, *([said] if said else [])) from error


def what_is_kept(run: Run, parts: Parts) -> str:
    """Return what there is to go on from, nothing where there is nothing."""
    done = parts.rows()
    how = "the same command without --force" if run.options.force else "the same command"
    if parts.scored and run.outputs.tracks:
        return f"the score files are finished; {how} makes the tracks"
    if not done:
        return ""
    return f"{done} of {run.rows} sequences are kept in {parts.folder}; {how} goes on from there"


def compute(run: Run, parts: Parts, progress: Progress) -> None:
    """Have every row of the run in a part; raise KeyboardInterrupt where an end was asked for."""
    missing = parts.missing(run.first, run.last)
    left = sum(stop - start for start, stop in missing)
    if not left and not parts.finished():
        missing = [(run.first, run.last)]  # an empty part
    if left < run.rows:
        log.info("%d of %d sequences are there already", run.rows - left, run.rows)
    lanes = Lanes(run.lanes)
    with Stop() as stop, progress("scoring", run.rows) as bar:
        bar.update(run.rows - left)
        for stretch in missing:
            compute_stretch(run, parts, stretch, lanes, stop, bar)
            if stop.asked is not None:
                raise KeyboardInterrupt(stop.asked)


def compute_stretch(
    run: Run, parts: Parts, stretch: tuple[int, int], lanes: Lanes, stop: Stop, bar: ProgressBar
) -> None:
    """Explain the rows of a stretch, batch by batch, and write them into parts."""

    def explained(batch: Batch) -> tuple[Batch, Mapping[str, Result]]:
        return batch, run.explainer.explain(batch.codes, batch.references, batch.others)

    with ExitStack() as stack:
        writer = stack.enter_context(PartWriter(run, parts, *stretch))
        background = stack.enter_context(Background(waiting=AHEAD))
        batches = stack.enter_context(closing(prefetched(run.batches(*stretch), ahead=AHEAD)))
        wanted = until_asked(batches, stop)
        done = stack.enter_context(closing(lanes.each(explained, wanted)))
        for batch, results in done:
            background.call(write_batch, run, batch, results, writer)
            bar.update(len(batch.rows))


def until_asked(batches: Iterator[Batch], stop: Stop) -> Iterator[Batch]:
    """Yield batches until the run is asked to end: those that were begun are finished."""
    for batch in batches:
        yield batch
        if stop.asked is not None:
            return


def write_batch(run: Run, batch: Batch, results: Mapping[str, Result], writer: PartWriter) -> None:
    """Check the residuals of a batch and write its rows.

    Raises NumericError for the first row that does not add up.
    """
    scores = []
    for target, result in results.items():
        result = in_genome_direction(result, batch.turned)
        if run.options.both_strands:
            result = mean_of_strands(result)
        place: dict[str, Any] = {"rows": batch.rows, "workload": run.workload, "target": target}
        computed = residuals_of(result, result.contributions)
        check_residuals(computed, **place, tolerance=run.computed_tolerance)
        rows = score_batch(
            batch.rows,
            result,
            length=run.row_length,
            dtype=run.options.dtype,
            multipliers=run.options.multipliers,
        )
        check_stored(rows, result, **place, tolerance=run.tolerance)
        scores.append(rows)
    writer.write(scores)


def place_scores(run: Run, parts: Parts, progress: Progress) -> None:
    """Join the parts to score files, and give these and the regions file their final names."""
    run.workload.check_unchanged()
    finished = parts.finished()
    for place, files in enumerate(run.outputs.targets):
        attributes = run_attributes(run, files.target) | shard_attributes(run)
        sources = [part.scores(place) for part in finished]
        sizes = run.workload.genome.sizes
        new = parts.unfinished(files.scores)
        with progress("joining", run.rows) as bar:
            join(sources, new, attributes=attributes, sizes=sizes, progress=bar.update)
        with ScoreFile(new) as scores:
            check_kept(run, scores, files.target)
    with ScoreFile(new) as scores:  # the regions of every target are the same
        write_regions(scores, parts.unfinished(run.outputs.regions))
    for path in run.outputs.scores():
        finish(parts.unfinished(path), path)
    parts.set_scored(run.outputs.scores())


def shard_attributes(run: Run) -> dict[str, str | int]:
    """Return what tells which rows of the whole a file has, nothing where it has all."""
    if run.options.shard is None:
        return {}
    name = shard_name(run.options.shard)
    return {"shard": name, "shard_start": run.first, "shard_of_rows": run.survey.rows}


def check_kept(run: Run, scores: ScoreFile, target: str) -> None:
    """Raise NumericError where a row that was computed before misses a tolerance told later."""
    largest, place = worst_row(run, scores)
    if not largest <= run.tolerance:
        raise above_tolerance(place, target, largest, run.tolerance)


def worst_row(run: Run, scores: ScoreFile) -> tuple[float, str]:
    """Return the largest relative residual of a score file, and the place of its row."""
    relative = scores.values("qc/relative_residual", slice(None))
    if not len(relative):
        return 0.0, ""
    row = int(np.argmax(relative))
    region = run.workload.region(run.first + row, run.framing)
    return float(relative[row]), run.workload.place(region)


def write_tracks(run: Run, parts: Parts, progress: Progress) -> None:
    """Write the track of every score file."""
    overlap = run.options.overlap
    for files in run.outputs.targets:
        with ScoreFile(files.scores) as scores:
            new = parts.unfinished(files.track)
            write_track(scores, new, files.track, overlap=overlap, progress=progress)


def summary_of(run: Run, seconds: float) -> Summary:
    """Return what a run did, by what is in its files."""
    found: list[tuple[float, str]] = []
    warnings: list[str] = []
    for files in run.outputs.targets:
        with ScoreFile(files.scores) as scores:
            found.append(worst_row(run, scores))
            warnings += scores.warnings()
            status = counted(scores.status())
    largest, worst = max(found)
    return Summary(
        rows=run.rows,
        seconds=seconds,
        relative_residual=largest,
        worst=worst,
        complete=run.complete,
        status=status,
        device=run.explainer.device,
        precision=run.options.precision,
        windows=windows_placed(run.survey.facts | shard_attributes(run)),
        files=run.outputs.paths(),
        notes=notes_of(run),
        warnings=tuple(dict.fromkeys(warnings)),
    )
