"""Sums of products: matrix products, Einstein sums, tensor products.

All become one: each operand has a letter per axis, `BATCH` for the batch axis of a tensor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.lowering.compositions.composition import (
    permuted,
    product,
    reshaped,
    scale_node,
    stretched,
)
from seqlift.lowering.compositions.inverses import inverse_of
from seqlift.lowering.compositions.operand import after_batch, array_of, rank_of
from seqlift.lowering.compositions.place import Place, Tensor
from seqlift.network.primitives.affine import Dense, Sum
from seqlift.network.primitives.product import BATCH, Contraction, Einsum

MIXED = (
    "multiplies along the batch axis, which mixes its rows; sum over other axes, and keep the batch"
    " axis first"
)


@dataclass(frozen=True, slots=True)
class Factor:
    """An operand with a letter per axis; of a tensor (a node) without the batch axis."""

    value: int | NDArray[Any]
    letters: str


def contracted(place: Place, factors: Sequence[Factor], result: str) -> int:
    """Sum products of nodes and arrays over the letters that `result` lacks.

    Two at a time from the left, nodes before arrays. An axis of extent 1 is stretched to the extent
    of its letter.
    """
    arrays = [factor for factor in factors if not isinstance(factor.value, int)]
    nodes = [factor for factor in factors if isinstance(factor.value, int)]
    extents: dict[str, int] = {}
    for factor in factors:
        for letter, extent in zip(factor.letters, shape_of(place, factor), strict=True):
            extents[letter] = max(extent, extents.get(letter, 1))
    queue = [spread(place, factor, extents) for factor in [*nodes, *arrays]]
    left = queue.pop(0)
    while queue:
        right = queue.pop(0)
        needed = set(result).union(*(factor.letters for factor in queue))
        left = pair(place, left, right, needed)
    spare = tuple(i for i, letter in enumerate(left.letters) if letter not in result)
    node = int(left.value)
    node = place.add(Sum(spare), node) if spare else node
    letters = "".join(letter for letter in left.letters if letter in result)
    return permuted(place, node, [letters.index(letter) for letter in result])


def shape_of(place: Place, factor: Factor) -> tuple[int, ...]:
    return place.shape(factor.value) if isinstance(factor.value, int) else factor.value.shape


def spread(place: Place, factor: Factor, extents: dict[str, int]) -> Factor:
    """Stretch an operand's axes to the extents of their letters."""
    if len(set(factor.letters)) < len(factor.letters):
        raise place.refuse(
            "takes a diagonal, which has no lowering; multiply by an identity matrix"
        )
    shape = tuple(extents[letter] for letter in factor.letters)
    if isinstance(factor.value, int):
        return Factor(stretched(place, factor.value, shape), factor.letters)
    return Factor(np.broadcast_to(factor.value, shape), factor.letters)


def pair(place: Place, left: Factor, right: Factor, needed: set[str]) -> Factor:
    """Sum products of a node and a node or an array; the `needed` letters stay."""
    left = sum_letters(place, left, needed | set(right.letters))
    right = sum_letters(place, right, needed | set(left.letters))
    both = left.letters + "".join(c for c in right.letters if c not in left.letters)
    result = "".join(letter for letter in both if letter in needed)
    equation = f"{left.letters},{right.letters}->{result}"
    source = int(left.value)  # nodes come first
    if isinstance(right.value, int):
        # An einsum with an inverse is a quotient, as a product with one is (decision 0011).
        divided = divided_sum(place, (left, right), result) or divided_sum(
            place, (right, left), result
        )
        return divided or Factor(place.add(Einsum(equation), source, right.value), result)
    weights = right.value.astype(np.float64)
    if (len(right.letters), right.letters) == (2, left.letters[-1:] + result[-1:]) and (
        result[:-1] == left.letters[:-1]
    ):
        # A dense layer for rules, too: `genomics` gives the activation after it RevealCancel.
        return Factor(place.add(Dense(weights, None), source), result)
    if not right.letters:
        return Factor(scale_node(place, source, weights), result)
    return Factor(place.add(Contraction(weights, None, equation), source), result)


def divided_sum(place: Place, factors: tuple[Factor, Factor], result: str) -> Factor | None:
    """Divide the first factor by the value whose inverse the second is, and sum to `result`.

    None where the second is not an inverse, or has axes of several values that the first lacks.
    """
    first, second = with_single_axes(place, *factors)
    if not set(second.letters) <= set(first.letters):
        return None
    order = [second.letters.index(c) for c in first.letters if c in second.letters]
    extents = dict(zip(second.letters, place.shape(int(second.value)), strict=True))
    aligned = reshaped(
        place,
        permuted(place, int(second.value), order),
        [extents.get(letter, 1) for letter in first.letters],
    )
    if inverse_of(place, aligned) is None:
        return None
    whole = Factor(product(place, int(first.value), aligned), first.letters)
    kept = sum_letters(place, whole, set(result))
    node = permuted(place, int(kept.value), [kept.letters.index(letter) for letter in result])
    return Factor(node, result)


def with_single_axes(place: Place, first: Factor, second: Factor) -> tuple[Factor, Factor]:
    """Give the first factor the axes of one value that only the second has."""
    extents = dict(zip(second.letters, place.shape(int(second.value)), strict=True))
    new = "".join(c for c in second.letters if c not in first.letters and extents[c] == 1)
    if not new:
        return first, second
    shape = [*place.shape(int(first.value)), *(1 for _ in new)]
    return Factor(reshaped(place, int(first.value), shape), first.letters + new), second


def sum_letters(place: Place, factor: Factor, needed: set[str]) -> Factor:
    spare = tuple(i for i, letter in enumerate(factor.letters) if letter not in needed)
    if not spare:
        return factor
    letters = "".join(letter for letter in factor.letters if letter in needed)
    if isinstance(factor.value, int):
        shape = place.shape(factor.value)
        if all(shape[i] == 1 for i in spare):  # so that an inverse stays one
            kept = [extent for i, extent in enumerate(shape) if i not in spare]
            return Factor(reshaped(place, factor.value, kept), letters)
        return Factor(place.add(Sum(spare), factor.value), letters)
    return Factor(factor.value.sum(axis=spare), letters)


def factors_of(place: Place, operands: Sequence[Any], letters: Sequence[str]) -> list[Factor]:
    found = []
    for operand, own in zip(operands, letters, strict=True):
        if isinstance(operand, Tensor):
            if own[:1] != BATCH or BATCH in own[1:]:
                raise place.refuse(MIXED)
            found.append(Factor(operand.node, own[1:]))
            continue
        array = array_of(operand)
        if BATCH in own:  # the array has a batch axis of its own
            if own[0] != BATCH:
                raise place.refuse(MIXED)
            array, own = after_batch(place, array, len(own)), own[1:]
        found.append(Factor(array, own))
    return found


def product_of(place: Place, operands: Sequence[Any], letters: Sequence[str], result: str) -> int:
    """Sum products of operands, by the letters of all their axes."""
    if result[:1] != BATCH or BATCH in result[1:]:
        raise place.refuse(MIXED)
    return contracted(place, factors_of(place, operands, letters), result[1:])


def rank(place: Place, operand: Any) -> int:
    """Count the axes of a tensor, the batch axis included, or of a constant."""
    return rank_of(place, operand) if isinstance(operand, Tensor) else array_of(operand).ndim
