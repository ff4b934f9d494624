"""Open the model of a configuration, for its inputs and its targets.

Importing this loads Keras and its backend.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from seqlift.explain.extra_inputs import resolve
from seqlift.explain.target import parse_targets
from seqlift.models.load import load


def opened_model(own: Mapping[str, Any]) -> Any:
    """Load a model with the files that the configuration names for it.

    Raises ModelError as `seqlift.models.load.load` does.
    """
    return load(
        own["file"],
        arch=own.get("arch") or None,
        recipes=own.get("recipes"),
        custom_objects=own.get("custom_objects") or None,
    ).model


def check_inputs(own: Mapping[str, Any], model: Any) -> None:
    """Raise InputError or ModelError where values of inputs do not fit the model."""
    resolve(model, {name: str(value) for name, value in own.get("inputs", {}).items()})


def check_named_targets(requests: Sequence[str], model: Any) -> None:
    """Raise ModelError with a line for each target that the model does not have."""
    parse_targets(requests, model)
