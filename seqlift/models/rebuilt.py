"""Rebuild expressions as parts of a Keras model.

The computation of a Lambda or a node of tf.keras becomes a small model of its own, of the layer's
name, made of `keras.ops` operations, so that nothing else has to know that it was a Lambda.
"""

from collections.abc import Sequence
from typing import Any

import keras

from seqlift.errors import ModelError
from seqlift.models.expressions import nodes, tree
from seqlift.models.expressions.functions import evaluate
from seqlift.models.expressions.shapes import is_tensor
from seqlift.models.expressions.tree import Expression, NoRecipeError
from seqlift.models.plans.plan import LayerPlan


class Computed(keras.Model):  # type: ignore[misc]  # Keras has no types
    """The computation of a Lambda, as operations.

    A class of its own, because the weights in a `.keras` file lie under the counted names of
    classes, where a nested model more would shift the others.
    """


class Rebuilt:
    """The calls of a layer whose expressions are known; calls that are alike share one model."""

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        self._models: dict[Any, keras.Model] = {}

    def outputs(self, number: int, values: Sequence[Any]) -> list[Any]:
        """Compute the flat list of outputs of the call `number` on `values`.

        These are Keras tensors, or plain values such as shapes; whatever is worked out from plain
        values, or is a shape itself, is a plain value.
        """
        expression = self.plan.expressions[number]
        used = sorted(tree.inputs(expression))
        tensors = [values[place] for place in used if is_tensor(values[place])]
        # The text too: 1, 1.0 and True are equal in Python, and not to a Lambda.
        key = (tree.text(expression), expression, *map(_kind, values))
        if key not in self._models:
            made = self._made(expression, values, used)
            if not isinstance(made, keras.Model):
                if self.plan.class_name not in nodes.NODE_CLASSES:
                    raise self._refused(f"gives {tree.text(expression)}, which is not a tensor")
                return [made]
            self._models[key] = made
        outputs: list[Any] = keras.tree.flatten(self._models[key](_unpacked(tensors)))
        return outputs

    def single(self, tensor: Any) -> keras.Model:
        """Make the model of the only call, of one tensor, in a Sequential model."""
        self.outputs(0, [tensor])
        (model,) = self._models.values()
        return model

    def _made(self, expression: Expression, values: Sequence[Any], used: Sequence[int]) -> Any:
        inner = [
            keras.Input(batch_shape=v.shape, dtype=v.dtype) if is_tensor(v) else v for v in values
        ]
        try:
            result = evaluate(expression, inner)
        except NoRecipeError as problem:
            raise self._refused(str(problem)) from problem
        if not any(map(is_tensor, keras.tree.flatten(result))):
            return result
        name = self.plan.name + (f"_{len(self._models)}" if self._models else "")
        tensors = [inner[place] for place in used if is_tensor(inner[place])]
        outputs = list(result) if isinstance(result, tuple) else result
        return Computed(_unpacked(tensors), outputs, name=name)

    def _refused(self, reason: str) -> ModelError:
        name = self.plan.name
        return ModelError(
            f"layer {name!r} ({self.plan.class_name}) {reason}; "
            f"say what it computes for each sequence with --recipe '{name}=EXPRESSION'"
        )


def _unpacked(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _kind(value: Any) -> Any:
    return (tuple(value.shape), value.dtype) if is_tensor(value) else repr(value)
