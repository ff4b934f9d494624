"""What a caller of the library may pass, and the sentence for what cannot be used."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqlift.errors import InputError, ModelError


def with_outputs(model: Any) -> Any:
    """Return `model`, or raise ModelError where its layers and outputs cannot be listed."""
    if not getattr(model, "outputs", None):
        raise ModelError(
            f"model {getattr(model, 'name', model)!s}: it is no Sequential or Functional Keras"
            " model with a known input; rebuild it as one"
        )
    return model


def requests_of(target: Any) -> list[str]:
    """Return what was asked for as a list of names, or raise InputError where it is no names."""
    if target is None:
        return []
    requests = [target] if isinstance(target, str) or not np.iterable(target) else list(target)
    if not all(isinstance(request, str) for request in requests):
        raise InputError(f"target {target!r}: not a name or several; give text such as '0:1'")
    return requests


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise InputError where `value` is not one of `choices`."""
    if value not in choices:
        raise InputError(f"{name} {value!r}: give one of {', '.join(choices)}")
