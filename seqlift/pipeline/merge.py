"""`seqlift merge`: the score files of shards become those of the whole, with its track.

What a run without shards writes comes out, to the byte. With `mean`, score files of several models
become their mean.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from seqlift.errors import InputError
from seqlift.pipeline.outputs import (
    Outputs,
    check_outputs,
    check_prefix,
    finish,
    outputs_of,
    remove_unfinished,
    shard_name,
    unfinished,
)
from seqlift.pipeline.progress import Progress
from seqlift.pipeline.track import write_track
from seqlift.tracks.batch import Attribute
from seqlift.tracks.layers import Overlap
from seqlift.tracks.mean import average
from seqlift.tracks.merge import join
from seqlift.tracks.regions_bed import write_regions
from seqlift.tracks.score_file import ScoreFile

SHARD, START, ROWS = "shard", "shard_start", "shard_of_rows"
OWN = frozenset((SHARD, START, "largest_contribution"))
"""Facts of one shard; all others are the same in all."""

LISTED = frozenset(("device", "batch_size", "backend"))
"""Facts in which shards may differ: the whole has them all."""

OF_MODEL = frozenset(
    ("model", "model_sha256", "model_saved_by", "command", "target", "largest_contribution")
)
"""Facts in which models that are averaged may differ."""

Facts = Mapping[str, Attribute]


def merge(
    shards: Sequence[str],
    output: str,
    *,
    mean: bool,
    overlap: Overlap,
    force: bool,
    progress: Progress,
) -> tuple[Path, ...]:
    """Return the files written: PREFIX.h5, PREFIX.regions.bed and PREFIX.bw, of each target.

    Raises
    ------
    InputError
        The files do not belong together, one is missing or damaged.
    OutputError
        A file cannot be written.
    """
    check_prefix(output)
    paths = [Path(name) for name in shards]
    facts = {path: facts_of(path) for path in dict.fromkeys(paths)}
    if len(facts) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise InputError(f"{twice}: given twice; give each file once")
    groups = [list(facts)] if mean else by_target(facts)
    targets = [str(facts[group[0]].get("target", "")) for group in groups]
    outputs = outputs_of(output, targets)
    check_outputs(outputs.paths(), inputs=paths, force=force)
    check = check_models if mean else check_shards
    merged = [check(group, facts) for group in groups]
    try:
        for (group, attributes), files in zip(merged, outputs.targets, strict=True):
            with ScoreFile(group[0]) as first:
                sizes = first.sizes()
            rows = sum(rows_of(path) for path in group) if not mean else rows_of(group[0])
            with progress("averaging" if mean else "joining", rows) as bar:
                combine = average if mean else join
                new = unfinished(files.scores)
                combine(group, new, attributes=attributes, sizes=sizes, progress=bar.update)
            with ScoreFile(new) as scores:
                write_regions(scores, unfinished(outputs.regions))
        for path in outputs.scores():
            finish(unfinished(path), path)
        draw(outputs, overlap, progress)
    finally:
        remove_unfinished(outputs.paths())
    return outputs.paths()


def draw(outputs: Outputs, overlap: Overlap, progress: Progress) -> None:
    """Write the tracks of finished score files."""
    for files in outputs.targets:
        with ScoreFile(files.scores) as scores:
            new, sizes = unfinished(files.track), scores.sizes()
            write_track(scores, new, files.track, sizes, overlap=overlap, progress=progress)


def facts_of(path: Path) -> Facts:
    """Return the attributes of a score file."""
    with ScoreFile(path) as scores:
        return scores.attributes


def rows_of(path: Path) -> int:
    """Return the number of rows of a score file."""
    with ScoreFile(path) as scores:
        return scores.rows


def by_target(facts: Mapping[Path, Facts]) -> list[list[Path]]:
    """Return the files of each target, in the order in which targets are met."""
    groups: dict[Attribute, list[Path]] = {}
    for path, found in facts.items():
        if SHARD not in found:
            raise InputError(
                f"{path}: not a shard; give files that `seqlift score --shard` wrote, or --mean for"
                " the mean over models"
            )
        groups.setdefault(found.get("target", ""), []).append(path)
    return list(groups.values())


def check_shards(
    group: Sequence[Path], facts: Mapping[Path, Facts]
) -> tuple[list[Path], dict[str, Attribute]]:
    """Return the shards of one target in their order, and the facts about the whole.

    Raises InputError where they are not of one run, or one is missing.
    """
    check_same(group, facts, but=OWN | LISTED)
    count = max(int(str(facts[path][SHARD]).rpartition("-")[2]) for path in group)
    held: dict[str, Path] = {}
    for path in group:
        name = str(facts[path][SHARD])
        if name in held:
            raise InputError(f"{path}: shard {name}, as {held[name]} is; give each shard once")
        held[name] = path
    names = [shard_name((number, count)) for number in range(1, count + 1)]
    strangers = [name for name in held if name not in names]
    missing = [name for name in names if name not in held]
    if strangers:
        raise InputError(
            f"{held[strangers[0]]}: shard {strangers[0]}, among shards of {count}; give the shards"
            " of one run"
        )
    if missing:
        raise InputError(
            f"{group[0]}: of its run the shards {', '.join(missing)} are missing; give their files"
            " too"
        )
    ordered = [held[name] for name in names]
    check_places(ordered, facts)
    whole = {name: value for name, value in facts[group[0]].items() if name not in OWN | {ROWS}}
    for name in LISTED & set(whole):
        values = list(dict.fromkeys(facts[path][name] for path in ordered))
        whole[name] = values[0] if len(values) == 1 else ", ".join(map(str, values))
    return ordered, whole


def check_places(ordered: Sequence[Path], facts: Mapping[Path, Facts]) -> None:
    """Raise InputError where a shard does not begin at the row after the one before it."""
    row = 0
    for path in ordered:
        if facts[path][START] != row:
            raise InputError(
                f"{path}: begins at row {facts[path][START]}, and those before it end at {row};"
                " score the shards of one run again"
            )
        row += rows_of(path)
    if row != facts[ordered[0]][ROWS]:
        raise InputError(
            f"{ordered[-1]}: the shards have {row} rows, and their run"
            f" {facts[ordered[0]][ROWS]}; score the shards of one run again"
        )


def check_models(
    group: Sequence[Path], facts: Mapping[Path, Facts]
) -> tuple[list[Path], dict[str, Attribute]]:
    """Return the files of several models, and the facts about their mean.

    Raises InputError where they are not scores of the same windows against the same references.
    """
    if len(group) < 2:
        raise InputError(f"{group[0]}: the mean needs several files; give one for each model")
    for path in group:
        if SHARD in facts[path]:
            raise InputError(f"{path}: a shard; merge the shards of each model first")
    check_same(group, facts, but=OF_MODEL | LISTED)
    whole = {name: v for name, v in facts[group[0]].items() if name != "largest_contribution"}
    for name in (OF_MODEL | LISTED) & set(whole):
        values = list(dict.fromkeys(str(facts[path].get(name, "")) for path in group))
        whole[name] = "; ".join(values)
    return list(group), whole | {"models": len(group)}


def check_same(group: Sequence[Path], facts: Mapping[Path, Facts], *, but: frozenset[str]) -> None:
    """Raise InputError with every fact in which a file differs from the first."""
    first = facts[group[0]]
    problems = []
    for path in group[1:]:
        names = [name for name in {**first, **facts[path]} if name not in but]
        problems += [
            f"{path}: {name} is {facts[path].get(name, 'not told')}, and of {group[0]} it is"
            f" {first.get(name, 'not told')}; give files that belong together"
            for name in names
            if first.get(name) != facts[path].get(name)
        ]
    if problems:
        raise InputError(*problems)
