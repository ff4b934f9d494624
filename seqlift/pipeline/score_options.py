"""The options of `seqlift score`: those of an explainer, and what is scored and written."""

from dataclasses import dataclass, field
from typing import Literal

from seqlift.explain.explainer_settings import ExplainerSettings, option
from seqlift.inputs.references import KINDS, NUMBER
from seqlift.inputs.summits import Summits
from seqlift.pipeline.tolerances import tolerances_in_words
from seqlift.tracks.layout import Kept
from seqlift.tracks.overlap_policies import Overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOptions(ExplainerSettings):
    """A run of `seqlift score`; see its help for what each option means.

    `model` and `regions` are paths, `regions` may be ``-``. A `batch_size` of None is chosen from
    the model, a `gc` of None measured from the regions, a `length` of None the model's own;
    `references` and `steps` of None are 20 and 50, a `tolerance` of None what the precision allows;
    a `stride` of None is half the model's length. A `shard` is (number, of how many), from 1.
    """

    model: str = field(metadata={"fact": "model_sha256"})
    regions: str = field(metadata={"fact": "regions_sha256"})
    genome: str | None = option(
        None,
        "Genome the regions lie on, plain or bgzip; not needed for FASTA regions.",
        short="-g",
        metavar="FASTA",
        envvar="SEQLIFT_GENOME",
        fact="genome_sizes_sha256",
        group="Input and output",
    )
    output: str | None = option(
        None,
        "Prefix of the files written: PREFIX.h5, PREFIX.bw, PREFIX.regions.bed."
        "  [default: the regions' name + .seqlift, in the current folder]",
        short="-o",
        metavar="PREFIX",
        fact=False,
        group="Input and output",
    )
    target: tuple[str, ...] = option(
        (),
        "What to explain: NAME, NAME:INDEX, NAME:POSITION:TRACK, INDEX, all, counts, profile,"
        " profile-complete, or of a task counts:TASK; NAME may be the output's number, and an index"
        " a range A-B, which is summed. Repeatable. `seqlift inspect MODEL` lists them."
        "  [default: the only output]",
        short="-t",
        metavar="TARGET",
        fact="target",
        group="Target",
    )
    reference: str = option(
        "dinucleotide",
        f"Reference sequences: {', '.join(KINDS)}, or a .npy or FASTA file.",
        short="-r",
        metavar="KIND",
        fact="reference",
        group="References",
    )
    references: int | None = option(
        None,
        f"Shuffles of each sequence.  [default: {NUMBER}]",
        short="-n",
        metavar="R",
        least=1,
        fact="references",
        group="References",
    )
    gc: float | None = option(
        None,
        "GC content of the gc reference.  [default: measured from the regions]",
        metavar="FRACTION",
        fact="gc",
        group="References",
    )
    length: int | None = option(
        None,
        "Length of the windows, for a model that takes any.  [default: each region as it is]",
        metavar="BASES",
        least=1,
        fact="length",
        group="Windows",
    )
    summit: Summits = option(
        "auto",
        "Centre of the window: the summit in column 10 unless the row is a BED12 or has no number"
        " there, column 10 of every row, or the centre of every region.",
        group="Windows",
    )
    tile: bool = option(
        False,
        "Cover regions longer than the model with windows that overlap.",
        fact="windows_sha256",
        not_in=("evaluate",),
        group="Windows",
    )
    genome_tiles: bool = option(
        False,
        "REGIONS are chromosome sizes, such as the genome's .fai: cover these chromosomes with"
        " windows that overlap.",
        fact="windows_sha256",
        not_in=("evaluate",),
        group="Windows",
    )
    exclude: str | None = option(
        None,
        "Intervals that tiles of the genome leave out.",
        metavar="BED",
        fact="windows_sha256",
        not_in=("evaluate",),
        group="Windows",
    )
    stride: int | None = option(
        None,
        "Bases between the centres of tiles.  [default: half a window]",
        metavar="BASES",
        least=1,
        fact="stride",
        not_in=("evaluate",),
        group="Windows",
    )
    strand: bool = option(
        False,
        "Reverse-complement minus-strand regions before scoring; output stays in genome"
        " orientation.",
        fact="strands",
        group="Windows",
    )
    both_strands: bool = option(
        False,
        "Score every region on both strands and take the mean.",
        fact="strands",
        not_in=("evaluate",),
        group="Windows",
    )
    tolerance: float | None = option(
        None,
        "Largest relative residual of a row before the run fails."
        f"  [default: {tolerances_in_words()}]",
        fact="tolerance",
        not_in=("evaluate",),
        group="Computation",
    )
    dtype: Literal["float32", "float16"] = option(
        "float32",
        "Type the contributions are stored in; float16 is refused where it cannot hold them.",
        fact="dtype",
        not_in=("evaluate",),
        group="Input and output",
    )
    keep: Kept = option(
        "all",
        "What is kept of the scores: all, or the track alone, without a score file; 8 kB for a"
        " window of 2,114 bases in the place of 42 while the run is at work.",
        fact="kept_scores",
        not_in=("evaluate",),
        group="Input and output",
    )
    multipliers: bool = option(
        False,
        "Store the mean multipliers too, as multipliers/seq.",
        fact="multipliers",
        not_in=("evaluate",),
        group="Input and output",
    )
    overlap: Overlap = option(
        "nearest",
        "Score of the track where windows overlap: that of the window whose middle is nearest, the"
        " mean, the largest in size, or that of the first row.",
        fact=False,
        not_in=("evaluate",),
        group="Input and output",
    )
    shard: tuple[int, int] | None = option(
        None,
        "Score only one of N shares of the regions, to PREFIX.K-of-N.h5; join them with `seqlift"
        " merge`.",
        metavar="K-of-N",
        fact=False,
        not_in=("evaluate",),
        group="Computation",
    )
    timings: bool = option(
        False,
        "Show where the run's seconds went, on standard error.",
        fact=False,
        not_in=("evaluate",),
        group="Other",
    )
    threads: int | None = option(
        None,
        "Threads that shuffle, compress and write; files are the same for every number."
        "  [default: a thread for each core]",
        metavar="N",
        least=1,
        fact=False,
        not_in=("evaluate",),
        group="Computation",
    )
    force: bool = option(
        False,
        "Replace files that exist.",
        short="-f",
        fact=False,
        group="Input and output",
    )
    drop_stale_parts: bool = option(
        False,
        "Start over where unfinished work of the same name has other settings or inputs, instead of"
        " refusing; unfinished work of this very run is continued.",
        fact=False,
        group="Input and output",
    )
