"""Convert sequences of one task into another by the fewest substitutions.

    python examples/task_conversion.py

The form for DNA of the experiment with digits (`digit_conversion`): bases of simulated sequences
with GATA1 motifs and no TAL1 are substituted until the demonstration's network predicts TAL1 above
GATA1. A substitution is worth what it takes from S_A - S_B, the difference of the hypothetical
scores of the two tasks at its position; the best of each position are made in order of worth.
Prints, for each method, how many were converted by at most 30, the median number it took (31 for
those that are not converted), and the median change of the log-odds after 10.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from simulated_peaks import simulate, stream

from seqlift import Explainer

NETWORK = Path(__file__).resolve().parent.parent / "data" / "demo.h5"
OWN, TARGET = "tasks:1", "tasks:2"
SEED, MOST, AFTER = 11, 30, 10

METHODS: dict[str, dict[str, Any]] = {
    "gradient x input": {"method": "gradient"},
    "integrated gradients": {"method": "integrated-gradients", "steps": 10},
    "Rescale": {"rule": "rescale"},
    "RevealCancel": {"rule": "revealcancel"},
    "genomics": {"rule": "genomics"},
    "in-silico mutagenesis": {"method": "ism"},
}

Codes = NDArray[np.uint8]


def sequences(number: int) -> Codes:
    """Simulate sequences (number, 200) with GATA1 motifs and no TAL1."""
    planted = np.tile(np.array([[True, False]]), (number, 1))
    codes, _ = simulate(planted, stream(SEED))
    return np.asarray(codes, np.uint8)


def one_hot(codes: Codes) -> NDArray[np.float32]:
    return np.eye(4, dtype=np.float32)[codes]


def log_odds(network: Any, codes: Codes) -> NDArray[np.float64]:
    """Compute the logit of GATA1 less that of TAL1."""
    import keras

    last = network.layers[-1]
    hidden = keras.Model(network.inputs, last.input).predict(one_hot(codes), verbose=0)
    kernel, bias = (np.asarray(weights, np.float64) for weights in last.get_weights())
    logits = hidden.astype(np.float64) @ kernel + bias
    return np.asarray(logits[:, 1] - logits[:, 2])


def ranked(codes: Codes, options: dict[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rank positions by the worth of their best substitution: positions and bases (N, L)."""
    explain = Explainer(str(NETWORK), [OWN, TARGET], **options)
    found = explain(one_hot(codes), "uniform")
    difference = found[OWN].hypothetical - found[TARGET].hypothetical
    own = np.take_along_axis(difference, codes[..., None].astype(np.int64), axis=2)
    worth = own - difference
    best = worth.max(axis=2)
    order = np.argsort(-best, axis=1, kind="stable")
    bases = np.take_along_axis(worth.argmax(axis=2), order, axis=1)
    return order, bases


def converted(network: Any, codes: Codes, order: Any, bases: Any) -> NDArray[np.float64]:
    """Compute the log-odds after 0 to 30 substitutions: (31, N)."""
    stages, rows = [codes], np.arange(len(codes))
    for turn in range(MOST):
        stages.append(stages[-1].copy())
        stages[-1][rows, order[:, turn]] = bases[:, turn]
    return log_odds(network, np.concatenate(stages)).reshape(MOST + 1, -1)


def summary(odds: NDArray[np.float64]) -> tuple[float, float, float]:
    """Summarise: share converted, median number of substitutions, median change after ten."""
    below = odds < 0
    first = np.where(below.any(axis=0), below.argmax(axis=0), MOST + 1)
    return (
        float(below.any(axis=0).mean()),
        float(np.median(first)),
        float(np.median(odds[0] - odds[AFTER])),
    )


def conversions(number: int) -> dict[str, tuple[float, float, float]]:
    """Convert so many sequences by each method."""
    import keras

    network = keras.models.load_model(NETWORK, compile=False)
    codes = sequences(number)
    codes = codes[log_odds(network, codes) > 0]
    found = {
        name: summary(converted(network, codes, *ranked(codes, options)))
        for name, options in METHODS.items()
    }
    draw = np.random.default_rng(SEED)
    places = np.argsort(draw.random(codes.shape), axis=1)
    kept = np.take_along_axis(codes, places, axis=1)
    bases = (kept + draw.integers(1, 4, codes.shape)) % 4
    return found | {"random": summary(converted(network, codes, places, bases))}


def main() -> int:
    """Convert and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sequences", type=int, default=200, help="default: 200")
    chosen = parser.parse_args()
    print("method", "converted", "substitutions", f"change after {AFTER}", sep="\t")
    for name, (share, number, change) in conversions(chosen.sequences).items():
        print(f"{name}\t{100 * share:.1f} %\t{number:g}\t{change:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
