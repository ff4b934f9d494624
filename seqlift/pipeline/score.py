"""`seqlift score`: from a model, regions and a genome to score files and tracks.

What can be found wrong is looked for before anything is computed. Reading and shuffling for the
next batches, computing one or two, and checking and compressing the last then happen at once, in
threads; what is under way is bounded, so memory does not grow with the number of regions.
Finished parts are kept until all is finished, so that a run that was ended can be continued.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlift.errors import SeqliftError
from seqlift.explain.concurrent_batches import ConcurrentBatches
from seqlift.pipeline.facts import fingerprint
from seqlift.pipeline.final_files import place_scores, write_tracks
from seqlift.pipeline.finished import agreeing, is_finished, wanted_of
from seqlift.pipeline.forecast import warn_of_time
from seqlift.pipeline.output_files import shard_name
from seqlift.pipeline.part_writer import PartWriter, check_parts
from seqlift.pipeline.parts import PartsFolder, discard
from seqlift.pipeline.preflight import notes_of, prepared
from seqlift.pipeline.progress import Progress, ProgressBar
from seqlift.pipeline.rows import (
    check_residuals,
    check_stored,
    residuals_of,
    score_batch,
    stored_windows,
)
from seqlift.pipeline.run import Batch, Run
from seqlift.pipeline.run_summary import (
    Judged,
    Summary,
    judged,
    judged_before,
    judged_file,
    summary_of,
    together,
)
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.pipeline.settings import Settings
from seqlift.pipeline.space import check_space
from seqlift.pipeline.stopping import Stop, Stopped
from seqlift.pipeline.strands import in_genome_direction, mean_of_strands
from seqlift.pipeline.threads import Background, Workers, prefetched
from seqlift.pipeline.timings import COMPILE, COMPUTE, INPUT, JOIN, LOAD, OUTPUT, TRACK, Timings
from seqlift.pipeline.track_only import check_tracks, draw_parts, parts_opened
from seqlift.system.cores import usable_cores
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.held_tracks import HeldTracks
from seqlift.tracks.several_files import SeveralFiles

if TYPE_CHECKING:
    from seqlift.attribution.result import Result

log = logging.getLogger(__name__)

FINISHED = "all files were there already, as this command writes them; nothing was computed"

AHEAD = 2  # batches read before they are needed, and batches waiting to be written


def score(options: ScoreOptions, settings: Settings, *, progress: Progress) -> Summary:
    """Write the score files, the regions file and the tracks, and summarise the run.

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
    timings = Timings(settings.clock, before=settings.age())
    load = timings.timed(LOAD, settings.load)
    with ExitStack() as opened:
        workers = opened.enter_context(Workers(options.threads or usable_cores()))
        settings = replace(settings, timings=timings, load=load, workers=workers)
        run = opened.enter_context(prepared(options, settings))
        announce(run)
        facts = fingerprint(run)
        finished, notes = is_finished(run), notes_of(run)
        if finished:
            found = together([judged_file(run, files) for files in run.outputs.targets])
            discard(run.outputs.parts, facts)
        else:
            finals = run.outputs.paths()
            with PartsFolder(
                run.outputs.parts,
                facts,
                force=options.force,
                drop_stale=options.drop_stale_parts,
                finals=finals,
            ) as parts:
                finished = parts.drawn is not None
                make = finish_run if run.outputs.keeps_scores else finish_tracks
                found = make(run, parts, progress)
                with timings.stage(TRACK):
                    parts.remove()
                notes += parts.notes()
        notes += (FINISHED,) if finished else ()
        return summary_of(run, time.perf_counter() - started, notes, found)


def finish_run(run: Run, parts: PartsFolder, progress: Progress) -> Judged:
    """Make every file that is not there yet."""
    outputs, done = run.outputs, frozenset[Path]()
    if not run.options.force:
        wanted, overlap = wanted_of(run), run.options.overlap
        done = agreeing(outputs, wanted, overlap=overlap, replaced=parts.replaced)
    parts.placed = done.issuperset(outputs.scores())
    missing = not done.issuperset(files.scores for files in outputs.targets)
    if missing:
        check_parts(run, parts)
    folder = outputs.regions.parent
    with kept(run, parts), HeldTracks(folder, length=run.row_length) as held:
        run = replace(run, held=held if outputs.tracks() else None)  # a shard has no tracks
        if missing:
            check_space(run, parts.rows())
            compute(run, parts, progress)
        timings = run.settings.timings
        with timings.stage(JOIN):
            found = {} if parts.placed else place_scores(run, parts, done, progress)
            there = [files for files in outputs.targets if files.scores in done]
            found |= {files.scores: judged_file(run, files) for files in there}
        with timings.stage(TRACK):
            write_tracks(run, parts, done, progress)
    return together([found[files.scores] for files in outputs.targets])


def finish_tracks(run: Run, parts: PartsFolder, progress: Progress) -> Judged:
    """Make the tracks of a run that keeps nothing else."""
    if parts.drawn is not None:
        return judged_before(run, parts.drawn)
    check_parts(run, parts)
    check_tracks(run, parts)
    with kept(run, parts):
        check_space(run, parts.rows())
        compute(run, parts, progress)
        with run.settings.timings.stage(TRACK), parts_opened(run, parts) as opened:
            found = drawn_and_judged(run, parts, opened, progress)
        parts.record_drawn(run.outputs.tracks(), asdict(found))
    return found


def drawn_and_judged(
    run: Run,
    parts: PartsFolder,
    opened: Sequence[Callable[[], SeveralFiles]],
    progress: Progress,
) -> Judged:
    """Check the scores in parts, and draw their tracks."""
    found = []
    for files, open_scores in zip(run.outputs.targets, opened, strict=True):
        with open_scores() as scores:
            found.append(judged(run, scores, files))
    draw_parts(run, parts, opened, progress)
    return together(found)


def announce(run: Run) -> None:
    """Log what was decided, for those who want to know."""
    log.info(
        "%d regions, windows of %s bases, %d references (%s) each; batches of %d, %d at once; %s",
        run.survey.regions,
        run.survey.framing.length or "their own",
        run.references.number,
        run.references.kind,
        run.batch_size,
        run.schedule.lanes,
        run.explainer.device,
    )
    log.info("targets: %s", ", ".join(files.target for files in run.outputs.targets))
    if run.options.shard is not None:
        rows = (shard_name(run.options.shard), run.first, run.last, run.survey.rows)
        log.info("shard %s: rows %d to %d of %d", *rows)


@contextmanager
def kept(run: Run, parts: PartsFolder) -> Iterator[None]:
    """Have what fails or is ended inside say what is kept, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        number = interrupt.args[0] if interrupt.args else 2
        kept_work = what_is_kept(run, parts) or "no unfinished file is left"
        raise Stopped(number, f"interrupted; {kept_work}") from interrupt
    except SeqliftError as error:
        kept_work = what_is_kept(run, parts)
        raise error.of_kind(*error.problems, *([kept_work] if kept_work else [])) from error


def what_is_kept(run: Run, parts: PartsFolder) -> str:
    """Describe the kept work that the same command continues from; empty if none is kept."""
    done = parts.rows()
    how = "the same command without --force" if run.options.force else "the same command"
    if parts.placed and run.outputs.tracks():
        return f"the score files are finished; {how} makes the tracks"
    if not done:
        return ""
    return f"{done} of {run.rows} sequences are kept in {parts.folder}; {how} goes on from there"


def compute(run: Run, parts: PartsFolder, progress: Progress) -> None:
    """Have every row of the run in a part; raise KeyboardInterrupt where an end was asked for."""
    missing = parts.missing(run.first, run.last)
    left = sum(stop - start for start, stop in missing)
    if not left and not parts.finished():
        missing = [(run.first, run.last)]  # an empty part
    if left < run.rows:
        log.info("%d of %d sequences are there already", run.rows - left, run.rows)
    with run.settings.timings.stage(COMPILE):
        warn_of_time(run, left)
    concurrent = ConcurrentBatches(run.schedule)
    with run.settings.stop() as stop, progress("scoring", run.rows) as bar:
        bar.update(run.rows - left)
        for stretch in missing:
            compute_stretch(run, parts, stretch, concurrent, stop, bar)
            if stop.asked is not None:
                raise KeyboardInterrupt(stop.asked)


def compute_stretch(
    run: Run,
    parts: PartsFolder,
    stretch: tuple[int, int],
    concurrent: ConcurrentBatches,
    stop: Stop,
    bar: ProgressBar,
) -> None:
    """Explain the rows of a stretch, batch by batch, and write them into parts."""

    def explained(batch: Batch, size: int) -> tuple[Batch, Mapping[str, "Result"]]:
        now = replace(run.schedule, size=size)
        arrays = (batch.codes, batch.references, batch.others)
        return batch, timings.batch(lambda: run.explainer.explain_by(now, *arrays))

    timings = run.settings.timings
    with timings.stage(OUTPUT), ExitStack() as stack:
        writer = stack.enter_context(PartWriter(run, parts, *stretch))
        background = stack.enter_context(Background(waiting=AHEAD))
        # Entered in the order of the data, so that on leaving the writer is the last to end.
        batches = stack.enter_context(closing(prefetched(run.batches(*stretch), ahead=AHEAD)))
        wanted = timings.waited(INPUT, until_asked(batches, stop))
        done = stack.enter_context(closing(concurrent.each(explained, wanted)))
        for batch, results in timings.waited(COMPUTE, done):
            background.call(write_batch, run, batch, results, writer)
            bar.update(len(batch.rows))


def until_asked(batches: Iterator[Batch], stop: Stop) -> Iterator[Batch]:
    """Yield batches until the run is asked to end: those that were begun are finished."""
    for batch in batches:
        yield batch
        if stop.asked is not None:
            return


def write_batch(
    run: Run, batch: Batch, results: Mapping[str, "Result"], writer: PartWriter
) -> None:
    """Check the residuals of a batch and write its rows.

    Raises NumericError for the first row that does not add up.
    """
    windows = stored_windows(batch.rows, length=run.row_length)

    def rows_of(named: tuple[str, "Result"]) -> ScoreBatch:
        target, result = named
        result = in_genome_direction(result, batch.turned)
        if run.options.both_strands:
            result = mean_of_strands(result)
        place: dict[str, Any] = {"rows": batch.rows, "workload": run.workload, "target": target}
        computed = residuals_of(result, result.contributions)
        check_residuals(computed, **place, tolerance=run.computed_tolerance)
        rows = score_batch(
            windows,
            result,
            dtype=run.options.dtype,
            multipliers=run.options.multipliers,
        )
        check_stored(rows, result, **place, tolerance=run.tolerance)
        return rows

    scores = run.settings.workers.map(rows_of, results.items())
    writer.write(scores)
    if run.held is not None:
        run.held.write(scores)
