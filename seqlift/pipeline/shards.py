"""Which score files belong together: the shards of one run, or the models of one mean.

Knows the facts in score files; writes nothing.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqlift.errors import InputError
from seqlift.pipeline.fact_table import Question, answering, fact_of
from seqlift.pipeline.output_files import shard_name
from seqlift.tracks.batch import Attribute
from seqlift.tracks.checks import damaged
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import check_seal

SHARD, SHARD_START, SHARD_OF_ROWS = "shard", "shard_start", "shard_of_rows"
MOST_MISSING = 20  # missing shards in one message

Facts = Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class ShardRows:
    """Share `number` of `count`: the rows from `start`, of the `rows` of the whole run."""

    number: int
    count: int
    start: int
    rows: int

    @property
    def name(self) -> str:
        """Spell the name, such as 3-of-8."""
        return shard_name((self.number, self.count))


def facts_of(path: Path) -> Facts:
    """Read the attributes of a score file, which is checked to be whole."""
    check_seal(path)
    with ScoreFile(path) as scores:
        scores.intervals()  # makes sense
        return scores.attributes


def number_of_rows(path: Path) -> int:
    """Count the rows of a score file."""
    with ScoreFile(path) as scores:
        return scores.rows


def by_target(facts: Mapping[Path, Facts], *, shards: bool) -> list[list[Path]]:
    """Group the files of each target, in the order in which targets are met."""
    groups: dict[Attribute, list[Path]] = {}
    for path, found in facts.items():
        if shards and SHARD not in found:
            raise InputError(
                f"{path}: not a shard; give files that `seqlift score --shard` wrote, or --mean for"
                " the mean over models"
            )
        groups.setdefault(found.get("target", ""), []).append(path)
    return list(groups.values())


def check_shards(
    group: Sequence[Path], facts: Mapping[Path, Facts]
) -> tuple[list[Path], dict[str, Attribute]]:
    """Put the shards of one target in their order, and collect the facts about the whole.

    Raises InputError where they are not of one run, or one is missing.
    """
    check_same(group, facts, "shards")
    shards = {path: shard_of(path, facts[path]) for path in group}
    count = max(shard.count for shard in shards.values())
    held: dict[int, Path] = {}
    for path, shard in shards.items():
        if shard.count != count:
            raise InputError(
                f"{path}: shard {shard.name}, among shards of {count}; give the shards of one run"
            )
        if shard.number in held:
            before = held[shard.number]
            raise InputError(f"{path}: shard {shard.name}, as {before} is; give each shard once")
        held[shard.number] = path
    missing = [shard_name((n, count)) for n in range(1, count + 1) if n not in held]
    if missing:
        shown = ", ".join(missing[:MOST_MISSING])
        more = f" and {len(missing) - MOST_MISSING} more" if len(missing) > MOST_MISSING else ""
        raise InputError(
            f"{group[0]}: of its run the shards {shown}{more} are missing; give their files too"
        )
    ordered = [held[number] for number in sorted(held)]
    check_shard_order(ordered, shards)
    first = facts[group[0]]
    whole = {name: value for name, value in first.items() if fact_of(name).whole != "none"}
    for name in whole:
        if fact_of(name).whole == "all":
            # each once, in order
            values = list(dict.fromkeys(facts[path].get(name, "") for path in ordered))
            whole[name] = values[0] if len(values) == 1 else ", ".join(map(str, values))
    return ordered, whole


def shard_of(path: Path, facts: Facts) -> ShardRows:
    found = re.fullmatch("([0-9]{1,9})-of-([0-9]{1,9})", str(facts.get(SHARD)), re.ASCII)
    start, rows = facts.get(SHARD_START), facts.get(SHARD_OF_ROWS)
    if not found or not isinstance(start, int) or not isinstance(rows, int):
        raise damaged(path, "it does not say which shard it is")
    return ShardRows(int(found[1]), int(found[2]), start, rows)


def check_shard_order(ordered: Sequence[Path], shards: Mapping[Path, ShardRows]) -> None:
    """Raise InputError where a shard does not begin at the row after the one before it."""
    row, remedy = 0, "score the shards of one run again"
    for path in ordered:
        start = shards[path].start
        if start != row:
            raise InputError(
                f"{path}: begins at row {start}, and those before it end at {row}; {remedy}"
            )
        row += number_of_rows(path)
    rows = shards[ordered[0]].rows
    if row != rows:
        raise InputError(
            f"{ordered[-1]}: the shards have {row} rows, and their run {rows}; {remedy}"
        )


def check_models(
    group: Sequence[Path], facts: Mapping[Path, Facts]
) -> tuple[list[Path], dict[str, Attribute]]:
    """Check the files of several models; list them, and the facts about their mean.

    Raises InputError where they are not scores of the same windows against the same references.
    """
    if len(group) < 2:
        target = facts[group[0]].get("target", "")
        raise InputError(
            f"{group[0]}: the only file of the target {target}; give one for each model"
        )
    for path in group:
        if SHARD in facts[path]:
            raise InputError(f"{path}: a shard; merge the shards of each model first")
    check_same(group, facts, "models")
    models: dict[Attribute, Path] = {}
    for path in group:
        # Known by its bytes: one model under two names would count twice.
        before = models.setdefault(facts[path].get("model_sha256", ""), path)
        if before is not path:
            raise InputError(f"{path}: of the same model as {before}; give each model once")
    first = facts[group[0]]
    whole = {name: value for name, value in first.items() if fact_of(name).mean != "none"}
    for name in whole:
        if fact_of(name).mean == "all":
            values = list(dict.fromkeys(str(facts[path].get(name, "")) for path in group))
            whole[name] = "; ".join(values)
    return list(group), whole | {"models": len(group)}


def check_targets(
    groups: Sequence[Sequence[Path]], facts: Mapping[Path, Facts], *, mean: bool
) -> None:
    """Raise InputError where two targets are not of one run, or not of the same models."""
    differing: tuple[Question, ...] = ("targets", "models") if mean else ("targets",)
    check_same([group[0] for group in groups], facts, *differing)
    models = [{facts[path].get("model_sha256", ""): path for path in group} for group in groups]
    problems = [
        f"{path}: no other file has the scores of its model for the target"
        f" {facts[group[0]].get('target', '')}; give every model's file of each target"
        for model, path in {model: path for one in models for model, path in one.items()}.items()
        for group, those in zip(groups, models, strict=True)
        if model not in those
    ]
    if problems:
        raise InputError(*problems)


def check_same(group: Sequence[Path], facts: Mapping[Path, Facts], *differing: Question) -> None:
    """Raise InputError with every fact in which a file differs from the first and must not."""
    first = facts[group[0]]
    problems = []
    for path in group[1:]:
        both = {**first, **facts[path]}
        apart = {name for question in differing for name in answering(question, both)}
        names = [name for name in both if name not in apart]
        problems += [
            f"{path}: {name} is {facts[path].get(name, 'missing')}, and of {group[0]} it is"
            f" {first.get(name, 'missing')}; give files that belong together"
            for name in names
            if first.get(name) != facts[path].get(name)
        ]
    if problems:
        raise InputError(*problems)
