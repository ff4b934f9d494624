"""Draw the pictures of docs/methods: every method on one region of the demonstration.

    python docs/figures.py [METHOD...]

Each picture has DeepLIFT above the method, both with a scale of their own, since methods measure
different things. The motifs that were planted are marked.
"""

import io
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import seqlift
from seqlift.attribution import registry
from seqlift.plots.marks import read_marks
from seqlift.plots.sheet import Block, Sheet, Track

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "methods" / "figures"
CHROM, START, END = "chrDemo1", 50_897, 51_097
FIRST, LAST = 50_955, 51_065
"""The part of the window that is drawn, with four planted motifs."""

DOTS, COLOURS = 110, 32


def sequence() -> str:
    """Read the window from the genome of the demonstration."""
    for record in (ROOT / "data" / "demo.fa").read_text().split(">")[1:]:
        name, _, bases = record.partition("\n")
        if name == CHROM:
            return bases.replace("\n", "")[START:END]
    raise LookupError(CHROM)


def track_of(method: str) -> Track:
    """Explain the window by a method, with its own defaults."""
    explain = seqlift.Explainer(ROOT / "data" / "demo.h5", target="tasks:0", method=method)
    result = explain(seqlift.one_hot(sequence())[None], "dinucleotide")
    values = np.asarray(result.contributions[0][FIRST - START : LAST - START], dtype=float)
    return Track(f"{method}, contribution to tasks:0", method, values, np.ones(len(values), bool))


def picture(tracks: list[Track]) -> bytes:
    """Draw tracks as a PNG of few colours, which is small."""
    block = Block("demonstration", f"{CHROM}:{FIRST:,}-{LAST:,}", "", CHROM, FIRST, tracks)
    figure = Figure()
    Sheet(figure, [block], annotations=read_marks([ROOT / "data" / "demo.motifs.bed"]))
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS)
    palette = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    palette.save(small, format="png", optimize=True)
    return small.getvalue()


def main() -> None:
    """Draw the methods that are named, or all."""
    FOLDER.mkdir(exist_ok=True)
    deeplift = track_of("deeplift")
    for method in sys.argv[1:] or registry.methods():
        try:
            tracks = [deeplift] if method == "deeplift" else [deeplift, track_of(method)]
        except seqlift.ModelError as error:
            print(f"{method}: no picture: {error}")
            continue
        drawn = picture(tracks)
        (FOLDER / f"{method}.png").write_bytes(drawn)
        print(f"{method}: {len(drawn):,} bytes")


if __name__ == "__main__":
    main()
