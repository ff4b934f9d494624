"""Draw the pictures of docs/methods: every method on one region of the demonstration.

    python docs/figures.py [METHOD...]

Each picture has DeepLIFT above the method, both with a scale of their own, since methods measure
different things. The motifs that were planted are marked. CAM needs an average with nothing but a
dense layer after it, which the demonstration's network does not have: both of its tracks are of a
network with that end, trained here.
"""

import io
import sys
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import seqlift
from seqlift.attribution import registry
from seqlift.plots.marks import read_marks
from seqlift.plots.sheet import Block, Sheet, Track

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "data" / "demo.h5"
FOLDER = ROOT / "docs" / "methods" / "figures"
CHROM, START, END = "chrDemo1", 50_897, 51_097
FIRST, LAST = 50_955, 51_065
"""The part of the window that is drawn, with four planted motifs."""

LINE = 55
"""Bases of a line: as a page shows it, a picture is as wide as a screen or a phone."""

DOTS, COLOURS = 110, 32

AVERAGING = "cam"
"""The method that refuses the demonstration's network."""

CONVOLUTIONS = ("motif_parts", "motifs")
ROUNDS, SEQUENCES, HELD_OUT_SEED = 5, 8192, 2
"""Rounds and sequences of the training of that network, and the seed of its test sequences."""


def sequence() -> str:
    """Read the window from the genome of the demonstration."""
    for record in (ROOT / "data" / "demo.fa").read_text().split(">")[1:]:
        name, _, bases = record.partition("\n")
        if name == CHROM:
            return bases.replace("\n", "")[START:END]
    raise LookupError(CHROM)


def averaging_network() -> keras.Model:
    """Train the demonstration's convolutions with an average over all positions after them.

    Sequences are those of its own training (`examples/train_demo.py`).
    """
    sys.path.insert(0, str(ROOT / "examples"))
    from simulated_peaks import SEQUENCE_LENGTH
    from train_demo import TASKS, TRAINING_SEED, auroc, examples

    keras.utils.set_random_seed(TRAINING_SEED)
    trained = keras.models.load_model(DEMO, compile=False)
    network = keras.Sequential(
        [
            keras.layers.Input((SEQUENCE_LENGTH, 4)),
            *[trained.get_layer(name) for name in CONVOLUTIONS],
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(len(TASKS), activation="sigmoid", name="tasks"),
        ]
    )
    network.compile(keras.optimizers.Adam(0.003), loss="binary_crossentropy")
    for number in range(ROUNDS):
        network.fit(*examples(SEQUENCES, TRAINING_SEED, number), batch_size=64, verbose=0)
    sequences, answers = examples(SEQUENCES, HELD_OUT_SEED)
    found = network.predict(sequences, verbose=0)
    areas = [f"{task} {auroc(answers[:, i], found[:, i]):.3f}" for i, task in enumerate(TASKS)]
    print("network of an average, AUROC on held-out sequences:", ", ".join(areas))
    return network


def track_of(method: str, model: Path | keras.Model = DEMO) -> Track:
    """Explain the window by a method, with its own defaults."""
    explain = seqlift.Explainer(model, target="tasks:0", method=method)
    result = explain(seqlift.one_hot(sequence())[None], "dinucleotide")
    values = np.asarray(result.contributions[0][FIRST - START : LAST - START], dtype=float)
    return Track(f"{method}, contribution to tasks:0", method, values, np.ones(len(values), bool))


def picture(tracks: list[Track], network: str) -> bytes:
    """Draw tracks as a PNG of few colours, which is small."""
    block = Block(network, f"{CHROM}:{FIRST:,}-{LAST:,}", "", CHROM, FIRST, tracks)
    figure = Figure()
    planted = read_marks([ROOT / "data" / "demo.motifs.bed"])
    Sheet(figure, [block], annotations=planted, wrap=LINE)
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS)
    palette = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    palette.save(small, format="png", optimize=True)
    return small.getvalue()


def tracks_of(method: str) -> list[Track]:
    """Explain the window by DeepLIFT and by a method, on a network that the method takes."""
    if method == AVERAGING:
        network = averaging_network()
        return [track_of("deeplift", network), track_of(method, network)]
    return [track_of(name) for name in dict.fromkeys(("deeplift", method))]


def main() -> None:
    """Draw the methods that are named, or all."""
    FOLDER.mkdir(exist_ok=True)
    for method in sys.argv[1:] or registry.methods():
        network = "network that ends in an average" if method == AVERAGING else "demonstration"
        drawn = picture(tracks_of(method), network)
        (FOLDER / f"{method}.png").write_bytes(drawn)
        print(f"{method}: {len(drawn):,} bytes")


if __name__ == "__main__":
    main()
