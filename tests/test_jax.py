"""JAX in the place of TensorFlow: the same scores. And TensorFlow needs no JAX.

Run with ``pytest -m slow``.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from compiling import UNOPTIMISED
from keras import layers
from nets import randomise, sequences, shuffles
from small import LENGTH

from seqlift.explain.explainer import Explainer
from seqlift.inputs.onehot import one_hot

pytestmark = pytest.mark.slow  # JAX compiles a model of many kinds of layer

HAVE_JAX = importlib.util.find_spec("jax") is not None
CLOSE = {"float32": 1e-5, "float64": 1e-10}  # relative to the largest prediction

PROGRAM = """
import sys
import numpy as np
from seqlift.explain.explainer import Explainer
model, inputs, outputs, *precisions = sys.argv[1:]
given = np.load(inputs)
found = {}
for precision in precisions:
    result = Explainer(model, precision=precision)(given["x"], given["references"])
    fields = {name: getattr(result, name) for name in result.__slots__}
    found |= {f"{precision} {name}": one for name, one in fields.items() if one is not None}
np.savez(outputs, **found)
"""


def composed_model() -> keras.Model:
    """Return a float32 model of what is lowered to more than one primitive."""
    given = keras.Input((LENGTH, 4), name="dna")
    tensor = layers.Conv1D(6, 5, strides=3, activation="gelu")(given)
    tensor = layers.SeparableConv1D(6, 3, padding="same", activation="mish")(tensor)
    attended = layers.MultiHeadAttention(2, 3)(tensor, tensor)
    tensor = layers.LayerNormalization()(layers.Add()([tensor, attended]))
    gate = layers.Dense(6, activation="sigmoid")(layers.GlobalMaxPooling1D(keepdims=True)(tensor))
    tensor = layers.MaxPooling1D(2)(layers.Multiply()([tensor, gate]))
    memory = layers.Bidirectional(layers.GRU(3))(layers.AveragePooling1D(4)(tensor))
    tensor = layers.Concatenate()([memory, keras.ops.logsumexp(tensor, axis=1)])
    hidden = layers.Dense(5, activation="relu")(tensor)
    model = keras.Model(given, layers.Dense(1, name="strength")(hidden))
    randomise(model, seed=6)
    return model


def in_python(program: str, *arguments: Any, backend: str) -> None:
    """Run a program of its own, with a backend of its own."""
    jax = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": UNOPTIMISED}
    environment = os.environ | jax | {"KERAS_BACKEND": backend}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not HAVE_JAX, reason="jax is not installed: it is an extra")
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="compares with TensorFlow")
def test_jax_gives_the_scores_of_tensorflow(tmp_path: Path) -> None:
    model = composed_model()
    model.save(tmp_path / "model.keras")
    codes = sequences(3, LENGTH)
    x, references = one_hot(codes), one_hot(shuffles(codes, 3))
    np.savez(tmp_path / "given.npz", x=x, references=references)
    paths = (tmp_path / name for name in ("model.keras", "given.npz", "found.npz"))
    in_python(PROGRAM, *paths, *CLOSE, backend="jax")
    theirs = np.load(tmp_path / "found.npz")
    exact = Explainer(model, precision="float64")(x, references)
    names = [name for name in exact.__slots__ if getattr(exact, name) is not None]
    assert set(exact.__slots__) - set(names) == {"standard_error"}  # of methods that draw
    for precision, close in CLOSE.items():
        for name in names:
            difference = theirs[f"{precision} {name}"] - getattr(exact, name)
            scale = max(1.0, np.abs(exact.prediction).max())
            assert np.abs(difference).max() <= close * scale, (precision, name)


def test_tensorflow_works_without_jax() -> None:
    """Importing JAX fails there. (TensorFlow or Keras may look for it.)"""
    program = "import sys; sys.modules['jax'] = None; import seqlift.explain.explainer"
    in_python(program, backend="tensorflow")
