"""Guided Rescale: Rescale multipliers, with negative values set to zero at every activation."""

from seqlift.attribution.method import Backward
from seqlift.attribution.rules.guided_backprop_rescale import RULE


def method(*, max_rule: str = "complete") -> Backward:
    """Make guided Rescale."""
    return Backward(
        "guided-backprop-rescale",
        RULE,
        max_rule=max_rule,
        sums_to="nothing",
        linear_in_target=False,
    )
