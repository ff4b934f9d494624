"""How the parts of a difference, and the two multipliers of them, pass through linear primitives.

- A matrix product or convolution makes its parts from the differences D of its inputs and its
  kernel K: ``p = K+ D+ + K- D-`` and ``q = K+ D- + K- D+``; there two multipliers become one.
- What is linear with positive weights passes parts on; a negative weight exchanges them.

The source of the parts is RevealCancel (`seqlift.attribution.rules.revealcancel`).
"""

from dataclasses import replace
from typing import Any

from keras import ops

from seqlift.attribution.propagation.rule import Parts, Two, parts_of
from seqlift.device.stored_weights import Change, constant_tensor, negative, positive, sizes
from seqlift.network.primitives.affine import Scale, WeightedSum
from seqlift.network.primitives.base import Linear, Shape, Weighted

Array = Any


def parts_after(primitive: Linear, parts: tuple[Parts, ...]) -> Parts:
    """Pass the parts of the inputs' differences on through a linear primitive, (B, *shape)."""
    if isinstance(primitive, Scale):
        return Parts(*scaled_sides(primitive, *parts[0]))
    sides = parts
    if isinstance(primitive, WeightedSum):
        sides = tuple(
            part if weight > 0 else Parts(part.negative, part.positive)
            for part, weight in zip(parts, primitive.weights, strict=True)
        )
    return Parts(*(primitive.forward(*side) for side in zip(*sides, strict=True)))


def parts_made(primitive: Weighted, delta: Array) -> Parts:
    """Make the parts of a kernel's output from the differences of its inputs, (B, *shape)."""
    up, down = parts_of(delta)
    rising, falling = (with_weights(primitive, side) for side in (positive, negative))
    return Parts(
        rising.forward(up) + falling.forward(down),  # K+ D+ + K- D-: what raises the output
        rising.forward(down) + falling.forward(up),
    )


def both_before(primitive: Linear, both: Two, shapes: tuple[Shape, ...]) -> tuple[Two, ...]:
    """Propagate two multipliers through a linear primitive that passes parts on."""
    if isinstance(primitive, Scale):
        return (Two(*scaled_sides(primitive, both.positive, both.negative)),)
    sides = [primitive.transpose(side, *shapes) for side in (both.positive, both.negative)]
    before = tuple(Two(*side) for side in zip(*sides, strict=True))
    if isinstance(primitive, WeightedSum):
        return tuple(
            two if weight > 0 else Two(two.negative, two.positive)
            for two, weight in zip(before, primitive.weights, strict=True)
        )
    return before


def scaled_sides(scale: Scale, positive: Array, negative: Array) -> tuple[Array, Array]:
    factor = constant_tensor(scale.factor, positive)
    # a negative factor exchanges the sides
    up, down = ops.maximum(factor, 0.0), ops.minimum(factor, 0.0)
    return up * positive + down * negative, up * negative + down * positive


def one_before(primitive: Weighted, both: Two, delta: Array) -> Array:
    """Merge two multipliers at a kernel into one for each of its inputs, (B, *input shape).

    An input that rises reaches the positive part through positive weights and the negative part
    through negative ones, an input that falls the other way round; one that stays has the mean.
    """
    shape = tuple(delta.shape[1:])
    mean = 0.5 * (both.positive + both.negative)
    half = 0.5 * (both.positive - both.negative)
    # K+ = (K + |K|) / 2 and K- = (K - |K|) / 2, so that two transposes do the work of four.
    (even,) = primitive.transpose(mean, shape)
    (odd,) = with_weights(primitive, sizes).transpose(half, shape)
    return even + ops.sign(delta) * odd  # 0 where nothing changed: the mean, as in the original


def one_of(both: Two, delta: Array) -> Array:
    """Merge two multipliers of a difference of which one part is zero into one."""
    p, q = both.positive, both.negative
    return 0.5 * (p + q) + 0.5 * ops.sign(delta) * (p - q)


def with_weights(primitive: Weighted, change: Change) -> Weighted:
    """Change the weights of a primitive, and drop its bias."""
    return replace(primitive, changes=(*primitive.changes, change), bias=None)


def with_kernel(primitive: Weighted, kernel: Any) -> Weighted:
    """Replace the kernel of a primitive, and drop its bias."""
    return replace(primitive, kernel=kernel, bias=None)  # a bias drops out of every difference
