"""Pooling layers with a fixed number of windows, whatever the size of the axis."""

from collections.abc import Callable
from typing import Any

from keras import layers

from seqlift.lowering.compositions.place import Lower, Place, channels_last
from seqlift.network.primitives.base import Primitive, Shape
from seqlift.network.primitives.pooling import AveragePool, MaxPool, Pooling
from seqlift.network.primitives.shape import Concatenate, Take

Pool = Callable[[Pooling], Primitive]


def windows(size: int, count: int) -> list[range]:
    """Divide an axis of `size` values into `count` windows.

    Window i goes from floor(i * size / count) to ceil((i + 1) * size / count): of one size, or of
    two that differ by one, with overlaps.
    """
    return [range(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def pooled(place: Place, source: int, counts: Shape, pool: Pool, sizes: Shape = ()) -> int:
    """Pool `source` to `counts` windows along its axes, channels last.

    `sizes` are the sizes of windows along the axes before, where the windows already follow each
    other. Along the next axis the windows of each size are put one after another, pooled, and put
    back in order.
    """
    axis = len(sizes)
    if axis == len(counts):
        return place.add(pool(Pooling(sizes, sizes, ((0, 0),) * axis)), source)
    found = windows(place.shape(source)[axis], counts[axis])
    numbers = sorted(range(len(found)), key=lambda i: len(found[i]))  # stable
    parts = []
    for size in sorted(set(map(len, found))):
        taken = tuple(i for window in found if len(window) == size for i in window)
        whole = taken == tuple(range(place.shape(source)[axis]))
        part = source if whole else place.add(Take(axis, taken), source)
        parts.append(pooled(place, part, counts, pool, (*sizes, size)))
    if len(parts) == 1:
        return parts[0]
    back = tuple(sorted(range(len(numbers)), key=numbers.__getitem__))
    return place.add(Take(axis, back), place.add(Concatenate(axis), *parts))


def lower_adaptive(pool: Pool) -> Lower:
    def lower(layer: Any, place: Place, node: int) -> int:
        counts = tuple(layer.output_size)
        return channels_last(layer, place, node, lambda source: pooled(place, source, counts, pool))

    return lower


ADAPTIVE_LAYERS: dict[type, Lower] = {
    layers.AdaptiveAveragePooling1D: lower_adaptive(AveragePool),
    layers.AdaptiveAveragePooling2D: lower_adaptive(AveragePool),
    layers.AdaptiveMaxPooling1D: lower_adaptive(MaxPool),
    layers.AdaptiveMaxPooling2D: lower_adaptive(MaxPool),
}
