"""Recognise activations that a model writes out by hand, such as ``1 / (1 + exp(-x))``.

A function of one value is one activation, however it is spelled: RevealCancel asks for its values
beyond sequence and reference, and a gate by a sigmoid is a product, not a quotient. What counts is
the function's values, at some points, not its spelling.
"""

from collections.abc import Mapping

import numpy as np
from keras import ops

from seqlift.network.graph import GraphBuilder, Node
from seqlift.network.primitives import curves, elementwise
from seqlift.network.primitives.affine import Scale, WeightedSum
from seqlift.network.primitives.base import Array, Constant, Primitive
from seqlift.network.primitives.elementwise import Elementwise
from seqlift.network.primitives.product import Divide, Multiply

RECOGNISED: tuple[Elementwise, ...] = (
    elementwise.SIGMOID,
    elementwise.TANH,
    elementwise.SILU,
    elementwise.SOFTPLUS,
    elementwise.SOFTSIGN,
    elementwise.elu(1.0),
    elementwise.SELU,
    curves.LOG_SIGMOID,
    curves.GELU,
    curves.APPROXIMATE_GELU,
    curves.MISH,
    curves.HARD_SILU,
)
STEP_KINDS = (Scale, WeightedSum, Elementwise, Multiply, Divide)
LONGEST_SPELLING = 16  # steps that a spelled-out activation has at most
SIDE = np.concatenate([np.linspace(0.01, 6.0, 24), np.geomspace(7.0, 80.0, 8)])
COMPARED_AT = np.concatenate([-SIDE, SIDE])  # where functions are compared; exp(80) is in range
AGREEMENT = 2e-6  # relative to 1 + |f|: a constant of 7 digits, or float32; others differ by 1e-4


def known_activation(builder: GraphBuilder, node: int) -> tuple[Elementwise, int] | None:
    """Find the activation, of one earlier node, that `node` computes; None if it is unknown."""
    if not isinstance(builder.nodes[node].primitive, STEP_KINDS):
        return None
    steps: list[int] = []
    sources, curved = {node}, 0
    while len(steps) < LONGEST_SPELLING:
        last = max(sources)  # nodes read earlier ones only, so nothing left reads it
        made = builder.nodes[last]
        if not _of_each_value(builder, made):
            return None
        steps.append(last)
        curved += _curved(made.primitive)
        sources.remove(last)
        sources.update(i for i in made.inputs if _number(builder.nodes[i]) is None)
        if len(sources) == 1 and curved > 1:  # a single function is known as it is
            (source,) = sources
            found = _named(_values(builder, steps, source))
            if found is not None:
                return found, source
        if not sources:
            return None
    return None


def _curved(primitive: Primitive) -> int:
    return int(isinstance(primitive, Elementwise | Multiply | Divide))


def _of_each_value(builder: GraphBuilder, made: Node) -> bool:
    """Tell whether each value of a node is one function of the values at the same place."""
    if isinstance(made.primitive, Scale):
        parts = (made.primitive.factor, made.primitive.offset)
        return all(len(np.unique(part)) == 1 for part in parts)
    if isinstance(made.primitive, Elementwise):
        return made.primitive.name != "prelu"  # its slopes differ from place to place
    if not isinstance(made.primitive, WeightedSum | Multiply | Divide):
        return False
    inputs = (builder.nodes[i] for i in made.inputs)
    return all(node.shape == made.shape or _number(node) is not None for node in inputs)


def _number(node: Node) -> float | None:
    if not isinstance(node.primitive, Constant):
        return None
    numbers = np.unique(node.primitive.value)
    return float(numbers[0]) if len(numbers) == 1 else None


def _values(builder: GraphBuilder, steps: list[int], source: int) -> Array:
    known: dict[int, Array] = {source: ops.convert_to_tensor(COMPARED_AT, dtype="float64")}
    for i in reversed(steps):
        known[i] = _computed(builder, builder.nodes[i], known)
    return np.asarray(ops.convert_to_numpy(known[steps[0]]))


def _computed(builder: GraphBuilder, made: Node, known: Mapping[int, Array]) -> Array:
    inputs: list[Array] = [known.get(i, _number(builder.nodes[i])) for i in made.inputs]
    if isinstance(made.primitive, Scale):
        factor, offset = (part.flat[0] for part in (made.primitive.factor, made.primitive.offset))
        return inputs[0] * float(factor) + float(offset)
    return made.primitive.forward(*inputs)


def _named(values: Array) -> Elementwise | None:
    points = ops.convert_to_tensor(COMPARED_AT, dtype="float64")
    for activation in RECOGNISED:
        own = np.asarray(ops.convert_to_numpy(activation.function(points)))
        if np.all(np.abs(own - values) <= AGREEMENT * (1.0 + np.abs(own))):
            return activation
    return None
