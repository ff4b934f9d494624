"""Layers in which values weigh one another: products, normalisation by row, attention.

Each is written as its documentation defines it, in sums, activations and products, and has no rule
of its own. Squares and roots inside a normalisation have Rescale (or a gradient) whatever
the preset: RevealCancel would ask for roots of negative numbers.
"""

from typing import Any

import numpy as np

from oracle.functions import ROOT, SQUARE, TANH, Function
from oracle.tape import Tape, Value


def inner_rule(tape: Tape) -> str:
    """Return the rule of a function that is part of a layer's definition."""
    return "gradient" if tape.rule == "gradient" else "rescale"


def applied(tape: Tape, value: Value, function: Function) -> Value:
    """Return a function that is part of a layer's definition."""
    return tape.activated(value, function, rule=inner_rule(tape))


def over_root_mean_square(tape: Tape, value: Value, axes: tuple[int, ...], epsilon: float) -> Value:
    """Return the value over the root of its mean square along `axes` plus epsilon."""
    squares = tape.mean(applied(tape, value, SQUARE), *axes)
    return tape.quotient(value, applied(tape, tape.scaled(squares, 1.0, epsilon), ROOT))


def centred(tape: Tape, value: Value, axes: tuple[int, ...]) -> Value:
    """Return the value less its mean along `axes`."""
    return tape.summed(value, tape.scaled(tape.mean(value, *axes), -1.0))


def inner_axes(axis: Any, value: Value) -> tuple[int, ...]:
    """Return a layer's axes, which count the batch, counted without it."""
    axes = axis if isinstance(axis, (tuple, list)) else [axis]
    return tuple(i - 1 if i > 0 else i + len(value.shape) for i in axes)


def layer_normalization(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the value less its mean, over its deviation, along the layer's axes; scaled."""
    axes = inner_axes(layer.axis, value)
    normal = over_root_mean_square(tape, centred(tape, value, axes), axes, layer.epsilon)
    weights = layer.get_weights()
    shape = [size if i in axes else 1 for i, size in enumerate(value.shape)]
    gamma = weights.pop(0).reshape(shape) if layer.scale else 1.0
    beta = weights.pop(0).reshape(shape) if layer.center else 0.0
    return tape.scaled(normal, gamma, beta)


def rms_normalization(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the value over its root mean square along the layer's axes; scaled."""
    axes = inner_axes(layer.axis, value)
    (gamma,) = layer.get_weights()
    shape = [size if i in axes else 1 for i, size in enumerate(value.shape)]
    normal = over_root_mean_square(tape, value, axes, layer.epsilon)
    return tape.scaled(normal, gamma.reshape(shape))


def group_normalization(tape: Tape, layer: Any, value: Value) -> Value:
    """Return each group of channels, the last axis, normalised over it and all positions."""
    if layer.axis not in (-1, len(value.shape)):
        raise NotImplementedError(f"{layer.name}: groups along axis {layer.axis}")
    *sizes, channels = value.shape
    groups = channels if layer.groups == -1 else layer.groups
    parted = tape.reshaped(value, *sizes, groups, channels // groups)
    axes = (*range(len(sizes)), len(sizes) + 1)
    normal = over_root_mean_square(tape, centred(tape, parted, axes), axes, layer.epsilon)
    weights = layer.get_weights()
    gamma = weights.pop(0) if layer.scale else 1.0
    beta = weights.pop(0) if layer.center else 0.0
    return tape.scaled(tape.reshaped(normal, *sizes, channels), gamma, beta)


def multiply(tape: Tape, _layer: Any, *values: Value) -> Value:
    """Return the product of values of one rank that broadcast, the first two first."""
    if len({len(value.shape) for value in values}) > 1:
        raise NotImplementedError("a product of values of several ranks")
    total = values[0]
    for value in values[1:]:
        total = tape.product(total, value)
    return total


def extreme(tape: Tape, values: tuple[Value, ...], sign: float) -> Value:
    """Return the maximum (`sign` 1) or the minimum (-1) of values of one shape."""
    if len({value.shape for value in values}) > 1:
        raise NotImplementedError("an extreme of values of several shapes")
    stacked = [tape.reshaped(tape.scaled(value, sign), *value.shape, 1) for value in values]
    largest = tape.largest(tape.joined(stacked, -1), -1)
    return tape.scaled(tape.reshaped(largest, *values[0].shape), sign)


def dot(tape: Tape, layer: Any, first: Value, second: Value) -> Value:
    """Return the sums of products along one axis of each."""
    axes = layer.axes if isinstance(layer.axes, (tuple, list)) else (layer.axes, layer.axes)
    if layer.normalize:
        raise NotImplementedError("Dot with normalize")
    letters = iter("abcdefgh")
    names = [["Z", *(next(letters) for _ in value.shape)] for value in (first, second)]
    names[1][axes[1]] = names[0][axes[0]]
    shared = names[0][axes[0]]
    out = [name for side in names for name in side if name not in ("Z", shared)]
    left, right = ("".join(side) for side in names)
    result = tape.product(first, second, f"{left},{right}->Z{''.join(out)}")
    return result if out else tape.reshaped(result, 1)


def attention(
    tape: Tape, layer: Any, query: Value, value: Value, key: Value | None = None
) -> Value:
    """Return the values, weighed by the softmax of the scores of queries and keys."""
    key = value if key is None else key
    if layer.score_mode == "dot":
        scores = tape.product(query, key, "Zqc,Zkc->Zqk")
        factor = layer.get_weights()[0] if layer.use_scale else 1.0
        scores = tape.scaled(scores, factor)
    else:
        weights = layer.get_weights()
        factor = weights.pop(0) if layer.use_scale else 1.0
        added = tape.scaled(all_pairs(tape, query, key), factor)
        scores = tape.total(tape.activated(added, TANH), -1)
        scores = tape.scaled(tape.reshaped(scores, *scores.shape[:-1]), weights.pop(0))
    return tape.product(tape.softmax(scores, -1), value, "Zqk,Zkc->Zqc")


def additive_attention(
    tape: Tape, layer: Any, query: Value, value: Value, key: Value | None = None
) -> Value:
    """Return the values, weighed by the softmax of ``sum(scale tanh(query + key))``."""
    bent = tape.activated(all_pairs(tape, query, value if key is None else key), TANH)
    factor = layer.get_weights()[0] if layer.use_scale else 1.0
    scores = tape.total(tape.scaled(bent, factor), -1)
    scores = tape.reshaped(scores, *scores.shape[:-1])
    return tape.product(tape.softmax(scores, -1), value, "Zqk,Zkc->Zqc")


def all_pairs(tape: Tape, query: Value, key: Value) -> Value:
    """Return the sum of every query and every key, (queries, keys, channels)."""
    (queries, channels), keys = query.shape, key.shape[0]
    return tape.summed(
        tape.reshaped(query, queries, 1, channels), tape.reshaped(key, 1, keys, channels)
    )


def multi_head_attention(
    tape: Tape, layer: Any, query: Value, value: Value, key: Value | None = None
) -> Value:
    """Return several attentions side by side, each on projections of its own, mixed at the end."""
    if len(query.shape) != 2:
        raise NotImplementedError(f"{layer.name}: more than one axis of positions")
    weights = iter(layer.get_weights())

    def projected(source: Value) -> Value:
        kernel = next(weights)
        bias = next(weights) if layer.use_bias else np.zeros(kernel.shape[1:])
        flat = tape.weighed(
            source, kernel.reshape(len(kernel), -1), bias.reshape(-1), origin="attention"
        )
        return tape.reshaped(flat, source.shape[0], *kernel.shape[1:])

    queries, keys, values = (projected(s) for s in (query, value if key is None else key, value))
    scores = tape.scaled(
        tape.product(queries, keys, "Zqhc,Zkhc->Zhqk"), 1.0 / np.sqrt(queries.shape[-1])
    )
    mixed = tape.product(tape.softmax(scores, -1), values, "Zhqk,Zkhc->Zqhc")
    kernel = next(weights)
    bias = next(weights) if layer.use_bias else 0.0
    flat = tape.reshaped(mixed, mixed.shape[0], -1)
    return tape.weighed(flat, kernel.reshape(-1, kernel.shape[-1]), bias, origin="attention")


def unit_normalization(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the value over the root of its sum of squares along the layer's axes."""
    axes = inner_axes(layer.axis, value)
    squares = tape.total(applied(tape, value, SQUARE), *axes)
    return tape.quotient(value, applied(tape, squares, ROOT))
