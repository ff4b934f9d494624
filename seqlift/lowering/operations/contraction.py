"""Operations of Keras that are sums of products: `matmul`, `dot`, `einsum`, `tensordot`."""

import string
from collections.abc import Sequence
from typing import Any

from keras.src.ops import numpy

from seqlift.lowering.compositions.contractions import MIXED, product_of, rank
from seqlift.lowering.compositions.place import LowerOperation, Place, Tensor
from seqlift.network.primitives.product import BATCH


def lower_einsum(operation: Any, place: Place, *operands: Any) -> int:
    letters, result = spelled(operation.subscripts, [rank(place, operand) for operand in operands])
    firsts = {
        own[:1]
        for own, operand in zip(letters, operands, strict=True)
        if isinstance(operand, Tensor)
    }
    if len(firsts) != 1 or "" in firsts:
        raise place.refuse(MIXED)
    (batch,) = firsts
    # a Z of the user is another axis: the two letters change places
    exchange = str.maketrans({batch: BATCH, BATCH: batch})
    letters, result = [own.translate(exchange) for own in letters], result.translate(exchange)
    return product_of(place, operands, letters, result)


def spelled(subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Find the letters of each operand and of the result, ellipses spelled out.

    Letters for those are taken from the end of the alphabet, aligned at the right, as NumPy does.
    """
    inputs, arrow, result = subscripts.replace(" ", "").partition("->")
    own = inputs.split(",")
    unused = [c for c in string.ascii_letters if c not in subscripts and c != BATCH]
    longest = max(
        (n - len(text) + 3 for text, n in zip(own, ranks, strict=True) if "..." in text), default=0
    )
    hidden = "".join(unused[:longest])
    letters = [
        text.replace("...", hidden[longest - (n - len(text) + 3) :] if "..." in text else "")
        for text, n in zip(own, ranks, strict=True)
    ]
    if not arrow:  # NumPy's rule: letters that stand once, in alphabetical order
        plain = sorted(c for c in set(inputs) - set(".,") if inputs.count(c) == 1)
        result = "..." + "".join(plain)
    return letters, result.replace("...", hidden)


def lower_matmul(_operation: Any, place: Place, x1: Any, x2: Any) -> int:
    """Multiply over the last axis of one operand and the last but one of another.

    Axes before those two broadcast.
    """
    return matrix_product(place, x1, x2)


def matrix_product(place: Place, x1: Any, x2: Any) -> int:
    ranks = [rank(place, x1), rank(place, x2)]
    before = max(*ranks, 2) - 2
    shared = (BATCH + string.ascii_lowercase)[:before]
    first = shared[before - max(ranks[0] - 2, 0) :] + ("ij" if ranks[0] > 1 else "j").upper()
    second = shared[before - max(ranks[1] - 2, 0) :] + ("jk" if ranks[1] > 1 else "j").upper()
    result = shared + ("I" if ranks[0] > 1 else "") + ("K" if ranks[1] > 1 else "")
    if isinstance(x1, Tensor) and ranks[0] == 2:  # the rows of the matrix are the batch
        first, result = first.replace("I", BATCH), result.replace("I", BATCH)
    return product_of(place, (x1, x2), (first, second), result)


def lower_dot(_operation: Any, place: Place, x1: Any, x2: Any) -> int:
    """Sum products over the last axis and the last but one, other axes apart."""
    ranks = [rank(place, x1), rank(place, x2)]
    if 0 in ranks:
        return tensor_product(place, x1, x2, [], [])
    return tensor_product(place, x1, x2, [ranks[0] - 1], [max(ranks[1] - 2, 0)])


def lower_tensordot(operation: Any, place: Place, x1: Any, x2: Any) -> int:
    axes, ranks = operation.axes, (rank(place, x1), rank(place, x2))
    if isinstance(axes, int):
        return tensor_product(place, x1, x2, range(ranks[0] - axes, ranks[0]), range(axes))
    first, second = ([side] if isinstance(side, int) else list(side) for side in axes)
    places = [[axis % n for axis in side] for side, n in zip((first, second), ranks, strict=True)]
    return tensor_product(place, x1, x2, *places)


def tensor_product(
    place: Place, x1: Any, x2: Any, first: Sequence[int], second: Sequence[int]
) -> int:
    """Sum products over the axes `first` of one operand and `second` of the other."""
    if isinstance(x1, Tensor) and isinstance(x2, Tensor):
        raise place.refuse(MIXED)
    count = rank(place, x1)
    left = [*string.ascii_lowercase[:count]]
    right = [*string.ascii_uppercase[: rank(place, x2)]]
    for one, other in zip(first, second, strict=True):
        right[other] = left[one]
    result = [c for i, c in enumerate(left) if i not in first]
    result += [c for i, c in enumerate(right) if i not in second]
    batch = left[0] if isinstance(x1, Tensor) else right[0]
    sides = ["".join(side).replace(batch, BATCH) for side in (left, right, result)]
    return product_of(place, (x1, x2), sides[:2], sides[2])


CONTRACTIONS: dict[type, LowerOperation] = {
    numpy.Matmul: lower_matmul,
    numpy.Dot: lower_dot,
    numpy.Einsum: lower_einsum,
    numpy.Tensordot: lower_tensordot,
}
