"""Operations whose result does not follow from small changes of the input, and the reasons."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras.src.ops import math, nn, numpy

from seqlift.lowering.compositions.composition import add_constant
from seqlift.lowering.compositions.operand import known
from seqlift.lowering.compositions.place import LowerOperation, Place

COMPARES = (
    "compares values that depend on the input: its result jumps, and nothing says which part of a"
    " change made it jump; use relu, sigmoid or maximum instead, and no Masking before a layer that"
    " uses the mask"
)
FINDS_PLACES = (
    "gives places, not values, so that nothing of a change passes through it; use the values"
    " themselves (max, softmax)"
)
SORTS = "moves values by their order, which changes with the input; use max, or pooling, instead"
ROUNDS = "has steps without a slope; leave it out, or use a smooth function instead"
COUNTS = "makes whole numbers of values, in steps without a slope; feed one-hot sequences instead"
PROJECTS = (
    "projects onto a set whose members change with the input, for which no rule completes; use"
    " softmax"
)
FIXES_BATCH = (
    "gives the batch axis an extent of its own, which holds for one number of rows only; use repeat"
    " or tile along another axis"
)
FLATTENS_BATCH = "lays all rows of a batch in one axis, which mixes them; use Flatten"


def refused(why: str) -> LowerOperation:
    """Make the lowering of an operation that is refused, unless it does not depend on the input."""

    def lower(operation: Any, place: Place, *operands: Any) -> int:
        values = [known(place, operand) for operand in operands]
        if any(value is None for value in values):
            raise place.refuse(why)
        # Of constants alone it is a constant: a comparison of positions, say, for a causal mask.
        result = np.asarray(keras.ops.convert_to_numpy(operation.call(*values)))
        return add_constant(place, result[0])

    return lower


def refuse_all(why: str, *kinds: type) -> dict[type, Callable[..., Any]]:
    return dict.fromkeys(kinds, refused(why))


REFUSALS: dict[type, LowerOperation] = (
    refuse_all(
        COMPARES,
        numpy.Greater,
        numpy.GreaterEqual,
        numpy.Less,
        numpy.LessEqual,
        numpy.Equal,
        numpy.NotEqual,
        numpy.LogicalAnd,
        numpy.LogicalOr,
        numpy.LogicalNot,
        numpy.LogicalXor,
        numpy.Any,
        numpy.All,
    )
    | refuse_all(FINDS_PLACES, numpy.Argmax, numpy.Argmin, numpy.Argsort, math.TopK)
    | refuse_all(SORTS, numpy.Sort, numpy.Median, numpy.Quantile)
    | refuse_all(ROUNDS, numpy.Round, numpy.Floor, numpy.Ceil, numpy.Trunc, numpy.Sign)
    | refuse_all(ROUNDS, numpy.FloorDivide, numpy.Mod)
    | refuse_all(FLATTENS_BATCH, numpy.Ravel)
    | refuse_all(FIXES_BATCH, numpy.BroadcastTo)
    | refuse_all(COUNTS, nn.OneHot)
    | refuse_all(PROJECTS, nn.Sparsemax)
)
