"""Layers that cannot be lowered, and inputs too short for one, are refused by name."""

from collections.abc import Callable
from typing import Any

import keras
import pytest
import tensorflow as tf
from keras import layers, ops
from nets import Body, chain, graph_of, made

from seqlift.errors import ModelError
from seqlift.explain.explainer import Explainer
from seqlift.lowering.walk import lower, outline


class Elsewhere(layers.Layer):
    """A layer of the user's own whose code is not written with keras.ops."""

    def call(self, inputs: Any) -> Any:
        return tf.tanh(inputs)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def calls_on_flat(*made_layers: Callable[[], Any]) -> Body:
    return chain(lambda: [*(make() for make in made_layers), layers.Flatten(), layers.Dense(1)])


NO_LOWERING = (
    "has no lowering yet; replace it by layers that have one, or explain an earlier output"
)
OWN = (
    "is not a Keras layer, and its call() is not written with keras.ops alone; write it so, in"
    " operators a tensor before a variable, or rebuild the model from Keras layers"
)
ELSEWHERE = (
    "is not written with keras.ops alone; write it so, or use one of celu, elu, exponential, gelu,"
    " glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh,"
    " leaky_relu, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink,"
    " softmax, softplus, softsign, sparse_plus, sparse_sigmoid, squareplus, tanh, tanh_shrink and"
    " linear"
)

CONVOLVED = (
    lambda: layers.Reshape((2, 3, 4)),
    lambda: layers.ConvLSTM1D(2, 2, return_sequences=True, name="memory"),
)

REFUSED = [
    (calls_on_flat(*CONVOLVED), f"layer memory (ConvLSTM1D) {NO_LOWERING}"),
    (calls_on_flat(lambda: Elsewhere(name="e")), f"layer e (Elsewhere) {OWN}"),
    (
        calls_on_flat(lambda: layers.Lambda(tf.tanh, output_shape=(6, 4), name="l")),
        f"layer l (Lambda) {OWN}",
    ),
    (lambda tensor: layers.Flatten()(ops.arcsin(tensor)), f"layer arcsin (Arcsin) {NO_LOWERING}"),
    (
        calls_on_flat(lambda: layers.Dense(2, activation=ops.arcsin, name="a")),
        f"layer a/arcsin (Arcsin) {NO_LOWERING}",
    ),
]


@pytest.mark.parametrize(("body", "problem"), REFUSED)
def test_a_layer_without_lowering_is_refused_by_name(body: Body, problem: str) -> None:
    keras.utils.clear_session(free_memory=False)  # names of operations start from the beginning
    with pytest.raises(ModelError) as caught:
        graph_of(made(body, (6, 4)))
    assert caught.value.problems == (problem,)


def test_all_layers_without_lowering_are_named_at_once_and_each_once() -> None:
    def body(tensor: Any) -> Any:
        shared = Elsewhere(name="shared")
        tensor = layers.Conv1D(3, 2, activation=tf.cosh, name="scan")(shared(shared(tensor)))
        tensor = layers.Reshape((5, 1, 3))(tensor)
        tensor = layers.ConvLSTM1D(2, 1, name="memory")(tensor)
        return layers.Dense(1, name="fine")(layers.Flatten()(tensor))

    with pytest.raises(ModelError) as caught:
        graph_of(made(body, (6, 4)))
    assert caught.value.problems == (
        f"layer shared (Elsewhere) {OWN}",
        f"layer scan (Conv1D) has the activation cosh, which {ELSEWHERE}",
        f"layer memory (ConvLSTM1D) {NO_LOWERING}",
    )


def test_an_outline_stands_for_what_cannot_be_lowered() -> None:
    model = made(calls_on_flat(*CONVOLVED), (6, 4))
    graph = outline(model, [(6, 4)])
    names = [node.primitive.describe() for node in graph.nodes[2:]]
    assert names == ["unsupported", "reshape", "dense"]
    assert graph.nodes[2].shape == (2, 2, 2)


def test_a_model_of_several_inputs_that_are_given_nothing_is_refused() -> None:
    given = [keras.Input((6, 4), name=name) for name in ("dna", "rna")]
    model = keras.Model(given, layers.Add()(given), name="pair")
    with pytest.raises(ModelError) as caught:
        Explainer(model)
    assert str(caught.value) == (
        "model pair: it has 2 inputs: dna (6, 4), rna (6, 4); give all but the sequence by --input"
        " NAME=zeros, NAME=NUMBER or NAME=FILE.npy; where several take the sequence, by --input"
        " NAME=sequence or NAME=reverse-complement"
    )


TOO_SHORT = [
    (lambda: layers.Conv1D(2, 9, name="wide"), "layer wide (Conv1D) reads 8"),
    (lambda: layers.Conv1D(2, 5, dilation_rate=2, name="far"), "layer far (Conv1D) reads 8"),
    (lambda: layers.MaxPooling1D(9, name="max"), "layer max (MaxPooling1D) reads 8"),
    (lambda: layers.AveragePooling1D(9, name="mean"), "layer mean (AveragePooling1D) reads 8"),
    (lambda: layers.Cropping1D((4, 4), name="cut"), "layer cut (Cropping1D) reads 8"),
]


@pytest.mark.parametrize(("layer", "problem"), TOO_SHORT)
def test_an_input_too_short_for_a_window_is_an_error_that_names_the_layer(
    layer: Callable[[], Any], problem: str
) -> None:
    model = made(chain(lambda: [layer(), layers.GlobalMaxPooling1D()]), (None, 4))
    with pytest.raises(ModelError) as caught:
        lower(model, (8, 4))
    remedy = " positions, too few for one of its windows; give longer regions, or --length"
    assert caught.value.problems == (problem + remedy,)
    assert lower(model, (9, 4)).nodes
