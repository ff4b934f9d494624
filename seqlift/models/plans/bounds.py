"""Bound the size of a network by numbers and shapes alone, before anything is allocated.

A few words in a file can ask for tensors beyond every memory. Knows nothing of files.
"""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras

from seqlift.errors import ModelError
from seqlift.models.plans.plan import LayerPlan

LARGEST_TENSOR = 1 << 31
"""Values for each sequence that a layer may give, and values that an array of weights may have."""

MEND_SETTINGS = "mend its settings in the model and save it again"

NOT_SIZES = frozenset({"seed"})
"""Settings that are whole numbers and no size of anything."""


_LAYERS_LEFT: ContextVar[list[int] | None] = ContextVar("_LAYERS_LEFT", default=None)
"""Number of values that initial weights may still have, in a list of one."""


@contextmanager
def at_most(values: int | None) -> Iterator[None]:
    """Bound the sum of the values that initial weights have inside, None for no bound."""
    token = _LAYERS_LEFT.set(None if values is None else [values])
    try:
        yield
    finally:
        _LAYERS_LEFT.reset(token)


@keras.saving.register_keras_serializable(package="seqlift")  # wrappers copy what they hold
class BoundedZeros(keras.initializers.Zeros):  # type: ignore[misc]  # Keras has no types
    """Zeros for initial weights, of shapes that trained weights can have."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Make zeros; a shape of too many values raises ValueError."""
        values = math.prod(shape)
        if values > LARGEST_TENSOR:
            raise ValueError(
                f"its weights of the shape {tuple(shape)} would have {values} values, more than "
                f"{LARGEST_TENSOR}"
            )
        left = _LAYERS_LEFT.get()
        if left is not None:
            left[0] -= values
            if left[0] < 0:
                raise ValueError(
                    f"its weights of the shape {tuple(shape)} would have {values} values, far more "
                    "than the file holds"
                )
        return super().__call__(shape, dtype=dtype)


@contextmanager
def following(layers: int) -> Iterator[None]:
    """Let Keras follow a chain of as many layers, with a step of recursion for each."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + 2 * layers)  # Keras follows a chain from its end by recursion
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def oversized(plan: LayerPlan) -> Iterator[str]:
    """Yield a line for each number among a layer's settings and arguments that is too large.

    What is rebuilt from an expression is measured there, step by step.
    """
    if plan.expressions:
        return
    place = f"layer {plan.name!r} ({plan.class_name})"
    sizes = {key: value for key, value in plan.settings.items() if key not in NOT_SIZES}
    sizes |= {"arguments": [[call.args, call.kwargs] for call in plan.calls]}
    for key, value in sizes.items():
        number = max(map(abs, _numbers(value)), default=0)
        if number > LARGEST_TENSOR:
            yield (
                f"{place} has the number {number} in its {key}, more than {LARGEST_TENSOR};"
                f" {MEND_SETTINGS}"
            )


def check_bounds(place: str, tensors: Iterable[Any]) -> None:
    """Raise `ModelError` where a tensor is too large, or empty; `place` is the layer, in words."""
    for tensor in tensors:
        reason = misfit(tensor)
        if reason:
            raise ModelError(f"{place} {reason}; {MEND_SETTINGS}")


def misfit(tensor: Any) -> str:
    """Describe what is wrong with the size of a symbolic tensor, "" if nothing is."""
    if not isinstance(tensor, keras.KerasTensor):
        return ""
    extents = [extent for extent in tensor.shape[1:] if extent is not None]
    if any(extent < 1 for extent in extents):
        return f"gives the shape {_written(tensor.shape)}, which is empty"
    values = math.prod(extents)
    if values > LARGEST_TENSOR:
        return (
            f"gives the shape {_written(tensor.shape)}, {values} values for each sequence and more "
            f"than {LARGEST_TENSOR}"
        )
    return ""


def _written(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if extent is None else str(extent) for extent in shape[1:])})"


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _numbers(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _numbers(item)
