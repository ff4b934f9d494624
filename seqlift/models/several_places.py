"""Fill layers that stand in several places of a network, whose arrays an archive holds once.

Keras writes the arrays of such a layer where it comes to it first, and nothing at its other places;
only equal names in the architecture show that they are one. Knows nothing of architectures.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any


@contextmanager
def left_out(layers: Sequence[Any]) -> Iterator[list[Any]]:
    """Let Keras's reader pass over layers for which a file has no arrays, and list them.

    An archive may have their arrays at another place: see `fill`.
    """
    missing: list[Any] = []
    for layer in layers:
        # On the instance, for one reading: Keras asks each layer to read its own arrays.
        layer.load_own_variables = partial(_load, layer, layer.load_own_variables, missing)
    try:
        yield missing
    finally:
        for layer in layers:
            del layer.load_own_variables


def fill(layers: Sequence[Any], missing: Sequence[Any]) -> None:
    """Give layers that were left out the values of the one layer of their name and shapes.

    Raises the error of Keras where there is none, or more than one.
    """
    absent = {id(layer) for layer in missing}
    for layer in missing:
        found = [one for one in layers if id(one) not in absent and _key(one) == _key(layer)]
        if len(found) != 1:
            layer.load_own_variables({})  # raises the error that Keras has for it
        for variable, value in zip(_variables(layer), _variables(found[0]), strict=True):
            variable.assign(value)


def _load(layer: Any, load: Any, missing: list[Any], store: Any) -> None:
    if _variables(layer) and not [*store.keys()]:
        missing.append(layer)
    else:
        load(store)


def _variables(layer: Any) -> list[Any]:
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def _key(layer: Any) -> Any:
    return type(layer), layer.name, tuple(tuple(v.shape) for v in _variables(layer))
