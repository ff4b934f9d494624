"""Convert one handwritten digit into another by erasing the pixels that a method points at.

    python examples/digit_conversion.py

The experiment of Shrikumar et al. 2017 (arXiv:1704.02685), section 4.1, on scikit-learn's 1,797
digits of 8 x 8 pixels. A small network is trained; then, for an image of class `co`, pixels are
ranked by S_co - S_ct, the difference of their scores for its own class and a target class `ct`, and
up to 20 % of them are erased, those of the largest positive differences. The better a method, the
more the log-odds between the two classes change. Prints the median change over held-out images.
"""

import argparse
import os
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")  # decides in which order sums are added up

import numpy as np
from numpy.typing import NDArray

from seqlift import Explainer

Images = NDArray[np.float32]

SEED, HELD_OUT, LARGEST = 1, 400, 16.0
ERASED = 0.2
"""Share of the pixels that may be erased, as in the paper."""

PAIRS = ((8, 3), (8, 6), (9, 1), (4, 1))
"""The paper's conversions."""

METHODS: dict[str, dict[str, Any]] = {
    "gradient x input": {"method": "gradient"},
    "integrated gradients": {"method": "integrated-gradients", "steps": 10},
    "Rescale": {"rule": "rescale"},
    "RevealCancel": {"rule": "revealcancel"},
}
RANDOM = "random pixels"


@dataclass(frozen=True)
class Digits:
    """Images (N, 8, 8, 1) from 0 to 1, and their classes (N,)."""

    images: Images
    classes: NDArray[np.int64]

    def of(self, which: NDArray[Any]) -> "Digits":
        return Digits(self.images[which], self.classes[which])


def read_digits() -> tuple[Digits, Digits]:
    """Read the digits of scikit-learn: those to train on, and those held out."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    shaped = (images.reshape(-1, 8, 8, 1) / LARGEST).astype(np.float32)
    order = np.random.default_rng(SEED).permutation(len(shaped))
    every = Digits(shaped, classes.astype(np.int64))
    return every.of(order[HELD_OUT:]), every.of(order[:HELD_OUT])


def trained(digits: Digits, *, pooled: bool = False, epochs: int = 30) -> Any:
    """Train two convolutions, strided or with max pooling, and two dense layers: ten classes."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(SEED)
    stride = 1 if pooled else 2
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="strokes"),
            layers.Conv2D(32, 3, stride, padding="same", activation="relu", name="parts"),
            *([layers.MaxPooling2D(2, name="pool")] if pooled else []),
            layers.Flatten(name="flat"),
            layers.Dense(64, activation="relu", name="hidden"),
            layers.Dense(10, activation="softmax", name="digit"),
        ]
    )
    network.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy")
    network.fit(digits.images, digits.classes, batch_size=64, epochs=epochs, verbose=0)
    return network


def accuracy(network: Any, digits: Digits) -> float:
    """Measure the share of images whose class is right."""
    guessed = network.predict(digits.images, verbose=0).argmax(axis=1)
    return float((guessed == digits.classes).mean())


@cache
def up_to(network: Any, tensor: Any) -> Any:
    """Make a network that ends at `tensor`, once."""
    import keras

    return keras.Model(network.inputs, tensor)


def log_odds(network: Any, images: Images, own: int, target: int) -> NDArray[np.float64]:
    """Compute the log-odds between two classes, log p_own - log p_target, from the logits."""
    last = network.get_layer("digit")
    hidden = up_to(network, last.input).predict(images, verbose=0).astype(np.float64)
    kernel, bias = (np.asarray(w, np.float64) for w in last.get_weights())
    values = hidden @ kernel + bias
    return np.asarray(values[:, own] - values[:, target])


def erased(images: Images, differences: NDArray[Any]) -> Images:
    """Erase the pixels of the largest positive differences, at most a fifth of them."""
    flat, ranks = images.reshape(len(images), -1).copy(), differences.reshape(len(images), -1)
    most = int(ERASED * flat.shape[1])
    chosen = np.argsort(-ranks, axis=1, kind="stable")[:, :most]
    positive = np.take_along_axis(ranks, chosen, axis=1) > 0
    kept = np.take_along_axis(flat, chosen, axis=1)
    np.put_along_axis(flat, chosen, np.where(positive, 0.0, kept), axis=1)
    return flat.reshape(images.shape)


def scores_of(network: Any, images: Images, classes: tuple[int, int], options: Any) -> Any:
    """Score the pixels for two classes, against a black image: two arrays (N, 8, 8, 1)."""
    names = [f"digit:{number}" for number in classes]
    found = Explainer(network, names, **options)(images, np.zeros_like(images[0]))
    return [found[name].contributions for name in names]


def conversions(network: Any, digits: Digits) -> dict[str, dict[tuple[int, int], float]]:
    """Measure the median change of the log-odds, by method and pair of classes."""
    found: dict[str, dict[tuple[int, int], float]] = {name: {} for name in (*METHODS, RANDOM)}
    for own, target in PAIRS:
        images = digits.images[digits.classes == own]
        before = log_odds(network, images, own, target)
        draw = np.random.default_rng(SEED)
        ranks: dict[str, NDArray[Any]] = {RANDOM: draw.random(images.shape)}
        for name, options in METHODS.items():
            one, other = scores_of(network, images, (own, target), options)
            ranks[name] = one - other
        for name, rank in ranks.items():
            after = log_odds(network, erased(images, rank), own, target)
            found[name][own, target] = float(np.median(before - after))
    return found


def main() -> int:
    """Train, convert and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=30, help="default: 30")
    chosen = parser.parse_args()
    training, held_out = read_digits()
    network = trained(training, epochs=chosen.epochs)
    print(f"accuracy on {HELD_OUT} held-out images\t{accuracy(network, held_out):.4f}")
    print("method", *(f"{own}->{target}" for own, target in PAIRS), sep="\t")
    for name, changes in conversions(network, held_out).items():
        print(name, *(f"{changes[pair]:.3f}" for pair in PAIRS), sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())
