"""Products and quotients of two arrays that depend on the input; products with constant weights.

Knows arrays only. `seqlift.attribution.propagation` propagates multipliers through a product of
two; here is the map it uses, back to either factor with the other held constant.
"""

from dataclasses import dataclass

import numpy as np

from seqlift.device.products import einsum
from seqlift.device.stored_weights import constant_tensor
from seqlift.network.primitives.base import Array, Primitive, Shape, Weighted
from seqlift.network.primitives.rowwise import in_packets
from seqlift.network.primitives.shape import sum_to_shape

BATCH = "Z"  # the letter of the batch axis in the equations for the backend


class Product(Primitive):
    """An operation on two arrays that is linear in each of them."""

    def back(self, which: int, multiplier: Array, other: Array, shape: Shape) -> Array:
        """Propagate multipliers to factor `which`, (B, *shape), with the other held constant.

        `multiplier` is that of the product, (B, *output shape), and `other` the value of the other
        factor, (B, ...).
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Multiply(Product):
    """``a * b`` of arrays of one rank that broadcast."""

    def shape(self, *shapes: Shape) -> Shape:
        return tuple(np.broadcast_shapes(*shapes))

    def forward(self, *inputs: Array) -> Array:
        return inputs[0] * inputs[1]

    def back(self, which: int, multiplier: Array, other: Array, shape: Shape) -> Array:
        """Multiply by the other factor, and sum where the factor was broadcast."""
        return sum_to_shape(multiplier * other, shape)


@dataclass(frozen=True)
class Divide(Primitive):
    """``a / b`` of arrays of one rank that broadcast."""

    def shape(self, *shapes: Shape) -> Shape:
        return tuple(np.broadcast_shapes(*shapes))

    def forward(self, *inputs: Array) -> Array:
        return inputs[0] / inputs[1]


@dataclass(frozen=True)
class Einsum(Product):
    """The sum of products that `equation` says, such as ``ik,jk->ij``, for each row of a batch.

    The equation has one letter per axis after the batch axis. No letter stands twice in one factor,
    and each stands in the other factor or in the result.
    """

    equation: str

    def shape(self, *shapes: Shape) -> Shape:
        return shape_of_result(self.equation, *shapes)

    def forward(self, *inputs: Array) -> Array:
        first, second, result = letters(self.equation)
        return einsum(f"{BATCH}{first},{BATCH}{second}->{BATCH}{result}", *inputs)

    def back(self, which: int, multiplier: Array, other: Array, shape: Shape) -> Array:
        *factors, result = letters(self.equation)
        wanted, known = factors[which], factors[1 - which]
        equation = f"{BATCH}{result},{BATCH}{known}->{BATCH}{wanted}"
        return einsum(equation, multiplier, other)


@dataclass(frozen=True, eq=False)
class Contraction(Weighted):
    """The sum of products of an array and constant weights that `equation` says, plus `bias`.

    In the equation, such as ``ij,jk->ik``, the array comes first, without its batch axis; its rules
    are those of `Einsum`. `bias` broadcasts against the result.
    """

    equation: str

    def shape(self, *shapes: Shape) -> Shape:
        return shape_of_result(self.equation, shapes[0], self.kernel.shape)

    def forward(self, *inputs: Array) -> Array:
        first, weights, result = letters(self.equation)
        kernel = self.weights_tensor(inputs[0])
        equation = f"{BATCH}{first},{weights}->{BATCH}{result}"
        # a row's bits in any company
        total = in_packets(lambda rows: einsum(equation, rows, kernel), inputs[0])
        return total if self.bias is None else total + constant_tensor(self.bias, total)

    def transpose(self, multiplier: Array, *shapes: Shape) -> tuple[Array, ...]:
        first, weights, result = letters(self.equation)
        equation = f"{BATCH}{result},{weights}->{BATCH}{first}"
        kernel = self.weights_tensor(multiplier)
        return (in_packets(lambda rows: einsum(equation, rows, kernel), multiplier),)


def letters(equation: str) -> tuple[str, str, str]:
    factors, _, result = equation.partition("->")
    first, _, second = factors.partition(",")
    for one, *others in ((first, second, result), (second, first, result), (result, first, second)):
        # Twice in one factor it is a diagonal, alone a sum: neither has this transpose.
        if len(set(one)) < len(one) or not set(one) <= set("".join(others)):
            raise ValueError(f"equation {equation!r}: a letter stands twice or only once")
    return first, second, result


def shape_of_result(equation: str, *shapes: Shape) -> Shape:
    *factors, result = letters(equation)
    extents = dict(zip("".join(factors), (e for shape in shapes for e in shape), strict=True))
    return tuple(extents[letter] for letter in result)
