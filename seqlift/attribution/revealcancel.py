"""RevealCancel: the positive and the negative part of a difference cross an activation separately.

Rescale gives an activation one multiplier, and where positive and negative inputs cancel it gives
both nothing. RevealCancel keeps the parts of the difference of the activation's input, ``p >= 0``
and ``q <= 0`` with ``p + q = x - x0``, and averages over the two orders of adding them to the
reference (Shrikumar, Greenside and Kundaje 2017, section 3.5.3):

    P = ((f(x0 + p) - f(x0)) + (f(x0 + q + p) - f(x0 + q))) / 2
    Q = ((f(x0 + q) - f(x0)) + (f(x0 + p + q) - f(x0 + p))) / 2

P + Q = f(x) - f(x0). The multiplier of p is P / p and that of q is Q / q, so two multipliers travel
from here down to the node whose inputs the parts are made of. There they become one:

- a matrix product or convolution makes its parts from the differences D of its inputs and its
  kernel K: ``p = K+ D+ + K- D-`` and ``q = K+ D- + K- D+``;
- what is linear with positive weights passes parts on; a negative weight exchanges them;
- another activation, under Rescale, scales both;
- of everything else (the model's input, a maximum, a softmax) the parts are those of the whole
  difference: one of them is zero at each value.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from seqlift.attribution.rules import rescale
from seqlift.device.stored import constant
from seqlift.network.primitives.affine import Scale, WeightedSum
from seqlift.network.primitives.base import Linear, Shape, Weighted
from seqlift.network.primitives.elementwise import Elementwise

Array = Any


class Parts(NamedTuple):
    """The positive and negative part of a difference, or the multipliers of the two parts."""

    positive: Array
    negative: Array


def parts_of(delta: Array) -> Parts:
    """Return a difference as its parts: one of them is zero at each value."""
    return Parts(ops.maximum(delta, 0.0), ops.minimum(delta, 0.0))


def through_activation(function: Elementwise, x0: Array, parts: Parts) -> tuple[Parts, Parts]:
    """Return the parts after `function`, and the multipliers of the parts before it.

    The quotients are Rescale multipliers, so they are exact where a part is zero: then they are the
    derivative on that part's side.
    """
    p, q = parts
    up = 0.5 * (slope(function, x0, p, +1) + slope(function, x0 + q, p, +1))
    down = 0.5 * (slope(function, x0, q, -1) + slope(function, x0 + p, q, -1))
    return Parts(up * p, down * q), Parts(up, down)


def slope(function: Elementwise, start: Array, step: Array, side: int) -> Array:
    """Return (f(start + step) - f(start)) / step; where step is 0, the derivative on its side.

    `side` is 1 for steps up and -1 for steps down. Derivatives at a kink are those on its left.
    """
    end = start + step
    value = rescale(function, end, start, function.function(end), function.function(start))
    if side < 0 or not function.kinks:
        return value
    beyond = start
    for kink in function.kinks:
        beyond = ops.where(ops.equal(start, kink), start + 1e-3 * (1.0 + abs(kink)), beyond)
    return ops.where(ops.equal(step, 0.0), function.derivative(beyond), value)


def parts_after(primitive: Linear, parts: list[Parts]) -> Parts:
    """Return the parts of the output of a linear primitive that passes parts on, (B, *shape)."""
    if isinstance(primitive, Scale):
        factor = constant(primitive.factor, parts[0].positive)
        up, down = ops.maximum(factor, 0.0), ops.minimum(factor, 0.0)
        (p, q) = parts[0]
        return Parts(up * p + down * q, up * q + down * p)
    signed = parts
    if isinstance(primitive, WeightedSum):
        signed = [
            part if weight > 0 else Parts(part.negative, part.positive)
            for part, weight in zip(parts, primitive.weights, strict=True)
        ]
    return Parts(*(primitive.forward(*side) for side in zip(*signed, strict=True)))


def parts_made(primitive: Weighted, delta: Array) -> Parts:
    """Return the parts a kernel makes of the differences of its inputs, (B, *output shape)."""
    up, down = parts_of(delta)
    positive, negative = (with_kernel(primitive, side) for side in parts_of_kernel(primitive))
    return Parts(
        positive.forward(up) + negative.forward(down),
        positive.forward(down) + negative.forward(up),
    )


def multipliers_before(
    primitive: Linear, multipliers: Parts, shapes: tuple[Shape, ...]
) -> tuple[Parts, ...]:
    """Return the multipliers of the parts before a primitive that passes parts on."""
    if isinstance(primitive, Scale):
        factor = constant(primitive.factor, multipliers.positive)
        up, down = ops.maximum(factor, 0.0), ops.minimum(factor, 0.0)
        (p, q) = multipliers
        return (Parts(up * p + down * q, up * q + down * p),)
    sides = [primitive.transpose(side, *shapes) for side in multipliers]
    before = [Parts(*side) for side in zip(*sides, strict=True)]
    if isinstance(primitive, WeightedSum):
        return tuple(
            part if weight > 0 else Parts(part.negative, part.positive)
            for part, weight in zip(before, primitive.weights, strict=True)
        )
    return tuple(before)


def multiplier_before(primitive: Weighted, multipliers: Parts, delta: Array) -> Array:
    """Return the one multiplier of each input of a kernel, (B, *input shape).

    An input that rises reaches the positive part through positive weights and the negative part
    through negative ones, an input that falls the other way round; one that stays has the mean.
    """
    shape = tuple(delta.shape[1:])
    mean = 0.5 * (multipliers.positive + multipliers.negative)
    half = 0.5 * (multipliers.positive - multipliers.negative)
    size = with_kernel(primitive, np.abs(primitive.kernel))
    (even,) = primitive.transpose(mean, shape)
    (odd,) = size.transpose(half, shape)
    return even + ops.sign(delta) * odd


def multiplier_of_whole(multipliers: Parts, delta: Array) -> Array:
    """Return the one multiplier of a difference whose parts are `parts_of` it."""
    p, q = multipliers
    return 0.5 * (p + q) + 0.5 * ops.sign(delta) * (p - q)


def parts_of_kernel(primitive: Weighted) -> tuple[Any, Any]:
    """Return the positive and the negative weights of a kernel, zeros elsewhere."""
    return np.maximum(primitive.kernel, 0.0), np.minimum(primitive.kernel, 0.0)


def with_kernel(primitive: Weighted, kernel: Any) -> Weighted:
    """Return the primitive with another kernel and no bias."""
    return replace(primitive, kernel=kernel, bias=None)
