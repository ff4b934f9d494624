"""The functions of expressions, as operations on Keras tensors.

The names and parameters are those of `keras.ops`, a few functions that `keras.ops` lacks aside.
Every function works on each sequence of a batch by itself: one that would reach across the first
axis is refused, because a score must not depend on the other sequences. Plain numbers are computed
here, in Python's double precision; everything else becomes operations of `keras.ops`.
"""

import inspect
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from seqlift.models.expressions import filled, shapes, tree
from seqlift.models.expressions.tree import Expression, NoRecipeError
from seqlift.models.plans import bounds


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ELEMENTWISE = _words(
    """
    abs absolute exp expm1 log log1p sqrt rsqrt square negative reciprocal sign tanh sin cos erf
    relu relu6 elu selu celu gelu silu leaky_relu softplus softsign sigmoid log_sigmoid hard_sigmoid
    hard_silu add subtract multiply divide power maximum minimum mod floor_divide clip greater
    greater_equal less less_equal equal not_equal logical_and logical_or logical_not
    """
)
"""Functions of `keras.ops` that take each element of a sequence, or of several, by itself."""

ALONG_AXIS = _words(
    """
    sum mean max min prod var std logsumexp any all softmax log_softmax squeeze concatenate cumsum
    flip take repeat
    """
)
"""Functions of `keras.ops` that work along `axis`."""

OWN: Mapping[str, Callable[..., Any]] = {
    "batch_flatten": shapes.batch_flatten,
    "cast": shapes.cast,
    "clipped_sqrt": shapes.clipped_sqrt,
    "epsilon": lambda: 1e-7,
    "expand_dims": shapes.expand_dims,
    "float": filled.real,
    "full": filled.full,
    "getitem": shapes.getitem,
    "identity": lambda x: x,
    "int": filled.whole,
    "is_finite": shapes.is_finite,
    "l2_normalize": shapes.l2_normalize,
    "len": filled.length,
    "matmul": shapes.matmul,
    "ones": filled.ones,
    "ones_like": ops.ones_like,
    "pad": shapes.pad,
    "repeat_vector": shapes.repeat_vector,
    "reshape": shapes.reshape,
    "shape": shapes.shape,
    "slice": shapes.slice_of,
    "split": shapes.split,
    "split_sizes": shapes.split_sizes,
    "stack": shapes.stack,
    "tile": shapes.tile,
    "transpose": shapes.transpose,
    "unstack": shapes.unstack,
    "where": shapes.where,
    "zeros": filled.zeros,
    "zeros_like": ops.zeros_like,
}
"""Functions with checks of their own, and those that `keras.ops` has not."""


def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """Apply a ReLU with any of the settings that Keras's backend and layer have for it."""
    if (negative_slope, max_value, threshold) == (0.0, None, 0.0):
        return ops.relu(x)
    return keras.layers.ReLU(max_value, negative_slope, threshold, dtype=x.dtype)(x)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(ops, name) for name in (*ELEMENTWISE, *ALONG_AXIS)},
    "concatenate": filled.concatenate,
    "relu": relu,
    **OWN,
}
"""Every function of the language, by name."""


def _power(base: float, exponent: float) -> float:
    are_whole = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    if are_whole and int(base).bit_length() * exponent < 64:  # 9 ** 9 ** 9 would never end
        whole: int = base**exponent  # whole, as Python's; math.pow gives floats
        return whole
    return math.pow(base, exponent)


ON_NUMBERS: Mapping[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "mod": operator.mod,
    "power": _power,
    "negative": operator.neg,
    "abs": abs,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "square": lambda x: x * x,
    "epsilon": lambda: 1e-7,
    "maximum": max,
    "minimum": min,
}
"""Some of them for plain numbers."""


def evaluate(expression: Expression, inputs: Sequence[Any]) -> Any:
    """Evaluate an expression on its inputs: Keras tensors, or plain values.

    Raises `NoRecipeError` for arguments that a function does not take, shapes that do not fit, and
    whatever would mix the sequences of a batch.
    """
    if isinstance(expression, tree.InputTensor):
        return inputs[expression.number]
    if isinstance(expression, tree.ConstantValue):
        return expression.value
    if isinstance(expression, tree.Numbers):
        return expression.array
    if isinstance(expression, tree.Several):
        return tuple(evaluate(item, inputs) for item in expression.items)
    if isinstance(expression, tree.Slice):
        return slice(*(evaluate(end, inputs) for end in tree.children(expression)))
    args = [evaluate(argument, inputs) for argument in expression.args]
    kwargs = {name: evaluate(argument, inputs) for name, argument in expression.kwargs}
    try:
        result = _applied(expression.function, args, kwargs)
    except NoRecipeError:
        raise
    except Exception as problem:  # Keras and its backends raise classes of their own
        reason = next((line for line in str(problem).splitlines() if line.strip()), "")
        raise NoRecipeError(
            f"computes {tree.text(expression)}, which cannot be: "
            f"{reason.strip().rstrip('.') or type(problem).__name__}"
        ) from problem
    for tensor in keras.tree.flatten(result):
        misfit = bounds.misfit(tensor)  # step by step: an expression may grow between its ends
        if misfit:
            raise NoRecipeError(f"computes {tree.text(expression)}, which {misfit}")
    return result


def _applied(name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Apply the function `name` to arguments that are values."""
    function = FUNCTIONS[name]
    signature = inspect.signature(function)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as problem:
        takes = ", ".join(signature.parameters)
        raise NoRecipeError(f"calls {name} wrongly ({problem}); it takes {takes}") from problem
    tensors = [v for v in keras.tree.flatten([args, kwargs]) if shapes.is_tensor(v)]
    if name in ELEMENTWISE and tensors:
        rank = max(len(tensor.shape) for tensor in tensors)
        args = [_operand(name, value, rank) for value in args]
        kwargs = {key: _operand(name, value, rank) for key, value in kwargs.items()}
    if not tensors and name not in OWN:
        return _of_numbers(name, bound.args)
    bound.apply_defaults()
    if name in ELEMENTWISE:
        shapes.check_aligned(name, tensors)
    if name in ALONG_AXIS and tensors:
        shapes.check_axis(name, bound.arguments["axis"], len(tensors[0].shape))
    return function(*args, **kwargs)


def _operand(name: str, value: Any, rank: int) -> Any:
    """Convert listed numbers to an array, for arithmetic with tensors of `rank` axes."""
    if not isinstance(value, list | tuple | np.ndarray):
        return value
    if not isinstance(value, np.ndarray) and not all(
        isinstance(one, int | float) for one in keras.tree.flatten(value)
    ):
        raise NoRecipeError(f"calls {name} of {value}, which are not all numbers")
    array = np.asarray(value, "float32")
    if array.size == 0:
        raise NoRecipeError(f"calls {name} of no numbers")
    if array.ndim > rank or (array.ndim == rank and len(array) > 1):
        raise NoRecipeError(
            f"calls {name} of numbers of the shape {array.shape}, which {shapes.ACROSS_THE_BATCH}"
        )
    return array


def _of_numbers(name: str, args: Sequence[Any]) -> Any:
    """Apply a function to numbers, and arrays of one number, alone."""
    if any(isinstance(value, np.ndarray) for value in args) and hasattr(np, name):
        return getattr(np, name)(*args)
    if not all(isinstance(value, int | float) for value in args):
        raise NoRecipeError(
            f"calls {name} of {', '.join(map(repr, args))}, which are not all numbers"
        )
    if name not in ON_NUMBERS:
        raise NoRecipeError(f"calls {name} of numbers alone, which has no recipe")
    return ON_NUMBERS[name](*args)
