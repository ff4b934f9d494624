"""Layers that slide a window along the axes: convolution, pooling, padding, cropping."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import layers
from numpy.typing import NDArray

from seqlift.lowering.compositions.composition import scale_node
from seqlift.lowering.compositions.place import Lower, Place, channels_last, weights_of
from seqlift.lowering.layers.activation import activate
from seqlift.lowering.layers.masks import constant_mask
from seqlift.network.primitives.affine import Mean, Sum
from seqlift.network.primitives.base import Primitive, Shape
from seqlift.network.primitives.convolution import (
    Convolution,
    TransposedConvolution,
    reach_of,
    same_pads,
)
from seqlift.network.primitives.depthwise import Depthwise
from seqlift.network.primitives.pooling import AveragePool, MaxPool, Pooling
from seqlift.network.primitives.shape import Pad, Pads, Reshape


def lower_convolution(layer: Any, place: Place, node: int) -> int:
    kernel, bias = weights_of(layer.kernel), layer_bias(layer)

    def lowered(source: int) -> int:
        strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
        pads = pads_of(layer, place.shape(source)[:-1], kernel)
        primitive = Convolution(kernel, bias, strides, dilation, pads)
        return place.add(fitting(primitive, place, source), source)

    return activate(layer.activation, place, channels_last(layer, place, node, lowered))


def lower_depthwise(layer: Any, place: Place, node: int) -> int:
    kernel, bias = weights_of(layer.kernel), layer_bias(layer)

    def lowered(source: int) -> int:
        return add_depthwise(layer, kernel, bias, place, source)

    return activate(layer.activation, place, channels_last(layer, place, node, lowered))


def lower_separable(layer: Any, place: Place, node: int) -> int:
    """Lower a convolution of each channel by itself, one of one position, and the activation."""
    kernel, bias = weights_of(layer.pointwise_kernel), layer_bias(layer)

    def lowered(source: int) -> int:
        own = add_depthwise(layer, weights_of(layer.depthwise_kernel), None, place, source)
        ones, rank = (1,) * layer.rank, layer.rank
        return place.add(Convolution(kernel, bias, ones, ones, ((0, 0),) * rank), own)

    return activate(layer.activation, place, channels_last(layer, place, node, lowered))


def add_depthwise(
    layer: Any,
    kernel: NDArray[np.floating],
    bias: NDArray[np.floating] | None,
    place: Place,
    source: int,
) -> int:
    strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
    pads = pads_of(layer, place.shape(source)[:-1], kernel)
    return place.add(
        fitting(Depthwise(kernel, bias, strides, dilation, pads), place, source), source
    )


def lower_transposed_convolution(layer: Any, place: Place, node: int) -> int:
    """Lower a transposed convolution and its activation.

    Its padding is that of the convolution that leads from its output back to its input.
    """
    kernel, bias = weights_of(layer.kernel), layer_bias(layer)
    strides, dilation = tuple(layer.strides), tuple(layer.dilation_rate)

    def lowered(source: int) -> int:
        counts = place.shape(source)[:-1]
        spans = zip(counts, strides, reach_of(kernel, dilation), strict=True)
        whole = [(count - 1) * stride + reach + 1 for count, stride, reach in spans]
        sizes = transposed_sizes(layer, counts)
        missing = [span - size for span, size in zip(whole, sizes, strict=True)]
        # an odd one after
        low = [max(extent, 0) // 2 if layer.padding == "same" else 0 for extent in missing]
        pads = tuple((before, extent - before) for before, extent in zip(low, missing, strict=True))
        return place.add(
            TransposedConvolution(kernel, bias, strides, dilation, pads, sizes), source
        )

    return activate(layer.activation, place, channels_last(layer, place, node, lowered))


def transposed_sizes(layer: Any, counts: Sequence[int]) -> Shape:
    """Compute the output sizes of a transposed convolution of `counts` positions."""
    first = layer.data_format == "channels_first"
    shape = (None, None, *counts) if first else (None, *counts, None)
    output = layer.compute_output_shape(shape)  # Keras infers it from padding and output_padding
    return tuple(output[2:] if first else output[1:-1])


def layer_bias(layer: Any) -> NDArray[np.floating] | None:
    return weights_of(layer.bias) if layer.use_bias else None


def pads_of(layer: Any, sizes: Sequence[int], kernel: NDArray[np.floating]) -> Pads:
    axes = zip(sizes, kernel.shape, layer.strides, layer.dilation_rate, strict=False)
    return tuple(
        padding(layer.padding, size, kernel=taps, stride=stride, dilation=dilation)
        for size, taps, stride, dilation in axes
    )


def padding(kind: str, size: int, *, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """Compute the zeros around an axis for Keras's valid, same and causal padding."""
    if kind == "same":
        return same_pads(size, kernel=kernel, stride=stride, dilation=dilation)
    return ((kernel - 1) * dilation, 0) if kind == "causal" else (0, 0)  # none after: no look ahead


def fitting(primitive: Primitive, place: Place, node: int) -> Primitive:
    """Refuse a primitive none of whose windows fits the node."""
    if min(primitive.shape(place.shape(node))) < 1:
        raise place.refuse(
            f"reads {place.shape(node)[0]} positions, too few for one of its windows;"
            " give longer regions, or --length"
        )
    return primitive


def pooling_of(layer: Any, shape: Shape) -> Pooling:
    pads = tuple(
        padding(layer.padding, size, kernel=window, stride=stride, dilation=1)
        for size, window, stride in zip(shape, layer.pool_size, layer.strides, strict=False)
    )
    return Pooling(tuple(layer.pool_size), tuple(layer.strides), pads)


def lower_max_pool(layer: Any, place: Place, node: int) -> int:
    def lowered(source: int) -> int:
        return place.add(
            fitting(MaxPool(pooling_of(layer, place.shape(source))), place, source), source
        )

    return channels_last(layer, place, node, lowered)


def lower_average_pool(layer: Any, place: Place, node: int) -> int:
    def lowered(source: int) -> int:
        return place.add(
            fitting(AveragePool(pooling_of(layer, place.shape(source))), place, source), source
        )

    return channels_last(layer, place, node, lowered)


def lower_global_max(layer: Any, place: Place, node: int) -> int:
    def lowered(source: int) -> int:
        *sizes, channels = place.shape(source)
        pooling = Pooling(tuple(sizes), tuple(sizes), ((0, 0),) * len(sizes))
        pooled = place.add(MaxPool(pooling), source)
        return pooled if layer.keepdims else place.add(Reshape((channels,)), pooled)

    return channels_last(layer, place, node, lowered)


def lower_global_average(layer: Any, place: Place, node: int, *, mask: Any = None) -> int:
    """Average over every position, or over those that a constant mask keeps."""
    kept = None if mask is None else constant_mask(place, mask, "mask", rank=1)

    def lowered(source: int) -> int:
        if kept is not None:
            weighed = scale_node(place, source, kept[:, None] / kept.sum())
            return place.add(Sum((0,), keepdims=layer.keepdims), weighed)
        axes = tuple(range(len(place.shape(source)) - 1))
        return place.add(Mean(axes, keepdims=layer.keepdims), source)

    return channels_last(layer, place, node, lowered)


def lower_pads(attribute: str, sign: int) -> Lower:
    """Make the lowering of zero padding (sign 1) or cropping (sign -1)."""

    def lower(layer: Any, place: Place, node: int) -> int:
        amounts = getattr(layer, attribute)
        pairs = [amounts] if isinstance(amounts[0], int) else list(amounts)
        pads = tuple((sign * low, sign * high) for low, high in pairs)

        def lowered(source: int) -> int:
            return place.add(fitting(Pad((*pads, (0, 0))), place, source), source)

        return channels_last(layer, place, node, lowered)

    return lower


WINDOW_LAYERS: dict[type, Lower] = {
    layers.Conv1D: lower_convolution,
    layers.Conv2D: lower_convolution,
    layers.Conv3D: lower_convolution,
    layers.Conv1DTranspose: lower_transposed_convolution,
    layers.Conv2DTranspose: lower_transposed_convolution,
    layers.Conv3DTranspose: lower_transposed_convolution,
    layers.DepthwiseConv1D: lower_depthwise,
    layers.DepthwiseConv2D: lower_depthwise,
    layers.SeparableConv1D: lower_separable,
    layers.SeparableConv2D: lower_separable,
    layers.MaxPooling1D: lower_max_pool,
    layers.MaxPooling2D: lower_max_pool,
    layers.MaxPooling3D: lower_max_pool,
    layers.AveragePooling1D: lower_average_pool,
    layers.AveragePooling2D: lower_average_pool,
    layers.AveragePooling3D: lower_average_pool,
    layers.GlobalMaxPooling1D: lower_global_max,
    layers.GlobalMaxPooling2D: lower_global_max,
    layers.GlobalMaxPooling3D: lower_global_max,
    layers.GlobalAveragePooling1D: lower_global_average,
    layers.GlobalAveragePooling2D: lower_global_average,
    layers.GlobalAveragePooling3D: lower_global_average,
    layers.Cropping1D: lower_pads("cropping", -1),
    layers.Cropping2D: lower_pads("cropping", -1),
    layers.Cropping3D: lower_pads("cropping", -1),
    layers.ZeroPadding1D: lower_pads("padding", 1),
    layers.ZeroPadding2D: lower_pads("padding", 1),
    layers.ZeroPadding3D: lower_pads("padding", 1),
}
