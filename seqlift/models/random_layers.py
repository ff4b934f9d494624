"""Names of Keras layers that draw random numbers in training, and none when a model predicts.

Knows the names of Keras's classes and settings; imports nothing of Keras.
"""

from typing import Any

RATES = ("rate", "stddev", "dropout", "recurrent_dropout", "_dropout")
"""Attributes in which layers keep how much they drop or add in training."""

AUGMENTING = frozenset(
    f"Random{change}"
    for change in ("Flip", "Translation", "Rotation", "Zoom", "Contrast", "Brightness")
)
"""Classes of layers that change images in training."""


def draws_in_training(layer: Any) -> bool:
    """Tell whether a layer draws random numbers in training."""
    if type(layer).__name__ in AUGMENTING and type(layer).__module__.startswith("keras."):
        return True
    rates = [vars(layer).get(name) for name in RATES]
    return any(isinstance(rate, int | float) and rate > 0 for rate in rates)
