"""Deep SHAP of a network of handwritten digits, against 100 background images.

    python examples/digit_deep_shap.py -o digits.png

Two convolutions, max pooling and a softmax, as in shap's own example on MNIST; here on
scikit-learn's digits. Deep SHAP (Lundberg and Lee 2017, arXiv:1705.07874) is Rescale averaged over
a background of references. Prints by how much the sum of the scores misses the difference of the
logits, where every reference is an image of its own, and draws the scores of every class for some
held-out images: red speaks for a class, blue against it.
"""

import argparse
import sys
from typing import Any

import numpy as np
from digit_conversion import Digits, accuracy, read_digits, trained
from numpy.typing import NDArray

from seqlift import Explainer

BACKGROUND, SHOWN, CLASSES = 100, 4, 10


def deep_shap(
    network: Any, images: NDArray[Any], background: NDArray[Any], **options: Any
) -> dict[int, Any]:
    """Explain the logit of every class, less the mean over classes: results of N images."""
    names = [f"digit:{number}" for number in range(CLASSES)]
    explain = Explainer(network, names, rule="rescale", batch_size=1, **options)
    found = explain(images, background)
    return {number: found[name] for number, name in enumerate(names)}


def largest_miss(found: dict[int, Any]) -> float:
    """Find the largest relative residual of any image, class and reference."""
    return max(
        float(np.abs(one.residual / np.maximum(np.abs(one.prediction[:, None]), 1.0)).max())
        for one in found.values()
    )


def draw(path: str, digits: Digits, found: dict[int, Any]) -> None:
    """Draw a row for each image: itself, and the scores of every class on one scale."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.1 * len(digits.images)), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(len(digits.images), CLASSES + 1, squeeze=False)
    for row, image in enumerate(digits.images):
        axes[row, 0].imshow(image[..., 0], cmap="gray_r")
        scores = [found[number].contributions[row, ..., 0] for number in range(CLASSES)]
        most = max(float(np.abs(one).max()) for one in scores)
        for number, one in enumerate(scores):
            panel = axes[row, number + 1]
            panel.imshow(one, cmap="RdBu_r", vmin=-most, vmax=most)
            if row == 0:
                panel.set_title(str(number), fontsize=9)
    for panel in axes.flat:
        panel.set_xticks([])
        panel.set_yticks([])
    figure.savefig(path, dpi=120, metadata={"Software": None})


def main() -> int:
    """Train, explain, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", default="digits.png", help="default: digits.png")
    chosen = parser.parse_args()
    training, held_out = read_digits()
    network = trained(training, pooled=True)
    shown = held_out.of(np.arange(SHOWN))
    found = deep_shap(network, shown.images, training.images[:BACKGROUND])
    print(f"accuracy on held-out images\t{accuracy(network, held_out):.4f}")
    print(f"largest relative residual\t{largest_miss(found):.1e}")
    draw(chosen.output, shown, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
