"""DeconvNet: activations act on multipliers as they act on values in the forward pass.

Zeiler and Fergus 2013 (arXiv:1311.2901).
"""

from seqlift.attribution.method import Backward
from seqlift.attribution.rules.deconvnet import RULE


def method(*, max_rule: str = "complete") -> Backward:
    """Make DeconvNet."""
    return Backward("deconvnet", RULE, max_rule=max_rule, sums_to="nothing", linear_in_target=False)
