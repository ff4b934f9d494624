"""Final files that are there before a command begins: kept where they are what it would write.

A file is known by its content, not by its name or date: a score file by the facts in it and its
checksum, the regions file and the track by being those of that score file. So a command that ended
anywhere, its last removal included, is continued or found finished by the same command, and what
anybody else has put there is never taken for its own.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqlift.errors import InputError, OutputError, SeqliftError
from seqlift.pipeline.fact_table import ABOUT_FILE
from seqlift.pipeline.facts import changes, may_differ, score_file_facts
from seqlift.pipeline.output_files import Outputs
from seqlift.pipeline.run import Run
from seqlift.pipeline.track_formats import format_of
from seqlift.tracks import layout
from seqlift.tracks.batch import Attribute
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.regions_bed import is_regions_of
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import check_seal

MOST_DIFFERENCES = 4  # differences in one message
REMEDY = "give --force to replace it, or another -o"
OTHER_RUN = "it goes with a score file of another run"  # not listed: that file is


@dataclass(frozen=True, slots=True)
class Wanted:
    """The facts and the number of rows a score file must have, and the facts that may differ."""

    facts: Mapping[str, Attribute]
    rows: int
    may_differ: frozenset[str]


def facts_of_file(scores: ScoreFile) -> dict[str, Attribute]:
    """Collect the facts about the run that wrote a score file, how numbers are stored included."""
    kinds = scores.kinds()
    facts = {name: fact for name, fact in scores.attributes.items() if name not in ABOUT_FILE}
    return facts | {
        "length": scores.length,
        "dtype": kinds[layout.main_dataset(kinds)].name,
        "multipliers": layout.MULTIPLIERS in kinds,
    }


def describe_difference(path: Path, wanted: Wanted) -> str:
    """Say in which way a file is not the score file that is wanted; nothing where it is."""
    try:
        if not check_seal(path):
            return "it is not a score file, or was changed since it was written"
        with ScoreFile(path) as scores:
            found, rows = facts_of_file(scores), scores.rows
    except InputError as error:
        reason = error.problems[0].removeprefix(f"{path}: ").rpartition("; ")[0]
        return f"it is not a complete score file ({reason})"
    named = {*found, *wanted.facts} - wanted.may_differ - ABOUT_FILE
    before, now = ({n: v for n, v in one.items() if n in named} for one in (found, wanted.facts))
    differing = changes(before, now)
    if rows != wanted.rows:
        differing.append(f"its rows were {rows} and are {wanted.rows}")
    shown = ", ".join(differing[:MOST_DIFFERENCES])
    more = len(differing) - MOST_DIFFERENCES
    return f"{shown} and {more} differences more" if more > 0 else shown


def agreeing(
    outputs: Outputs,
    wanted: Mapping[Path, Wanted],
    *,
    overlap: Overlap,
    replaced: Collection[Path] = (),
) -> frozenset[Path]:
    """Find the final files that are there and are what a command would write.

    Raises OutputError for all others that are there and are not among `replaced`.
    """
    reasons: dict[Path, str] = {}
    for path in wanted:
        if os.path.lexists(path):
            reasons[path] = describe_difference(path, wanted[path])
    whole = [path for path in wanted if reasons.get(path) == ""]
    other = [path for path in wanted if reasons.get(path) and is_whole(path)]
    if os.path.lexists(outputs.regions):
        first = next(iter(wanted))
        reason = _difference_of_regions(outputs.regions, whole or other, first)
        reasons[outputs.regions] = reason or ("" if whole else OTHER_RUN)
    complete = {*whole, *other}
    for files in outputs.targets:
        for track in filter(os.path.lexists, files.tracks):
            reason = _difference_of_track(files.scores, track, complete, overlap)
            reasons[track] = reason or (OTHER_RUN if reasons[files.scores] else "")
    problems = [
        f"{path}: already exists, and {reason}; {REMEDY}"
        for path, reason in reasons.items()
        if reason and reason != OTHER_RUN and path not in replaced
    ]
    if problems:
        raise OutputError(*problems)
    return frozenset(path for path, reason in reasons.items() if not reason)


def _difference_of_regions(regions: Path, whole: Sequence[Path], first: Path) -> str:
    if not whole:
        return f"there is no complete {first} to compare it with"
    with ScoreFile(whole[0]) as scores:
        same = is_regions_of(scores, regions)
    return "" if same else f"its rows are not those of {whole[0]}"


def _difference_of_track(
    scores: Path, track: Path, whole: Collection[Path], overlap: Overlap
) -> str:
    if scores not in whole:
        return f"there is no complete {scores} to compare it with"
    same = format_of(track).is_track(track, scores, overlap)
    return "" if same else f"it is not the track of {scores}"


def is_whole(path: Path) -> bool:
    """Find out whether a file is a score file, of whatever run, that is as it was written."""
    try:
        if not check_seal(path):
            return False
        with ScoreFile(path):
            return True
    except SeqliftError:
        return False


def wanted_of(run: Run) -> dict[Path, Wanted]:
    """Say what the score files of a run have to be."""
    apart = may_differ(run)
    return {
        files.scores: Wanted(score_file_facts(run, files.target), run.rows, apart)
        for files in run.outputs.targets
    }


def is_finished(run: Run) -> bool:
    """Find out whether all files of a run are there and are what it would write."""
    if run.options.force or not (run.outputs.keeps_scores and are_all(run.outputs.paths())):
        return False
    try:
        agreeing(run.outputs, wanted_of(run), overlap=run.options.overlap)
    except OutputError:
        return False
    return True


def are_all(paths: Collection[Path]) -> bool:
    return all(os.path.lexists(path) for path in paths)
