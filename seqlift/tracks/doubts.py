"""Doubts whether scores explain anything, from the figures in a score file.

Knows columns of numbers and the facts about a run; knows no file format.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seqlift.tracks.batch import Attribute

WARNING = "warning"
"""Attribute with what was doubtful before anything was computed."""

BLIND = "target_varies"
"""Attribute that is 0 where nothing on the way to the target depends on the sequence."""

ROUNDING = 1e-6
"""Relative difference up to which two predictions are equal: float32 sums in another order."""

KEEPING = {"dinucleotide": "the dinucleotides of", "shuffle": "the bases of"}
"""What shuffles keep of a sequence, by the kind of reference."""


def warnings_of(
    facts: Mapping[str, Attribute],
    *,
    largest: float,
    prediction: NDArray[np.floating],
    reference_prediction: NDArray[np.floating],
) -> tuple[str, ...]:
    """Warn of scores that explain nothing, with the likely cause.

    Parameters
    ----------
    facts
        Attributes of the score file.
    largest
        The largest absolute contribution of an observed base.
    prediction, reference_prediction
        Of the rows that have known bases, (n,).
    """
    known = str(facts.get(WARNING, ""))
    found = [known] if known else []
    target = facts.get("target", "the target")
    scale = np.maximum(np.abs(prediction), np.abs(reference_prediction))
    equal = np.abs(prediction - reference_prediction) <= ROUNDING * scale
    if not len(prediction):
        return tuple(found)
    if largest == 0.0:
        found.append(f"all contributions to {target} are exactly 0: {likely_cause(facts)}")
    elif equal.all():
        found.append(
            f"in every row the prediction of {target} equals that of the references:"
            f" {likely_cause(facts, cancelling=True)}"
        )
    return tuple(found)


def likely_cause(facts: Mapping[str, Attribute], *, cancelling: bool = False) -> str:
    """Name the likeliest cause of scores that explain nothing, and what to try.

    `cancelling` contributions are not zero, but sum to nothing.
    """
    if facts.get(BLIND) == 0:
        return "it does not depend on the sequence; choose another with --target"
    inputs = {name[6:]: str(value) for name, value in facts.items() if name.startswith("input ")}
    zeros = [name for name, value in inputs.items() if is_zero(value)]
    held = [f"{name}={value.partition(', ')[0]}" for name, value in inputs.items()]
    reference = str(facts.get("reference", ""))
    if zeros:
        named = f"inputs {', '.join(zeros)} are" if len(zeros) > 1 else f"input {zeros[0]} is"
        return (
            f"likely because the {named} held at zeros, which can switch off what the sequence"
            " does; give real values with --input"
        )
    if cancelling and reference in KEEPING:
        return (
            f"likely because the model sees only what the references keep, {KEEPING[reference]}"
            " a sequence; try --reference zeros or gc"
        )
    if held:
        return (
            f"likely because of what is held ({', '.join(held)}), or because an activation is off"
            " or saturated in every row; try other values with --input"
        )
    return (
        "likely because an activation on the way is off or saturated in every row, the references"
        " equal their sequences, or the target does not look at the sequence; compare predictions"
        " with `seqlift inspect` and try another --target or --reference"
    )


def is_zero(value: str) -> bool:
    try:
        return value == "zeros" or float(value) == 0.0  # a file has the words of the command
    except ValueError:
        return False
