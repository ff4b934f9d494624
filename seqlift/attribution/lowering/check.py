"""Proof, on every load, that a lowered graph computes what its Keras model does."""

import keras
import numpy as np

from seqlift.attribution.graph import Graph
from seqlift.attribution.primitives.base import Array
from seqlift.errors import ModelError

# A float32 forward pass reproduces Keras's own to a few 1e-7; a wrong layer is off by far more.
FORWARD_TOLERANCE = 1e-5


def check_forward(graph: Graph, model: keras.Model, *, seed: int = 0) -> float:
    """Return the largest relative difference between the graph and the model itself.

    Both are given four random one-hot sequences. The difference is relative to the largest output.
    Raises ModelError above 1e-5: a layer that is lowered wrongly can never produce a track. So does
    a model whose own predictions are not finite.
    """
    *sizes, channels = graph.nodes[0].shape
    codes = np.random.default_rng(seed).integers(0, channels, (4, *sizes))
    one_hot = np.eye(channels, dtype=np.float32)[codes]
    expected = model.predict(one_hot, batch_size=4, verbose=0)
    expected = keras.tree.flatten(expected)  # a list, a dictionary or one array
    if not all(np.isfinite(output).all() for output in expected):
        raise ModelError(
            f"model {model.name}: its predictions for random sequences are not finite; check its"
            " weights"
        )
    values = graph.forward(keras.ops.convert_to_tensor(one_hot), graph.outputs)
    ours = (np.asarray(keras.ops.convert_to_numpy(values[node])) for node in graph.outputs)
    worst = float(np.max([*map(relative_difference, ours, expected)]))  # NaN, if there is one
    if not worst <= FORWARD_TOLERANCE:
        raise ModelError(
            f"model {model.name}: its lowered graph differs from model.predict by {worst:.1e}"
            f" (relative, at most {FORWARD_TOLERANCE:.0e} is accepted), so its scores would be"
            " wrong; please report the layers that `seqlift inspect` lists"
        )
    return worst


def relative_difference(ours: Array, expected: Array) -> float:
    """Return the largest difference over the largest expected value; infinite for other shapes."""
    if ours.shape != expected.shape:
        return float("inf")
    scale = float(np.max(np.abs(expected), initial=0.0))
    return float(np.max(np.abs(ours - expected), initial=0.0)) / (scale or 1.0)
