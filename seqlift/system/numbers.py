"""Numbers in text that others wrote."""

from math import isnan


def number_or_none(text: str) -> float | None:
    """Read a number, None where a text is none, as ``.`` and ``NA`` are."""
    try:
        found = float(text)
    except ValueError:
        return None
    return None if isnan(found) else found  # float() reads "nan", which stands for no number
