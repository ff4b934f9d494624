"""Masks, look-up tables and layers at every step: what they cannot be right for is refused."""

from typing import Any

import keras
import pytest
from keras import layers, ops
from nets import Body, graph_of, made

from seqlift.errors import ModelError

SEQUENCE = (24, 4)


def masked(*following: Any) -> Body:
    """Return layers called one after another behind a Masking layer."""

    def body(tensor: Any) -> Any:
        tensor = layers.Masking(name="mask")(tensor)
        for make in following:
            tensor = make(tensor)
        return layers.Dense(1)(tensor)

    return body


def gated(tensor: Any) -> Any:
    return ops.mean(layers.Multiply(name="gate")([tensor, tensor]), axis=1)


SKIPS = (
    "layer mask (Masking) makes {} skip positions whose values are all 0, such as N, and no rule"
    " crosses a skip; leave the Masking layer out and save the model again"
)


@pytest.mark.parametrize(
    ("body", "user"),
    [
        (masked(lambda x: layers.LSTM(3, name="memory")(x)), "memory"),
        (masked(lambda x: layers.GlobalAveragePooling1D(name="mean")(layers.Dense(3)(x))), "mean"),
        (masked(gated), "gate"),
    ],
)
def test_a_mask_that_a_layer_uses_is_refused_with_the_layer(body: Body, user: str) -> None:
    with pytest.raises(ModelError) as caught:
        graph_of(made(body))
    assert SKIPS.format(user) in caught.value.problems


def test_a_mask_in_a_sequence_of_layers_is_refused_too() -> None:
    model = keras.Sequential(
        [keras.Input(SEQUENCE), layers.Masking(name="mask"), layers.LSTM(3, name="memory")]
    )
    with pytest.raises(ModelError) as caught:
        graph_of(model)
    assert SKIPS.format("memory") in caught.value.problems


def test_a_mask_that_leaves_a_nested_model_is_refused() -> None:
    inner = keras.Sequential([keras.Input(SEQUENCE), layers.Masking(name="mask")], name="inner")
    given = keras.Input(SEQUENCE)
    with pytest.raises(ModelError) as caught:
        graph_of(keras.Model(given, layers.LSTM(3)(inner(given))))
    problem = SKIPS.replace("layer mask", "layer inner/mask").format("what follows its model")
    assert problem in caught.value.problems


def looked_up(tensor: Any) -> Any:
    places = ops.sum(tensor, axis=-1)
    return layers.Flatten()(layers.Embedding(5, 3, name="table")(places))


def far_steps(tensor: Any) -> Any:
    steps = layers.Reshape((96, 1, 1))(tensor)
    return layers.Flatten()(layers.TimeDistributed(layers.Conv1D(2, 1), name="steps")(steps))


def unusual_mask(tensor: Any) -> Any:
    return layers.Flatten()(layers.Masking(0.25, name="mask")(tensor) * 1.0)


def unseen_keys(tensor: Any) -> Any:
    attention = layers.MultiHeadAttention(1, 2, sliding_window=2, name="look")
    return layers.Flatten()(attention(tensor, layers.Cropping1D((0, 6))(tensor)))


REFUSED_LAYERS = {
    "layer table (Embedding) looks rows of a table up by whole numbers, through which no change"
    " passes; feed one-hot sequences and put Dense(use_bias=False) with the same table as its"
    " kernel in its place": looked_up,
    "layer mask (Masking) sets positions whose values all equal 0.25 to 0, by a comparison, which"
    " has no slope; use the mask value 0, or leave the layer out": unusual_mask,
    "layer steps (TimeDistributed) applies a Conv1D at 96 steps, more than 64; use a layer that"
    " works along all steps, such as Conv2D for Conv1D": far_steps,
    "layer look (MultiHeadAttention) has queries that see no key, and what Keras makes of them is"
    " rounding; widen the mask or the window": unseen_keys,
}


@pytest.mark.parametrize("problem", REFUSED_LAYERS)
def test_a_layer_that_cannot_be_right_is_refused_by_name(problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        graph_of(made(REFUSED_LAYERS[problem]))
    assert caught.value.problems == (problem,)
