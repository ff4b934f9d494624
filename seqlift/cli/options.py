"""The options of the commands, each declared once."""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any

import click

from seqlift.attribution import registry
from seqlift.cli.parameters import (
    BatchSize,
    Device,
    LayerRule,
    Named,
    Registered,
    Shard,
    Tolerance,
    all_rules,
    each_once,
    single_rules,
)
from seqlift.device.precision import PRECISIONS
from seqlift.explain.explainer_settings import default_of
from seqlift.inputs.references import KINDS, NUMBER
from seqlift.inputs.summits import SUMMITS
from seqlift.pipeline.options import ScoreOptions
from seqlift.tracks.overlap_policies import OVERLAPS


def option(*names: str, **settings: Any) -> Callable[[Any], Any]:
    """Declare an option with the default of the field of `ScoreOptions` that it is called by."""
    name = next((n for n in names if not n.startswith("-")), None)
    name = name or max(names, key=len).partition("/")[0].lstrip("-").replace("-", "_")
    default = default_of(ScoreOptions, name)
    if default not in (MISSING, None, ()) and not settings.get("is_flag"):
        settings |= {"default": default, "show_default": True}
    declared: Callable[[Any], Any] = click.option(*names, **settings)
    return declared


OPTIONS_OF_DEEPLIFT = ("rule", "rule_for", "max_rule")


def methods_listed() -> str:
    """List the methods with their options, below the help of a command."""
    lines = ["\b", "Methods (--method), with their options (--method-option) and defaults:"]
    for name, line in registry.methods().items():
        options = registry.options_of(name).items()
        own = [f"{key}={value}" for key, value in options if key not in OPTIONS_OF_DEEPLIFT]
        lines += [f"  {' '.join([name, *own])}", f"      {line}"]
    return "\n".join(lines)


model = click.argument("model", help="Keras model: .h5, .keras, or weights with --arch.")
regions = click.argument(
    "regions", help="BED, narrowPeak or FASTA, plain or gzipped; - for standard input."
)
path = click.argument("path", help="Model file, or score file of an earlier run.")

genome = option(
    "-g", "--genome", metavar="FASTA", envvar="SEQLIFT_GENOME", show_envvar=True,
    help="Genome the regions lie on, plain or bgzip; not needed for FASTA regions.",
)  # fmt: skip
output = option(
    "-o", "--output", metavar="PREFIX",
    help="Prefix of the files written: PREFIX.h5, PREFIX.bw, PREFIX.regions.bed."
    "  [default: the regions' name + .seqlift, in the current folder]",
)  # fmt: skip
arch = option("--arch", metavar="JSON", help="Architecture, where MODEL holds weights only.")
target = option(
    "-t", "--target", multiple=True, metavar="TARGET",
    help="What to explain: NAME, NAME:INDEX, NAME:POSITION:TRACK, INDEX, all, counts, profile,"
    " profile-complete, or of a task counts:TASK; NAME may be the output's number, and an index a"
    " range A-B, which is summed. Repeatable. `seqlift inspect MODEL` lists them."
    "  [default: the only output]",
)  # fmt: skip
method = option(
    "--method", type=Registered("method", registry.methods),
    metavar="METHOD",
    help="Attribution method, listed below. Only deeplift sums to the difference from reference.",
)  # fmt: skip
method_option = option(
    "--method-option", "method_options", type=Named("NAME=VALUE"), multiple=True,
    metavar="NAME=VALUE",
    callback=each_once, help="Option of the method, listed below; repeatable.",
)  # fmt: skip
rule = option(
    "--rule", type=Registered("rule", all_rules),
    metavar="RULE",
    help=f"Rule of DeepLIFT: {', '.join(registry.DEEPLIFT_RULES)}; genomics is RevealCancel after"
    " dense layers and Rescale elsewhere.",
)  # fmt: skip
steps = option(
    "--steps", type=click.IntRange(min=1), metavar="N",
    help="Points between reference and sequence that integrated-gradients takes gradients at."
    f"  [default: {registry.STEPS}]",
)  # fmt: skip
mean_normalise = option(
    "--mean-normalise", is_flag=True,
    help="Take the mean over A C G T from the weights of the layers that read the sequence, and"
    " add it to their bias; N then counts as the mean base.",
)  # fmt: skip
inputs = option(
    "--input", "inputs",
    type=Named("NAME=FILE.npy, NAME=zeros, NAME=NUMBER or NAME=reverse-complement"),
    multiple=True, metavar="NAME=VALUE",
    help="Value of a model input other than the sequence: zeros, a number, or a .npy file of its"
    " shape or with a row for each region; sequence or reverse-complement if it takes the sequence."
    " Repeatable.",
)  # fmt: skip
recipe = option(
    "--recipe", "recipes", type=Named("LAYER=EXPRESSION"), multiple=True,
    metavar="LAYER=EXPRESSION",
    callback=each_once,
    help="What a Lambda layer computes, as an expression of its input x; LAYER may be a pattern"
    " such as 'lambda_*', for all layers it fits that cannot be read; repeatable.",
)  # fmt: skip
custom_objects = option(
    "--custom-objects", metavar="FILE.py", is_eager=True,
    help="Python file with the classes of the model's own layers, or rules and methods that it"
    " registers; it is run.",
)  # fmt: skip
rule_for = option(
    "--rule-for", type=LayerRule(), multiple=True, metavar="LAYER=RULE",
    help=f"Another rule for one layer: {', '.join(single_rules())}; repeatable.",
)  # fmt: skip
max_rule = option(
    "--max-rule", type=click.Choice(registry.MAX_RULES),
    help="How max pooling is explained; winner is the original DeepLIFT's, which does not sum to"
    " the difference.",
)  # fmt: skip
pre_activation = option(
    "--pre-activation/--post-activation",
    help="Explain the logit before a final sigmoid or softmax, or the probability after it.",
)  # fmt: skip
reference = option(
    "-r", "--reference", metavar="KIND",
    help=f"Reference sequences: {', '.join(KINDS)}, or a .npy or FASTA file.",
)  # fmt: skip
references = option(
    "-n", "--references", type=click.IntRange(min=1), metavar="R",
    help=f"Shuffles of each sequence.  [default: {NUMBER}]",
)  # fmt: skip
gc = option(
    "--gc", type=float, metavar="FRACTION",
    help="GC content of the gc reference.  [default: measured from the regions]",
)  # fmt: skip
seed = option(
    "--seed", type=click.IntRange(min=0, max=2**64 - 1),
    metavar="SEED", help="Seed of the shuffles.",
)  # fmt: skip
length = option(
    "--length", type=click.IntRange(min=1), metavar="BASES",
    help="Length of the windows, for a model that takes any.  [default: each region as it is]",
)  # fmt: skip
summit = option(
    "--summit", type=click.Choice(SUMMITS),
    help="Centre of the window: the summit in column 10 unless the row is a BED12 or has no"
    " number there, column 10 of every row, or the centre of every region.",
)  # fmt: skip
tile = option(
    "--tile", is_flag=True,
    help="Cover regions longer than the model with windows that overlap.",
)  # fmt: skip
stride = option(
    "--stride", type=click.IntRange(min=1), metavar="BASES",
    help="Bases between the centres of tiles.  [default: half a window]",
)  # fmt: skip
strand = option(
    "--strand", is_flag=True,
    help="Reverse-complement minus-strand regions before scoring; output stays in genome"
    " orientation.",
)  # fmt: skip
both_strands = option(
    "--both-strands", is_flag=True, help="Read every region from either strand and take the mean."
)
overlap = option(
    "--overlap", type=click.Choice(OVERLAPS),
    help="Score of the track where windows overlap: that of the window whose middle is"
    " nearest, the mean, the largest in size, or that of the first row.",
)  # fmt: skip
shard = option(
    "--shard", type=Shard(), metavar="K-of-N",
    help="Score only one of N shares of the regions, to PREFIX.K-of-N.h5; join them with `seqlift"
    " merge`.",
)  # fmt: skip
scores = click.argument("scores", help="Score file of an earlier run.")
shards = click.argument("shards", nargs=-1, required=True, help="Score files of all shards.")
prefix = click.option(
    "-o", "--output", metavar="PREFIX", required=True,
    help="Prefix of the files written: PREFIX.h5, PREFIX.bw, PREFIX.regions.bed.",
)  # fmt: skip
track_output = click.option(
    "-o", "--output", metavar="FILE", help="The track.  [default: the score file's name + .bw]"
)
mean = click.option(
    "--mean", is_flag=True,
    help="The files are of several models, on the same regions: write the mean, and the standard"
    " deviation as shap_std/seq.",
)  # fmt: skip
batch_size = click.option(
    "-b", "--batch-size", type=BatchSize(), metavar="N|auto", default="auto", show_default=True,
    help="Sequences of a batch; auto chooses from the model's size.",
)  # fmt: skip
tolerance = click.option(
    "--tolerance", type=Tolerance(),
    help="Largest relative residual of a row before the run fails.  [default: 1e-4; tf32 1e-2,"
    " bfloat16 5e-2; 1e-3 for what --dtype float16 stores]",
)  # fmt: skip
dtype = option(
    "--dtype", type=click.Choice(("float32", "float16")),
    help="Type the contributions are stored in; float16 is refused where it does not hold them.",
)  # fmt: skip
multipliers = click.option(
    "--multipliers", is_flag=True, help="Store the mean multipliers too, as multipliers/seq."
)
precision = option(
    "--precision", type=click.Choice(PRECISIONS),
    help="Type the contributions are computed in; tf32 and bfloat16 round the factors of products.",
)  # fmt: skip
device = option(
    "--device", type=Device(),
    help="auto, cpu, gpu or gpu:INDEX.",
)  # fmt: skip
force = click.option("-f", "--force", is_flag=True, help="Replace files that exist.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress bar and no summary.")
verbose = click.option(
    "-v", "--verbose", count=True, help="More about what is done; twice, TensorFlow's messages too."
)
debug = click.option("--debug", is_flag=True, help="Show the traceback of an error.")
