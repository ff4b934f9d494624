"""Layers of the user's own: what their `call` computes, as a model of operations that are known.

Knows Keras layers; runs the code of layers that are there already, and loads none.
"""

from collections.abc import Sequence
from typing import Any

import keras

from seqlift.attribution.primitives.base import Shape

NOT_TRACED = (
    "is not a Keras layer, and its call() is not written with keras.ops alone; write it so, in"
    " operators a tensor before a variable, or rebuild the model from Keras layers"
)
"""Why `traced` gives None, and the remedy, to follow a layer's name."""


class Traced(keras.Model):  # type: ignore[misc]  # Keras has no types
    """What a layer of the user's own computes, as operations."""


def traced(layer: Any, shapes: Sequence[Shape]) -> keras.Model | None:
    """Return a layer's `call` as a model of `keras.ops` operations and layers, None if it is not.

    `shapes` are those of the tensors it is called on, without the batch axis. What `call` computes
    from variables alone is taken as it is now: the weights have to be there. A `call` written with
    another library than `keras.ops` cannot be traced, nor can an operator with a variable on its
    left and a tensor on its right (`NOT_TRACED` says what to do).
    """
    tensors = [keras.Input(shape, dtype=layer.compute_dtype) for shape in shapes]
    inner = tensors[0] if len(tensors) == 1 else tensors
    try:
        return Traced(inner, layer.call(inner), name=layer.name)
    except Exception:  # noqa: BLE001 - the user's code may raise anything; the caller names it
        return None
