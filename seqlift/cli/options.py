"""The options of the commands, each declared once.

Those of a run and of an explainer are the fields of `ScoreOptions`, in the order of its help; a
field of another type than a number, a word or a switch has its type here.
"""

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any, Literal, get_args, get_origin

import click

from seqlift.attribution import registry
from seqlift.cli.grouped import GroupedOption
from seqlift.cli.parameters import (
    BatchSize,
    Device,
    Fractions,
    LayerRule,
    Named,
    Registered,
    Shard,
    Tolerance,
    each_once,
    use_backend,
)
from seqlift.explain.explainer_settings import ExplainerSettings
from seqlift.exports.form_names import export_forms
from seqlift.pipeline.design_options import DesignOptions
from seqlift.pipeline.evaluate_options import EvaluateOptions
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.seqlets.seqlet_settings import SeqletSettings

Decorator = Callable[[Any], Any]

TYPES: dict[str, click.ParamType[Any]] = {
    "method": Registered("method", registry.methods),
    "rule": Registered("rule", registry.accepted_rules),
    "rule_for": LayerRule(),
    "method_options": Named("NAME=VALUE"),
    "inputs": Named("NAME=FILE.npy, NAME=zeros, NAME=NUMBER or NAME=reverse-complement"),
    "recipes": Named("LAYER=EXPRESSION"),
    "on": Named("TARGET=MOTIF"),
    "scores": click.STRING,
    "target": click.STRING,
    "batch_size": BatchSize(),
    "tolerance": Tolerance(),
    "shard": Shard(),
    "device": Device(),
    "gc_range": Fractions(),
}
"""Types of the options that are more than a number, a word of several, or text."""

FIRST = ("custom_objects",)
"""Read before others, whose names it may register."""


def declared(one: Field[Any]) -> Decorator:
    """Make the option of a field of `ScoreOptions` or `ExplainerSettings`."""
    about = one.metadata
    flag = about.get("flag", f"--{one.name.replace('_', '-')}")
    names = [name for name in (about.get("short"), flag, one.name) if name]
    settings: dict[str, Any] = {
        "help": about["help"],
        "metavar": about.get("metavar"),
        "is_eager": one.name in FIRST,
        "callback": each_once if about.get("once") else None,
        "multiple": one.default == (),
    }
    if isinstance(one.default, bool):
        settings |= {"is_flag": True, "default": one.default, "show_default": "/" in flag}
    else:
        settings |= {"type": TYPES.get(one.name) or type_of(one)}
    if one.name == "batch_size":
        settings |= {"default": "auto", "show_default": True}
    elif one.default not in (None, ()) and "is_flag" not in settings:
        settings |= {"default": one.default, "show_default": one.default != ""}
    if "envvar" in about:
        settings |= {"envvar": about["envvar"], "show_envvar": True}
    made: Decorator = click.option(*names, cls=GroupedOption, group=about["group"], **settings)
    return made


def type_of(one: Field[Any]) -> click.ParamType[Any]:
    kinds = get_args(one.type) if get_origin(one.type) is not Literal else ()
    if get_origin(one.type) is Literal:
        return click.Choice(get_args(one.type))
    if int in (one.type, *kinds):
        return click.IntRange(min=one.metadata.get("least"), max=one.metadata.get("most"))
    return click.FLOAT if float in (one.type, *kinds) else click.STRING


def settings_of(kind: type[ExplainerSettings], *only: str, command: str = "") -> Decorator:
    """Give `command` the options of the fields of `kind`: all that it has, or `only` some."""
    inherited = {one.name for one in fields(ExplainerSettings)}
    chosen = [one for one in fields(kind) if "help" in one.metadata]
    chosen.sort(key=lambda one: one.name in inherited)
    chosen = [one for one in chosen if not only or one.name in only]
    chosen = [one for one in chosen if command not in one.metadata.get("not_in", ())]

    def decorated(function: Any) -> Any:
        for one in reversed(chosen):
            function = declared(one)(function)
        return function

    return decorated


OPTIONS_OF_DEEPLIFT = ("rule", "rule_for", "max_rule")


def drawing(command: Any) -> Any:
    """Give a command the options that say what of score files is drawn, and how."""
    chosen: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
        (("--row", "rows"), {
            "type": click.IntRange(min=0), "multiple": True, "metavar": "N",
            "help": "Row of the file, from 0. Repeatable.",
        }),
        (("--region", "regions"), {
            "multiple": True, "metavar": "CHROM:START-END",
            "help": "Place, 0-based and half-open as in BED. Repeatable.",
        }),
        (("--name", "names"), {
            "multiple": True, "metavar": "PEAK", "help": "Rows of this name. Repeatable.",
        }),
        (("--top",), {
            "type": click.IntRange(min=1), "metavar": "N",
            "help": "The N rows of the highest predictions of the first file.",
        }),
        (("--hypothetical",), {"is_flag": True, "help": "Draw hypothetical contributions too."}),
        (("--multipliers",), {
            "is_flag": True, "help": "Draw multipliers too, where the file has them.",
        }),
        (("--own-scales",), {
            "is_flag": True, "help": "A scale for each file, as for methods that differ in size.",
        }),
        (("--wrap",), {
            "type": click.IntRange(min=10), "metavar": "N", "help": "Bases in a line.",
        }),
    )  # fmt: skip
    for names, settings in reversed(chosen):
        command = click.option(*names, **settings)(command)
    return annotations(command)


def methods_listed() -> str:
    """List the methods with their options, below the help of a command."""
    lines = ["\b", "Methods (--method), with their options (--method-option) and defaults:"]
    for name, line in registry.methods().items():
        options = registry.options_of(name).items()
        own = [f"{key}={value}" for key, value in options if key not in OPTIONS_OF_DEEPLIFT]
        lines += [f"  {' '.join([name, *own])}", f"      {line}"]
    return "\n".join(lines)


def forms_in_words() -> str:
    lines = {name: line.removesuffix(".") for name, line in export_forms().items()}
    return "; ".join(f"{name}: {line[:1].lower()}{line[1:]}" for name, line in lines.items()) + "."


model = click.argument("model", help="Keras model: .h5, .keras, or weights with --arch.")
regions = click.argument(
    "regions", help="BED, narrowPeak or FASTA, plain or gzipped; - for standard input."
)
path = click.argument("path", help="Model file, or score file of an earlier run.")

scores = click.argument("scores", help="Score file of an earlier run.")
shards = click.argument(
    "shards", nargs=-1, required=True, help="Score files of all shards, or of several models."
)
prefix = click.option(
    "-o", "--output", metavar="PREFIX", required=True,
    help="Prefix of the files written: PREFIX.h5, PREFIX.bw, PREFIX.regions.bed.",
)  # fmt: skip
track_output = click.option(
    "-o", "--output", metavar="FILE", help="The track.  [default: the score file's name + .bw]"
)
score_files = click.argument(
    "scores", nargs=-1, required=True, help="Score files of the same regions."
)
picture_output = click.option(
    "-o", "--output", metavar="FILE",
    help="The picture: .png, .svg or .pdf.  [default: the first score file's name + .png]",
)  # fmt: skip
report_output = click.option(
    "-o", "--output", metavar="FILE",
    help="The page.  [default: the first score file's name + .html]",
)  # fmt: skip
annotations = click.option(
    "--annotations", multiple=True, metavar="BED",
    help="Intervals to be marked, such as motif instances. Repeatable.",
)  # fmt: skip
mean = click.option(
    "--mean", is_flag=True,
    help="The files are of several models, on the same regions: write the mean, and the standard"
    " deviation as shap_std/seq.",
)  # fmt: skip
export_form = click.option(
    "--to", type=click.Choice([*export_forms()]), required=True, help=forms_in_words(),
)  # fmt: skip
export_prefix = click.option(
    "-o", "--output", metavar="PREFIX",
    help="Prefix of the files written.  [default: the score file's name]",
)  # fmt: skip
seqlets_prefix = click.option(
    "-o", "--output", metavar="PREFIX",
    help="PREFIX.seqlets.bed and PREFIX.motifs.tsv are written.  [default: the score file's name]",
)  # fmt: skip
motifs = click.option(
    "--motifs", metavar="FILE.meme", help="Motifs in MEME format, to name seqlets and be counted."
)
SEQLET_DEFAULTS = SeqletSettings()

width = click.option(
    "--width", type=click.IntRange(min=2), metavar="BASES", default=SEQLET_DEFAULTS.width,
    show_default=True,
    help="Bases of the windows whose contributions are summed.",
)  # fmt: skip
rate = click.option(
    "--fdr", "rate", type=click.FloatRange(0, 1), metavar="RATE", default=SEQLET_DEFAULTS.rate,
    show_default=True,
    help="Highest false discovery rate of the seqlets, against shuffled contributions.",
)  # fmt: skip
motif_p = click.option(
    "--motif-p", type=click.FloatRange(0, 1), metavar="P", default=SEQLET_DEFAULTS.motif_p,
    show_default=True,
    help="Highest p-value of a motif's match, corrected for places, strands and motifs.",
)  # fmt: skip
shuffle_seed = click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="SEED",
    default=SEQLET_DEFAULTS.seed,
    show_default=True,
    help="Seed of the shuffles.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary.")
verbose = click.option(
    "-v", "--verbose", count=True, help="More about what is done; twice, TensorFlow's messages too."
)
verbose_libraries = click.option(
    "-v", "--verbose", count=True, help="Twice: warnings of the libraries used, too."
)
debug = click.option("--debug", is_flag=True, help="Show the traceback of an error.")
backend = click.option(
    "--backend",
    cls=GroupedOption,
    group="Computation",
    type=click.Choice(("auto", "tensorflow", "jax")),
    default="auto",
    show_default=True,
    expose_value=False,
    callback=use_backend,
    help="Library that computes; auto is the one that KERAS_BACKEND names, else TensorFlow, or JAX"
    " where only JAX sees a GPU (`seqlift devices`).",
)
run = settings_of(ScoreOptions)
evaluation = settings_of(EvaluateOptions, command="evaluate")
model_or_none = click.argument("model", required=False, help="Keras model, as of `seqlift score`.")
regions_or_none = click.argument(
    "regions", required=False, help="BED, narrowPeak or FASTA, as of `seqlift score`."
)
overlap = settings_of(ScoreOptions, "overlap")
force = settings_of(ScoreOptions, "force")
explainer = settings_of(ExplainerSettings, command="inspect")
design = settings_of(DesignOptions, command="design")
