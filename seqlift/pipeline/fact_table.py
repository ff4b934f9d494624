"""The facts in score files, with a column for each question that is asked of them.

A new fact needs a row here only where its answer to a question is not the usual one.
"""

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

from seqlift.tracks.doubts import BLIND

Question = Literal["continued", "shards", "models", "targets", "path"]
Kept = Literal["first", "all", "none"]


@dataclass(frozen=True, slots=True)
class Fact:
    """The answers for one fact; the usual ones are those of a fact that makes the scores.

    Attributes
    ----------
    continued
        Whether it may change before a run is continued.
    shards, models, targets
        Whether it may differ between the shards of a run, the models of a mean, and the targets of
        a run.
    path
        Whether it says where a file lies; what is in that file has a fact of its own.
    file
        Whether it is about the score file and not about the run.
    whole, mean
        Whether the whole of shards, and the mean of models, keeps it from the first file, from all,
        or from none.
    means
        What it is of, where its name does not say.
    """

    continued: bool = False
    shards: bool = False
    models: bool = False
    targets: bool = False
    path: bool = False
    file: bool = False
    whole: Kept = "first"
    mean: Kept = "first"
    means: str = ""


USUAL = Fact()

# fmt: off
FACTS = {
    #                            continued shards models targets path   file   whole    mean
    "command":               Fact(True,  True,  True,  True,  True,  False, "first", "all"),
    "model":                 Fact(True,  True,  True,  True,  True,  False, "first", "all"),
    "arch":                  Fact(True,  True,  True,  True,  True,  False, "first", "first"),
    "custom_objects":        Fact(True,  True,  True,  True,  True,  False, "first", "first"),
    "genome":                Fact(True,  True,  True,  True,  True,  False, "first", "first"),
    "regions":               Fact(True,  True,  True,  True,  True,  False, "first", "first"),
    # These move a score by rounding at most.
    "backend":               Fact(True,  True,  True,  True,  False, False, "all",   "all"),
    "device":                Fact(True,  True,  True,  True,  False, False, "all",   "all"),
    "batch_size":            Fact(True,  True,  True,  True,  False, False, "all",   "all"),
    "tolerance":             Fact(True,  True,  True,  True,  False, False, "all",   "all"),
    "model_sha256":          Fact(False, False, True,  False, False, False, "first", "all"),
    "model_saved_by":        Fact(False, False, True,  False, False, False, "first", "all"),
    "arch_sha256":           Fact(False, False, True,  False, False, False, "first", "all"),
    "custom_objects_sha256": Fact(False, False, True,  False, False, False, "first", "all"),
    "notes":                 Fact(False, False, True,  False, False, False, "first", "all"),
    "target":                Fact(False, False, False, True,  False, False, "first", "first"),
    BLIND:                   Fact(False, False, False, True,  False, False, "first", "first"),
    "shard":                 Fact(False, True,  False, True,  False, False, "none",  "none"),
    "shard_start":           Fact(False, True,  False, True,  False, False, "none",  "none"),
    "shard_of_rows":         Fact(False, False, False, False, False, False, "none",  "none"),
    "largest_contribution":  Fact(False, True,  True,  True,  False, True,  "none",  "none"),
    "format_version":        Fact(False, False, False, False, False, True,  "first", "first"),
    "windows_sha256":        Fact(means="the bases of all windows"),
    "regions_sha256":        Fact(means="the regions file"),
    "genome_sizes_sha256":   Fact(means="the chromosomes and their sizes"),
}
# fmt: on

ABOUT_FILE = frozenset(name for name, fact in FACTS.items() if fact.file)


def fact_of(name: str) -> Fact:
    """Look up the answers for a fact."""
    return FACTS.get(name, USUAL)


def answering(question: Question, facts: Container[str]) -> frozenset[str]:
    """Name the facts for which the answer is yes; `facts` are all that a file has.

    A reference that has a digest is the path of a file, which is one that may always differ.
    """
    names = {name for name, fact in FACTS.items() if getattr(fact, question)}
    return frozenset(names | ({"reference"} if "reference_sha256" in facts else set()))
