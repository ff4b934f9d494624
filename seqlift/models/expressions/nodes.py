"""Read the expressions of the TensorFlow functions that tf.keras recorded as layers.

tf.keras 2.4 to 2.15 wrote ``tf.exp(x[:, 10:-10])`` as layers of the classes SlicingOpLambda and
TFOpLambda: the function's name in the settings, its arguments in the inbound node.
"""

from collections.abc import Mapping
from typing import Any

from seqlift.models.expressions import names, raw, tree
from seqlift.models.expressions.tree import Expression, NoRecipeError
from seqlift.models.plans.plan import Call, LayerPlan, TensorRef, refs

NODE_CLASSES = frozenset({"TFOpLambda", "SlicingOpLambda", raw.CLASS})
"""Classes of such nodes."""


def node_expression(plan: LayerPlan, call: Call) -> Expression:
    """Read the expression of one call of a node; inputs are numbered as `refs` lists them.

    Raises `NoRecipeError` for a function that has no recipe.
    """
    if plan.class_name == raw.CLASS:
        return raw.raw_expression(plan, call)
    function = plan.settings.get("function")
    if not isinstance(function, str):
        raise NoRecipeError("has no function in the file")
    tensors = refs([call.args, call.kwargs])
    args = [_argument(value, tensors) for value in call.args]
    kwargs = {str(key): _argument(value, tensors) for key, value in call.kwargs.items()}
    return names.called(f"tf.{function}", args, kwargs)


def _argument(value: Any, tensors: list[TensorRef]) -> Expression:
    if isinstance(value, TensorRef):
        return tree.InputTensor(tensors.index(value))  # numbered as `Rebuilt.outputs` gets them
    if isinstance(value, list | tuple):
        return tree.long_numbers(value) or tree.several(_argument(item, tensors) for item in value)
    if isinstance(value, Mapping):
        return _mapping(value, tensors)
    return tree.constant_expression(value)


def _mapping(value: Mapping[str, Any], tensors: list[TensorRef]) -> Expression:
    if value.get("class_name") == "__ellipsis__":
        return tree.ConstantValue(...)
    if value.get("class_name") == "__tuple__":
        return _argument(value.get("items"), tensors)
    if value.get("class_name") == "__slice__" and isinstance(value.get("config"), Mapping):
        value = value["config"]
    if not {"start", "stop"} <= set(value) <= {"start", "stop", "step", "class_name"}:
        raise NoRecipeError(f"has an argument of the kind {sorted(map(str, value))}")
    start, stop, step = (_argument(value.get(end), tensors) for end in ("start", "stop", "step"))
    return tree.Slice(start, stop, step)
