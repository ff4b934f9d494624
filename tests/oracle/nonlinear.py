"""Operations that have rules: activations, maxima and products.

Rules, by the names the command line has for them:

    rescale                  m f[x, x0], the slope of the chord from reference to sequence
    revealcancel             a multiplier for each part, by the two orders of adding them
    gradient                 m f'(x)
    guided-backprop          m f'(x) where m > 0, else 0
    guided-backprop-rescale  m f[x, x0] where m > 0, else 0
    deconvnet                f(m)

Equations: Shrikumar, Greenside and Kundaje 2017 (arXiv:1704.02685), sections 3.5.2 and 3.5.3;
Springenberg et al. 2014 (arXiv:1412.6806); Zeiler and Fergus 2013 (arXiv:1311.2901).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from oracle.functions import Function, over
from oracle.linear import Operation, unbroadcast
from oracle.parts import Array, Parts, both, of_whole, parts_of

if TYPE_CHECKING:
    from oracle.tape import Value

ROUNDINGS = 8 * np.finfo(np.float64).eps  # relative, by which values that tie may differ


@dataclass(frozen=True)
class Activation(Operation):
    """A function of each value, with its `rule`."""

    function: Function
    rule: str

    def forward(self, *arrays: Array) -> Array:
        return self.function.value(arrays[0])

    def parts(self, delta: Array, *sources: "Value") -> Parts:
        p, q = sources[0].parts
        up, down = self.factors(sources[0])
        return Parts(up * p, down * q)

    def back(self, multiplier: Parts, delta: Array, *sources: "Value") -> Sequence[Parts]:
        if self.rule == "deconvnet":
            return [Parts(*(self.function.value(side) for side in multiplier))]
        if self.rule.startswith("guided"):
            multiplier = Parts(*(np.where(side > 0, side, 0.0) for side in multiplier))
        up, down = self.factors(sources[0])
        return [Parts(up * multiplier.positive, down * multiplier.negative)]

    def factors(self, source: "Value") -> Parts:
        """Compute the factors of the multipliers of the parts."""
        if self.rule == "revealcancel":
            return self.cancelling(source)
        if self.rule in ("gradient", "guided-backprop"):
            return both(self.function.derivative(source.x))
        return both(self.function.slope(source.x, source.x0))

    def cancelling(self, source: "Value") -> Parts:
        """Return P / p and Q / q of a difference ``p + q``.

        P = ((f(x0 + p) - f(x0)) + (f(x0 + q + p) - f(x0 + q))) / 2 and Q likewise. Each term over
        its part is the slope of a chord, and where the part is zero the derivative on its side.
        """
        x0, (p, q) = source.x0, source.parts
        up = self.step(x0, p, +1) + self.step(x0 + q, p, +1)
        down = self.step(x0, q, -1) + self.step(x0 + p, q, -1)
        return Parts(0.5 * up, 0.5 * down)

    def step(self, start: Array, size: Array, side: int) -> Array:
        """Return ``(f(start + size) - f(start)) / size`` of a step to one side."""
        limit = self.function.beside(start, side)
        return np.where(size == 0, limit, self.function.slope(start + size, start))


class Crossed(Operation):
    """An operation whose output's parts are those of its whole difference.

    One multiplier crosses it.
    """

    def parts(self, delta: Array, *sources: "Value") -> Parts:
        return parts_of(delta)

    def back(self, multiplier: Parts, delta: Array, *sources: "Value") -> Sequence[Parts]:
        return [both(side) for side in self.cross(of_whole(multiplier, delta), *sources)]

    def cross(self, multiplier: Array, *sources: "Value") -> Sequence[Array]:
        """Return the multiplier of each input."""
        raise NotImplementedError


class Whole(Crossed):
    """Its input: the end of a composition that is one nonlinearity to its neighbours."""

    def forward(self, *arrays: Array) -> Array:
        return arrays[0]

    def cross(self, multiplier: Array, *sources: "Value") -> Sequence[Array]:
        return [multiplier]


@dataclass(frozen=True)
class Largest(Crossed):
    """The maximum along `axis`, the batch axis being 0; the axis stays, with extent 1.

    ``complete``: a rise of the maximum is due to what is largest on the sequence, a fall to what is
    largest on the reference; of several, to those that are also largest on the other side, in equal
    shares. ``winner``: to the first that is largest on the sequence, whatever the reference.
    """

    axis: int
    rule: str

    def forward(self, *arrays: Array) -> Array:
        return arrays[0].max(axis=self.axis, keepdims=True)

    def cross(self, multiplier: Array, *sources: "Value") -> Sequence[Array]:
        x, x0 = sources[0].x, sources[0].x0
        if self.rule == "winner":
            first = np.expand_dims(x.argmax(axis=self.axis), self.axis)
            places = np.arange(x.shape[self.axis]).reshape((-1,) + (1,) * (x.ndim - self.axis - 1))
            return [multiplier * (places == first)]
        y, y0 = self.forward(x), self.forward(x0)
        margin = ROUNDINGS * np.maximum(np.abs(y), np.abs(y0))
        here, there = np.where(y >= y0, x, x0), np.where(y >= y0, x0, x)
        chosen = here >= np.maximum(y, y0) - margin
        best = np.where(chosen, there, -np.inf).max(axis=self.axis, keepdims=True)
        chosen &= there >= best - margin
        share = chosen / chosen.sum(axis=self.axis, keepdims=True)
        return [multiplier * share * over(y - y0, x - x0, 1.0)]


class Quotient(Crossed):
    """``a / b`` of a positive b: a is the product of the quotient and b.

    ``a - a0 = (b + b0) / 2 (y - y0) + (y + y0) / 2 (b - b0)``, solved for ``y - y0``.
    """

    def forward(self, *arrays: Array) -> Array:
        return arrays[0] / arrays[1]

    def cross(self, multiplier: Array, *sources: "Value") -> Sequence[Array]:
        a, b = sources
        per_change = multiplier * 2.0 / (b.x + b.x0)
        mean = 0.5 * (a.x / b.x + a.x0 / b.x0)
        return [unbroadcast(per_change, a.x.shape), unbroadcast(-per_change * mean, b.x.shape)]


@dataclass(frozen=True)
class Product(Crossed):
    """The sum of products of two inputs that `equation` says; empty, ``a b`` that broadcast.

    ``a b - a0 b0 = (b + b0) / 2 (a - a0) + (a + a0) / 2 (b - b0)``. Its letters include the batch.
    """

    equation: str = ""

    def forward(self, *arrays: Array) -> Array:
        return np.einsum(self.equation, *arrays) if self.equation else arrays[0] * arrays[1]

    def cross(self, multiplier: Array, *sources: "Value") -> Sequence[Array]:
        a, b = sources
        mean_a, mean_b = 0.5 * (a.x + a.x0), 0.5 * (b.x + b.x0)
        if not self.equation:
            return [
                unbroadcast(multiplier * mean_b, a.x.shape),
                unbroadcast(multiplier * mean_a, b.x.shape),
            ]
        terms, out = self.equation.split("->")
        left, right = terms.split(",")
        return [
            np.einsum(f"{out},{right}->{left}", multiplier, mean_b),
            np.einsum(f"{out},{left}->{right}", multiplier, mean_a),
        ]
