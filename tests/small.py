"""A small model with every kind of primitive, and sequences for it: what scores are tested on."""

from dataclasses import MISSING, fields
from typing import Any

import keras
import numpy as np
from keras import layers
from nets import Array, randomise, sequences, shuffles

from seqlift.attribution.result import Result
from seqlift.explain.explainer import Explainer
from seqlift.inputs.onehot import one_hot

LENGTH = 61
NAMES = [item.name for item in fields(Result) if item.default is MISSING]


def body(tensor: Any) -> list[Any]:
    """Return two outputs by every kind of primitive; no extent is a whole number of packets."""
    hidden = layers.Conv1D(5, 7, activation="relu")(tensor)
    grown = layers.Conv1D(5, 3, dilation_rate=2, activation="softplus")(hidden)
    hidden = layers.Add()([layers.Cropping1D(2)(hidden), grown])
    pooled = layers.MaxPooling1D(4, strides=3)(hidden)
    mean = layers.GlobalAveragePooling1D()(layers.Activation("silu")(hidden))
    flat = layers.Concatenate()([layers.Flatten()(pooled), mean])
    dense = layers.Dense(9, activation="sigmoid")(flat)
    return [
        layers.Dense(3, activation="softmax", name="classes")(dense),
        layers.Dense(1, name="strength")(dense),
    ]


def small_model() -> keras.Model:
    """Return a float32 model of the outputs of `body`, with random weights."""
    given = keras.Input((LENGTH, 4), name="dna")
    model = keras.Model(given, body(given), name="small")
    randomise(model, seed=5)
    return model


CODES = sequences(9, LENGTH)
CODES[2, 5:9] = 4  # a run of N
X = one_hot(CODES)
REFERENCES = one_hot(shuffles(CODES, 20))
TARGETS = ["classes:1", "strength"]


def explained(explain: Explainer, x: Array, references: Any) -> dict[str, Result]:
    scores = explain(x, references)
    assert isinstance(scores, dict)
    return scores


def assert_same(ours: Result, theirs: Result) -> None:
    """Compare every field, to the bit; on JAX, where that law does not hold, to 1e-6."""
    for name in NAMES:
        mine, other = getattr(ours, name), getattr(theirs, name)
        if keras.backend.backend() == "jax":
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6, err_msg=name)
        else:
            assert np.array_equal(mine, other), name
