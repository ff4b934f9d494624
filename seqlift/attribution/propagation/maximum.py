"""Max pooling: each window's difference goes to the values that made it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from seqlift.attribution.propagation.rule import NodeView, flatten_pairs
from seqlift.network.primitives.pooling import MaxPool

Array = Any

TIE = 2  # roundings, relative, by which values that tie may differ: one of each (decision 0015)
LOWEST = -1e30  # below any activation


def between_winners(node: NodeView) -> Callable[[Array], Array]:
    """Split the difference of each window between its two winners (`share_of_maximum`)."""
    pool = node.primitive
    x, x0 = unfold_windows(pool, node.x[0]), unfold_windows(pool, node.x0[0])
    y, y0 = ops.expand_dims(node.y, -2), ops.expand_dims(node.y0, -2)
    return folded(node, share_of_maximum(x, x0, y, y0))


def to_first_winner(node: NodeView) -> Callable[[Array], Array]:
    """Give the multiplier of each window to its first winner on the sequence.

    As in the original DeepLIFT, whose scores then sum to the difference only where all values of a
    window are equal on the reference.
    """
    pool = node.primitive
    x, x0 = unfold_windows(pool, node.x[0]), unfold_windows(pool, node.x0[0])
    y = ops.expand_dims(node.y, -2)
    wins = ops.cast(ops.equal(x, y), x.dtype)
    # Of equal values the first, as in the gradient of TensorFlow's max pooling, the original's.
    first = wins * ops.cast(ops.equal(ops.cumsum(wins, axis=-2), 1.0), x.dtype)
    return folded(node, first * ops.ones_like(x0))  # once per reference, which has no say in it


def folded(node: NodeView, factor: Array) -> Callable[[Array], Array]:
    """Multiply each window by `factor`, and add up what overlapping windows give a value."""
    flat, shape = flatten_pairs(factor), tuple(node.x[0].shape[2:])
    fold = node.primitive.pooling.fold
    return lambda multiplier: fold(ops.expand_dims(multiplier, -2) * flat, shape)


def share_of_maximum(x: Array, x0: Array, y: Array, y0: Array) -> Array:
    """Split the difference of a maximum between its two winners, (N, R, *counts, window, C).

    Where the maximum rises, the winner on the sequence made it rise; where it falls, the winner on
    the reference made it fall. That is the split of the difference over the two winners,
    max(y, y0) - y0 to the one and y - max(y, y0) to the other, as one of them is always zero.

    Of several winners, the difference is that of those that are also the largest on the other side:
    on the straight line from reference to sequence, they are the maximum all along. They share it.
    A value two roundings below a maximum has won too: a palindrome has one score on both strands,
    but its terms were added in two orders.
    """
    # Of the ways to split a maximum, decision 0004 has the reasons of this one.
    rises = y >= y0
    rounding = TIE * np.finfo(ops.dtype(x)).eps * ops.maximum(ops.abs(y), ops.abs(y0))
    wins = ops.where(rises, x >= y - rounding, x0 >= y0 - rounding)
    other = ops.where(wins, ops.where(rises, x0, x), LOWEST)
    wins = ops.logical_and(wins, other >= ops.max(other, axis=-2, keepdims=True) - rounding)
    delta = x - x0
    still = ops.equal(delta, 0.0)
    # A winner that stays where it was: so does the maximum, which follows it with slope 1.
    ratio = ops.where(still, 1.0, (y - y0) / ops.where(still, ops.ones_like(delta), delta))
    share = ops.cast(wins, x.dtype)
    number = ops.sum(share, axis=-2, keepdims=True)  # whole numbers: exact in any order
    return ratio * share / number


def unfold_windows(pool: MaxPool, array: Array) -> Array:
    """Unfold (N, R, *sizes, C) to windows (N, R, *counts, window, C)."""
    unfolded = pool.unfold(flatten_pairs(array))
    return ops.reshape(unfolded, (*array.shape[:2], *unfolded.shape[1:]))
