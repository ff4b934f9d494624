"""Read a product with an inverse as the quotient that it is.

``x * rsqrt(f)``, ``x * f ** -0.5``, ``x * (1 / sqrt(f))`` and ``x / sqrt(f)`` are one function and
have one score. As a product of x and the inverse both terms of the split would hold the inverse,
which has no bound where f comes near zero (docs/decisions/0011).

Knows graphs under construction and which function a node is; knows nothing of layers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqlift.lowering.compositions.place import Place
from seqlift.network.primitives import powers
from seqlift.network.primitives.affine import Scale, WeightedSum
from seqlift.network.primitives.base import Primitive, Shape
from seqlift.network.primitives.elementwise import EXPONENTIAL, SIGMOID, Elementwise
from seqlift.network.primitives.product import Divide, Multiply
from seqlift.network.primitives.shape import Broadcast, Concatenate, Permute, Reshape, Take

Factor = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Inverse:
    """``factor / divisor``: the divisor is a node, the factor a constant that broadcasts to it."""

    divisor: int
    factor: Factor


def inverse_of(place: Place, node: int) -> Inverse | None:
    """Find the divisor that `node` is an inverse of; None where it is not written as one."""
    made = place.builder.nodes[node]
    primitive = made.primitive
    if isinstance(primitive, Elementwise):
        return _of_function(place, primitive, made.inputs[0])
    if isinstance(primitive, Multiply):
        found = [inverse_of(place, source) for source in made.inputs]
        if found[0] is None or found[1] is None:
            return None
        divisor = place.add(Multiply(), found[0].divisor, found[1].divisor)
        return Inverse(divisor, found[0].factor * found[1].factor)
    if isinstance(primitive, Divide):
        above = inverse_of(place, made.inputs[0])
        if above is None:
            return None
        return Inverse(place.add(Multiply(), above.divisor, made.inputs[1]), above.factor)
    if isinstance(primitive, Scale):
        return _scaled(place, primitive, made.inputs[0])
    if isinstance(primitive, Reshape | Permute | Broadcast | Take):
        return _moved(place, primitive, made.inputs[0])
    if isinstance(primitive, Concatenate):
        return _joined(place, primitive, made.inputs)
    if isinstance(primitive, WeightedSum):
        return _added(place, primitive, made.inputs)
    return None


def _joined(place: Place, joining: Concatenate, sources: tuple[int, ...]) -> Inverse | None:
    """Find the divisors of inverses that lie one behind another."""
    found = [inverse_of(place, source) for source in sources]
    known = [inverse for inverse in found if inverse is not None]
    if len(known) < len(found):
        return None
    divisor = place.add(joining, *(inverse.divisor for inverse in known))
    factors = [
        np.broadcast_to(inverse.factor, place.shape(source))
        for inverse, source in zip(known, sources, strict=True)
    ]
    return Inverse(divisor, np.concatenate(factors, axis=joining.axis))


def _added(place: Place, adding: WeightedSum, sources: tuple[int, ...]) -> Inverse | None:
    """Find the divisor that all terms of a sum have in common."""
    found = [inverse_of(place, source) for source in sources]
    known = [inverse for inverse in found if inverse is not None]
    if len(known) < len(found):
        return None
    first, *others = (inverse.divisor for inverse in known)
    if not all(_are_equal(place, first, other) for other in others):
        return None
    terms = zip(adding.weights, known, strict=True)
    return Inverse(first, sum((w * one.factor for w, one in terms), start=np.zeros(())))


def _are_equal(place: Place, one: int, other: int) -> bool:
    if one == other:
        return True
    first, second = place.builder.nodes[one], place.builder.nodes[other]
    return first.inputs == second.inputs and first.primitive == second.primitive


def sigmoid_under(place: Place, divisor: int) -> int | None:
    """Find the sigmoid that a divisor ``1 + exp(-x)`` is the inverse of; None for others."""
    moved = place.builder.nodes[divisor]
    if not isinstance(moved.primitive, Scale):
        return None
    if place.builder.nodes[moved.inputs[0]].primitive is not EXPONENTIAL:
        return None
    inverse = place.add(powers.RECIPROCAL, divisor)  # `Place.add` knows an activation by its values
    return inverse if place.builder.nodes[inverse].primitive is SIGMOID else None


def _of_function(place: Place, function: Elementwise, source: int) -> Inverse | None:
    """Find the divisor of a negative power, of a power of an inverse, or of ``exp(-log(f))``."""
    if function is EXPONENTIAL:
        return _of_logarithm(place, source)
    exponent = function.exponent
    if exponent is None:
        return None
    if exponent < 0.0:
        divisor = source if exponent == -1.0 else place.add(powers.power(-exponent), source)
        return Inverse(divisor, np.ones(()))
    inside = inverse_of(place, source)
    if inside is None or np.any(inside.factor <= 0.0):  # a root of a negative factor is NaN
        return None
    return Inverse(place.add(function, inside.divisor), inside.factor**exponent)


def _of_logarithm(place: Place, exponent: int) -> Inverse | None:
    scale = place.builder.nodes[exponent]
    if not isinstance(scale.primitive, Scale):
        return None
    factors, offsets = (np.unique(a) for a in (scale.primitive.factor, scale.primitive.offset))
    logarithm = place.builder.nodes[scale.inputs[0]]
    if len(factors) > 1 or len(offsets) > 1 or factors[0] >= 0.0:  # one power for all channels
        return None
    if logarithm.primitive is not powers.LOG:
        return None
    (source,) = logarithm.inputs
    divisor = source if factors[0] == -1.0 else place.add(powers.power(float(-factors[0])), source)
    return Inverse(divisor, np.exp(offsets[0]))


def _scaled(place: Place, scale: Scale, source: int) -> Inverse | None:
    if np.any(scale.offset):
        return None
    inside = inverse_of(place, source)
    if inside is None:
        return None
    return Inverse(inside.divisor, inside.factor * np.asarray(scale.factor, np.float64))


def _moved(
    place: Place, primitive: Reshape | Permute | Broadcast | Take, source: int
) -> Inverse | None:
    """Find the divisor of an inverse whose values were moved or repeated."""
    inside = inverse_of(place, source)
    if inside is None:
        return None
    factor = inside.factor
    if factor.size == 1:
        factor = factor.reshape(())
    else:
        factor = _moved_array(primitive, np.broadcast_to(factor, place.shape(source)))
    return Inverse(place.add(primitive, inside.divisor), factor)


def _moved_array(primitive: Primitive, array: Factor) -> Factor:
    if isinstance(primitive, Permute):
        return array.transpose(primitive.order)
    if isinstance(primitive, Take):
        return array.take(primitive.indices, axis=primitive.axis)
    shape: Shape = primitive.shape(array.shape)
    return (
        np.broadcast_to(array, shape) if isinstance(primitive, Broadcast) else array.reshape(shape)
    )
