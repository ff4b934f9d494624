"""The scalar that is explained: its value, its difference, and the multipliers it starts from.

A head sits on one node of the graph. `y` is that node on the sequence, (N, 1, *shape), and `y0` on
the reference, (M, R, *shape), with M = N or 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.propagation.rule import flatten_pairs
from seqlift.attribution.propagation.softmax_quotients import through_softmax
from seqlift.device.stored_weights import constant_tensor
from seqlift.network.primitives.rowwise import mean_along
from seqlift.network.primitives.softmax import softmax

Array = Any


class Head(Protocol):
    """A scalar function of one node."""

    @property
    def node(self) -> int:
        """Number the node that the scalar is computed from."""

    @property
    def numbers(self) -> tuple[Any, ...]:
        """List the arrays that distinguish it from other heads of its class on this node."""

    def with_numbers(self, numbers: Sequence[Any]) -> "Head":
        """Replace these arrays, by tensors too."""

    def value(self, y: Array) -> Array:
        """Compute the scalar of (N, R, *shape): (N, R)."""

    def difference(self, y: Array, y0: Array) -> Array:
        """Compute the value that the contributions of each pair sum to, (N, R)."""

    def seed(self, y: Array, y0: Array) -> Array:
        """Compute the multipliers from the node to the scalar, (N * R, *shape)."""


def sum_over_sample(array: Array) -> Array:
    axes = tuple(range(2, len(array.shape)))
    return ops.sum(array, axis=axes) if axes else array


@dataclass(frozen=True, eq=False)
class WeightedHead:
    """The weighted sum of a node's values; `weights` has the node's shape.

    One unit has weight 1 and the others 0. One class of a softmax, explained before it, has its
    logit less the mean logit, which leaves the class's probability as it is and removes what all
    classes share (Shrikumar et al. 2017, section 3.6).
    """

    node: int
    weights: NDArray[np.floating]

    @property
    def numbers(self) -> tuple[Any, ...]:
        return (self.weights,)

    def with_numbers(self, numbers: Sequence[Any]) -> "WeightedHead":
        return WeightedHead(self.node, *numbers)

    def value(self, y: Array) -> Array:
        return sum_over_sample(y * constant_tensor(self.weights, y))

    def difference(self, y: Array, y0: Array) -> Array:
        return self.value(y) - self.value(y0)

    def seed(self, y: Array, y0: Array) -> Array:
        """Repeat the weights once per pair."""
        return flatten_pairs(ops.zeros_like(y + y0) + constant_tensor(self.weights, y))


@dataclass(frozen=True, eq=False)
class BoxHead:
    """The sum of a node's values over places of each axis; `factors` has the weights of each.

    The weight of a value is the product of those of its places, so that an output of many
    positions and tracks needs no array of its own size. Where a softmax along an axis is explained
    before it, the factor of that axis has its mean taken off, as in `unit_weights`.
    """

    node: int
    factors: tuple[NDArray[np.floating], ...]

    @property
    def numbers(self) -> tuple[Any, ...]:
        return self.factors

    def with_numbers(self, numbers: Sequence[Any]) -> "BoxHead":
        return BoxHead(self.node, tuple(numbers))

    def weights(self, like: Array) -> Array:
        """Multiply the weights of the axes, in the type of an array."""
        rank = len(self.factors)
        shapes = [[-1 if i == axis else 1 for i in range(rank)] for axis in range(rank)]
        terms = [
            ops.reshape(constant_tensor(factor, like), shape)
            for factor, shape in zip(self.factors, shapes, strict=True)
        ]
        return prod(terms[1:], start=terms[0])

    def value(self, y: Array) -> Array:
        return sum_over_sample(y * self.weights(y))

    def difference(self, y: Array, y0: Array) -> Array:
        return self.value(y) - self.value(y0)

    def seed(self, y: Array, y0: Array) -> Array:
        """Repeat the weights once per pair."""
        return flatten_pairs(ops.zeros_like(y + y0) + self.weights(y))


def box_factors(
    shape: tuple[int, ...], spans: Sequence[tuple[int, int]], *, centred: int | None
) -> tuple[NDArray[np.float64], ...]:
    """Weigh the places of each axis: 1 from the first of a span up to its second, 0 elsewhere.

    The mean over the axis `centred` is taken off the weights of that axis.
    """
    factors = []
    for axis, (extent, (first, last)) in enumerate(zip(shape, spans, strict=True)):
        factor = np.zeros(extent)
        factor[first:last] = 1.0
        factors.append(factor - factor.mean() if axis == centred else factor)
    return tuple(factors)


@dataclass(frozen=True, slots=True)
class ProfileHead:
    """A profile's logits, mean-normalised over positions, weighed by their softmax and summed.

    The node is (positions,) or (positions, tracks); each track has a softmax of its own and tracks
    are added. As chrombpnet computes it (`complete` false) the probabilities only weigh: the
    contributions sum to ``sum((p + p0) / 2 * (l - l0))``, l the mean-normalised logits. With
    `complete` the probabilities are explained too, and the sum is the difference of ``sum(p * l)``.
    """

    node: int
    complete: bool

    @property
    def numbers(self) -> tuple[Any, ...]:
        return ()

    def with_numbers(self, numbers: Sequence[Any]) -> "ProfileHead":
        return self

    def value(self, y: Array) -> Array:
        """Compute ``sum(p * l)``."""
        logits = less_mean_class(y)
        return sum_over_sample(softmax(logits, 2) * logits)

    def difference(self, y: Array, y0: Array) -> Array:
        """Compute the difference of the values, or with fixed mean probabilities, of the logits."""
        if self.complete:
            return self.value(y) - self.value(y0)
        weight = 0.5 * (softmax(y, 2) + softmax(y0, 2))
        return sum_over_sample(weight * (less_mean_class(y) - less_mean_class(y0)))

    def seed(self, y: Array, y0: Array) -> Array:
        """Average the probabilities, and with `complete` add the softmax's share, centred."""
        logits, logits0 = less_mean_class(y), less_mean_class(y0)
        p, p0 = softmax(logits, 2), softmax(logits0, 2)
        seed = flatten_pairs(0.5 * (p + p0))
        if self.complete:
            through = through_softmax(logits, logits0, axis=2)
            # the midpoint of p times l
            seed = seed + through(flatten_pairs(0.5 * (logits + logits0)))
        # the transpose of taking the mean off the logits
        return seed - mean_along(seed, 1, keepdims=True)


def less_mean_class(logits: Array) -> Array:
    """Subtract the mean over positions from (N, R, positions, ...)."""
    # softmax does not see what all positions share
    return logits - mean_along(logits, 2, keepdims=True)


def unit_weights(
    shape: tuple[int, ...], index: int | None, *, centred: bool
) -> NDArray[np.float64]:
    """Make the weights of unit `index` of the last axis, or of the sum of all units.

    `centred` subtracts the mean over the units: the weights of a softmax logit.
    """
    weights = np.ones(shape) if index is None else np.zeros(shape)
    if index is not None:
        weights[..., index] = 1.0
    return weights - 1.0 / shape[-1] if centred else weights  # Shrikumar et al. 2017, section 3.6
