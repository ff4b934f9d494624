"""The options of `seqlift design`: those of a design, where it begins, and what is written."""

from dataclasses import dataclass

from seqlift.design.design_settings import DesignSettings
from seqlift.explain.explainer_settings import option

RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignOptions(DesignSettings):
    """A run of `seqlift design`; see its help for what each option means."""

    model: str
    start: str = option(
        RANDOM,
        "Where designs begin: random background, a FASTA of sequences, BED or narrowPeak, or a"
        " region CHROM:START-END.",
        short="-s",
        metavar="SOURCE",
        group="Input and output",
    )
    genome: str | None = option(
        None,
        "Genome the regions lie on, plain or bgzip.",
        short="-g",
        metavar="FASTA",
        envvar="SEQLIFT_GENOME",
        group="Input and output",
    )
    output: str | None = option(
        None,
        "Prefix of the files written: PREFIX.fa, PREFIX.trajectory.tsv, PREFIX.png."
        "  [default: the model's name + .design, in the current folder]",
        short="-o",
        metavar="PREFIX",
        group="Input and output",
    )
    force: bool = option(
        False,
        "Replace files that exist.",
        short="-f",
        group="Input and output",
    )
    target: tuple[str, ...] = option(
        (),
        "What to drive up, as of `seqlift score`; repeatable.  [default: the only output]",
        short="-t",
        metavar="TARGET",
        group="Target",
    )
    sequences: int = option(
        1,
        "Random backgrounds to begin from.",
        short="-n",
        metavar="N",
        least=1,
        group="Search",
    )
    length: int | None = option(
        None,
        "Bases of random backgrounds and windows, for a model that takes any number.",
        metavar="BASES",
        least=1,
        group="Search",
    )
