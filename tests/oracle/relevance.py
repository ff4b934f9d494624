"""Relevance propagation through a Sequential model, layer by layer as one matrix each, in float64.

Every layer of weights or means is written as a matrix W and a bias b, found by handing it unit
vectors, so that each rule is a line on whole matrices. Shares no code with the engine.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Share = Callable[[Array, Array, Array, Array], Array]
"""From inputs (in,), weights (in, out), biases (out,) and relevance (out,) to relevance (in,)."""

MEANS = ("AveragePooling", "GlobalAveragePooling")


@dataclass(frozen=True)
class Block:
    """A layer: an affine map, or the maximum of each of some groups of its inputs."""

    kind: str
    weights: Array
    bias: Array
    relu: bool = False

    def forward(self, a: Array) -> Array:
        if self.kind == "max":
            return np.asarray(a[self.weights].max(axis=1))
        z = a @ self.weights + self.bias
        return np.maximum(z, 0.0) if self.relu else z


def blocks_of(model: Any) -> list[Block]:
    """List the layers of a model, each batch normalisation in the layer of weights before it."""
    blocks: list[Block] = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ("InputLayer", "Dropout", "Flatten"):  # values are flat here
            continue
        if kind == "Activation":
            blocks[-1] = replace(blocks[-1], relu=layer.activation.__name__ == "relu")
        elif kind == "BatchNormalization":
            blocks[-1] = folded(blocks[-1], layer)
        elif kind.startswith("MaxPooling"):
            blocks.append(Block("max", groups_of(layer), np.zeros(0)))
        else:
            blocks.append(affine(layer, kind))
    return blocks


def affine(layer: Any, kind: str) -> Block:
    """Write a layer without its activation as a matrix, one unit vector after another."""
    shape = tuple(layer.input.shape[1:])
    activation = getattr(layer, "activation", None)
    size = int(np.prod(shape))
    units = np.concatenate([np.zeros((1, size)), np.eye(size)]).reshape(-1, *shape)
    if activation is not None:
        layer.activation = lambda x: x
    found = np.asarray(layer(units), np.float64).reshape(size + 1, -1)
    if activation is not None:
        layer.activation = activation
    plain = found[0] if getattr(layer, "use_bias", False) else np.zeros(found.shape[1])
    if kind.startswith(MEANS):
        kind = "mean"
    relu = activation is not None and activation.__name__ == "relu"
    return Block(kind, found[1:] - plain, plain, relu)


def folded(block: Block, norm: Any) -> Block:
    gamma, beta, mean, variance = (np.asarray(v, np.float64) for v in norm.get_weights())
    factor = gamma / np.sqrt(variance + norm.epsilon)
    copies = block.weights.shape[1] // len(factor)
    factors, means, betas = (np.tile(v, copies) for v in (factor, mean, beta))
    return replace(
        block, weights=block.weights * factors, bias=(block.bias - means) * factors + betas
    )


def groups_of(pool: Any) -> Array:
    """List the inputs of each output of a valid max pooling: (outputs, window)."""
    *sizes, channels = pool.input.shape[1:]
    numbers = np.arange(int(np.prod(sizes)) * channels).reshape(*sizes, channels)
    windows = np.lib.stride_tricks.sliding_window_view(
        numbers, tuple(pool.pool_size), axis=tuple(range(len(sizes)))
    )
    windows = windows[tuple(slice(None, None, stride) for stride in pool.strides)]
    return windows.reshape(-1, int(np.prod(pool.pool_size)))


def relevance_of(
    model: Any, x: Array, head: Array, shares: Callable[[int, Block], Share], pool: str
) -> Array:
    """Share the output ``head @ logits`` of one input out to its values.

    `shares` chooses the rule of each layer of weights by its number and block; `pool` is ``winner``
    or ``proportional``.
    """
    blocks = blocks_of(model)
    values = [x.astype(np.float64).ravel()]
    for i, block in enumerate(blocks):
        last = i == len(blocks) - 1
        values.append((replace(block, relu=False) if last else block).forward(values[-1]))
    relevance = head * values[-1]
    for i, block in reversed(list(enumerate(blocks))):
        a = values[i]
        if block.kind == "max":
            relevance = from_maximum(a, block.weights, relevance, pool)
        elif block.kind == "mean":
            relevance = proportional(0.0)(a, block.weights, block.bias, relevance)
        else:
            relevance = shares(i, block)(a, block.weights, block.bias, relevance)
    return relevance.reshape(x.shape)


def from_maximum(a: Array, groups: Array, relevance: Array, pool: str) -> Array:
    found = np.zeros_like(a)
    for group, amount in zip(groups, relevance, strict=True):
        if pool == "winner":
            found[group[a[group].argmax()]] += amount
        elif a[group].sum():
            found[group] += a[group] / a[group].sum() * amount
    return found


def divided(amount: Array, total: Array) -> Array:
    return np.divide(amount, total, out=np.zeros_like(total), where=total != 0.0)


def proportional(epsilon: float) -> Share:
    """LRP-epsilon."""

    def share(a: Array, w: Array, b: Array, r: Array) -> Array:
        z = a @ w + b
        return np.asarray(a * (w @ divided(r, z + epsilon * np.where(z < 0.0, -1.0, 1.0))))

    return share


def alpha_beta(alpha: float, beta: float) -> Share:
    def share(a: Array, w: Array, b: Array, r: Array) -> Array:
        terms = a[:, None] * w
        up, down = np.maximum(terms, 0.0), np.minimum(terms, 0.0)
        plus = up @ divided(r, up.sum(axis=0) + np.maximum(b, 0.0))
        minus = down @ divided(r, down.sum(axis=0) + np.minimum(b, 0.0))
        return np.asarray(alpha * plus - beta * minus)

    return share


def z_plus(a: Array, w: Array, b: Array, r: Array) -> Array:
    positive = np.maximum(w, 0.0)
    return np.asarray(a * (positive @ (r / (a @ positive + 1e-10))))


def z_box(a: Array, w: Array, b: Array, r: Array) -> Array:
    terms = a[:, None] * w - np.minimum(w, 0.0)
    return np.asarray(terms @ divided(r, terms.sum(axis=0)))


def w_squared(a: Array, w: Array, b: Array, r: Array) -> Array:
    return np.asarray(w**2 @ divided(r, (w**2).sum(axis=0)))


def layers_of_weights(model: Any) -> Iterator[int]:
    """Yield the numbers of the layers of weights."""
    for i, block in enumerate(blocks_of(model)):
        if block.kind not in ("max", "mean"):
            yield i
