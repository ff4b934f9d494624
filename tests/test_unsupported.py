"""Layers that cannot be lowered, and inputs too short for one, are refused by name."""

from collections.abc import Callable
from typing import Any

import keras
import pytest
from keras import layers, ops
from nets import Body, chain, graph_of, made

from seqlift.attribution.lowering.walk import lower, outline
from seqlift.errors import ModelError


class Doubled(layers.Layer):
    """A layer of the user's own, of which Keras cannot work out the output shape by itself."""

    def call(self, inputs: Any) -> Any:
        return inputs * 2


class Wrapped(keras.Model):
    """A model without a list of its layers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.dense = layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def calls_on_flat(*made_layers: Callable[[], Any]) -> Body:
    return chain(lambda: [*(make() for make in made_layers), layers.Flatten(), layers.Dense(1)])


def attention(tensor: Any) -> Any:
    return layers.Flatten()(layers.MultiHeadAttention(2, 3, name="look")(tensor, tensor))


def states(tensor: Any) -> Any:
    return layers.Add(name="sum")(layers.LSTM(3, return_state=True, name="memory")(tensor))


NO_LOWERING = (
    "has no lowering yet; replace it by layers that have one, or explain an earlier output"
)
NO_KERAS = "is not a Keras layer; rebuild the model from Keras layers"
KNOWN = (
    "known are elu, exponential, hard_sigmoid, leaky_relu, relu, relu6, selu, sigmoid, silu,"
    " softplus, softsign, tanh, softmax and linear"
)

REFUSED = [
    (calls_on_flat(lambda: layers.LSTM(3, name="m")), f"layer m (LSTM) {NO_LOWERING}"),
    (states, f"layer memory (LSTM) {NO_LOWERING}"),
    (attention, f"layer look (MultiHeadAttention) {NO_LOWERING}"),
    (
        calls_on_flat(lambda: layers.LayerNormalization(name="n")),
        f"layer n (LayerNormalization) {NO_LOWERING}",
    ),
    (
        calls_on_flat(lambda: layers.Lambda(lambda x: x, name="l")),
        f"layer l (Lambda) {NO_LOWERING}",
    ),
    (calls_on_flat(lambda: Doubled(name="d")), f"layer d (Doubled) {NO_KERAS}"),
    (calls_on_flat(lambda: Wrapped(name="w")), f"layer w (Wrapped) {NO_KERAS}"),
    (lambda tensor: layers.Flatten()(ops.exp(tensor)), f"layer exp (Exp) {NO_LOWERING}"),
    (
        calls_on_flat(lambda: layers.Dense(2, activation="mish", name="a")),
        f"layer a (Dense) has the activation mish, which has no rule; {KNOWN}",
    ),
    (
        calls_on_flat(lambda: layers.Softmax(axis=(1, 2), name="s")),
        "layer s (Softmax) is over several axes, which has no rule; use one axis",
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
        shared = layers.LayerNormalization(name="norm")
        tensor = layers.LSTM(3, return_sequences=True, name="memory")(shared(shared(tensor)))
        tensor = layers.Conv1D(3, 2, activation="gelu", name="scan")(tensor)
        return layers.Dense(1, name="fine")(layers.Flatten()(Doubled(name="twice")(tensor)))

    with pytest.raises(ModelError) as caught:
        graph_of(made(body, (6, 4)))
    assert caught.value.problems == (
        f"layer norm (LayerNormalization) {NO_LOWERING}",
        f"layer memory (LSTM) {NO_LOWERING}",
        f"layer scan (Conv1D) has the activation gelu, which has no rule; {KNOWN}",
        f"layer twice (Doubled) {NO_KERAS}",
    )


def test_an_outline_stands_for_what_cannot_be_lowered() -> None:
    model = made(calls_on_flat(lambda: layers.LSTM(3, return_sequences=True)), (6, 4))
    graph = outline(model, [(6, 4)])
    assert [n.primitive.describe() for n in graph.nodes[1:]] == ["unsupported", "reshape", "dense"]
    assert graph.nodes[1].shape == (6, 3)


def test_a_model_of_several_inputs_is_refused() -> None:
    given = [keras.Input((6, 4), name=name) for name in ("dna", "rna")]
    model = keras.Model(given, layers.Add()(given), name="pair")
    with pytest.raises(ModelError) as caught:
        lower(model, (6, 4))
    assert str(caught.value) == (
        "model pair: it has 2 inputs (dna, rna), and only models with one can be scored; build a"
        " model of the sequence alone with the others held constant"
    )


TOO_SHORT = [
    (lambda: layers.Conv1D(2, 9, name="wide"), "layer wide (Conv1D) is given 8"),
    (lambda: layers.Conv1D(2, 5, dilation_rate=2, name="far"), "layer far (Conv1D) is given 8"),
    (lambda: layers.MaxPooling1D(9, name="max"), "layer max (MaxPooling1D) is given 8"),
    (lambda: layers.AveragePooling1D(9, name="mean"), "layer mean (AveragePooling1D) is given 8"),
    (lambda: layers.Cropping1D((4, 4), name="cut"), "layer cut (Cropping1D) is given 8"),
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
