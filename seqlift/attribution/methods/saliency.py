"""Saliency: the absolute gradient at the observed base; unsigned.

    R_i = |df / dx_i|

Simonyan et al. 2013 (arXiv:1312.6034), section 3.
"""

from keras import ops

from seqlift.attribution.gradient_size import GradientSize, gradient_size


def method(*, corrected: bool = False, max_rule: str = "complete") -> GradientSize:
    """Make saliency; `corrected` takes the mean over the bases from the gradient first."""
    return gradient_size("saliency", ops.abs, max_rule=max_rule, corrected=corrected)
