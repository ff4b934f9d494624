"""Layers about other layers and about places: one layer at every step, masks, look-up tables."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from keras import Sequential, layers
from keras.src.backend import get_keras_mask

from seqlift.lowering.compositions.composition import add_constant, reshaped, stacked, taken
from seqlift.lowering.compositions.operand import constant_value
from seqlift.lowering.compositions.place import Lower, Place, weights_of
from seqlift.lowering.layers.activation import ACTIVATIONS_BY_NAME
from seqlift.network.graph import GraphBuilder
from seqlift.network.recurrence import Recurrence

MOST_STEPS = 64  # lowered one by one, each with nodes of its own

LowerInner = Callable[[Any, Place, int], int]
"""(layer or model inside a wrapper, place, node) -> node"""

OF_EACH_VALUE = (
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.ELU,
    layers.Dense,
    layers.Identity,
    layers.Dropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.AlphaDropout,
    layers.ActivityRegularization,
)
"""Layers that do the same with or without a step axis, as they work along the last axis at most."""

OF_LAST_AXIS = (layers.BatchNormalization, layers.LayerNormalization, layers.Softmax)
"""Layers that do so where their axis is the last one."""


def time_distributed(lower_inner: LowerInner) -> Lower:
    """Make the lowering of a layer at every step of the first axis, from that of the layer."""
    return lambda layer, place, node: every_step(layer.layer, place, node, lower_inner)


def every_step(inner: Any, place: Place, node: int, lower_inner: LowerInner) -> int:
    """Add a layer at every step of the first axis.

    A layer that works along the last axis does all steps at once, and a row of layers is taken one
    by one. Others are lowered at each of a few steps, or once, and applied to many in turn.
    """
    steps, *rest = place.shape(node)
    if is_along_last(inner):
        return lower_inner(inner, place, node)
    if isinstance(inner, Sequential):
        for one in inner.layers:
            node = every_step(one, place, node, lower_inner)
        return node
    if type(inner) is layers.Flatten and inner.data_format == "channels_last":
        return reshaped(place, node, (steps, -1))
    if steps > MOST_STEPS:
        return in_turn(inner, place, node, lower_inner)
    slices = (reshaped(place, taken(place, node, 0, (i,)), rest) for i in range(steps))
    return stacked(place, [lower_inner(inner, place, one) for one in slices], 0)


def is_along_last(layer: Any) -> bool:
    """Tell whether a layer does the same to values with or without a step axis before them."""
    if isinstance(layer, OF_LAST_AXIS):
        return layer.axis in (-1, [-1], (-1,))  # as Keras versions write it
    activation: Any = getattr(layer, "activation", None)
    own = activation is not None and not activation.__module__.startswith("keras.")
    own = own and activation.__name__ not in ACTIVATIONS_BY_NAME
    return type(layer) in OF_EACH_VALUE and not own


def in_turn(inner: Any, place: Place, node: int, lower_inner: LowerInner) -> int:
    """Add one graph that is applied to each step in turn: a recurrence that remembers nothing."""
    steps, *rest = place.shape(node)
    builder = GraphBuilder()
    inside = replace(place, builder=builder)
    one = builder.add_input((math.prod(rest),), "step")
    result = lower_inner(inner, inside, reshaped(inside, one, rest))
    shape = inside.shape(result)
    # a scan carries a state; nothing reads it
    before = builder.add_input((math.prod(shape),), "the step before")
    flat = reshaped(inside, result, (math.prod(shape),))
    recurrence = Recurrence(builder.finish([flat], sources=[one, before]))
    everything = place.add(recurrence, reshaped(place, node, (steps, math.prod(rest))))
    return reshaped(place, everything, (steps, *shape))


def lower_masking(layer: layers.Masking, place: Place, node: int) -> int:
    """Pass the tensor on, where no layer uses the mask that the layer makes."""
    if np.any(weights_of(layer.mask_value)):
        raise place.refuse(
            f"sets positions whose values all equal {layer.mask_value} to 0, by a comparison, which"
            " has no slope; use the mask value 0, or leave the layer out"
        )
    users = sorted(set(users_of_mask(layer, nested="/" in place.layer)))
    if users:
        raise place.refuse(
            f"makes {', '.join(users)} skip positions whose values are all 0, such as N, and no"
            " rule propagates through a skip; leave the Masking layer out and save the model again"
        )
    return node


def users_of_mask(layer: Any, *, nested: bool) -> Iterator[str]:
    """Yield the names of layers whose result depends on the mask that `layer` makes."""
    found, queue = set(), [layer]
    while queue:
        operation = queue.pop()
        masked = {id(t) for node in operation._inbound_nodes for t in node.outputs if has_mask(t)}
        calls = [
            call
            for call in operation._outbound_nodes
            if any(id(tensor) in masked for tensor in call.input_tensors)
        ]
        if nested and masked and not calls:
            yield "what follows its model"
        for call in calls:
            if uses_mask(call):
                yield str(call.operation.name)
            elif id(call.operation) not in found:
                found.add(id(call.operation))
                queue.append(call.operation)


def has_mask(tensor: Any) -> bool:
    return get_keras_mask(tensor) is not None


def uses_mask(call: Any) -> bool:
    """Tell whether a masked tensor changes the result of a call."""
    layer = call.operation
    # These leave masked values out; other merging layers pass the mask on only.
    if isinstance(layer, (layers.Multiply, layers.Maximum, layers.Minimum)):
        return True
    if isinstance(layer, layers.BatchNormalization):  # uses it in training only
        return False
    if isinstance(layer, layers.TimeDistributed) and not layer.layer._call_has_mask_arg:
        return False
    return any(
        key.endswith("mask") and value is not None for key, value in call.arguments.kwargs.items()
    )


def lower_embedding(layer: layers.Embedding, place: Place, node: int) -> int:
    """Look up the rows of a table at constant places; places that vary are refused."""
    places = constant_value(place.builder, node)
    if places is None:
        raise place.refuse(
            "looks rows of a table up by whole numbers, through which no change passes; feed"
            " one-hot sequences and put Dense(use_bias=False) with the same table as its kernel in"
            " its place"
        )
    return add_constant(place, weights_of(layer.embeddings)[places.astype(np.int64)])


PLACE_LAYERS: dict[type, Lower] = {
    layers.Masking: lower_masking,
    layers.Embedding: lower_embedding,
}
