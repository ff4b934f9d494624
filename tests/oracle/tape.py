"""A computation that remembers its steps, and the way multipliers take back through them.

Everything is computed at once on B pairs of a sequence and a reference. Every value of the
computation always has two multipliers, one for each part of its difference.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from oracle.functions import EXPONENTIAL, LOGARITHM, Function
from oracle.linear import Concatenate, Gather, Kernel, Operation, Scale, Sum, Total
from oracle.nonlinear import Activation, Largest, Product, Quotient, Whole
from oracle.parts import Array, Parts, both, parts_of


@dataclass(frozen=True, eq=False)
class Value:
    """An array on the sequences and on the references, (B, ...), and the step that made it."""

    x: Array
    x0: Array
    parts: Parts
    number: int
    operation: Operation | None = None
    sources: tuple["Value", ...] = ()

    @property
    def delta(self) -> Array:
        """Return the difference from reference."""
        return self.x - self.x0

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape without the batch axis."""
        return self.x.shape[1:]


@dataclass
class Tape:
    """The values of one computation in the order they were made.

    `rule` crosses activations, or ``genomics``; `max_rule` maxima. `endings` are the values that a
    sigmoid or softmax made, by number: which of them, and of what.
    """

    rule: str
    max_rule: str
    values: list[Value] = field(default_factory=list)
    endings: dict[int, tuple[str, Value]] = field(default_factory=dict)

    def given(self, x: Array, x0: Array) -> Value:
        """Return the value of an input."""
        self.values.append(Value(x, x0, parts_of(x - x0), len(self.values)))
        return self.values[-1]

    def constant(self, array: Any, like: Value) -> Value:
        """Return the same array for every pair of `like`, on both sides."""
        whole = np.broadcast_to(np.asarray(array, np.float64), (len(like.x), *np.shape(array)))
        return self.given(whole, whole)

    def step(self, operation: Operation, *sources: Value) -> Value:
        """Return the value an operation makes of others."""
        x = operation.forward(*(source.x for source in sources))
        x0 = operation.forward(*(source.x0 for source in sources))
        parts = operation.parts(x - x0, *sources)
        self.values.append(Value(x, x0, parts, len(self.values), operation, sources))
        return self.values[-1]

    def multipliers(self, target: Value, seed: Array, source: Value) -> Array:
        """Return the multipliers of `source`, an input, from those of `target`.

        Those that several steps give one value add up. An input's two are equal or, where parts
        reach it, its difference is one of them.
        """
        gathered: dict[int, Parts] = {target.number: both(seed)}
        for value in reversed(self.values[: target.number + 1]):
            multiplier = gathered.get(value.number)
            if multiplier is None or value.operation is None:
                continue
            updates = value.operation.back(multiplier, value.delta, *value.sources)
            for before, update in zip(value.sources, updates, strict=True):
                old = gathered.get(before.number)
                total = update if old is None else (a + b for a, b in zip(old, update, strict=True))
                gathered[before.number] = Parts(*total)
        found = gathered.get(source.number, both(np.zeros_like(source.x)))
        mean = 0.5 * (found.positive + found.negative)
        delta = source.delta
        return np.where(delta > 0, found.positive, np.where(delta < 0, found.negative, mean))

    def rearranged(self, value: Value, index: Array, *, fill: float = 0.0) -> Value:
        """Return the values that `index` names of one laid flat."""
        return self.step(Gather(index, fill), value)

    def reshaped(self, value: Value, *shape: int) -> Value:
        """Return the values in another shape."""
        return self.rearranged(value, places(value).reshape(shape))

    def turned(self, value: Value, *axes: int) -> Value:
        """Return the values with their axes, counted without the batch, in another order."""
        return self.rearranged(value, places(value).transpose(axes))

    def taken(self, value: Value, *slices: Any) -> Value:
        """Return a part of the values, as NumPy's indexing without the batch axis has it."""
        return self.rearranged(value, places(value)[slices])

    def scaled(self, value: Value, factor: Any, offset: Any = 0.0) -> Value:
        """Return ``factor value + offset``."""
        return self.step(
            Scale(np.asarray(factor, np.float64), np.asarray(offset, np.float64)), value
        )

    def weighed(self, value: Value, weights: Any, bias: Any = 0.0, *, origin: str) -> Value:
        """Return the product of the last axis with `weights`, plus `bias`."""
        weights = np.asarray(weights, np.float64)
        return self.step(Kernel(weights, np.asarray(bias, np.float64), origin), value)

    def summed(self, *values: Value) -> Value:
        """Return the sum of values that broadcast."""
        return self.step(Sum(), *values)

    def total(self, value: Value, *axes: int) -> Value:
        """Return the sum along axes counted without the batch; they stay."""
        return self.step(Total(tuple(axis % len(value.shape) + 1 for axis in axes)), value)

    def mean(self, value: Value, *axes: int) -> Value:
        """Return the mean along axes counted without the batch; they stay."""
        total = self.total(value, *axes)
        return self.scaled(total, total.x[0].size / value.x[0].size)

    def joined(self, values: list[Value], axis: int) -> Value:
        """Return values one after another along an axis counted without the batch."""
        return self.step(Concatenate(axis % len(values[0].shape) + 1), *values)

    def largest(self, value: Value, axis: int) -> Value:
        """Return the maximum along an axis counted without the batch; it stays."""
        return self.step(Largest(axis % len(value.shape) + 1, self.max_rule), value)

    def product(self, a: Value, b: Value, equation: str = "") -> Value:
        """Return the product of two values."""
        return self.step(Product(equation), a, b)

    def quotient(self, a: Value, b: Value) -> Value:
        """Return the quotient of two values, the second positive."""
        return self.step(Quotient(), a, b)

    def activated(self, value: Value, function: Function, *, rule: str | None = None) -> Value:
        """Return a function of each value, with the rule of the tape or another one."""
        return self.step(Activation(function, rule or self.rule_after(value)), value)

    def rule_after(self, value: Value) -> str:
        """Return the rule of an activation of `value`.

        In the genomics preset, RevealCancel where a dense layer made it, batch normalisation in
        between or not, and Rescale elsewhere.
        """
        if self.rule != "genomics":
            return self.rule
        while isinstance(value.operation, Scale):
            (value,) = value.sources
        made_by = None if value.operation is None else value.operation.origin
        return "revealcancel" if made_by == "dense" else "rescale"

    def softmax(self, value: Value, axis: int, *, logarithm: bool = False) -> Value:
        """Return ``exp(x - log(sum(exp(x))))``, or its logarithm, by the steps it is written in.

        Each has the rule Rescale; a shift common to sequence and reference keeps them in range.
        """
        whole = axis % len(value.shape) + 1
        top = np.maximum(value.x, value.x0).max(axis=whole, keepdims=True)
        shifted = self.summed(value, self.given(-top, -top))
        powers = self.activated(shifted, EXPONENTIAL, rule="rescale")
        logarithms = self.activated(self.total(powers, axis), LOGARITHM, rule="rescale")
        log_share = self.summed(shifted, self.scaled(logarithms, -1.0))
        if logarithm:
            return self.step(Whole(), log_share)
        return self.step(Whole(), self.activated(log_share, EXPONENTIAL, rule="rescale"))


def places(value: Value) -> Array:
    """Return the number of each element of a value laid flat, in its shape."""
    return np.arange(value.x[0].size).reshape(value.shape)
