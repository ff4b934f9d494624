"""Gradient at the sequence, times the difference from reference.

    R_i = df / dx_i (x_i - x0_i)

With a reference of zeros it is gradient times input, simple Taylor decomposition (Bach et al.
2015, doi:10.1371/journal.pone.0130140).
"""

from seqlift.attribution.method import Backward
from seqlift.attribution.rules.gradient import RULE


def method(*, corrected: bool = False, max_rule: str = "complete") -> Backward:
    """Make the gradient method.

    `corrected` takes the mean over the four bases from the gradient of each position, which is the
    part that no sequence can follow (Majdandzic et al. 2022).
    """
    return Backward(
        "gradient",
        RULE,
        max_rule=max_rule,
        sums_to=RULE.sums_to,
        facts={"corrected": int(corrected)},
        corrected=corrected,
    )
