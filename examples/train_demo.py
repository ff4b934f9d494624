"""Make everything in data/: the demonstration genome and the small network that reads it.

    python examples/train_demo.py            write data/ anew (about two minutes)
    python examples/train_demo.py --check    write nothing; compare the genome in data/ with a
                                             fresh one and measure the network in data/

The experiment is described in `simulated_peaks`, the genome in `demo_genome`. The network answers
three questions, in the paper's order: are both motifs planted, is GATA1, is TAL1. It is trained on
sequences simulated for the purpose, new ones in every round, so it sees none twice and none of the
genome's at all; it is measured on sequences simulated from a third seed, and on the genome's peaks.
"""

import argparse
import os
import sys
from pathlib import Path

import keras
import numpy as np
from demo_genome import DemoGenome, genome_files, make_genome, write_genome
from numpy.typing import NDArray
from simulated_peaks import CLASSES, MOTIFS, SEQUENCE_LENGTH, Codes, simulate, stream

TASKS = ("both", "GATA1", "TAL1")
TRAINING_SEED, HELD_OUT_SEED = 1, 2
ROUNDS, SEQUENCES_PER_ROUND, BATCH_SIZE = 24, 8192, 64
HELD_OUT_SEQUENCES = 4000
LEAST_AUROC = 0.95

DATA = Path(__file__).resolve().parent.parent / "data"
NETWORK_FILE = "demo.h5"


def one_hot(codes: Codes) -> NDArray[np.float32]:
    """Return (N, L, 4) of zeros and ones from (N, L) codes, channels A C G T."""
    return np.eye(4, dtype=np.float32)[codes]


def tasks_of(planted: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return (N, 3) answers (both, GATA1, TAL1) from (N, 2): whether GATA1 and TAL1 are planted."""
    return np.column_stack([planted.all(axis=1), planted]).astype(np.float32)


def examples(number: int, *seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return simulated one-hot sequences (number, 200, 4) and their answers (number, 3)."""
    rng = stream(*seed)
    planted = np.array(CLASSES)[np.arange(number) % len(CLASSES)]
    codes, _ = simulate(planted, rng)
    return one_hot(codes), tasks_of(planted)


def build_network() -> keras.Model:
    """Return the untrained network: two convolutions, average pooling, dense, three sigmoid tasks.

    The convolutions pad with zeros, so that a motif at the edge counts as much as any other; the
    200 bases are pooled to ten stretches of 20.
    """
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((SEQUENCE_LENGTH, 4), name="sequence"),
            layers.Conv1D(32, 15, padding="same", activation="relu", name="motif_parts"),
            layers.Conv1D(24, 15, padding="same", activation="relu", name="motifs"),
            layers.AveragePooling1D(20, name="average"),
            layers.Flatten(name="flatten"),
            layers.Dense(32, activation="relu", name="hidden"),
            layers.Dense(len(TASKS), activation="sigmoid", name="tasks"),
        ],
        name="gata1_tal1_demo",
    )


def train() -> keras.Model:
    """Return the network trained on new simulated sequences in every round."""
    keras.utils.set_random_seed(TRAINING_SEED)
    network = build_network()
    steps = ROUNDS * SEQUENCES_PER_ROUND // BATCH_SIZE
    rate = keras.optimizers.schedules.CosineDecay(0.002, steps)
    network.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy")
    for number in range(ROUNDS):
        sequences, answers = examples(SEQUENCES_PER_ROUND, TRAINING_SEED, number)
        history = network.fit(
            sequences, answers, batch_size=BATCH_SIZE, shuffle=False, verbose=0
        ).history
        report(f"round {number + 1} of {ROUNDS}: loss {history['loss'][-1]:.4f}")
    return network


def auroc(answers: NDArray[np.float32], scores: NDArray[np.float32]) -> float:
    """Return the probability that a positive scores above a negative, ties counting half.

    Both are (N,). It is the Mann-Whitney statistic, from the mean rank of every distinct score.
    """
    _, place, ties = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    positives = answers > 0
    number, others = int(positives.sum()), int((~positives).sum())
    return float((ranks[positives].sum() - number * (number + 1) / 2) / (number * others))


def peak_examples(genome: DemoGenome) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the genome's peaks one-hot (N, 200, 4) and their answers (N, 3)."""
    peaks = [genome.chromosomes[p.chrom][p.start : p.end].upper() for p in genome.peaks]
    codes = np.array([["ACGT".index(base) for base in bases] for bases in peaks], dtype=np.uint8)
    planted = [[any(i.motif is m for i in p.instances) for m in MOTIFS] for p in genome.peaks]
    return one_hot(codes), tasks_of(np.array(planted))


def measure(network: keras.Model) -> dict[str, list[float]]:
    """Return the AUROC of each task on held-out simulated sequences and on the genome's peaks."""
    sets = {
        "held-out sequences": examples(HELD_OUT_SEQUENCES, HELD_OUT_SEED),
        "peaks of the genome": peak_examples(make_genome()),
    }
    return {
        name: [
            auroc(answers[:, i], scores)
            for i, scores in enumerate(network.predict(sequences, verbose=0).T)
        ]
        for name, (sequences, answers) in sets.items()
    }


def changed_files(folder: Path) -> list[str]:
    """Return the names of the genome files in the folder that differ from freshly made ones."""
    return [
        name
        for name, text in genome_files(make_genome()).items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != text.encode()
    ]


def report(line: str) -> None:
    """Write a line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Make data/, or only check it; return 0 when every file and every AUROC is as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, only measure")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER", help="default: data/")
    arguments = parser.parse_args()

    # threads decide in which order sums are added up, and training magnifies the difference
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"  # read when the first tensor is made
    if not arguments.check:
        write_genome(arguments.data)
        train().save(arguments.data / NETWORK_FILE, include_optimizer=False)
    changed = changed_files(arguments.data)
    for name in changed:
        report(f"{arguments.data / name}: differs from a freshly made one; run without --check")

    network = keras.models.load_model(arguments.data / NETWORK_FILE, compile=False)
    measured = measure(network)
    for name, values in measured.items():
        figures = ", ".join(f"{t} {v:.4f}" for t, v in zip(TASKS, values, strict=True))
        print(f"AUROC on {name}: {figures}")
    good = min(min(values) for values in measured.values()) > LEAST_AUROC
    return 0 if good and not changed else 1


if __name__ == "__main__":
    sys.exit(main())
