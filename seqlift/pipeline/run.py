"""One run under way: what is checked before anything is computed, and its batches.

Knows options, regions, the model and references; knows nothing of files that are written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlift import given_inputs
from seqlift.attribution.backend import backend_version
from seqlift.attribution.choices import COMPLETE_RULES, Precision
from seqlift.batches import Rows
from seqlift.errors import InputError, ModelError
from seqlift.explainer import CHANNELS, Explainer
from seqlift.inputs import references as reference_kinds
from seqlift.inputs.references import References
from seqlift.inputs.regions import Region
from seqlift.pipeline.options import ScoreOptions
from seqlift.pipeline.outputs import (
    Outputs,
    check_outputs,
    check_prefix,
    default_prefix,
    outputs_of,
)
from seqlift.pipeline.workload import Row, Workload
from seqlift.provenance import command_line, versions

REFERENCES = 20  # shuffles of each sequence, where it is not told
DRAWN = ("dinucleotide", "shuffle")  # references of which there are as many as one asks for
TOLERANCES: dict[Precision, float] = {
    "float32": 1e-4,
    "float64": 1e-4,
    "tf32": 1e-2,
    "bfloat16": 5e-2,
}
"""Relative residuals up to which a row is right, where it is not told.

Of a BPNet of 64 filters the largest are 1e-6, 4e-16, 1.2e-3 and 9e-3.
"""
STEPS = 50  # points that integrated gradients are taken at, where it is not told
LONG_ENOUGH = 10_000  # bases that no layer of a model that takes any length finds too few


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one length, their references unless all share them, and their other inputs."""

    rows: list[Row]
    codes: NDArray[np.uint8]
    references: NDArray[np.generic] | References
    others: Rows


@dataclass(frozen=True, slots=True)
class Run:
    """A run about to be made: everything is loaded, checked and decided.

    Attributes
    ----------
    length
        Bases of each window, None where each region is given to the model as it is.
    row_length
        Bases of a row of the score file.
    batch_size
        Sequences computed at once.
    gc
        GC content the references are made from, None where they are not.
    """

    options: ScoreOptions
    workload: Workload
    explainer: Explainer
    outputs: Outputs
    references: References
    gc: float | None
    length: int | None
    row_length: int
    batch_size: int

    @property
    def tolerance(self) -> float:
        """Return the largest relative residual that a row may have; that of some rules is any."""
        if not self.complete:
            return float("inf")
        told = self.options.tolerance
        return TOLERANCES[self.options.precision] if told is None else told

    @property
    def complete(self) -> bool:
        """Return whether contributions are promised to sum to the difference."""
        rules = {self.options.rule, *(rule for _, rule in self.options.rule_for)}
        return rules <= set(COMPLETE_RULES) and self.options.max_rule == "complete"

    def batches(self) -> Iterator[Batch]:
        """Yield rows in file order, as many at a time as are computed at once."""
        given = self.explainer.given.rows
        done = 0
        for _, rows in groupby(self.workload.read(self.length), key=lambda row: row.codes.size):
            while batch := list(islice(rows, self.batch_size)):
                codes = np.stack([row.codes for row in batch])
                drawn = self.references if self.references.shared else self.references.draw(codes)
                place = slice(done, done := done + len(batch))
                others = {n: values[place] for n, values in given.items() if values is not None}
                yield Batch(batch, codes, drawn, others)


def prepare(options: ScoreOptions, workload: Workload) -> Run:
    """Return the run of `options`, with the model, its targets, windows and paths checked."""
    prefix = options.output or default_prefix(options.regions)
    check_prefix(prefix)
    inputs = input_paths(options)
    check_outputs([outputs_of(prefix, []).regions], inputs=inputs, force=options.force)
    explainer = Explainer(
        options.model,
        options.target,
        rule=options.rule,
        rule_for=dict(options.rule_for),
        max_rule=options.max_rule,
        steps=STEPS if options.steps is None else options.steps,
        mean_normalise=options.mean_normalise,
        inputs=dict(options.input),
        pre_activation=options.pre_activation,
        precision=options.precision,
        batch_size=options.batch_size,
        arch=options.arch,
        recipes=dict(options.recipe),
        custom_objects=options.custom_objects,
        device=options.device,
    )
    check_rows(explainer, workload)
    outputs = outputs_of(prefix, [target.name for target in explainer.targets])
    check_outputs(outputs.paths(), inputs=inputs, force=options.force)
    length = window_length(explainer, options.length, source=options.model)
    explainer.one_length = length is not None  # windows are alike, though the model takes any
    row_length = length or extent(workload.longest)
    check_lengths(explainer, workload, length)
    references, gc = references_of(options, workload, length)
    engine = explainer.engine((row_length, CHANNELS))
    return Run(
        options=options,
        workload=workload,
        explainer=explainer,
        outputs=outputs,
        references=references,
        gc=gc,
        length=length,
        row_length=row_length,
        batch_size=explainer.batch_size_for(engine, references.number),
    )


def input_paths(options: ScoreOptions) -> list[Path]:
    """Return the files a run may read."""
    names = (options.model, options.regions, options.genome, options.arch, options.reference)
    given = (options.custom_objects, *(value for _, value in options.input))
    return [Path(name) for name in (*names, *given) if name is not None]


def run_attributes(run: Run, target: str) -> dict[str, str | int | float]:
    """Return the facts about a run that the score file of `target` carries."""
    options, loaded, workload = run.options, run.explainer.loaded, run.workload
    attributes: dict[str, str | int | float] = {
        **versions(),
        "backend": backend_version(),
        "command": command_line(),
        "model": options.model,
        "model_sha256": loaded.sha256 if loaded else "",
        "model_saved_by": loaded.saved_by if loaded else "",
        "genome": options.regions if workload.regions.is_fasta else str(options.genome),
        "genome_sizes_sha256": workload.genome.digest(),
        "regions": options.regions,
        "regions_sha256": workload.regions.digest(),
        "target": target,
        "pre_activation": int(options.pre_activation),
        "rule": options.rule,
        "rule_for": ",".join("=".join(pair) for pair in options.rule_for) or "none",
        "max_rule": options.max_rule,
        "mean_normalise": int(options.mean_normalise),
        "reference": options.reference,
        "references": run.references.number,
        "seed": options.seed,
        "batch_size": run.batch_size,
        "precision": options.precision,
        "device": run.explainer.device,
    }
    if run.complete:
        attributes["tolerance"] = run.tolerance
    if run.gc is not None:
        attributes["gc"] = run.gc
    if options.recipe:
        attributes["recipe"] = "; ".join("=".join(pair) for pair in options.recipe)
    if options.custom_objects is not None:
        attributes["custom_objects"] = options.custom_objects
    if options.rule == "integrated-gradients":
        attributes["steps"] = run.explainer.steps
    for name, told in run.explainer.given.told.items():
        attributes[f"input {name}"] = told
    return {name: storable(value) for name, value in attributes.items()}


def storable(value: str | int | float) -> str | int | float:
    """Return a fact as HDF5 takes it: what of a file's name is no text becomes an escape."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def check_rows(explainer: Explainer, workload: Workload) -> None:
    """Raise InputError for every input that has not a row for each region."""
    names = {one.number: one.name for one in given_inputs.inputs_of(explainer.model)}
    problems = [
        f"--input {names[number]}: it has {len(values)} rows, and there are {workload.rows}"
        " regions; give a row for each region, in their order"
        for number, values in explainer.given.rows.items()
        if values is not None and len(values) != workload.rows
    ]
    if problems:
        raise InputError(*problems)


def notes_of(options: ScoreOptions) -> tuple[str, ...]:
    """Return what was asked for and has no effect, a sentence each."""
    notes = []
    if options.references is not None and options.reference not in DRAWN:
        notes.append(
            f"-n {options.references} has no effect: the reference {options.reference} is not drawn"
        )
    if options.steps is not None and options.rule != "integrated-gradients":
        notes.append(f"--steps {options.steps} has no effect: the rule {options.rule} takes none")
    return tuple(notes)


def window_length(explainer: Explainer, length: int | None, *, source: str) -> int | None:
    """Return the length of the windows, None where each region is given as it is.

    Raises ModelError where the model in the file `source` does not take one-hot bases, InputError
    where `length` is not the one length it takes.
    """
    shape = explainer.input_shape
    if explainer.layout is None:
        raise ModelError(f"{source}: {given_inputs.no_bases(explainer.model, explainer.given)}")
    if length is not None and length < 1:
        raise InputError(f"--length {length}: give a number of bases, 1 or more")
    if shape[0] is not None and length not in (None, shape[0]):
        raise InputError(f"--length {length}: the model takes {shape[0]} bases; leave it out")
    return shape[0] if shape[0] is not None else length


def extent(region: Region) -> int:
    """Return the bases of a region."""
    return region.end - region.start


def check_lengths(explainer: Explainer, workload: Workload, length: int | None) -> None:
    """Raise ModelError where the model cannot be scored, InputError for windows too short for it.

    Only a model of any length can be given too short a window.
    """
    shortest = length or extent(workload.shortest)
    try:
        explainer.engine((shortest, CHANNELS))
    except ModelError as error:
        explainer.engine((LONG_ENOUGH, CHANNELS))  # raises where the length is not the reason
        place = workload.place(workload.shortest) if length is None else f"--length {length}"
        problem = error.problems[0]
        raise InputError(f"{place}: too few bases ({shortest}): {problem}") from error


def references_of(
    options: ScoreOptions, workload: Workload, length: int | None
) -> tuple[References, float | None]:
    """Return the references of a run, and the GC content where they are made from one.

    All windows are read once on the way, so that what cannot be read is known before the first
    batch.
    """
    counts = workload.survey(length)
    gc = options.gc
    if options.reference == "gc" and gc is None:
        gc = reference_kinds.gc_content(counts)
    extents = [length] if length else [extent(workload.shortest), extent(workload.longest)]
    for bases in extents:  # references from a file have one length, and all windows must have it
        references = reference_kinds.parse(
            options.reference,
            number=REFERENCES if options.references is None else options.references,
            seed=options.seed,
            gc=gc,
            length=bases,
        )
    return references, gc
