"""The genomics experiment of the DeepLIFT paper on the demonstration network.

    python examples/paper_experiment.py -o paper [--number 1000] [--bits 10] [--used]

writes paper.tsv and paper.png. The experiment is that of Shrikumar, Greenside and Kundaje 2017
(arXiv:1704.02685, section 4.2): sequences with GATA1 and TAL1 motifs, and a network of three tasks
(both, GATA1, TAL1). Of sequences that hold both, new ones from a seed that no training used, it
measures by each method

false negatives   share of motif hits whose scores for the task "both" sum to 0 or less
off / on          |score| of hits for the other motif's task over that for their own
share inside      share of the sum of |score| for the task "both" that lies in hits

A hit is a place, on either strand, whose log-odds are at least 10 bits, as those of all planted
instances are; the paper takes 7, of logarithms it does not name (7 natural ones are 10.1 bits). The
reference is that of the paper, background frequencies at every position; in the last line it is 10
dinucleotide shuffles. With --used only those hits count that the network itself needs: with
background frequencies in their place its prediction for "both" is lower.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from simulated_peaks import (
    BACKGROUND,
    LEAST_BITS,
    MOTIFS,
    Codes,
    Motif,
    reverse_complement,
    simulate,
    stream,
)

import seqlift
from seqlift.evaluate.comparison import MethodComparison
from seqlift.evaluate.explained import Compared, Explained, Instance
from seqlift.evaluate.measure_list import choose_measures
from seqlift.evaluate.subject import ExplainedModel
from seqlift.evaluate.uncertainty import Estimate
from seqlift.inputs.references import ShuffledReferences
from seqlift.plots.measure_panels import MeasuredPoint, MeasurePanel, draw_measures

NETWORK = Path(__file__).resolve().parent.parent / "data" / "demo.h5"
TASKS = {"tasks:0": "both", "tasks:1": "GATA1", "tasks:2": "TAL1"}
SEED = 4  # training took 1, held-out sequences 2, the genome 3
SEQUENCES_AT_ONCE = 64
SHUFFLES = 10

METHODS = {
    "guided backprop": ({"method": "guided-backprop"}, False),
    "gradient x input": ({"method": "gradient"}, False),
    "integrated gradients, 10": ({"method": "integrated-gradients", "steps": 10}, False),
    "Rescale": ({"rule": "rescale"}, False),
    "RevealCancel": ({"rule": "revealcancel"}, False),
    "genomics": ({"rule": "genomics"}, False),
    f"genomics, {SHUFFLES} shuffles": ({"rule": "genomics"}, True),
}
"""By name, options of the explainer, and whether references are shuffles."""

FIGURES = {
    ("false-negatives", "tasks:0", "GATA1"): "false negatives, GATA1",
    ("false-negatives", "tasks:0", "TAL1"): "false negatives, TAL1",
    ("off-task", "tasks:1", ""): "off / on, GATA1",
    ("off-task", "tasks:2", ""): "off / on, TAL1",
    ("motif-share", "tasks:0", ""): "share inside",
}
"""By measure, task and the motif that the task "both" should explain ("" for either)."""

Figure = tuple[str, str, Estimate]


def hits(codes: Codes, motif: Motif, bits: float) -> list[Instance]:
    """Find the intervals of one sequence (L,) that a motif fits, on either strand."""
    found = set()
    for turned in (False, True):
        strand = reverse_complement(codes) if turned else codes
        windows = np.lib.stride_tricks.sliding_window_view(strand, motif.width)
        for start in np.flatnonzero(motif.bits(windows) >= bits):
            found.add(len(codes) - int(start) - motif.width if turned else int(start))
    return [Instance(motif.name, start, start + motif.width) for start in sorted(found)]


def used(
    subject: ExplainedModel, sequences: NDArray[np.float32], found: list[list[Instance]]
) -> list[list[Instance]]:
    """Keep the hits in sequences (N, L, 4) without which the prediction for "both" is lower."""
    numbers = [n for n, row in enumerate(found) for _ in row]
    without = sequences[numbers]
    for bases, one in zip(without, (one for row in found for one in row), strict=True):
        bases[one.start : one.end] = BACKGROUND
    lower = subject.predicted(without, {})[0] < subject.predicted(sequences, {})[0][numbers]
    each = iter(lower)
    return [[one for one in row if next(each)] for row in found]


def references_of(codes: Codes, *, shuffled: bool) -> NDArray[np.float32]:
    """Draw the references of sequences (N, L): (N, R, L, 4)."""
    if shuffled:
        drawn = ShuffledReferences("dinucleotide", SHUFFLES).draw(codes)
        return np.eye(4, dtype=np.float32)[drawn]
    shape = len(codes), 1, codes.shape[1], 4
    return np.broadcast_to(BACKGROUND.astype(np.float32), shape)


def figures_of(
    name: str, codes: Codes, bits: float = LEAST_BITS, *, only_used: bool = False
) -> list[Figure]:
    """Return the figures of one method on sequences (N, L)."""
    options, shuffled = METHODS[name]
    subject = ExplainedModel(seqlift.Explainer(NETWORK, list(TASKS), **options))
    comparison = {
        motif: MethodComparison(choose_measures(names, has=frozenset(("instances", "tasks"))))
        for motif, names in (
            ("GATA1", ("false-negatives",)),
            ("TAL1", ("false-negatives",)),
            ("", ("motif-share", "off-task")),
        )
    }
    for start in range(0, len(codes), SEQUENCES_AT_ONCE):
        some = codes[start : start + SEQUENCES_AT_ONCE]
        sequences = np.eye(4, dtype=np.float32)[some]
        found = [[one for motif in MOTIFS for one in hits(row, motif, bits)] for row in some]
        compared = Compared(
            sequences,
            references_of(some, shuffled=shuffled),
            instances=used(subject, sequences, found) if only_used else found,
            shared=not shuffled,
        )
        scored = subject.scored(compared.sequences, compared.references, {})
        for motif, measured in comparison.items():
            own = {"tasks:0": motif} if motif else {"tasks:1": "GATA1", "tasks:2": "TAL1"}
            measured.add(
                name, Explained(compared, scored, subject.targets, signed=True, motifs=own)
            )
    estimates = {
        (row.measure, row.target, motif): row.estimate
        for motif, measured in comparison.items()
        for row in measured.rows()
    }
    return [(name, title, estimates[key]) for key, title in FIGURES.items()]


def written(figures: list[Figure], prefix: str) -> None:
    """Write the figures as PREFIX.tsv and PREFIX.png."""
    lines = ["method\tfigure\tmean\tlow\thigh\tsequences"]
    for name, title, one in figures:
        numbers = "\t".join(f"{value:.6g}" for value in (one.mean, one.low, one.high))
        lines.append(f"{name}\t{title}\t{numbers}\t{one.sequences}")
    Path(f"{prefix}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    panels = [
        MeasurePanel(
            title,
            title != "share inside",
            [
                MeasuredPoint(name, "", one.mean, one.low, one.high)
                for name, other, one in figures
                if other == title
            ],
        )
        for title in FIGURES.values()
    ]
    draw_measures(panels, Path(f"{prefix}.png"))


def shown(figures: list[Figure]) -> str:
    """Return a table with a line for each method."""
    means = {(name, title): one.mean for name, title, one in figures}
    lines = ["| method | " + " | ".join(FIGURES.values()) + " |", "|---" * 6 + "|"]
    for name in METHODS:
        cells = " | ".join(f"{means[name, title]:.4f}" for title in FIGURES.values())
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def main() -> int:
    """Run the experiment and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", default="paper", metavar="PREFIX", help="default: paper")
    parser.add_argument("--number", type=int, default=1000, help="sequences; default: 1000")
    parser.add_argument("--bits", type=float, default=LEAST_BITS, help="of a hit; default: 10")
    parser.add_argument("--used", action="store_true", help="only hits that the network needs")
    arguments = parser.parse_args()
    codes, _ = simulate(np.ones((arguments.number, 2), bool), stream(SEED))
    figures = [
        figure
        for name in METHODS
        for figure in figures_of(name, codes, arguments.bits, only_used=arguments.used)
    ]
    written(figures, arguments.output)
    print(shown(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
