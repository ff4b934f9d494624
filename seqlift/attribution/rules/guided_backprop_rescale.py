"""Guided Rescale: Rescale multipliers, with negative values set to zero at every activation."""

from keras import ops

from seqlift.attribution.propagation.rule import Multiplier, NodeView, One, Propagate, Two
from seqlift.attribution.rules.rescale import RULE as RESCALE
from seqlift.attribution.rules.rescale import propagate_quotient
from seqlift.network.primitives.elementwise import Elementwise


def positive_only(node: NodeView) -> Propagate:
    """Set negative multipliers to zero, then multiply by the difference quotient."""
    across = propagate_quotient(node)

    def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
        if isinstance(multiplier, Two):
            # Each by its own sign, as in the original's version.
            sides = (ops.maximum(side, 0.0) for side in (multiplier.positive, multiplier.negative))
            return across(Two(*sides))
        return across(One(ops.maximum(multiplier.value, 0.0)))

    return propagate


RULE = RESCALE.but(
    "guided-backprop-rescale",
    {Elementwise: positive_only},
    sums_to="nothing",
    linear_in_target=False,
)
