"""Trace layers and functions of the user's own to a model of operations.

Knows Keras layers; runs the code of layers that are there already, and loads none.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from seqlift.lowering.compositions.place import Tensor
from seqlift.network.primitives.base import Shape

NOT_TRACED = (
    "is not a Keras layer, and its call() is not written with keras.ops alone; write it so, in"
    " operators a tensor before a variable, or rebuild the model from Keras layers"
)
"""Reason and remedy where `traced` returns None, to follow a layer's name."""


class Traced(keras.Model):  # type: ignore[misc]  # Keras has no types
    """The computation of a layer or function of the user's own, as operations."""


def traced(
    function: Callable[..., Any],
    arguments: tuple[Sequence[Any], Mapping[str, Any]],
    *,
    shape: Callable[[int], Shape],
    name: str,
    dtype: str = "float32",
) -> keras.Model | None:
    """Trace a function to a model of `keras.ops` operations and layers, None if it is not one.

    `arguments` are those of the call, with a `Tensor` for each of the model's inputs; `shape`
    returns the shape of a node without the batch axis. Results of variables alone are taken as they
    are now: the weights have to be there. A function written with another library than `keras.ops`
    cannot be traced, nor can an operator with a variable on its left and a tensor on its right
    (`NOT_TRACED` is the remedy).
    """
    tensors: list[Any] = []

    def entry(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        tensors.append(keras.Input(shape(leaf.node), dtype=dtype))
        return tensors[-1]

    args, kwargs = keras.tree.map_structure(entry, arguments)
    try:
        result = function(*args, **kwargs)
        return Traced(tensors[0] if len(tensors) == 1 else tensors, result, name=name)
    except Exception:  # noqa: BLE001 - the user's code may raise anything; the caller names it
        return None


def arguments_of(layer: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Select the arguments by name with which Keras calls a layer when a model predicts.

    Those that `call` does not take are left out, as Keras does; the layer is at inference.
    """
    takes = inspect.signature(layer.call).parameters
    every = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    found = {key: value for key, value in kwargs.items() if key in takes or every}
    return {**found, "training": False} if "training" in takes else found  # as `predict` calls it
