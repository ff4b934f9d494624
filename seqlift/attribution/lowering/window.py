"""Layers that slide a window along one or two axes: convolution, pooling, padding, cropping."""

from typing import Any

from keras import layers

from seqlift.attribution.lowering.activation import activate
from seqlift.attribution.lowering.place import Lower, Place, channels_last, weights_of
from seqlift.attribution.primitives.affine import Mean
from seqlift.attribution.primitives.base import Primitive, Shape
from seqlift.attribution.primitives.convolution import Convolution, same_pads
from seqlift.attribution.primitives.pooling import AveragePool, MaxPool, Pooling
from seqlift.attribution.primitives.shape import Pad, Reshape


def lower_convolution(layer: Any, at: Place, node: int) -> int:
    """Return a convolution and the activation, for one or two axes."""
    kernel = weights_of(layer.kernel)
    bias = weights_of(layer.bias) if layer.use_bias else None

    def lowered(source: int) -> int:
        sizes = at.shape(source)[:-1]
        pads = tuple(
            padding(layer.padding, size, kernel=taps, stride=stride, dilation=dilation)
            for size, taps, stride, dilation in zip(
                sizes, kernel.shape, layer.strides, layer.dilation_rate, strict=False
            )
        )
        strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
        return at.add(
            fitting(Convolution(kernel, bias, strides, dilation, pads), at, source), source
        )

    return activate(layer.activation, at, channels_last(layer, at, node, lowered))


def padding(kind: str, size: int, *, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Return the zeros before and after an axis for Keras's valid, same and causal padding."""
    if kind == "same":
        return same_pads(size, kernel=kernel, stride=stride, dilation=dilation)
    return ((kernel - 1) * dilation, 0) if kind == "causal" else (0, 0)


def fitting(primitive: Primitive, at: Place, node: int) -> Primitive:
    """Return `primitive` if at least one of its windows fits the node, or refuse."""
    if min(primitive.shape(at.shape(node))) < 1:
        raise at.refuse(
            f"is given {at.shape(node)[0]} positions, too few for one of its windows;"
            " give longer regions, or --length"
        )
    return primitive


def pooling_of(layer: Any, shape: Shape) -> Pooling:
    """Return the windows of a Keras pooling layer over `shape`."""
    pads = tuple(
        padding(layer.padding, size, kernel=window, stride=stride, dilation=1)
        for size, window, stride in zip(shape, layer.pool_size, layer.strides, strict=False)
    )
    return Pooling(tuple(layer.pool_size), tuple(layer.strides), pads)


def lower_max_pool(layer: Any, at: Place, node: int) -> int:
    """Return max pooling over one or two axes."""

    def lowered(source: int) -> int:
        return at.add(fitting(MaxPool(pooling_of(layer, at.shape(source))), at, source), source)

    return channels_last(layer, at, node, lowered)


def lower_average_pool(layer: Any, at: Place, node: int) -> int:
    """Return average pooling over one or two axes."""

    def lowered(source: int) -> int:
        return at.add(fitting(AveragePool(pooling_of(layer, at.shape(source))), at, source), source)

    return channels_last(layer, at, node, lowered)


def lower_global_max(layer: Any, at: Place, node: int) -> int:
    """Return max pooling with one window over everything."""

    def lowered(source: int) -> int:
        *sizes, channels = at.shape(source)
        pooling = Pooling(tuple(sizes), tuple(sizes), ((0, 0),) * len(sizes))
        pooled = at.add(MaxPool(pooling), source)
        return pooled if layer.keepdims else at.add(Reshape((channels,)), pooled)

    return channels_last(layer, at, node, lowered)


def lower_global_average(layer: Any, at: Place, node: int) -> int:
    """Return the mean over every position."""

    def lowered(source: int) -> int:
        axes = tuple(range(len(at.shape(source)) - 1))
        return at.add(Mean(axes, keepdims=layer.keepdims), source)

    return channels_last(layer, at, node, lowered)


def lower_pads(attribute: str, sign: int) -> Lower:
    """Return the lowering of zero padding (sign 1) or cropping (sign -1)."""

    def lower(layer: Any, at: Place, node: int) -> int:
        amounts = getattr(layer, attribute)
        pairs = [amounts] if isinstance(amounts[0], int) else list(amounts)
        pads = tuple((sign * low, sign * high) for low, high in pairs)

        def lowered(source: int) -> int:
            return at.add(fitting(Pad((*pads, (0, 0))), at, source), source)

        return channels_last(layer, at, node, lowered)

    return lower


WINDOW_LAYERS: dict[type, Lower] = {
    layers.Conv1D: lower_convolution,
    layers.Conv2D: lower_convolution,
    layers.MaxPooling1D: lower_max_pool,
    layers.MaxPooling2D: lower_max_pool,
    layers.AveragePooling1D: lower_average_pool,
    layers.AveragePooling2D: lower_average_pool,
    layers.GlobalMaxPooling1D: lower_global_max,
    layers.GlobalMaxPooling2D: lower_global_max,
    layers.GlobalAveragePooling1D: lower_global_average,
    layers.GlobalAveragePooling2D: lower_global_average,
    layers.Cropping1D: lower_pads("cropping", -1),
    layers.Cropping2D: lower_pads("cropping", -1),
    layers.ZeroPadding1D: lower_pads("padding", 1),
    layers.ZeroPadding2D: lower_pads("padding", 1),
}
