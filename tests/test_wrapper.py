"""Masks, look-up tables and layers at every step: what they cannot be right for is refused."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from nets import (
    Array,
    Body,
    chain,
    computed,
    eager,
    graph_of,
    inputs_for,
    largest,
    made,
    random_head,
    relative_residual,
)

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
    " propagates through a skip; leave the Masking layer out and save the model again"
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


@pytest.mark.filterwarnings("ignore:Layer 'inner'.*does not support masking")
def test_a_mask_that_enters_a_nested_model_of_two_inputs_is_refused() -> None:
    pair = [keras.Input(SEQUENCE), keras.Input(SEQUENCE)]
    inner = keras.Model(pair, layers.Add()(pair), name="inner")
    given = keras.Input(SEQUENCE)
    masked_first = [layers.Masking()(given), given]
    with pytest.raises(ModelError, match=r"layer inner \(Functional\) is called with mask"):
        graph_of(keras.Model(given, layers.LSTM(3)(inner(masked_first))))


def looked_up(tensor: Any) -> Any:
    places = ops.sum(tensor, axis=-1)
    return layers.Flatten()(layers.Embedding(5, 3, name="table")(places))


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
    "layer look (MultiHeadAttention) has queries that see no key, and what Keras makes of them is"
    " rounding; widen the mask or the window": unseen_keys,
}


@pytest.mark.parametrize("problem", REFUSED_LAYERS)
def test_a_layer_that_cannot_be_right_is_refused_by_name(problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        graph_of(made(REFUSED_LAYERS[problem]))
    assert caught.value.problems == (problem,)


STEPS = (65, 4)  # more than are lowered one by one


def scores(body: Body, shape: tuple[int, ...] = STEPS, **options: Any) -> tuple[Array, Array]:
    """Return predictions and contributions, which are checked to sum up."""
    model = made(body, shape)
    graph, (x, x0) = graph_of(model), inputs_for(shape, 1, 1)
    values = computed(graph, x)[graph.outputs[0]]
    assert largest(values, np.asarray(model(x))) <= 1e-12
    result = eager(graph, random_head(graph), x, x0, dtype="float64", **options)
    assert relative_residual(result) <= 1e-10
    return values, result.contributions


def row(*made_layers: Any) -> Any:
    return layers.TimeDistributed(keras.Sequential(list(made_layers)))


DENSE = (
    lambda: layers.Dense(3, activation="relu"),
    lambda: layers.Dense(2, activation="sigmoid"),  # Keras computes tanh in float32 on JAX
)


def test_a_row_of_layers_at_every_step_has_the_scores_of_its_layers() -> None:
    flat = (layers.Flatten, lambda: layers.Dense(2))
    whole = chain(lambda: [row(*(make() for make in DENSE)), *(make() for make in flat)])
    single = chain(lambda: [*(make() for make in DENSE), *(make() for make in flat)])
    for found, expected in zip(
        scores(whole, rule="genomics"), scores(single, rule="genomics"), strict=True
    ):
        assert largest(found, expected) <= 1e-12


def test_many_steps_are_taken_in_turn_with_the_scores_of_all_at_once() -> None:
    """A one-dimensional convolution at every step is a two-dimensional one of one row."""

    def one(tensor: Any) -> Any:
        steps = layers.Reshape((65, 4, 1))(tensor)
        hidden = layers.TimeDistributed(layers.Conv1D(3, 2, activation="relu"))(steps)
        return layers.Dense(1)(layers.Flatten()(hidden))

    def other(tensor: Any) -> Any:
        steps = layers.Reshape((65, 4, 1))(tensor)
        hidden = layers.Conv2D(3, (1, 2), activation="relu")(steps)
        return layers.Dense(1)(layers.Flatten()(hidden))

    for found, expected in zip(scores(one), scores(other), strict=True):
        assert largest(found, expected) <= 1e-12


NEAR = np.abs(np.subtract.outer(np.arange(10), np.arange(10))) <= 3
KEPT = np.arange(10) % 3 > 0


def attending(**masks: Any) -> Body:
    def body(tensor: Any) -> Any:
        attention = layers.MultiHeadAttention(2, 3)(tensor, tensor, **masks)
        return layers.Dense(1)(layers.Flatten()(attention))

    return body


def kept_of(layer: Callable[[], Any], mask: Any) -> Body:
    return lambda tensor: layers.Dense(1)(layers.Flatten()(layer()(tensor, mask=mask)))


MASKED: dict[str, Body] = {
    "for all": attending(attention_mask=NEAR[None]),
    "of each head": attending(attention_mask=np.stack([NEAR, NEAR.T | ~NEAR])[None]),
    "of keys": attending(value_mask=KEPT[None], attention_mask=NEAR[None] | True),
    "of a softmax": kept_of(lambda: layers.Softmax(axis=1), KEPT[None, :, None]),
    "of a mean": kept_of(layers.GlobalAveragePooling1D, KEPT[None]),
}


@pytest.mark.filterwarnings("ignore:Layer 'flatten")  # which ends the mask
@pytest.mark.parametrize("name", MASKED)
def test_a_mask_that_is_the_same_for_every_sequence_is_used(name: str) -> None:
    model = made(MASKED[name], (10, 4))
    graph, (x, x0) = graph_of(model), inputs_for((10, 4), 3, 2)
    values = computed(graph, x)[graph.outputs[0]]
    assert largest(values, np.asarray(model(x))) <= 2e-6  # Keras has its softmax in float32
    result = eager(graph, random_head(graph), x, x0, dtype="float64")
    assert relative_residual(result) <= 1e-10


def test_a_mask_that_depends_on_the_sequence_is_refused() -> None:
    def body(tensor: Any) -> Any:
        look = layers.MultiHeadAttention(1, 2, name="look")
        return layers.Flatten()(look(tensor, tensor, attention_mask=tensor @ ops.ones((4, 10))))

    with pytest.raises(ModelError, match=r"layer look .* attention_mask, which depends on the seq"):
        graph_of(made(body, (10, 4)))
