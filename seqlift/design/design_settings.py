"""The options of a design: of the command line and in Python, each declared once."""

from dataclasses import dataclass
from typing import Literal

from seqlift.explain.explainer_settings import ExplainerSettings, option

STEPWISE = ("greedy", "beam")
"""Searches that take the best edits of each step; the other one follows a gradient."""

SEARCHES = (*STEPWISE, "gradient")


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignSettings(ExplainerSettings):
    """How sequences are designed: see `seqlift.design.designer`.

    The options of an explainer say how the model is read; its method is chosen by the search.
    `edits` of None are as many as raise the score, `restarts` of None those of
    `seqlift.design.designer.restarts_of`; a `gc_range` is (least, most), fractions of the
    whole sequence; a flank is bases, or the number of bases of the starting sequence to keep.
    """

    against: tuple[str, ...] = option(
        (),
        "Target to drive down, written as --target; repeatable. The score is the sum of the targets"
        " less the sum of these.",
        short="-a",
        metavar="TARGET",
        group="Target",
    )
    pre_activation: bool = option(
        True,
        "Drive the logit before a final sigmoid or softmax, or the probability after it.",
        flag="--pre-activation/--post-activation",
        group="Target",
    )
    search: Literal["greedy", "beam", "gradient"] = option(
        "greedy",
        "greedy takes the best edit of each step, beam keeps the best --width sequences, gradient"
        " follows the straight-through gradient.",
        group="Search",
    )
    edits: int | None = option(
        None,
        "Most edits of greedy and beam: substitutions, or motifs placed.  [default: as many as"
        " raise the score, and 8 motifs]",
        metavar="N",
        least=1,
        group="Search",
    )
    restarts: int | None = option(
        None,
        "Searches of each sequence, of which the best counts; all but the first begin from random"
        " edits of it.  [default: 4; of greedy and gradient up to 40 for short sequences]",
        metavar="N",
        least=1,
        group="Search",
    )
    motifs: str | None = option(
        None,
        "Write sequences as motifs of this file in a shuffled background: an edit places one.",
        metavar="FILE.meme",
        group="Search",
    )
    generator: str | None = option(
        None,
        "Write sequences by this model, from a row of numbers to (bases, 4): an edit changes one.",
        metavar="MODEL",
        group="Search",
    )
    width: int = option(
        5,
        "Sequences that beam keeps.",
        metavar="N",
        least=1,
        group="Search",
    )
    iterations: int = option(
        200,
        "Steps of the gradient search.",
        metavar="N",
        least=1,
        group="Search",
    )
    seed: int = option(
        0,
        "Seed of random sequences, restarts and noise.",
        metavar="SEED",
        least=0,
        most=2**64 - 1,
        group="Search",
    )
    prior: float = option(
        0.0,
        "Weight of the background: it times the sum of the log frequencies of the bases is added to"
        " the score that is searched.",
        metavar="LAMBDA",
        group="Search",
    )
    background: float = option(
        0.5,
        "GC content of the background: of random sequences, and of --prior.",
        metavar="FRACTION",
        group="Search",
    )
    forbid: tuple[str, ...] = option(
        (),
        "Motif in IUPAC letters that no sequence may have on either strand; repeatable.",
        metavar="MOTIF",
        group="Constraints",
    )
    gc_range: tuple[float, float] | None = option(
        None,
        "Least and most GC content of a sequence, as in 0.4-0.6.",
        metavar="LOW-HIGH",
        group="Constraints",
    )
    left_flank: str | None = option(
        None,
        "Bases that every sequence begins with, or how many of its own it keeps there.",
        metavar="BASES|N",
        group="Constraints",
    )
    right_flank: str | None = option(
        None,
        "Bases that every sequence ends with, or how many of its own it keeps there.",
        metavar="BASES|N",
        group="Constraints",
    )
