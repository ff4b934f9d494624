"""Layers that a model file's reader makes and today's Keras lacks."""

from typing import Any

from seqlift.lowering.compositions.place import Lower, Place, weights_of
from seqlift.lowering.layers.activation import activate
from seqlift.lowering.layers.value import lower_batch_normalization
from seqlift.network.primitives.pooling import Pooling, Windows
from seqlift.network.primitives.product import Contraction
from seqlift.network.primitives.shape import Reshape


def lower_locally_connected(layer: Any, place: Place, node: int) -> int:
    """Multiply each window by a matrix of its own, and add the activation."""
    kernel = weights_of(layer.kernel)  # (positions, taps * inputs, outputs)
    bias = weights_of(layer.bias).reshape(-1, kernel.shape[-1]) if layer.use_bias else None
    pads = ((0, 0),) * layer.rank
    windows = place.add(
        Windows(Pooling(tuple(layer.kernel_size), tuple(layer.strides), pads)), node
    )
    counts = place.shape(windows)[:-2]
    rows = place.add(Reshape(kernel.shape[:-1]), windows)
    sums = place.add(Contraction(kernel, bias, "pi,pio->po"), rows)
    return activate(layer.activation, place, place.add(Reshape((*counts, kernel.shape[-1])), sums))


LOCAL_LAYERS: dict[str, Lower] = {
    "seqlift.models.locally_connected.LocallyConnected1D": lower_locally_connected,
    "seqlift.models.locally_connected.LocallyConnected2D": lower_locally_connected,
    "seqlift.models.renamed.SyncBatchNormalization": lower_batch_normalization,
}
"""Lowerings of layers that Keras lacks and a model file's reader makes, by their full names."""
