"""Layers that slide a window: convolutions, pooling, padding and cropping.

A window layer is the values of every window side by side, then a sum, mean or maximum of each
window. Which value stands where is worked out once, on the numbers of the values.
"""

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from oracle.parts import Array
from oracle.tape import Tape, Value, places

Shape = tuple[int, ...]
Pads = Sequence[tuple[int, int]]
BELOW_ALL = -1e300  # what padding is worth in a maximum


def pads_of(
    kind: str, sizes: Shape, window: Shape, strides: Shape, dilation: Shape
) -> list[tuple[int, int]]:
    """Return the padding before and after each axis, as TensorFlow defines valid, same, causal."""
    pads = []
    for size, taps, stride, spread in zip(sizes, window, strides, dilation, strict=True):
        reach = (taps - 1) * spread
        if kind == "same":
            missing = max((-(-size // stride) - 1) * stride + reach + 1 - size, 0)
            pads.append((missing // 2, missing - missing // 2))
        else:
            pads.append((reach, 0) if kind == "causal" else (0, 0))
    return pads


def windows_of(index: Array, window: Shape, strides: Shape, dilation: Shape, pads: Pads) -> Array:
    """Return `index` (*sizes, C) as windows (*counts, taps, C), with -1 in the padding."""
    padded = np.pad(index, [*pads, (0, 0)], constant_values=-1)
    counts = [
        (size - (taps - 1) * spread - 1) // stride + 1
        for size, taps, stride, spread in zip(padded.shape, window, strides, dilation, strict=False)
    ]
    taps = []
    for offsets in product(*(range(size) for size in window)):
        starts = [offset * spread for offset, spread in zip(offsets, dilation, strict=True)]
        taps.append(
            padded[
                tuple(
                    slice(start, start + (count - 1) * stride + 1, stride)
                    for start, count, stride in zip(starts, counts, strides, strict=True)
                )
            ]
        )
    return np.stack(taps, axis=-2)


def channels_last(tape: Tape, layer: Any, value: Value, inner: Callable[[Value], Value]) -> Value:
    """Return `inner` of a value, whose channels come last for it and where the layer has them."""
    if getattr(layer, "data_format", "channels_last") != "channels_first":
        return inner(value)
    rank = len(value.shape)
    result = inner(tape.turned(value, *range(1, rank), 0))
    if len(result.shape) < rank:
        return result
    return tape.turned(result, rank - 1, *range(rank - 1))


def convolution(tape: Tape, layer: Any, value: Value) -> Value:
    """Return a convolution of one or two axes, groups included, before its activation."""
    kernel, *bias = layer.get_weights()
    *window, depth, number = kernel.shape
    ones = (1,) * len(window)
    strides, dilation = ones_or(layer.strides, ones), ones_or(layer.dilation_rate, ones)

    def inner(value: Value) -> Value:
        *sizes, channels = value.shape
        groups = channels // depth
        whole = np.zeros((prod(window), channels, number))
        for group in range(groups):
            inputs = slice(group * depth, (group + 1) * depth)
            outputs = slice(group * number // groups, (group + 1) * number // groups)
            whole[:, inputs, outputs] = kernel.reshape(-1, depth, number)[..., outputs]
        pads = pads_of(layer.padding, tuple(sizes), tuple(window), strides, dilation)
        index = windows_of(places(value), tuple(window), strides, dilation, pads)
        seen = tape.rearranged(value, index.reshape(*index.shape[: len(sizes)], -1))
        return tape.weighed(seen, whole.reshape(-1, number), *bias, origin="conv")

    return channels_last(tape, layer, value, inner)


def ones_or(given: Any, ones: Shape) -> Shape:
    """Return one number per axis, of a setting that may be one for all."""
    return tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(ones)


def depthwise(tape: Tape, value: Value, layer: Any, kernel: Array, bias: Any) -> Value:
    """Return each channel convolved with its own kernels, `kernel` (*window, C, multiplier)."""
    *window, channels, multiplier = kernel.shape
    ones = (1,) * len(window)
    strides, dilation = ones_or(layer.strides, ones), ones_or(layer.dilation_rate, ones)
    pads = pads_of(layer.padding, value.shape[:-1], tuple(window), strides, dilation)
    index = windows_of(places(value), tuple(window), strides, dilation, pads)
    seen = tape.rearranged(value, index.reshape(*index.shape[: len(window)], -1))
    whole = np.zeros((prod(window), channels, channels, multiplier))
    for channel in range(channels):
        whole[:, channel, channel] = kernel.reshape(-1, channels, multiplier)[:, channel]
    weights = whole.reshape(-1, channels * multiplier)
    return tape.weighed(seen, weights, bias, origin="conv")


def depthwise_convolution(tape: Tape, layer: Any, value: Value) -> Value:
    """Return a depthwise convolution before its activation."""
    kernel, *bias = layer.get_weights()
    offset = bias[0] if bias else 0.0
    return channels_last(
        tape, layer, value, lambda value: depthwise(tape, value, layer, kernel, offset)
    )


def separable_convolution(tape: Tape, layer: Any, value: Value) -> Value:
    """Return a depthwise convolution and one of a single position, before its activation."""
    kernel, mixing, *bias = layer.get_weights()

    def inner(value: Value) -> Value:
        spread = depthwise(tape, value, layer, kernel, 0.0)
        return tape.weighed(spread, mixing.reshape(mixing.shape[-2:]), *bias, origin="conv")

    return channels_last(tape, layer, value, inner)


def transposed_convolution(tape: Tape, layer: Any, value: Value) -> Value:
    """Return a transposed convolution: a convolution of the input with zeros between its values.

    The kernel (*window, outputs, inputs) is turned round. Of the full result, ``same`` keeps the
    middle, so that it is the input's size times the stride.
    """
    if getattr(layer, "output_padding", None) not in (None, (None,)):
        raise NotImplementedError(f"{layer.name}: output_padding")
    kernel, *bias = layer.get_weights()
    *window, number, _ = kernel.shape
    ones = (1,) * len(window)
    strides = ones_or(layer.strides, ones)

    def inner(value: Value) -> Value:
        index, pads = places(value), []
        for axis, (taps, stride) in enumerate(zip(window, strides, strict=True)):
            size = index.shape[axis]
            spread = np.full([*index.shape], -1).repeat(stride, axis=axis)
            spread[(slice(None),) * axis + (slice(None, None, stride),)] = index
            index = spread[(slice(None),) * axis + (slice(0, (size - 1) * stride + 1),)]
            full = (size - 1) * stride + taps
            wanted = size * stride if layer.padding == "same" else max(full, size * stride)
            cut = max(taps - stride, 0) // 2 if layer.padding == "same" else 0
            before = taps - 1 - cut
            pads.append((before, wanted + taps - 1 - before - index.shape[axis]))
        index = windows_of(index, tuple(window), ones, ones, pads)
        seen = tape.rearranged(value, index.reshape(*index.shape[: len(window)], -1))
        turned = np.flip(kernel, axis=tuple(range(len(window)))).swapaxes(-1, -2)
        return tape.weighed(seen, turned.reshape(-1, number), *bias, origin="conv")

    return channels_last(tape, layer, value, inner)


def pooled_windows(layer: Any, value: Value) -> Array:
    """Return the windows of a pooling layer (*counts, taps, C)."""
    ones = (1,) * (len(value.shape) - 1)
    window, strides = ones_or(layer.pool_size, ones), ones_or(layer.strides, ones)
    pads = pads_of(layer.padding, value.shape[:-1], window, strides, ones)
    return windows_of(places(value), window, strides, ones, pads)


def max_pooling(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the maximum of each window."""

    def inner(value: Value) -> Value:
        index = pooled_windows(layer, value)
        largest = tape.largest(tape.rearranged(value, index, fill=BELOW_ALL), -2)
        return tape.reshaped(largest, *index.shape[:-2], index.shape[-1])

    return channels_last(tape, layer, value, inner)


def average_pooling(tape: Tape, layer: Any, value: Value) -> Value:
    """Return the mean of each window, padding left out of it."""

    def inner(value: Value) -> Value:
        index = pooled_windows(layer, value)
        total = tape.total(tape.rearranged(value, index), -2)
        mean = tape.scaled(total, 1.0 / (index >= 0).sum(axis=-2, keepdims=True))
        return tape.reshaped(mean, *index.shape[:-2], index.shape[-1])

    return channels_last(tape, layer, value, inner)


def over_positions(tape: Tape, layer: Any, value: Value, *, largest: bool) -> Value:
    """Return the maximum or the mean over all positions."""

    def inner(value: Value) -> Value:
        channels = value.shape[-1]
        flat = tape.reshaped(value, -1, channels)
        result = tape.largest(flat, 0) if largest else tape.mean(flat, 0)
        kept = (1,) * (len(value.shape) - 1) if layer.keepdims else ()
        return tape.reshaped(result, *kept, channels)

    return channels_last(tape, layer, value, inner)


def padded(tape: Tape, layer: Any, value: Value, amounts: Any, *, sign: int) -> Value:
    """Return zero padding (`sign` 1) or cropping (-1) by `amounts` before and after each axis."""
    pairs = [amounts] if isinstance(amounts[0], int) else list(amounts)

    def inner(value: Value) -> Value:
        index = places(value)
        if sign > 0:
            return tape.rearranged(value, np.pad(index, [*pairs, (0, 0)], constant_values=-1))
        ends = zip(pairs, index.shape, strict=False)
        return tape.rearranged(value, index[tuple(slice(a, size - b) for (a, b), size in ends)])

    return channels_last(tape, layer, value, inner)
