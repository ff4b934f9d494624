"""Sums of products: matrix products, Einstein sums, tensor products.

All become one: each operand has a letter per axis, `BATCH` for the batch axis of a tensor.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras.src.ops import numpy
from numpy.typing import NDArray

from seqlift.attribution.lowering.composition import (
    permuted,
    product,
    reshaped,
    scaled,
    stretched,
)
from seqlift.attribution.lowering.inverses import inverse_of
from seqlift.attribution.lowering.operations.operand import after_batch, array_of, rank_of
from seqlift.attribution.lowering.place import LowerOperation, Place, Tensor
from seqlift.attribution.primitives.affine import Dense, Sum
from seqlift.attribution.primitives.product import Contraction, Einsum

BATCH = "Z"
MIXED = (
    "multiplies along the batch axis, which mixes its rows; sum over other axes, and keep the batch"
    " axis first"
)


@dataclass(frozen=True, slots=True)
class Factor:
    """An operand with a letter per axis; of a tensor (a node) without the batch axis."""

    value: int | NDArray[Any]
    letters: str


def contracted(at: Place, factors: Sequence[Factor], result: str) -> int:
    """Return the sum of products of nodes and arrays over the letters that `result` has not.

    Two at a time from the left, nodes before arrays. An axis of extent 1 is stretched to the extent
    of its letter.
    """
    arrays = [factor for factor in factors if not isinstance(factor.value, int)]
    nodes = [factor for factor in factors if isinstance(factor.value, int)]
    extents: dict[str, int] = {}
    for factor in factors:
        for letter, extent in zip(factor.letters, shape_of(at, factor), strict=True):
            extents[letter] = max(extent, extents.get(letter, 1))
    queue = [spread(at, factor, extents) for factor in [*nodes, *arrays]]
    left = queue.pop(0)
    while queue:
        right = queue.pop(0)
        needed = set(result).union(*(factor.letters for factor in queue))
        left = pair(at, left, right, needed)
    spare = tuple(i for i, letter in enumerate(left.letters) if letter not in result)
    node = int(left.value)
    node = at.add(Sum(spare), node) if spare else node
    letters = "".join(letter for letter in left.letters if letter in result)
    return permuted(at, node, [letters.index(letter) for letter in result])


def shape_of(at: Place, factor: Factor) -> tuple[int, ...]:
    """Return the shape of an operand."""
    return at.shape(factor.value) if isinstance(factor.value, int) else factor.value.shape


def spread(at: Place, factor: Factor, extents: dict[str, int]) -> Factor:
    """Return an operand whose axes have the extents of their letters."""
    if len(set(factor.letters)) < len(factor.letters):
        raise at.refuse("takes a diagonal, which has no lowering; multiply by an identity matrix")
    shape = tuple(extents[letter] for letter in factor.letters)
    if isinstance(factor.value, int):
        return Factor(stretched(at, factor.value, shape), factor.letters)
    return Factor(np.broadcast_to(factor.value, shape), factor.letters)


def pair(at: Place, left: Factor, right: Factor, needed: set[str]) -> Factor:
    """Return the sum of products of a node and a node or an array, which keeps `needed` letters."""
    left = summed(at, left, needed | set(right.letters))
    right = summed(at, right, needed | set(left.letters))
    both = left.letters + "".join(c for c in right.letters if c not in left.letters)
    result = "".join(letter for letter in both if letter in needed)
    equation = f"{left.letters},{right.letters}->{result}"
    source = int(left.value)  # nodes come first
    if isinstance(right.value, int):
        divided = divided_sum(at, (left, right), result) or divided_sum(at, (right, left), result)
        return divided or Factor(at.add(Einsum(equation), source, right.value), result)
    weights = right.value.astype(np.float64)
    if (len(right.letters), right.letters) == (2, left.letters[-1:] + result[-1:]) and (
        result[:-1] == left.letters[:-1]
    ):
        return Factor(at.add(Dense(weights, None), source), result)
    if not right.letters:
        return Factor(scaled(at, source, weights), result)
    return Factor(at.add(Contraction(weights, None, equation), source), result)


def divided_sum(at: Place, factors: tuple[Factor, Factor], result: str) -> Factor | None:
    """Divide the first factor by what the second is the inverse of, and sum to `result`.

    None where the second is no inverse, or has axes of several values that the first has not.
    """
    first, second = with_single_axes(at, *factors)
    if not set(second.letters) <= set(first.letters):
        return None
    order = [second.letters.index(c) for c in first.letters if c in second.letters]
    extents = dict(zip(second.letters, at.shape(int(second.value)), strict=True))
    aligned = reshaped(
        at,
        permuted(at, int(second.value), order),
        [extents.get(letter, 1) for letter in first.letters],
    )
    if inverse_of(at, aligned) is None:
        return None
    whole = Factor(product(at, int(first.value), aligned), first.letters)
    kept = summed(at, whole, set(result))
    node = permuted(at, int(kept.value), [kept.letters.index(letter) for letter in result])
    return Factor(node, result)


def with_single_axes(at: Place, first: Factor, second: Factor) -> tuple[Factor, Factor]:
    """Give the first factor the axes of one value that only the second has."""
    extents = dict(zip(second.letters, at.shape(int(second.value)), strict=True))
    new = "".join(c for c in second.letters if c not in first.letters and extents[c] == 1)
    if not new:
        return first, second
    shape = [*at.shape(int(first.value)), *(1 for _ in new)]
    return Factor(reshaped(at, int(first.value), shape), first.letters + new), second


def summed(at: Place, factor: Factor, needed: set[str]) -> Factor:
    """Return an operand summed over the axes whose letters nothing else has."""
    spare = tuple(i for i, letter in enumerate(factor.letters) if letter not in needed)
    if not spare:
        return factor
    letters = "".join(letter for letter in factor.letters if letter in needed)
    if isinstance(factor.value, int):
        shape = at.shape(factor.value)
        if all(shape[i] == 1 for i in spare):  # so that an inverse stays one
            kept = [extent for i, extent in enumerate(shape) if i not in spare]
            return Factor(reshaped(at, factor.value, kept), letters)
        return Factor(at.add(Sum(spare), factor.value), letters)
    return Factor(factor.value.sum(axis=spare), letters)


def factors_of(at: Place, operands: Sequence[Any], letters: Sequence[str]) -> list[Factor]:
    """Return the operands with their letters, the batch axis taken off tensors and constants."""
    found = []
    for operand, own in zip(operands, letters, strict=True):
        if isinstance(operand, Tensor):
            if own[:1] != BATCH or BATCH in own[1:]:
                raise at.refuse(MIXED)
            found.append(Factor(operand.node, own[1:]))
            continue
        array = array_of(operand)
        if BATCH in own:  # the array has a batch axis of its own
            if own[0] != BATCH:
                raise at.refuse(MIXED)
            array, own = after_batch(at, array, len(own)), own[1:]
        found.append(Factor(array, own))
    return found


def product_of(at: Place, operands: Sequence[Any], letters: Sequence[str], result: str) -> int:
    """Return the sum of products of operands, given the letters of all their axes."""
    if result[:1] != BATCH or BATCH in result[1:]:
        raise at.refuse(MIXED)
    return contracted(at, factors_of(at, operands, letters), result[1:])


def rank(at: Place, operand: Any) -> int:
    """Return the number of axes of a tensor, the batch axis included, or of a constant."""
    return rank_of(at, operand) if isinstance(operand, Tensor) else array_of(operand).ndim


def lower_einsum(operation: Any, at: Place, *operands: Any) -> int:
    """Return the Einstein sum of tensors and constants."""
    letters, result = spelled(operation.subscripts, [rank(at, operand) for operand in operands])
    firsts = {
        own[:1]
        for own, operand in zip(letters, operands, strict=True)
        if isinstance(operand, Tensor)
    }
    if len(firsts) != 1 or "" in firsts:
        raise at.refuse(MIXED)
    (batch,) = firsts
    exchange = str.maketrans({batch: BATCH, BATCH: batch})
    letters, result = [own.translate(exchange) for own in letters], result.translate(exchange)
    return product_of(at, operands, letters, result)


def spelled(subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Return the letters of each operand and of the result, ellipses spelled out.

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
    if not arrow:
        plain = sorted(c for c in set(inputs) - set(".,") if inputs.count(c) == 1)
        result = "..." + "".join(plain)
    return letters, result.replace("...", hidden)


def lower_matmul(_operation: Any, at: Place, x1: Any, x2: Any) -> int:
    """Return the matrix product over the last axis of one operand and the last but one of another.

    Axes before those two broadcast.
    """
    return matrix_product(at, x1, x2)


def matrix_product(at: Place, x1: Any, x2: Any) -> int:
    """Return the matrix product of two operands, of which one may be constant."""
    ranks = [rank(at, x1), rank(at, x2)]
    before = max(*ranks, 2) - 2
    shared = (BATCH + string.ascii_lowercase)[:before]
    first = shared[before - max(ranks[0] - 2, 0) :] + ("ij" if ranks[0] > 1 else "j").upper()
    second = shared[before - max(ranks[1] - 2, 0) :] + ("jk" if ranks[1] > 1 else "j").upper()
    result = shared + ("I" if ranks[0] > 1 else "") + ("K" if ranks[1] > 1 else "")
    if isinstance(x1, Tensor) and ranks[0] == 2:  # the rows of the matrix are the batch
        first, result = first.replace("I", BATCH), result.replace("I", BATCH)
    return product_of(at, (x1, x2), (first, second), result)


def lower_dot(_operation: Any, at: Place, x1: Any, x2: Any) -> int:
    """Return the sum of products over the last axis and the last but one, other axes apart."""
    ranks = [rank(at, x1), rank(at, x2)]
    if 0 in ranks:
        return tensor_product(at, x1, x2, [], [])
    return tensor_product(at, x1, x2, [ranks[0] - 1], [max(ranks[1] - 2, 0)])


def lower_tensordot(operation: Any, at: Place, x1: Any, x2: Any) -> int:
    """Return the sum of products over pairs of axes, other axes apart."""
    axes, ranks = operation.axes, (rank(at, x1), rank(at, x2))
    if isinstance(axes, int):
        return tensor_product(at, x1, x2, range(ranks[0] - axes, ranks[0]), range(axes))
    first, second = ([side] if isinstance(side, int) else list(side) for side in axes)
    places = [[axis % n for axis in side] for side, n in zip((first, second), ranks, strict=True)]
    return tensor_product(at, x1, x2, *places)


def tensor_product(at: Place, x1: Any, x2: Any, first: Sequence[int], second: Sequence[int]) -> int:
    """Return the sum of products over the axes `first` of one operand and `second` of the other."""
    if isinstance(x1, Tensor) and isinstance(x2, Tensor):
        raise at.refuse(MIXED)
    count = rank(at, x1)
    left = [*string.ascii_lowercase[:count]]
    right = [*string.ascii_uppercase[: rank(at, x2)]]
    for one, other in zip(first, second, strict=True):
        right[other] = left[one]
    result = [c for i, c in enumerate(left) if i not in first]
    result += [c for i, c in enumerate(right) if i not in second]
    batch = left[0] if isinstance(x1, Tensor) else right[0]
    sides = ["".join(side).replace(batch, BATCH) for side in (left, right, result)]
    return product_of(at, (x1, x2), sides[:2], sides[2])


CONTRACTIONS: dict[type, LowerOperation] = {
    numpy.Matmul: lower_matmul,
    numpy.Dot: lower_dot,
    numpy.Einsum: lower_einsum,
    numpy.Tensordot: lower_tensordot,
}
