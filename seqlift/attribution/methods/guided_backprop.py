"""Guided backpropagation: gradient, with negative values set to zero at every activation.

Springenberg et al. 2014 (arXiv:1412.6806).
"""

from seqlift.attribution.method import Backward
from seqlift.attribution.rules.guided_backprop import RULE


def method(*, max_rule: str = "complete") -> Backward:
    """Make guided backpropagation."""
    return Backward(
        "guided-backprop", RULE, max_rule=max_rule, sums_to="nothing", linear_in_target=False
    )
