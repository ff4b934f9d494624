"""Functions of one number: activations, powers, roots, logarithms, and the identity."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops
from keras.src.ops import core, math, nn, numpy

from seqlift.device import backend
from seqlift.lowering.compositions.composition import (
    add_constant,
    scale_node,
)
from seqlift.lowering.compositions.exponentials import log_sum_exp_of
from seqlift.lowering.compositions.operand import array_of
from seqlift.lowering.compositions.place import LowerOperation, Place, Tensor
from seqlift.lowering.layers.activation import gated_linear, log_softmax, softmax
from seqlift.network.primitives import curves, elementwise, powers, quotients
from seqlift.network.primitives.base import Array
from seqlift.network.primitives.elementwise import Elementwise


def arctan_slope(x: Array) -> Array:
    return 1.0 / (1.0 + ops.square(x))


def arcsinh_slope(x: Array) -> Array:
    return 1.0 / ops.sqrt(1.0 + ops.square(x))


ARCTAN = elementwise.curved(
    "arctan", backend.arctan, quotients.mean_of(arctan_slope, backend.arctan)
)
ARCSINH = elementwise.curved(
    "arcsinh", backend.arcsinh, quotients.mean_of(arcsinh_slope, backend.arcsinh)
)


def of_each(function: Elementwise) -> LowerOperation:
    def lower(_operation: Any, place: Place, x: Tensor) -> int:
        return place.add(function, x.node)

    return lower


def of_settings(function: Callable[[Any], Elementwise]) -> LowerOperation:
    def lower(operation: Any, place: Place, x: Tensor) -> int:
        return place.add(function(operation), x.node)

    return lower


def lower_logarithm(_operation: Any, place: Place, x: Tensor) -> int:
    known = log_sum_exp_of(place, x.node)
    return place.add(powers.LOG, x.node) if known is None else known


def lower_error_complement(_operation: Any, place: Place, x: Tensor) -> int:
    return scale_node(place, place.add(powers.ERF, x.node), -1.0, 1.0)


def lower_scale(factor: float) -> LowerOperation:
    return lambda _operation, place, x: scale_node(place, x.node, factor)


def lower_gated(operation: Any, place: Place, x: Tensor) -> int:
    return gated_linear(place, x.node, axis=operation.axis)


def lower_softmax(operation: Any, place: Place, x: Tensor) -> int:
    return softmax(place, x.node, axis=operation.axis)


def lower_log_softmax(operation: Any, place: Place, x: Tensor) -> int:
    return log_softmax(place, x.node, axis=operation.axis)


def lower_copy(_operation: Any, _at: Place, x: Tensor) -> int:
    return x.node


def lower_cast(operation: Any, place: Place, x: Tensor) -> int:
    """Keep the precision of the computation; refuse a cast to anything but real numbers."""
    if operation.dtype is not None and "float" not in str(operation.dtype):
        raise place.refuse(
            f"makes {operation.dtype} of numbers, in steps that have no slope; leave it out"
        )
    return x.node


def lower_filled(value: float | None) -> LowerOperation:
    """Make the lowering of a tensor filled with one number, of the shape of another."""

    def lower(_operation: Any, place: Place, x: Tensor, fill_value: Any = value) -> int:
        array = np.broadcast_to(array_of(fill_value), (1, *place.shape(x.node)))
        return add_constant(place, array[0])

    return lower


FUNCTION_OPERATIONS: dict[type, LowerOperation] = {
    nn.Relu: of_each(elementwise.RELU),
    nn.Relu6: of_each(elementwise.general_relu(slope=0.0, ceiling=6.0, threshold=0.0)),
    nn.Sigmoid: of_each(elementwise.SIGMOID),
    nn.SparseSigmoid: of_each(elementwise.SPARSE_SIGMOID),
    nn.Softplus: of_each(elementwise.SOFTPLUS),
    nn.Softsign: of_each(elementwise.SOFTSIGN),
    nn.SoftShrink: of_settings(lambda op: elementwise.soft_shrink(float(op.threshold))),
    nn.SparsePlus: of_each(curves.SPARSE_PLUS),
    nn.Silu: of_each(elementwise.SILU),
    nn.Squareplus: of_settings(lambda op: curves.squareplus(float(op.b))),
    nn.LogSigmoid: of_each(curves.LOG_SIGMOID),
    nn.LeakyRelu: of_settings(lambda op: elementwise.leaky_relu(float(op.negative_slope))),
    nn.HardSigmoid: of_each(elementwise.HARD_SIGMOID),
    nn.HardSilu: of_each(curves.HARD_SILU),
    nn.Elu: of_settings(lambda op: elementwise.elu(float(op.alpha))),
    nn.Selu: of_each(elementwise.SELU),
    nn.Gelu: of_settings(lambda op: curves.APPROXIMATE_GELU if op.approximate else curves.GELU),
    nn.Celu: of_settings(lambda op: elementwise.celu(float(op.alpha))),
    nn.Glu: lower_gated,
    nn.TanhShrink: of_each(curves.TANH_SHRINK),
    nn.HardTanh: of_each(elementwise.HARD_TANH),
    nn.HardShrink: of_settings(lambda op: elementwise.hard_shrink(float(op.threshold))),
    nn.Threshold: of_settings(
        lambda op: elementwise.threshold_at(float(op.threshold), float(op.default_value))
    ),
    nn.Softmax: lower_softmax,
    nn.LogSoftmax: lower_log_softmax,
    numpy.Absolute: of_each(elementwise.ABSOLUTE),
    numpy.Abs: of_each(elementwise.ABSOLUTE),
    numpy.Fabs: of_each(elementwise.ABSOLUTE),
    numpy.Reciprocal: of_each(powers.RECIPROCAL),
    numpy.Square: of_each(powers.SQUARE),
    numpy.Sqrt: of_each(powers.SQRT),
    numpy.Exp: of_each(elementwise.EXPONENTIAL),
    numpy.Exp2: of_each(powers.power_of_base(2.0)),
    numpy.Expm1: of_each(powers.EXPM1),
    numpy.Log: lower_logarithm,
    numpy.Log1p: of_each(powers.LOG1P),
    numpy.Log2: of_each(powers.LOG2),
    numpy.Log10: of_each(powers.LOG10),
    numpy.Tanh: of_each(elementwise.TANH),
    numpy.Sin: of_each(powers.SIN),
    numpy.Cos: of_each(powers.COS),
    numpy.Arctan: of_each(ARCTAN),
    numpy.Arcsinh: of_each(ARCSINH),
    numpy.Deg2rad: lower_scale(np.pi / 180.0),
    numpy.Rad2deg: lower_scale(180.0 / np.pi),
    math.Rsqrt: of_each(powers.RSQRT),
    math.Erf: of_each(powers.ERF),
    math.Erfc: lower_error_complement,
    numpy.Copy: lower_copy,
    core.ConvertToTensor: lower_copy,
    core.StopGradient: lower_copy,  # it holds back training only: without it no sum would hold
    core.Cast: lower_cast,
    core.SaturateCast: lower_cast,
    numpy.ZerosLike: lower_filled(0.0),
    numpy.OnesLike: lower_filled(1.0),
    numpy.FullLike: lower_filled(None),
}
