"""Relative residuals up to which a row is right. Importing this costs nothing."""

from typing import TYPE_CHECKING

from seqlift.device.precision import Precision

if TYPE_CHECKING:
    from seqlift.tracks.layout import Dtype

TOLERANCES: dict[Precision, float] = {
    "float32": 1e-4,
    "float64": 1e-4,
    "tf32": 1e-2,
    "bfloat16": 5e-2,
}
"""Relative residuals up to which a row is right, where no tolerance is set.

Of a BPNet of 64 filters the largest are 1e-6, 4e-16, 1.2e-3 and 9e-3.
"""

STORED: "dict[Dtype, float]" = {"float32": 0.0, "float16": 1e-3}
"""Relative residuals that rounding to the type of the file may bring, where none is asked for.

Of the 200 regions of the demonstration the largest is 1.7e-4.
"""


def tolerances_in_words() -> str:
    """List the tolerances that are used where none is set."""
    usual = TOLERANCES["float32"]
    others = [f"{kind} {short(one)}" for kind, one in TOLERANCES.items() if one != usual]
    stored = [f"{short(one)} for what --dtype {kind} stores" for kind, one in STORED.items() if one]
    return "; ".join([short(usual), ", ".join(others), *stored])


def short(number: float) -> str:
    """Write a power of ten, or a multiple of one, as 5e-2."""
    return f"{number:.0e}".replace("e-0", "e-")
