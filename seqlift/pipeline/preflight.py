"""Check the inputs and settle the settings of a run, before the first batch is computed.

Knows options, regions, the model, references and where files go; computes no scores.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seqlift.errors import InputError, ModelError, Problems
from seqlift.inputs import references as reference_kinds
from seqlift.inputs.references import References
from seqlift.inputs.windows import Framing
from seqlift.intervals import CHANNELS
from seqlift.models.model_inputs import model_inputs
from seqlift.pipeline.output_files import (
    Outputs,
    check_outputs,
    check_prefix,
    default_prefix,
    outputs_of,
)
from seqlift.pipeline.run import Run
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.pipeline.settings import Settings
from seqlift.pipeline.survey import Survey
from seqlift.pipeline.workload import Workload
from seqlift.tracks import layout

if TYPE_CHECKING:
    from seqlift.explain.explainer import Explainer

DRAWN = ("dinucleotide", "shuffle")  # references of which there are as many as one asks for
LONG_ENOUGH = 10_000  # bases that no layer of a model that takes any length finds too few


@contextmanager
def prepared(options: ScoreOptions, settings: Settings) -> Iterator[Run]:
    """Prepare a run, with regions, model, targets, windows and paths checked.

    What can be checked by itself is, whatever is wrong with the rest: all problems are raised
    together.
    """
    problems, of_model = Problems(), Problems()
    framing: Framing | None = None
    with ExitStack() as opened:
        with problems.gathered():
            check_windows(options)
        with problems.gathered():
            check_early(options)
        with of_model.gathered():
            explainer = settings.load(options)
            framing = framing_of(options, explainer)
        with problems.gathered():
            workload = opened.enter_context(
                Workload(
                    options.regions,
                    options.genome,
                    summits=options.summit,
                    genome_tiles=options.genome_tiles,
                    exclude=options.exclude,
                )
            )
            if framing is None:  # without a model it is unknown where windows lie
                workload.check()
            else:
                survey = survey_of(options, workload, framing)
        problems.errors += of_model.errors
        problems.raise_any()
        yield decided(options, settings, workload, explainer, survey)


def check_early(options: ScoreOptions) -> None:
    """Raise the error of a place for no files."""
    prefix = options.output or default_prefix(options.regions)
    check_prefix(prefix)
    outputs = outputs_of(prefix, [], options.shard)
    check_outputs([outputs.regions], inputs=input_paths(options))


def final_files(options: ScoreOptions, explainer: "Explainer") -> Outputs:
    prefix = options.output or default_prefix(options.regions)
    names = [target.name for target in explainer.targets]
    return outputs_of(prefix, names, options.shard, keep=options.keep)


def framing_of(options: ScoreOptions, explainer: "Explainer") -> Framing:
    length = window_length(explainer, options.length, source=options.model)
    return Framing(length, stride_of(options, length), clipped=options.genome_tiles)


def survey_of(options: ScoreOptions, workload: Workload, framing: Framing) -> Survey:
    # a shard fetches its few windows again
    return workload.survey(framing, hold=options.shard is None and not options.genome_tiles)


def decided(
    options: ScoreOptions,
    settings: Settings,
    workload: Workload,
    explainer: "Explainer",
    survey: Survey,
) -> Run:
    """Make the run, all of which has been checked."""
    if not explainer.method.needs_references:  # the file and the fingerprint say what was used
        if options.gc is not None:
            name = explainer.method.name
            raise InputError(f"gc {options.gc:g}: {name} uses no reference; leave out --gc")
        options = replace(options, reference="zeros", references=None)
    length = survey.framing.length
    alike = length is not None  # windows have one length, though the model may take any
    outputs = final_files(options, explainer)
    problems = Problems()
    with problems.gathered():
        check_rows(explainer, survey.regions)
    with problems.gathered():
        check_outputs(outputs.paths(), inputs=input_paths(options))
    with problems.gathered():
        check_lengths(explainer, workload, survey)
        references, gc = references_of(options, survey)
    problems.raise_any()
    row_length = length or survey.longest.extent
    engine = explainer.engine((row_length, CHANNELS), alike=alike)
    chunk = layout.chunk_rows(row_length, options.dtype)
    first, last = rows_of_shard(survey.rows, options.shard, chunk)
    return Run(
        options=options,
        settings=settings,
        workload=workload,
        explainer=explainer,
        outputs=outputs,
        references=references,
        gc=gc,
        survey=survey,
        first=first,
        last=last,
        row_length=row_length,
        schedule=explainer.schedule_for(engine, references.number, alike=alike),
    )


def input_paths(options: ScoreOptions) -> list[Path]:
    """List the files a run may read."""
    chosen = (options.model, options.regions, options.genome, options.arch, options.reference)
    names = (*chosen, options.exclude)
    named = (options.custom_objects, *(value for _, value in dict(options.inputs).items()))
    return [Path(name) for name in (*names, *named) if name is not None]


def check_rows(explainer: "Explainer", regions: int) -> None:
    """Raise InputError for every input that has not a row for each region."""
    if not explainer.extra_inputs.rows:
        return
    names = {one.number: one.name for one in model_inputs(explainer.model)}
    problems = [
        f"--input {names[number]}: it has {len(values)} rows, and there are {regions}"
        " regions; give a row for each region, in their order"
        for number, values in explainer.extra_inputs.rows.items()
        if values is not None and len(values) != regions
    ]
    if problems:
        raise InputError(*problems)


def notes_of(run: Run) -> tuple[str, ...]:
    """List notes on a run for its summary, a sentence each.

    What calls in the model file fix and scores do without, windows without a base, and what was
    asked for and has no effect.
    """
    options, notes = run.options, [*run.explainer.notes]
    if run.survey.unknown:
        where = "" if options.shard is None else ", in all shards"
        unknown = f"{run.survey.unknown}{where}"
        notes.append(f"windows without a known base: {unknown}; their scores are 0")
    if options.references is not None and options.reference not in DRAWN:
        notes.append(
            f"-n {options.references} has no effect: the reference {options.reference} is not drawn"
        )
    method = run.explainer.method
    if not method.needs_references:
        notes.append(f"the method {method.name} uses no reference")
    if options.steps is not None and "steps" not in method.facts:
        notes.append(
            f"--steps {options.steps} has no effect: the method {method.name} has no steps"
        )
    if options.method != method.name:
        notes.append(f"--rule {options.rule} is a method now: --method {method.name}")
    return tuple(notes)


def window_length(explainer: "Explainer", length: int | None, *, source: str) -> int | None:
    """Choose the length of the windows, None where each region is scored as it is.

    Raises ModelError where the model in the file `source` does not take one-hot bases, InputError
    where `length` is not the one length it takes.
    """
    shape = explainer.input_shape
    if explainer.layout is None:
        raise ModelError(f"{source}: {explainer.no_bases()}")
    if length is not None and length < 1:
        raise InputError(f"--length {length}: give a number of bases, 1 or more")
    if shape[0] is not None and length not in (None, shape[0]):
        raise InputError(f"--length {length}: the model takes {shape[0]} bases; leave it out")
    return shape[0] if shape[0] is not None else length


def check_lengths(explainer: "Explainer", workload: Workload, survey: Survey) -> None:
    """Raise ModelError where the model cannot be scored, InputError for windows too short for it.

    Only a model of any length can get too short a window.
    """
    length = survey.framing.length
    shortest = length or survey.shortest.extent
    try:
        explainer.engine((shortest, CHANNELS))
    except ModelError as error:
        explainer.engine((LONG_ENOUGH, CHANNELS))  # raises where the length is not the reason
        line = survey.shortest.line
        place = workload.place(line) if length is None else f"--length {length}"
        problem = error.problems[0]
        raise InputError(f"{place}: too few bases ({shortest}): {problem}") from error


def references_of(options: ScoreOptions, survey: Survey) -> tuple[References, float | None]:
    """Choose the references of a run, and the GC content where they are made from one."""
    gc = options.gc
    if options.reference == "gc" and gc is None:
        gc = reference_kinds.gc_content(survey.counts)
    length = survey.framing.length
    extents = [length] if length else [survey.shortest.extent, survey.longest.extent]
    for bases in extents:  # references from a file have one length, and all windows must have it
        references = reference_kinds.parse(
            options.reference,
            number=reference_kinds.NUMBER if options.references is None else options.references,
            seed=options.seed,
            gc=gc,
            length=bases,
        )
    return references, gc


def check_windows(options: ScoreOptions) -> None:
    if options.multipliers and options.keep == "track":
        raise InputError("--multipliers, --keep track: a track has none; give one of them")
    if options.strand and options.both_strands:
        raise InputError("--strand, --both-strands: give one of them")
    if options.exclude is not None and not options.genome_tiles:
        raise InputError("--exclude: only tiles of a genome leave out any; give --genome-tiles too")
    if options.stride is not None and not (options.tile or options.genome_tiles):
        raise InputError(f"--stride {options.stride}: only tiles have a stride; give --tile too")


def stride_of(options: ScoreOptions, length: int | None) -> int | None:
    """Choose the bases between the centres of tiles, None where regions are not tiled.

    Raises InputError where windows have no length, or would leave bases out.
    """
    if not (options.tile or options.genome_tiles):
        return None
    if length is None:
        flag = "--genome-tiles" if options.genome_tiles else "--tile"
        raise InputError(f"{flag}: the model takes any number of bases; give --length too")
    if options.stride is not None and options.stride > length:
        raise InputError(
            f"--stride {options.stride}: more than the {length} bases of a window; give at most"
            f" {length}"
        )
    return max(length // 2, 1) if options.stride is None else options.stride


def rows_of_shard(rows: int, shard: tuple[int, int] | None, chunk: int) -> tuple[int, int]:
    """Find the first row of a shard and the one after its last: whole chunks, but for the end."""
    if shard is None:
        return 0, rows
    number, count = shard
    # shards end at whole chunks, so that merging copies them as they are
    chunks = -(-rows // chunk)
    first, last = (chunks * place // count * chunk for place in (number - 1, number))
    return min(first, rows), min(last, rows)
