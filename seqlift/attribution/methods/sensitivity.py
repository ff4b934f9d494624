"""Sensitivity: the square of the gradient at the observed base; unsigned.

    R_i = (df / dx_i)^2

Montavon et al. 2018 (arXiv:1706.07979), section 4.1. It says how strongly the output would change,
not which way, nor whether the base helps.
"""

from keras import ops

from seqlift.attribution.gradient_size import GradientSize, gradient_size


def method(*, corrected: bool = False, max_rule: str = "complete") -> GradientSize:
    """Make sensitivity; `corrected` takes the mean over the bases from the gradient first."""
    return gradient_size("sensitivity", ops.square, max_rule=max_rule, corrected=corrected)
