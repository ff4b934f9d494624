"""Check a configuration of the workflow: its keys and values, the files, the targets.

Keras is loaded only where everything else is right and targets are to be looked for.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlift.errors import InputError, Problems, SeqliftError
from seqlift.inputs.references import KINDS as REFERENCE_KINDS
from seqlift.inputs.regions import RegionFile
from seqlift.workflow.lines import Document, Place, read_yaml, read_yaml_file
from seqlift.workflow.schema import UNKNOWN_KEY, Problem, as_list, configuration_schema, problems_of

OptionsChecked = Callable[[str], str]
"""Words the problem of options of `seqlift score` as typed; empty where there is none."""


@dataclass(frozen=True, slots=True)
class CheckedConfiguration:
    """A configuration without a problem: its models, regions and number of files."""

    source: str
    models: dict[str, tuple[str, ...]]
    """The targets of each model; none where the model has one output and none is named."""
    regions: tuple[str, ...]
    files: int
    opened: bool
    """Whether files, models among them, were looked at."""

    @property
    def results(self) -> int:
        """Count the score files that the workflow makes."""
        return len(self.regions) * sum(max(len(named), 1) for named in self.models.values())


def read_configuration(path: str) -> Document:
    """Read a configuration, ``-`` for standard input, whose lines are not numbered."""
    if path == "-":
        return read_yaml(sys.stdin.read(), "configuration", numbered=False)
    return read_yaml_file(Path(path))


def check_configuration(
    document: Document, options: OptionsChecked, *, files: bool
) -> CheckedConfiguration:
    """Check keys, values and options and, where `files` is true, that files and targets are there.

    Raises InputError with a line for each problem, or ModelError for a model or a target.
    """
    problems = written_problems(document)
    if any(not text.startswith(UNKNOWN_KEY) for _, text in problems):
        raise_problems(document, problems)
    config = document.value
    models = {name: {"options": ""} | own for name, own in config["models"].items()}
    problems += [*option_problems(models, options), *clashing_targets(models)]
    named = dict(files_named(config))
    if files:
        problems += missing_files(named)
    raise_problems(document, problems)
    if files:
        raise_problems(document, genome_problems(config))
        check_opened(document, models)
    return CheckedConfiguration(
        source=document.source,
        models={name: tuple(targets_of(own)) for name, own in models.items()},
        regions=tuple(config["regions"]),
        files=len(set(named.values())),
        opened=files,
    )


def raise_problems(document: Document, problems: list[Problem]) -> None:
    if problems:
        problems = sorted(problems, key=lambda found: document.line(found[0]))
        raise InputError(*(document.problem(place, text) for place, text in problems))


def written_problems(document: Document) -> list[Problem]:
    """List what is wrong with the text by itself."""
    for place, first, line in document.twice:
        before = f"in line {first} already" if document.lines else "already"
        text = f"it is there {before}, and only one would count; rename or remove one"
        raise InputError(document.problem(place, text, line if document.lines else None))
    schema = configuration_schema()
    value = {} if document.value is None else document.value
    return list(problems_of(value, schema, schema))


def targets_of(own: Mapping[str, Any]) -> list[str]:
    return as_list(own.get("target", ()))


def option_problems(
    models: Mapping[str, Mapping[str, Any]], check: OptionsChecked
) -> Iterator[Problem]:
    for name, own in models.items():
        text = check(own["options"])
        if text:
            yield ("models", name, "options"), text


def clashing_targets(models: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    """Yield a problem for each target whose files would have the name of another's."""
    for name, own in models.items():
        seen: dict[str, str] = {}
        for target in targets_of(own):
            ending = re.sub("[^A-Za-z0-9_-]+", "-", target)  # as the Snakefile names files
            if ending in seen:
                text = f"{target!r} and {seen[ending]!r} have files of one name; give one a model"
                yield ("models", name, "target"), f"{text} of its own"
            seen[ending] = target


def files_named(config: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the place and the path of every file that a configuration names."""
    if config.get("genome"):
        yield ("genome",), config["genome"]
    for name, path in config["regions"].items():
        yield ("regions", name), path
    for name, own in config["models"].items():
        for key in ("file", "arch", "custom_objects", "reference"):
            if own.get(key) and not (key == "reference" and own[key] in REFERENCE_KINDS):
                yield ("models", name, key), own[key]
        for key, value in own.get("inputs", {}).items():
            if str(value).endswith(".npy"):
                yield ("models", name, "inputs", key), value


def missing_files(named: Mapping[Place, str]) -> Iterator[Problem]:
    for place, path in named.items():
        if not Path(path).is_file():
            kind = "a folder, not a file" if Path(path).is_dir() else "no such file"
            yield place, f"{path}: {kind}; give its path from the folder that the workflow runs in"


def genome_problems(config: Mapping[str, Any]) -> list[Problem]:
    """List the regions that need a genome, where none is named; all that are no text."""
    problems: list[Problem] = []
    for name, path in config["regions"].items():
        place = ("regions", name)
        try:
            with RegionFile(path) as opened:
                if not opened.is_fasta and not config.get("genome"):
                    problems.append((place, f"{path}: regions need a genome; name its FASTA"))
        except InputError as error:
            problems += [(place, text) for text in error.problems]
    return problems


def check_opened(document: Document, models: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise the problems of all models, their inputs and targets, each with its place."""
    from seqlift.workflow.model_targets import check_inputs, check_named_targets, opened_model

    problems = Problems()
    for name, own in models.items():
        try:
            key = "file"
            model = opened_model(own)
            key = "inputs"
            check_inputs(own, model)
            key = "target"
            check_named_targets(targets_of(own), model)
        except SeqliftError as error:
            place = ("models", name, key)
            lines = (document.problem(place, text) for text in error.problems)
            problems.errors.append(error.of_kind(*lines))
    problems.raise_any()
