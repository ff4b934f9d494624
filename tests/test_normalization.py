"""Normalisation layers and activations along an axis: what the table of layers cannot show."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import activations, layers
from nets import (
    Array,
    chain,
    computed,
    eager,
    graph_of,
    inputs_for,
    largest,
    made,
    predicted,
    random_head,
    relative_residual,
)

from seqlift.errors import ModelError

LENGTH = 24


def lowered(model: keras.Model, x: Array) -> Array:
    graph = graph_of(model)
    (output,) = graph.outputs
    return computed(graph, x)[output]


def test_a_layer_that_was_adapted_normalises_by_what_it_saw() -> None:
    adapted = layers.Normalization(axis=-1, dtype="float64")
    adapted.adapt(np.random.default_rng(0).normal(3.0, 2.0, size=(50, LENGTH, 4)))
    model = keras.Sequential([keras.Input((LENGTH, 4), dtype="float64"), adapted])
    x, _ = inputs_for((LENGTH, 4), 3, 1)
    assert np.abs(np.asarray(adapted.mean)).min() > 2.0
    assert largest(lowered(model, x), predicted(model, x)) <= 1e-12


NEARLY_CONSTANT = {
    "layer": lambda: layers.LayerNormalization(axis=[1, 2]),
    "group": lambda: layers.GroupNormalization(groups=3),
    "root mean square": lambda: layers.RMSNormalization(epsilon=1e-3),
}


@pytest.mark.parametrize("name", NEARLY_CONSTANT)
def test_values_that_hardly_differ_are_normalised_and_complete_in_float32(name: str) -> None:
    """Each value is 0.1, but for some roundings of float32: their variance is far below epsilon."""
    model = made(
        chain(
            lambda: [
                layers.Conv1D(6, 3),
                layers.Rescaling(1e-6, offset=0.1),
                NEARLY_CONSTANT[name](),
                layers.Flatten(),
                layers.Dense(2, activation="tanh"),
            ]
        )
    )
    x, x0 = inputs_for((LENGTH, 4), 3, 4)
    narrow = x.astype(np.float32)
    assert largest(lowered(model, narrow), predicted(model, x)) <= 1e-5
    graph = graph_of(model)
    for dtype, bound in (("float64", 1e-10), ("float32", 1e-5)):
        result = eager(graph, random_head(graph), x, x0, dtype=dtype)
        assert relative_residual(result) <= bound


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_logarithm_of_a_softmax_completes_where_the_softmax_underflows(dtype: str) -> None:
    model = made(
        chain(
            lambda: [
                layers.Flatten(),
                layers.Dense(5),
                layers.Rescaling(300.0),
                layers.Activation("log_softmax"),
            ]
        )
    )
    x, x0 = inputs_for((LENGTH, 4), 3, 4)
    assert np.exp(predicted(model, x).astype(np.float32)).min() == 0.0
    graph = graph_of(model)
    result = eager(graph, random_head(graph), x, x0, dtype=dtype)
    assert relative_residual(result) <= {"float32": 1e-5, "float64": 1e-10}[dtype]


def refused(*stack: layers.Layer) -> str:
    given = keras.Input((LENGTH, 4))
    model = keras.Model(given, chain(lambda: stack)(given))
    with pytest.raises(ModelError) as caught:
        graph_of(model)
    return str(caught.value)


REFUSED: dict[str, tuple[Any, str]] = {
    "sparsemax": (
        lambda: layers.Activation(activations.sparsemax, name="pick"),
        (
            "layer pick (Activation) has the activation sparsemax, which has no rule that sums up;"
            " use softmax, or explain the output before it"
        ),
    ),
    "a softmax over sequences": (
        lambda: layers.Softmax(axis=0, name="pick"),
        (
            "layer pick (Softmax) works along axis 0, which mixes the rows of a batch; give one"
            " from 1 to 2"
        ),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_sum_up_is_refused_with_a_remedy(name: str) -> None:
    build, message = REFUSED[name]
    assert refused(build()) == message


def test_an_activation_of_another_library_is_refused_with_those_that_are_known() -> None:
    def folded(x: Any) -> Any:
        return tf.sin(x)

    message = refused(layers.Activation(folded, name="bend"))
    assert message.startswith(
        "layer bend (Activation) has the activation folded, which is not written with keras.ops"
    )
    assert "use one of celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid" in message
    assert message.endswith("tanh_shrink and linear")
