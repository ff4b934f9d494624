"""`seqlift evaluate`: measures of methods on regions, or of score files, as a table and a picture.

Batches are read, explained by every method and measured one after another; of a sequence only its
measures stay, so memory does not grow with the number of regions.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.registry import DEFAULT_METHOD
from seqlift.evaluate.comparison import MethodComparison, Side, compare
from seqlift.evaluate.explained import Compared
from seqlift.evaluate.measure_list import Needs, choose_measures
from seqlift.evaluate.subject import Array, ExplainedModel
from seqlift.inputs.onehot import one_hot
from seqlift.inputs.references import sequence_keys
from seqlift.intervals import UNKNOWN
from seqlift.pipeline.evaluate_forecast import warn_of_measures
from seqlift.pipeline.evaluate_options import EvaluateOptions, comma_names, methods_of, needs_met
from seqlift.pipeline.measures_written import Evaluation, measure_files, write_measures
from seqlift.pipeline.motif_instances import MotifInstances, motifs_of
from seqlift.pipeline.output_files import default_prefix
from seqlift.pipeline.preflight import input_paths, prepared
from seqlift.pipeline.progress import Progress
from seqlift.pipeline.run import Batch, Run
from seqlift.pipeline.settings import Settings

MUTAGENESIS = "ism"
MODEL: frozenset[Needs] = frozenset(("model", "mutagenesis"))


def evaluate_methods(
    options: EvaluateOptions, settings: Settings, *, progress: Progress
) -> Evaluation:
    """Measure methods on the regions of a run, and write PREFIX.measures.tsv and .png.

    Raises
    ------
    SeqliftError
        Of the kind that fits: see `seqlift.errors`.
    """
    methods = methods_of(options.methods)
    instances = MotifInstances(options.instances) if options.instances else None
    measures = choose_measures(comma_names(options.measures), has=needs_met(options) | MODEL)
    inputs = [*input_paths(options), *([Path(options.instances)] if options.instances else [])]
    prefix = options.output or default_prefix(options.regions)
    outputs = measure_files(prefix, inputs=inputs, force=options.force)
    base = replace(options, method=DEFAULT_METHOD, method_options=())
    with prepared(base, settings) as run:
        targets = [target.name for target in run.explainer.targets]
        motifs = motifs_of(dict(options.on), targets, instances)
        explainers = {
            label: settings.load(replace(base, method=name, method_options=tuple(pairs.items())))
            for label, (name, pairs) in methods.items()
        }
        subjects = {label: ExplainedModel(one) for label, one in explainers.items()}
        needed = any(one.needs == "mutagenesis" for one in measures)
        standard = mutagenesis_of(subjects, base, settings) if needed else None
        side = Side(subjects, standard, motifs)
        comparison = MethodComparison(measures, seed=options.seed)
        first = compared_of(run, next(run.batches(run.first, run.first + 1)), None)
        warn_of_measures(first, run.rows, subjects, measures, settings.clock)
        with progress("evaluating", run.rows) as bar:
            for batch in run.batches(run.first, run.last):
                compare(side, compared_of(run, batch, instances), comparison)
                bar.update(len(batch.rows))
        rows = comparison.rows()
        notes = [*notes_of_run(run), *comparison.notes]
    notes += [instances.note()] if instances else []
    write_measures(rows, outputs, replace=options.force)
    return Evaluation(rows, notes, outputs)


def mutagenesis_of(
    subjects: Mapping[str, ExplainedModel], base: EvaluateOptions, settings: Settings
) -> ExplainedModel:
    known = subjects.get(MUTAGENESIS)
    return known or ExplainedModel(settings.load(replace(base, method=MUTAGENESIS)))


def compared_of(run: Run, batch: Batch, instances: MotifInstances | None) -> Compared:
    """Make the sequences of a batch and their references, as measures take them."""
    drawn = batch.references
    references = drawn.draw(batch.codes) if not isinstance(drawn, np.ndarray) else drawn
    found = [
        instances.within(row.window, turned=bool(turned)) if instances else []
        for row, turned in zip(batch.rows, batch.turned, strict=True)
    ]
    return Compared(
        one_hot(batch.codes, np.float32),
        as_rows(references, batch.codes.ndim + 1),
        batch.others,
        sequence_keys(batch.codes, seed=run.options.seed, kind="measures"),
        found,
        run.references.shared and bool((batch.codes < UNKNOWN).all()),
    )


def as_rows(references: NDArray[Any], axes: int) -> Array:
    if references.ndim == axes:
        return np.asarray(one_hot(references, np.float32))
    return np.asarray(references, np.float32)


def notes_of_run(run: Run) -> list[str]:
    kind, number = run.references.kind, run.references.number
    mean = f"the mean of {number} references ({kind})" if number > 1 else f"the reference ({kind})"
    notes = [*run.explainer.notes, f"deleted windows become {mean} of the sequence"]
    if run.survey.unknown:
        notes.append(f"windows without a known base: {run.survey.unknown}; their scores are 0")
    return notes
