"""Summarise a run from its score files, and check these against its tolerance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqlift.pipeline.cancelling import cancelling_in, ratio_in
from seqlift.pipeline.facts import shard_attributes
from seqlift.pipeline.output_files import TargetFiles
from seqlift.pipeline.rows import above_tolerance
from seqlift.pipeline.run import Run
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.score_summary import windows_placed
from seqlift.tracks.several_files import SeveralFiles

Scores = ScoreFile | SeveralFiles


@dataclass(frozen=True, slots=True)
class Summary:
    """The outcome of a run.

    `relative_residual` is the largest of any row, `worst` the place of that row; `status` how many
    rows have each status; `windows` how many lie around summits; `files` are final names;
    `complete` whether the rule promises that contributions sum to the difference; `notes` are
    those of `notes_of`; `warnings` what makes the scores doubtful; `timings` the seconds of each
    stage (`seqlift.pipeline.timings`).
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
    timings: Mapping[str, float] = field(default_factory=dict)


def worst_row(run: Run, scores: Scores) -> tuple[float, str]:
    relative = scores.values("qc/relative_residual", slice(None))
    if not len(relative):
        return 0.0, ""
    row = int(np.argmax(relative))
    return float(relative[row]), run.workload.place(run.survey.lines[run.first + row])


@dataclass(frozen=True, slots=True)
class Judged:
    """The largest relative residual of a run and its place, the status of rows, and warnings."""

    largest: float
    worst: str
    status: dict[str, int]
    warnings: tuple[str, ...]


def judged_before(run: Run, record: Mapping[str, Any]) -> Judged:
    """Take up what was kept as JSON of all targets together.

    Raises NumericError where a row misses a tolerance of now.
    """
    found = Judged(**{**record, "warnings": tuple(record["warnings"])})
    if not found.largest <= run.tolerance:
        targets = ", ".join(files.target for files in run.outputs.targets)
        raise above_tolerance(found.worst, targets, found.largest, run.tolerance)
    return found


def judged(run: Run, scores: Scores, files: TargetFiles) -> Judged:
    """Judge the scores of a target, which messages name as its score file.

    Raises NumericError where a row that was computed before misses a tolerance of now.
    """
    largest, worst = worst_row(run, scores)
    if not largest <= run.tolerance:  # so that NaN counts, too
        half = run.options.dtype if run.options.dtype == "float16" else ""
        ratio = ratio_in(scores)
        raise above_tolerance(
            worst, files.target, largest, run.tolerance, stored=half, cancelling=ratio
        )
    warnings = (*scores.warnings(), *cancelling_in(scores, files.scores))
    return Judged(largest, worst, scores.status().counts(), warnings)


def judged_file(run: Run, files: TargetFiles) -> Judged:
    """Judge the score file of a target."""
    with ScoreFile(files.scores) as scores:
        return judged(run, scores, files)


def together(found: Sequence[Judged]) -> Judged:
    """Put together what was found of each target."""
    most = max(found, key=lambda one: (one.largest, one.worst))
    warnings = dict.fromkeys(warning for one in found for warning in one.warnings)
    return replace(most, warnings=tuple(warnings))


def summary_of(run: Run, seconds: float, notes: tuple[str, ...], found: Judged) -> Summary:
    """Summarise a run by what its scores amount to."""
    return Summary(
        rows=run.rows,
        seconds=seconds,
        relative_residual=found.largest,
        worst=found.worst,
        complete=run.complete,
        status=found.status,
        device=run.explainer.device,
        precision=run.options.precision,
        windows=windows_placed(run.survey.facts | shard_attributes(run)),
        files=run.outputs.paths(),
        notes=notes,
        warnings=found.warnings,
        timings=run.settings.timings.finish(lanes=run.schedule.lanes),
    )
