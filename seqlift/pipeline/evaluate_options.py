"""The options of `seqlift evaluate`: those of a run, and what is measured of which methods."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields

from seqlift.attribution import registry
from seqlift.errors import InputError
from seqlift.evaluate.measure_list import MEASURES, Needs
from seqlift.explain.explainer_settings import Pairs, option
from seqlift.pipeline.score_options import ScoreOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions(ScoreOptions):
    """A run of `seqlift evaluate`: of a model and regions, or of score files."""

    output: str | None = option(
        None,
        "Prefix of the files written: PREFIX.measures.tsv and PREFIX.measures.png."
        "  [default: the regions' name + .seqlift, in the current folder]",
        short="-o",
        metavar="PREFIX",
        group="Input and output",
    )
    scores: tuple[str, ...] = option(
        (),
        "Score file of an earlier run, instead of MODEL and REGIONS: measures that need no model"
        " are computed. Repeatable, for several targets or methods of the same regions.",
        metavar="FILE.h5",
        group="Input and output",
    )
    instances: str | None = option(
        None,
        "Motif instances, their name in column 4: scores should lie on them.",
        metavar="BED",
        group="Input and output",
    )
    on: Pairs = option(
        (),
        "Name of the motif that explains a target, for instances of several; repeatable.",
        metavar="TARGET=MOTIF",
        once=True,
        group="Target",
    )
    methods: str = option(
        registry.DEFAULT_METHOD,
        "Methods to compare, such as deeplift,gradient,ism; each may have options after a colon,"
        " as in deeplift:rule=rescale or smoothgrad:samples=20.",
        metavar="NAMES",
        group="Method",
    )
    measures: str = option(
        "",
        f"Measures: {', '.join(MEASURES)}, or all.  [default: those that cost few predictions]",
        metavar="NAMES",
        group="Method",
    )


OF_FILES = frozenset(
    ("scores", "instances", "on", "measures", "seed", "output", "force", "model", "regions")
)
"""Options that have a meaning for score files."""


def check_sources(options: EvaluateOptions) -> None:
    """Raise InputError where there is neither a model with regions nor a score file, or both.

    And for options of a model where there are score files.
    """
    if options.scores and (options.model or options.regions):
        raise InputError("--scores: give either score files or MODEL and REGIONS")
    unused = options_of_models(options) if options.scores else []
    if unused:
        raise InputError(
            f"{', '.join(unused)}: decided when score files were made; leave it out, or give MODEL"
            " and REGIONS in the place of --scores"
        )
    if not options.scores and not (options.model and options.regions):
        raise InputError("MODEL, REGIONS: missing; give them, or score files with --scores FILE.h5")


def options_of_models(options: EvaluateOptions) -> list[str]:
    """List the flags that are not at their defaults and mean nothing for score files."""
    plain = EvaluateOptions(model=options.model, regions=options.regions)
    return [
        one.metadata.get("flag", f"--{one.name.replace('_', '-')}")
        for one in fields(options)
        # the environment is set for other runs too
        if one.name not in OF_FILES and "envvar" not in one.metadata
        if getattr(options, one.name) != getattr(plain, one.name)
    ]


def methods_of(text: str) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Read methods with their options, by the text of each.

    Raises InputError for every unknown name, with the nearest.
    """
    known, problems = registry.methods(), list[str]()
    found: dict[str, tuple[str, Mapping[str, str]]] = {}
    for label in comma_names(text):
        name, *options = label.split(":")
        pairs = [pair.partition("=") for pair in options]
        if name not in known:
            problems.append(
                f"method {name}: there is none of this name; {nearest_name(name, known)}"
            )
        elif not all(key and value for key, _, value in pairs):
            problems.append(f"method {label}: write options as {name}:OPTION=VALUE")
        elif label in found:
            problems.append(f"method {label}: it is there twice; leave one out")
        else:
            found[label] = name, {key: value for key, _, value in pairs}
    if not found and not problems:
        problems.append("--methods: there are none; give one or more, such as deeplift,gradient")
    if problems:
        raise InputError(*problems)
    return found


def needs_met(options: EvaluateOptions) -> frozenset[Needs]:
    """Collect what measures need and the options give, apart from the model."""
    has: set[Needs] = {"scores"}
    has |= {"instances"} if options.instances else set()
    has |= {"tasks"} if len(set(dict(options.on).values())) > 1 else set()
    return frozenset(has)


def comma_names(text: str) -> list[str]:
    """Split names that commas part."""
    return [word.strip() for word in text.split(",") if word.strip()]


def nearest_name(name: str, known: Mapping[str, object] | list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
