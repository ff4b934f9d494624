"""Operations that are whole layers: convolution, pooling, normalisation, attention, ReLU.

Each is lowered as its layer is, from settings that look like the layer's.
"""

from types import SimpleNamespace
from typing import Any

import keras
from keras.src.activations import activations
from keras.src.ops import nn

from seqlift.lowering.compositions.composition import unit_length
from seqlift.lowering.compositions.operand import (
    after_batch,
    axes_of,
    axis_of,
    rank_of,
    same_rank,
    settled,
)
from seqlift.lowering.compositions.place import LowerOperation, Place, Tensor
from seqlift.lowering.layers.activation import lower_relu
from seqlift.lowering.layers.attention import Scores, attend
from seqlift.lowering.layers.normalization import (
    lower_layer_normalization,
    lower_rms_normalization,
)
from seqlift.lowering.layers.value import batch_normalised
from seqlift.lowering.layers.window import (
    lower_average_pool,
    lower_convolution,
    lower_depthwise,
    lower_max_pool,
    lower_separable,
)


def each(setting: Any, axes: int) -> tuple[int, ...]:
    return (setting,) * axes if isinstance(setting, int) else tuple(setting)


def windowed(operation: Any, place: Place, x: Tensor, **more: Any) -> SimpleNamespace:
    """Collect the settings of a convolution as its layer has them, without bias or activation."""
    axes = rank_of(place, x) - 2
    return SimpleNamespace(
        rank=axes,
        strides=each(operation.strides, axes),
        dilation_rate=each(operation.dilation_rate, axes),
        padding=operation.padding.lower(),
        data_format=operation.data_format or keras.config.image_data_format(),
        use_bias=False,
        bias=None,
        activation=None,
        **more,
    )


def lower_conv(operation: Any, place: Place, inputs: Tensor, kernel: Any) -> int:
    weights = settled(place, kernel, "a kernel")
    return lower_convolution(windowed(operation, place, inputs, kernel=weights), place, inputs.node)


def lower_depthwise_conv(operation: Any, place: Place, inputs: Tensor, kernel: Any) -> int:
    weights = settled(place, kernel, "a kernel")
    return lower_depthwise(windowed(operation, place, inputs, kernel=weights), place, inputs.node)


def lower_separable_conv(
    operation: Any, place: Place, inputs: Tensor, depthwise_kernel: Any, pointwise_kernel: Any
) -> int:
    own = settled(place, depthwise_kernel, "a kernel")
    across = settled(place, pointwise_kernel, "a kernel")
    layer = windowed(operation, place, inputs, depthwise_kernel=own, pointwise_kernel=across)
    return lower_separable(layer, place, inputs.node)


def pooling_settings(operation: Any, place: Place, x: Tensor) -> SimpleNamespace:
    """Collect the settings of a pooling operation as its layer has them."""
    axes = rank_of(place, x) - 2
    sizes = each(operation.pool_size, axes)
    return SimpleNamespace(
        pool_size=sizes,
        strides=sizes if operation.strides is None else each(operation.strides, axes),
        padding=operation.padding.lower(),
        data_format=operation.data_format or keras.config.image_data_format(),
    )


def lower_largest_of_windows(operation: Any, place: Place, inputs: Tensor) -> int:
    return lower_max_pool(pooling_settings(operation, place, inputs), place, inputs.node)


def lower_mean_of_windows(operation: Any, place: Place, inputs: Tensor) -> int:
    return lower_average_pool(pooling_settings(operation, place, inputs), place, inputs.node)


def epsilon_of(operation: Any) -> float:
    own = operation.epsilon
    return float(keras.config.epsilon() if own is None else own)


def lower_layer_norm(
    operation: Any, place: Place, x: Tensor, gamma: Any = None, beta: Any = None
) -> int:
    """Lower layer normalisation with constant scale and offset."""
    axes = axes_of(place, operation.axis, rank_of(place, x))
    layer = SimpleNamespace(
        axis=[axis + 1 for axis in axes],
        epsilon=epsilon_of(operation),
        rms_scaling=operation.rms_scaling,
        gamma=None if gamma is None else settled(place, gamma, "a scale"),
        beta=None if beta is None else settled(place, beta, "an offset"),
    )
    return lower_layer_normalization(layer, place, x.node)


def lower_rms_norm(operation: Any, place: Place, x: Tensor, scale: Any = None) -> int:
    """Divide by the root of the mean square, with a constant scale."""
    axes = axes_of(place, operation.axis, rank_of(place, x))
    layer = SimpleNamespace(
        axis=[axis + 1 for axis in axes],
        epsilon=epsilon_of(operation),
        scale=None if scale is None else settled(place, scale, "a scale"),
    )
    return lower_rms_normalization(layer, place, x.node)


def lower_batch_norm(
    operation: Any,
    place: Place,
    x: Tensor,
    mean: Any,
    variance: Any,
    offset: Any = None,
    scale: Any = None,
) -> int:
    axis = axis_of(place, operation.axis, rank_of(place, x))
    middle, spread = settled(place, mean, "a mean"), settled(place, variance, "a variance")
    factors = None if scale is None else settled(place, scale, "a scale")
    moves = None if offset is None else settled(place, offset, "an offset")
    return batch_normalised(
        place, x.node, axis, (middle, spread, operation.epsilon), factors, moves
    )


def lower_normalize(operation: Any, place: Place, x: Tensor) -> int:
    if operation.order != 2:
        raise place.refuse(f"normalises by the norm of order {operation.order}; use order 2")
    axes = axes_of(place, operation.axis, rank_of(place, x))
    return unit_length(place, x.node, axes, epsilon_of(operation))


def lower_dot_product_attention(
    operation: Any,
    place: Place,
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
) -> int:
    """Lower attention of several heads: (positions, heads, values per head)."""
    if operation.attn_logits_soft_cap is not None or not all(
        isinstance(part, Tensor) for part in (query, key, value)
    ):
        raise place.refuse("has a soft cap or a constant query, key or value; leave it out")
    nodes = same_rank(place, query, key, value)
    # 4 axes: batch, heads, queries and keys.
    known = None if mask is None else after_batch(place, settled(place, mask, "a mask"), 4)
    added = None if bias is None else after_batch(place, settled(place, bias, "a bias"), 4)
    factor = place.shape(nodes[1])[-1] ** -0.5 if scale is None else float(scale)
    scores = Scores(factor, causal=operation.is_causal, mask=known, bias=added)
    output, _ = attend(place, scores, *nodes)
    return output


def lower_bent(operation: Any, place: Place, x: Tensor) -> int:
    return lower_relu(operation, place, x.node)


NETWORK: dict[type, LowerOperation] = {
    activations.ReLU: lower_bent,
    nn.Conv: lower_conv,
    nn.DepthwiseConv: lower_depthwise_conv,
    nn.SeparableConv: lower_separable_conv,
    nn.MaxPool: lower_largest_of_windows,
    nn.AveragePool: lower_mean_of_windows,
    nn.LayerNorm: lower_layer_norm,
    nn.RMSNorm: lower_rms_norm,
    nn.BatchNorm: lower_batch_norm,
    nn.Normalize: lower_normalize,
    nn.DotProductAttention: lower_dot_product_attention,
}
