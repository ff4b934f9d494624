"""The command lines with which motif tools read a score file as it is.

Each has the width of the file's windows: with their own, modisco refuses windows shorter than 400
bases, and Fi-NeMo takes any for windows of 1,000 and places every hit elsewhere without a word.
"""

import shlex
from pathlib import Path

from seqlift.tracks.score_file import ScoreFile

SEQLETS = (2_000, 50_000)
"""Fewest and most seqlets that modisco is asked to take for each sign; ten for a row between."""


def next_commands(path: Path | str) -> list[str]:
    """Write the commands that find motifs in a score file, in the order in which they are run.

    They take files of the names that the command before gives, next to the score file. A shard has
    none before it is merged.

    Raises
    ------
    InputError
        The file is missing, is not a score file of seqlift, or is damaged.
    """
    with ScoreFile(path) as scores:
        return commands_for(scores)


def commands_for(scores: ScoreFile) -> list[str]:
    """Write the same for a score file that is open."""
    if "shard" in scores.attributes or not scores.rows:
        return []
    here = str(scores.path)
    stem = here.removesuffix(".h5")
    fewest, most = SEQLETS
    width = ["-w", str(scores.length)]
    seqlets = str(min(max(fewest, 10 * scores.rows), most))
    patterns, rows = f"{stem}.modisco.h5", f"{stem}.finemo.npz"
    lines = [
        ["modisco", "motifs", "-i", here, "-n", seqlets, *width, "-o", patterns],
        ["modisco", "report", "-i", patterns, "-o", f"{stem}.report"],
        [
            "finemo", "extract-regions-chrombpnet-h5",
            "-c", here, "-p", str(regions_of(scores.path)), *width, "-o", rows,
        ],
        ["finemo", "call-hits", "-r", rows, "-m", patterns, "-o", f"{stem}.hits"],
    ]  # fmt: skip
    return [shlex.join(words) for words in lines]


def regions_of(scores: Path) -> Path:
    """Name the regions file of a score file: PREFIX.regions.bed, also of PREFIX.TARGET.h5."""
    stem = scores.with_suffix("").name
    names = [stem]
    while "." in stem:
        stem = stem.rpartition(".")[0]
        names.append(stem)
    found = [scores.with_name(f"{name}.regions.bed") for name in names if name]
    return next((path for path in found if path.is_file()), found[0])
