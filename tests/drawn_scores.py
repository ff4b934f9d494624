"""Score files for tests of what draws them: 12 rows of 40 bases on two chromosomes."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from made_scores import made_batch, window

from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.bigwig import write_bigwig
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.score_file import ScoreFile

LENGTH = 40
SIZES = {"chr1": 400, "chr2": 300}
EVIL = "a\"b'<script>alert(1)</script>$x^2$ ü é"
"""A name of characters that pages and formulas would obey."""

WINDOWS = [
    window("chr1", -5, 35, name="edge"),
    window("chr1", 100, 140, name="first", strand="+"),
    window("chr1", 120, 160, name="second", strand="-"),
    window("chr1", 300, 340, name=EVIL),
    *(window("chr2", 20 * i, 20 * i + LENGTH, name=f"peak{i}") for i in range(8)),
]


def drawn_batch(seed: int = 0, *, multipliers: bool = False) -> ScoreBatch:
    """Make scores up, with predictions that rise from row to row but for the last row, all N."""
    batch = made_batch(WINDOWS, length=LENGTH, sizes=SIZES, seed=seed)
    rows = len(WINDOWS)
    batch.codes[-1] = 4
    status = [*["ok"] * (rows - 1), "all N"]
    prediction = np.arange(rows, dtype=np.float64)
    kept = np.random.default_rng(9).standard_normal((rows, LENGTH, 4)).astype(np.float32)
    return replace(
        batch, status=status, prediction=prediction, multipliers=kept if multipliers else None
    )


def score_file(path: Path, seed: int = 0, *, multipliers: bool = False, **facts: str) -> Path:
    """Write such scores."""
    attributes = {"target": "tasks:0", "method": "deeplift", **facts}
    with ScoreWriter(path, length=LENGTH, attributes=attributes, multipliers=multipliers) as writer:
        writer.write(drawn_batch(seed, multipliers=multipliers))
    return path


def files_to_browse(folder: Path) -> Path:
    """Write toy.fa, one.h5 with its track, and marks.bed, whose name is hostile."""
    rng = np.random.default_rng(1)
    drawn = {name: "".join(rng.choice(list("ACGT"), size)) for name, size in SIZES.items()}
    (folder / "toy.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in drawn.items()))
    (folder / "marks.bed").write_text(f"chr1\t105\t115\t{EVIL}\n")
    path = score_file(folder / "one.h5", genome=str(folder / "toy.fa"))
    with h5py.File(path, "a") as file:
        if "genome" not in file:
            file["genome/chrom"] = np.array([*SIZES], dtype=h5py.string_dtype())
            file["genome/size"] = np.array([*SIZES.values()], dtype=np.int64)
    with ScoreFile(path) as scores:
        write_bigwig(scores, folder / "one.bw", SIZES)
    return folder
