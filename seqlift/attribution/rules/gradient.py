"""Gradient: the derivative at the sequence, which no reference changes."""

from seqlift.attribution.rules.rescale import RULE as RESCALE

RULE = RESCALE.but("gradient", at_sequence=True, sums_to="nothing")
