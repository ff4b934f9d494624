"""Read the expressions of the raw TensorFlow nodes that tf.keras 2.0 to 2.3 recorded as layers.

These tf.keras wrote ``tf.exp(x[:, 10:-10])`` as layers of the class TensorFlowOpLayer: the node's
operation and attributes in the settings, with its constant inputs by place.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from seqlift.models.expressions import names, tree
from seqlift.models.expressions.tree import Expression, NoRecipeError
from seqlift.models.plans.plan import Call, LayerPlan, refs

CLASS = "TensorFlowOpLayer"

RAW_FUNCTIONS = {
    "Add": "add", "AddV2": "add", "Sub": "subtract", "Mul": "multiply", "RealDiv": "divide",
    "Pow": "pow", "Maximum": "maximum", "Minimum": "minimum", "Neg": "negative", "Exp": "exp",
    "Log": "log", "Log1p": "log1p", "Sqrt": "sqrt", "Rsqrt": "rsqrt", "Square": "square",
    "Abs": "abs", "Sign": "sign", "Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu",
    "Relu6": "relu6", "Elu": "elu", "Selu": "selu", "LeakyRelu": "leaky_relu",
    "Softplus": "softplus", "Softsign": "softsign", "Softmax": "softmax",
    "LogSoftmax": "log_softmax", "Sum": "reduce_sum", "Mean": "reduce_mean", "Max": "reduce_max",
    "Min": "reduce_min", "Prod": "reduce_prod", "Squeeze": "squeeze", "ExpandDims": "expand_dims",
    "Reshape": "reshape", "Transpose": "transpose", "Shape": "shape", "ConcatV2": "concat",
    "Pack": "stack", "Select": "where", "SelectV2": "where", "Greater": "greater", "Less": "less",
    "GreaterEqual": "greater_equal", "LessEqual": "less_equal", "Tile": "tile", "Pad": "pad",
    "BatchMatMulV2": "matmul", "StopGradient": "identity", "Identity": "identity",
    "ReverseV2": "reverse", "Cast": "cast", "IsFinite": "is_finite", "ZerosLike": "zeros_like",
}  # fmt: skip
"""Operations of TensorFlow's graphs, and the functions of its programs that make them."""

ATTRIBUTES = {
    "keep_dims": ("keepdims", "b"), "squeeze_dims": ("axis", "list"), "axis": ("axis", "i"),
    "alpha": ("alpha", "f"), "adj_x": ("transpose_a", "b"), "adj_y": ("transpose_b", "b"),
    "DstT": ("dtype", "type"),
}  # fmt: skip
"""Attributes that matter: the parameter they are, and the kind of their value."""

TENSOR_TYPES = {
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_HALF": "float16",
    "DT_INT32": "int32",
}


def raw_expression(plan: LayerPlan, call: Call) -> Expression:
    """Read the expression of a node; its tensors are numbered as `refs` of the call lists them.

    Raises `NoRecipeError` for an operation without recipe.
    """
    node, constants = plan.settings.get("node_def"), plan.settings.get("constants") or {}
    if not isinstance(node, Mapping) or not isinstance(constants, Mapping):
        raise NoRecipeError("has no node in the file")
    attributes = node.get("attr") or {}
    if not isinstance(attributes, Mapping):
        raise NoRecipeError("has no attributes in the file")
    operation = str(node["op"]) if "op" in node else "unknown"
    inputs = _inputs(node.get("input") or (), constants, len(refs([call.args])))
    if operation == "StridedSlice":
        return tree.apply("getitem", inputs[0], _key(inputs[1:], attributes))
    if operation not in RAW_FUNCTIONS:
        raise NoRecipeError(f"is the operation {operation}, which has no recipe")
    if operation == "ConcatV2":  # the axis comes last, behind all tensors
        inputs = [tree.several(inputs[:-1]), inputs[-1]]
    if operation == "Pack":
        inputs = [tree.several(inputs)]
    kwargs = {
        parameter: _attribute(attributes[name], kind)
        for name, (parameter, kind) in ATTRIBUTES.items()
        if name in attributes
    }
    return names.called(f"tf.{RAW_FUNCTIONS[operation]}", inputs, kwargs)


def _inputs(written: Any, constants: Mapping[str, Any], tensors: int) -> list[Expression]:
    """List a node's inputs: constants at their places, tensors in order at the others."""
    count = len(written) if isinstance(written, list) else 0
    if count != tensors + len(constants) or not count:
        raise NoRecipeError("has another number of inputs than its node")
    number = iter(range(tensors))
    return [
        tree.constant_expression(constants[str(place)])
        if str(place) in constants
        else _next(number)
        for place in range(count)
    ]


def _next(number: Any) -> Expression:
    found = next(number, None)
    if found is None:
        raise NoRecipeError("has another number of inputs than its node")
    return tree.InputTensor(found)


def _attribute(value: Any, kind: str) -> Expression:
    try:
        if kind == "list":
            return tree.constant_expression(
                [int(item) for item in value["list"].get("i", ())] or None
            )
        if kind == "type":
            return tree.constant_expression(TENSOR_TYPES[value["type"]])
        return tree.constant_expression({"b": bool, "i": int, "f": float}[kind](value[kind]))
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise NoRecipeError("has an attribute that cannot be read") from problem


def _key(ends: Sequence[Expression], attributes: Mapping[str, Any]) -> Expression:
    """Build the subscript of starts, stops, steps and masks (a bit for each entry)."""
    if len(ends) != 3 or not all(isinstance(end, tree.Several) for end in ends):
        raise NoRecipeError("has a slice that is not constant")
    masks = {
        name: tree.plain(_attribute(attributes.get(f"{name}_mask", {"i": 0}), "i"))
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    keys: list[Expression] = []
    for place, parts in enumerate(zip(*map(tree.children, ends), strict=True)):
        start, stop, step = parts
        is_in = {name: bool(mask >> place & 1) for name, mask in masks.items()}
        if is_in["ellipsis"]:
            keys.append(tree.ConstantValue(...))
        elif is_in["new_axis"]:
            keys.append(tree.NONE)
        elif is_in["shrink_axis"]:
            keys.append(start)
        else:
            first = tree.NONE if is_in["begin"] else start
            last = tree.NONE if is_in["end"] else stop
            keys.append(
                tree.Slice(first, last, tree.NONE if step == tree.ConstantValue(1) else step)
            )
    return tree.several(keys)
