"""Layers that merge tensors, attention and wrappers, in small models: rows for `layer_table`."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import layers
from nets import Body

SEQUENCE = (24, 4)


def grown(tensor: Any, filters: int = 4) -> Any:
    """Return values of both signs, (10, filters)."""
    return layers.AveragePooling1D(2)(layers.Conv1D(filters, 5)(tensor))


def ended(tensor: Any) -> Any:
    """Return a few nonlinear units of a tensor of any rank."""
    return layers.Dense(3, activation="tanh")(layers.Flatten()(tensor))


def flat(tensor: Any) -> Any:
    """Return all values in one axis; unlike Flatten, of a tensor with a mask too."""
    return keras.ops.reshape(tensor, (-1, math.prod(tensor.shape[1:])))


def merged(make: Callable[[], Any], number: int = 2) -> Body:
    """Return a layer called on some convolutions, the last of them one value per position."""

    def body(tensor: Any) -> Any:
        given = [grown(tensor, 4 if i + 1 < number else 1) for i in range(number)]
        return ended(make()(given))

    return body


def of_different_ranks(make: Callable[[], Any]) -> Body:
    """Return a layer called on a vector and a matrix, which Keras aligns at the positions."""

    def body(tensor: Any) -> Any:
        wide = grown(tensor)
        return ended(make()([layers.GlobalAveragePooling1D()(wide), wide, wide]))

    return body


def dotted(first: int | None, second: int | None, **settings: Any) -> Body:
    """Return a Dot layer on two convolutions, or on vectors where the filters are None."""

    def body(tensor: Any) -> Any:
        given = [
            layers.GlobalAveragePooling1D()(grown(tensor)) if n is None else grown(tensor, n)
            for n in (first, second)
        ]
        return ended(layers.Dot(**settings)(given))

    return body


def squared_gate(tensor: Any) -> Any:
    """Return a tensor times itself, times its own gate of squeeze and excitation."""
    wide = grown(tensor)
    gate = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling1D()(wide))
    return ended(layers.Multiply()([layers.Multiply()([wide, wide]), gate]))


def attended(make: Callable[[], Any], number: int = 2, **call: Any) -> Body:
    """Return an attention layer on a list of [query, value] or [query, value, key]."""

    def body(tensor: Any) -> Any:
        given = [grown(tensor), layers.Cropping1D((1, 2))(grown(tensor)), grown(tensor)]
        given[2] = layers.Cropping1D((0, 3))(given[2])
        result = make()(given[:number], **call)
        parts = result if isinstance(result, (list, tuple)) else [result]
        return ended(layers.Concatenate()([flat(part) for part in parts]))

    return body


def with_heads(make: Callable[[], Any], channels: tuple[int, ...] = (5, 3), **call: Any) -> Body:
    """Return an attention layer of several heads, called on a query, a value and perhaps a key."""

    def body(tensor: Any) -> Any:
        query, *others = (grown(tensor, filters) for filters in channels)
        value, *key = (layers.Cropping1D((1, 2))(other) for other in others)
        result = make()(query, value, *key, **call)
        if not isinstance(result, (list, tuple)):
            return ended(result)
        output, weights = result
        return ended(layers.Concatenate()([flat(output), keras.ops.max(weights, axis=(1, 3))]))

    return body


def one(make: Callable[[], Any]) -> Body:
    """Return a layer between convolution and end."""
    return lambda tensor: ended(make()(grown(tensor)))


def at_steps(make: Callable[[], Any]) -> Body:
    """Return a layer at each of 5 steps of (2, 4)."""

    def body(tensor: Any) -> Any:
        steps = layers.Reshape((5, 2, 4))(grown(tensor))
        return ended(layers.TimeDistributed(make())(steps))

    return body


def small_model() -> keras.Model:
    """Return a model of (2, 4) with two layers and a nested one."""
    inner = keras.Sequential([layers.Conv1D(3, 2, activation="relu"), layers.Flatten()])
    given = keras.Input((2, 4), dtype="float64")
    return keras.Model(given, layers.Dense(2, activation="tanh")(inner(given)))


def merged_inside(*, named: bool) -> Body:
    """Return a nested model that multiplies its two inputs, which are a list or have names."""

    def body(tensor: Any) -> Any:
        given = [keras.Input((10, 4), dtype="float64", name=name) for name in ("value", "gate")]
        product = layers.Multiply()([layers.Conv1D(4, 1)(given[0]), given[1]])
        names = ("value", "gate")
        inner = keras.Model(dict(zip(names, given, strict=True)) if named else given, product)
        wide = [grown(tensor), grown(tensor)]
        return ended(inner(dict(zip(names, wide, strict=True)) if named else wide))

    return body


def harmless_mask(tensor: Any) -> Any:
    """Return dense layers after a Masking layer, whose mask they do not use."""
    hidden = layers.Dense(4, activation="relu")(layers.Masking()(tensor))
    return layers.Dense(3, activation="tanh")(keras.ops.reshape(hidden, (-1, 96)))


def places_looked_up(tensor: Any) -> Any:
    """Return a gate that is looked up by position, which does not depend on the input."""
    hidden = grown(tensor)
    places = keras.ops.cumsum(keras.ops.ones_like(hidden)[:, :, 0], axis=1) - 1.0
    return ended(layers.Multiply()([hidden, layers.Embedding(10, 4)(places)]))


SINGLE_ATTENTION = frozenset(
    {
        "MultiHeadAttention",
        "MultiHeadAttention with all",
        "MultiHeadAttention in a window",
        "GroupQueryAttention",
        "GroupQueryAttention with key",
    }
)
"""Layers whose softmax or scale Keras computes in float32, whatever the rest is computed in."""

BODIES: dict[str, Body] = {
    "Add of three": merged(layers.Add, 3),
    "Subtract": merged(layers.Subtract),
    "Average of three": merged(layers.Average, 3),
    "Multiply": merged(layers.Multiply),
    "Multiply of three": merged(layers.Multiply, 3),
    "Maximum of three": merged(layers.Maximum, 3),
    "Minimum": merged(layers.Minimum),
    "Add of ranks": of_different_ranks(layers.Add),
    "Multiply of ranks": of_different_ranks(layers.Multiply),
    "Maximum of ranks": of_different_ranks(layers.Maximum),
    "Dot of positions": dotted(3, 5, axes=1),
    "Dot of channels": dotted(3, 3, axes=-1),
    "Dot of two axes": dotted(3, 10, axes=(1, 2)),
    "Dot of a vector": dotted(None, 4, axes=(1, 2)),
    "Dot of vectors": dotted(None, None, axes=1),
    "Dot normalised": dotted(3, 3, axes=2, normalize=True),
    "squared gate": squared_gate,
    "Attention": attended(layers.Attention),
    "Attention with key": attended(lambda: layers.Attention(use_scale=True), 3),
    "Attention causal": attended(layers.Attention, use_causal_mask=True),
    "Attention concat": attended(lambda: layers.Attention(score_mode="concat", use_scale=True)),
    "Attention scores": attended(layers.Attention, return_attention_scores=True),
    "AdditiveAttention": attended(layers.AdditiveAttention),
    "AdditiveAttention without scale": attended(lambda: layers.AdditiveAttention(use_scale=False)),
    "MultiHeadAttention": with_heads(lambda: layers.MultiHeadAttention(2, 3)),
    "MultiHeadAttention with all": with_heads(
        lambda: layers.MultiHeadAttention(
            2, 3, value_dim=2, use_bias=False, output_shape=4, dropout=0.5
        ),
        (5, 3, 2),
        use_causal_mask=True,
        return_attention_scores=True,
    ),
    "MultiHeadAttention in a window": with_heads(
        lambda: layers.MultiHeadAttention(2, 3, sliding_window=4, use_gate=True)
    ),
    "GroupQueryAttention": with_heads(lambda: layers.GroupQueryAttention(3, 4, 2), (5, 5)),
    "GroupQueryAttention with key": with_heads(
        lambda: layers.GroupQueryAttention(3, 4, 2, use_gate=True), (5, 5, 5), use_causal_mask=True
    ),
    "EinsumDense": one(
        lambda: layers.EinsumDense("abc,cde->abde", output_shape=(10, 2, 3), bias_axes="de")
    ),
    "EinsumDense with ellipsis": one(
        lambda: layers.EinsumDense("...x,xy->...y", 5, activation="relu", bias_axes="y")
    ),
    "EinsumDense over positions": one(
        lambda: layers.EinsumDense("abc,bd->adc", (3, 4), bias_axes="d")
    ),
    "TimeDistributed Dense": at_steps(lambda: layers.Dense(3, activation="relu")),
    "TimeDistributed BatchNormalization": at_steps(layers.BatchNormalization),
    "TimeDistributed Conv1D": at_steps(lambda: layers.Conv1D(3, 2, activation="relu")),
    "TimeDistributed Flatten": at_steps(layers.Flatten),
    "TimeDistributed Softmax": at_steps(lambda: layers.Softmax(axis=1)),
    "TimeDistributed model": at_steps(small_model),
    "nested model of a list": merged_inside(named=False),
    "nested model of names": merged_inside(named=True),
    "Masking": harmless_mask,
    "Embedding": places_looked_up,
}

MERGING: dict[str, tuple[Body, tuple[int, ...]]] = {
    name: (body, SEQUENCE) for name, body in BODIES.items()
}
