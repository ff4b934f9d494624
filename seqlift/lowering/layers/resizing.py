"""Layers that repeat values or put new ones between them."""

from typing import Any

import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from seqlift.lowering.compositions.place import Lower, Place, channels_last
from seqlift.network.primitives.affine import Scale, WeightedSum
from seqlift.network.primitives.shape import Broadcast, Reshape, Take

# More than the positions any of Keras's interpolations reads, the most being the 11 of lanczos5.
COMB = 16


def lower_repeat_vector(layer: layers.RepeatVector, place: Place, node: int) -> int:
    (channels,) = place.shape(node)
    row = place.add(Reshape((1, channels)), node)
    return place.add(Broadcast((layer.n, channels)), row)


def lower_upsampling(layer: Any, place: Place, node: int) -> int:
    factors = layer.size if isinstance(layer.size, tuple | list) else (layer.size,)
    interpolation = getattr(layer, "interpolation", "nearest")

    def lowered(source: int) -> int:
        for axis, factor in enumerate(factors):
            if factor > 1 and interpolation == "nearest":
                source = repeated(place, source, axis, factor)
            elif factor > 1:
                source = interpolated(place, source, axis, factor, interpolation)
        return source

    return channels_last(layer, place, node, lowered)


def repeated(place: Place, source: int, axis: int, factor: int) -> int:
    """Repeat each value along `axis` `factor` times in place."""
    shape = place.shape(source)
    before, after = shape[: axis + 1], shape[axis + 1 :]
    apart = place.add(Reshape((*before, 1, *after)), source)
    several = place.add(Broadcast((*before, factor, *after)), apart)
    return place.add(Reshape((*shape[:axis], shape[axis] * factor, *after)), several)


def interpolated(place: Place, source: int, axis: int, factor: int, kind: str) -> int:
    """Interpolate `factor` times as many values along `axis`, each a sum of neighbours."""
    shape = place.shape(source)
    indices, weights = neighbours(shape[axis], factor, kind)
    column = (-1,) + (1,) * (len(shape) - 1 - axis)
    terms = []
    for taken, weight in zip(indices, weights, strict=True):
        term = place.add(Take(axis, tuple(taken.tolist())), source)
        terms.append(place.add(Scale(weight.reshape(column), np.zeros(1)), term))
    return terms[0] if len(terms) == 1 else place.add(WeightedSum((1.0,) * len(terms)), *terms)


def neighbours(size: int, factor: int, kind: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the positions of an axis between which Keras interpolates, and their weights.

    Both are (terms, size * factor). The weights are Keras's own: its result for a comb, in which
    position i is 1 in channel i modulo `COMB` and 0 in the others.
    """
    teeth = np.arange(size)[:, None] % COMB == np.arange(COMB)
    comb = ops.convert_to_tensor(teeth[None, :, None].astype(np.float32))
    made = ops.image.resize(
        comb, (size * factor, 1), interpolation=kind, data_format="channels_last"
    )
    weights = np.asarray(ops.convert_to_numpy(made))[0, :, 0]
    centre = np.arange(size * factor)[:, None] // factor
    # Of the positions with one tooth the nearest: no interpolation reads half a comb away.
    nearest = centre + (np.arange(COMB) - centre + COMB // 2) % COMB - COMB // 2
    order = np.argsort(-np.abs(weights), axis=1, kind="stable")
    terms = int(np.count_nonzero(weights, axis=1).max())
    kept = order[:, :terms]
    weights = np.take_along_axis(weights, kept, axis=1)
    indices = np.clip(np.take_along_axis(nearest, kept, axis=1), 0, size - 1)  # of weight 0 outside
    return indices.T, weights.T


RESIZING_LAYERS: dict[type, Lower] = {
    layers.RepeatVector: lower_repeat_vector,
    layers.UpSampling1D: lower_upsampling,
    layers.UpSampling2D: lower_upsampling,
    layers.UpSampling3D: lower_upsampling,
}
