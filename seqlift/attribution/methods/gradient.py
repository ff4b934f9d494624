"""Gradient at the sequence, times the difference from reference."""

from seqlift.attribution.method import Backward
from seqlift.attribution.rules.gradient import RULE


def method(*, max_rule: str = "complete") -> Backward:
    """Make the gradient method."""
    return Backward("gradient", RULE, max_rule=max_rule, sums_to=RULE.sums_to)
