"""What a user gets: contributions, multipliers and hypothetical contributions of each pair.

The rules are those of `oracle.nonlinear`, ``genomics`` and ``integrated-gradients``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from oracle.mixing import centred
from oracle.network import before_last_activation, outputs_of
from oracle.parts import Array
from oracle.tape import Tape, Value

LOCAL = ("gradient", "guided-backprop", "deconvnet")  # rules that see the sequence alone


@dataclass(frozen=True)
class Target:
    """The scalar to explain: a weighted sum of one output of a model.

    Of a model's last sigmoid or softmax, what goes into it is weighed where `pre_activation` is
    set. `weights` have the output's shape; where `centred` is set, those of a softmax's logits are
    taken less their mean over classes (section 3.6 of the paper).
    """

    weights: Array
    output: int = 0
    pre_activation: bool = True
    centred: bool = True

    def on(self, tape: Tape, model: Any, x: Value) -> tuple[Value, Array]:
        """Return the value that is weighed, and its weights, for each pair."""
        value, softmax = outputs_of(tape, model, [x])[self.output], False
        if self.pre_activation:
            value, softmax = before_last_activation(tape, value)
        weights = np.asarray(self.weights, np.float64)
        if softmax and self.centred:
            weights = weights - weights.mean(axis=-1, keepdims=True)
        return value, np.broadcast_to(weights, value.x.shape)


@dataclass(frozen=True)
class Profile:
    """The scalar of a profile head: ``sum(p l)``, l its logits less their mean, p their softmax.

    One output of a model, (positions,), has the logits. As published, p is held at its mean on both
    sides and only l explained; `complete` explains both, by the steps the scalar is written in.
    """

    output: int
    complete: bool

    def on(self, tape: Tape, model: Any, x: Value) -> tuple[Value, Array]:
        """Return the value that is weighed, and its weights, for each pair."""
        logits = centred(tape, outputs_of(tape, model, [x])[self.output], (0,))
        shares = tape.softmax(logits, 0)
        if not self.complete:
            return logits, 0.5 * (shares.x + shares.x0)
        value = tape.total(tape.product(shares, logits), 0)
        return value, np.ones_like(value.x)


@dataclass(frozen=True)
class Scores:
    """The scores of N sequences and R references; all but the predictions are (N, R, *input)."""

    multipliers: Array
    contributions: Array
    hypothetical: Array
    prediction: Array
    reference_prediction: Array

    @property
    def residual(self) -> Array:
        """Return the difference of the predictions less the sum of the contributions, (N, R)."""
        total = self.contributions.reshape(*self.prediction.shape, -1).sum(axis=-1)
        return self.prediction - self.reference_prediction - total


def explained(
    model: Any,
    target: Target | Profile,
    x: Array,
    references: Array,
    *,
    rule: str = "rescale",
    max_rule: str = "complete",
    steps: int = 50,
) -> Scores:
    """Return the scores of sequences (N, *input shape) against references (N, R, *input shape).

    Integrated gradients take gradients at the middles of `steps` equal pieces of the line from
    reference to sequence (the midpoint rule), and their mean.
    """
    x0 = np.asarray(references, np.float64)
    x = np.broadcast_to(np.asarray(x, np.float64)[:, None], x0.shape)
    flat, flat0 = (array.reshape(-1, *x.shape[2:]) for array in (x, x0))
    ends = [predicted(model, target, side, max_rule) for side in (flat, flat0)]
    if rule == "integrated-gradients":
        points = [flat0 + (step + 0.5) / steps * (flat - flat0) for step in range(steps)]
        each = [back(model, target, at, at, "gradient", max_rule) for at in points]
        multipliers = sum(each[1:], start=each[0]) / steps
    else:
        start = flat if rule in LOCAL else flat0
        multipliers = back(model, target, flat, start, rule, max_rule)
    multipliers = multipliers.reshape(x.shape)
    return Scores(
        multipliers,
        multipliers * (x - x0),
        hypothetical(multipliers, x0),
        *(end.reshape(x.shape[:2]) for end in ends),
    )


def back(
    model: Any, target: Target | Profile, x: Array, x0: Array, rule: str, max_rule: str
) -> Array:
    """Return the multipliers of the input for pairs (B, *input shape)."""
    tape = Tape(rule, max_rule)
    given = tape.given(x, x0)
    value, weights = target.on(tape, model, given)
    return tape.multipliers(value, weights, given)


def predicted(model: Any, target: Target | Profile, x: Array, max_rule: str) -> Array:
    """Return the scalar of inputs (B, *input shape)."""
    tape = Tape("rescale", max_rule)
    value, weights = target.on(tape, model, tape.given(x, x))
    return (value.x * weights).reshape(len(x), -1).sum(axis=-1)


def hypothetical(multipliers: Array, references: Array) -> Array:
    """Compute what each base would contribute if it stood there, base by base.

    The base's one-hot column takes the place of the sequence's: ``sum(m (base - reference))``.
    """
    columns = np.eye(references.shape[-1])
    return np.stack(
        [(multipliers * (column - references)).sum(axis=-1) for column in columns], axis=-1
    )


def observed(scores: Array, x: Array) -> Array:
    """Return hypothetical contributions (N, R, *input) at the bases of one-hot `x`, 0 elsewhere."""
    return scores * x[:, None]
