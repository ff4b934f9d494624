"""Print the worked figures of DeepLIFT's paper, and of continuity at a maximum.

    python examples/worked_figures.py

min(x1, x2), saturation and threshold are figures 3, 1 and 2 of Shrikumar et al. 2017
(arXiv:1704.02685), against a reference of zeros. The maximum is one that two inputs nearly share:
continuity is the change of the scores from (1.001, 1) to (1, 1.001), in L1, over the distance of
the two, in L2 (Montavon et al. 2018, doi:10.1016/j.dsp.2017.10.011, section 7.1). A method whose
scores jump there has a continuity of about 1,400, one whose scores follow has 1.414.
"""

import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

import seqlift

Rows = list[tuple[str, str, str, float, NDArray[Any]]]

METHODS: dict[str, dict[str, Any]] = {
    "gradient x input": {"method": "gradient"},
    "integrated gradients": {"method": "integrated-gradients", "steps": 100},
    "Rescale": {"rule": "rescale"},
    "RevealCancel": {"rule": "revealcancel"},
}
OTHERS: dict[str, dict[str, Any]] = {
    "sensitivity": {"method": "sensitivity"},
    "deep Taylor": {"method": "deep-taylor", "method_options": {"input": "z+"}},
}

FIGURES = {
    "min": [(3.0, 1.0), (1.0, 3.0)],
    "saturation": [(1.0, 1.0), (1.0, 0.0)],
    "threshold": [(10.001,), (12.0,)],
}
NEARLY_SHARED = np.array([[1.001, 1.0], [1.0, 1.001]], np.float64)


def linear(name: str, weights: list[float], bias: float = 0.0, activation: Any = None) -> Any:
    """Make a layer of one unit with these weights."""
    import keras

    kernel = keras.initializers.Constant(np.array(weights)[:, None])
    return keras.layers.Dense(
        1,
        activation=activation,
        kernel_initializer=kernel,
        bias_initializer=keras.initializers.Constant(bias),
        name=name,
    )


def networks() -> dict[str, Any]:
    """Make the networks by the name of their figure."""
    import keras

    one, two = keras.Input((1,)), keras.Input((2,))
    larger = linear("larger", [1.0, -1.0], activation="relu")(two)  # x1 - x2 where x1 is larger
    both = keras.layers.Concatenate()([two, larger])
    spare = linear("spare", [-1.0, -1.0], 1.0, "relu")(two)
    return {
        "min": keras.Model(two, linear("min", [1.0, 0.0, -1.0])(both)),
        "saturation": keras.Model(two, linear("saturated", [-1.0], 1.0)(spare)),
        "threshold": keras.Model(one, linear("above", [1.0], -10.0, "relu")(one)),
        "max": keras.Model(two, linear("max", [0.0, 1.0, 1.0])(both)),
    }


def scores(model: Any, x: NDArray[Any], options: dict[str, Any]) -> Any:
    """Score inputs (N, inputs) against zeros, in float64."""
    explain = seqlift.Explainer(model, precision="float64", **options)
    return explain(x, np.zeros_like(x[0]))


def worked_figures() -> Rows:
    """Compute figure, method, input, output and scores, a row for each."""
    models, rows = networks(), Rows()
    for figure, inputs in FIGURES.items():
        x = np.array(inputs)
        for name, options in METHODS.items():
            found = scores(models[figure], x, options)
            for given, output, own in zip(
                inputs, found.prediction, found.contributions, strict=True
            ):
                rows.append((figure, name, str(given), float(output), own))
    return rows


def continuity() -> dict[str, float]:
    """Measure by how much the scores of each method change at the maximum."""
    model, (x, other) = networks()["max"], NEARLY_SHARED
    found = {}
    for name, options in (METHODS | OTHERS).items():
        own = scores(model, NEARLY_SHARED, options).contributions
        found[name] = float(np.abs(own[0] - own[1]).sum() / np.linalg.norm(x - other))
    return found


def main() -> int:
    """Print both tables."""
    print("figure\tmethod\tinput\toutput\tscores")
    for figure, name, given, output, own in worked_figures():
        written = " ".join(f"{value:.4g}" for value in own)
        print(f"{figure}\t{name}\t{given}\t{output:.4g}\t{written}")
    print("\ncontinuity of max at (1.001, 1)")
    for name, value in continuity().items():
        print(f"{name}\t{value:.4g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
