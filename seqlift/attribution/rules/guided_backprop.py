"""Guided backpropagation: gradient, with negative values set to zero at every activation.

Springenberg et al. 2014 (arXiv:1412.6806). As in the original DeepLIFT's version, every activation
is treated alike, not ReLU only.
"""

from seqlift.attribution.rules.gradient import RULE as GRADIENT
from seqlift.attribution.rules.guided_backprop_rescale import positive_only
from seqlift.network.primitives.elementwise import Elementwise

RULE = GRADIENT.but("guided-backprop", {Elementwise: positive_only}, linear_in_target=False)
