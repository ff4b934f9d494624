"""DeconvNet: activations act on multipliers, as they act on values in the forward pass.

Zeiler and Fergus 2013 (arXiv:1311.2901). As in the original DeepLIFT's version, every activation is
treated alike, not ReLU only.
"""

from seqlift.attribution.propagation.rule import Multiplier, NodeView, One, Propagate, Two
from seqlift.attribution.rules.gradient import RULE as GRADIENT
from seqlift.network.primitives.elementwise import Elementwise


def activated(node: NodeView) -> Propagate:
    """Apply the activation to the multiplier."""
    forward = node.primitive.forward

    def propagate(multiplier: Multiplier) -> tuple[Multiplier, ...]:
        if isinstance(multiplier, Two):
            return (Two(forward(multiplier.positive), forward(multiplier.negative)),)
        return (One(forward(multiplier.value)),)

    return propagate


RULE = GRADIENT.but("deconvnet", {Elementwise: activated}, linear_in_target=False)
