"""Heads that differ in their numbers only, as one axis of a compiled function.

Each of them compiled by itself would take half a second and some 27 MB: a model of 900 tasks would
never begin. As an axis they share one pass back, which runs once for each of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from seqlift.attribution.heads import Head
from seqlift.device.loops import mapped
from seqlift.device.stored_weights import constant_tensor

Array = Any

FEWEST_ALIKE = 2
"""Heads from which an axis pays; fewer are compiled one after another."""


@dataclass(frozen=True)
class HeadGroup:
    """Heads of one node that differ in their numbers, or a single head.

    `places` are those of its heads among all heads of an engine.
    """

    heads: tuple[Head, ...]
    places: tuple[int, ...]

    def each(self, function: Callable[..., Any], like: Array, *arrays: Array) -> Any:
        """Compute ``function(head, *arrays)``; of several heads, stacked along a new first axis.

        Then each head gets a row of the arrays, and its numbers in the dtype of `like`.
        """
        first = self.heads[0]
        if len(self.heads) == 1:
            return function(first, *arrays)
        columns = zip(*(head.numbers for head in self.heads), strict=True)
        numbers = [constant_tensor(np.stack(column), like) for column in columns]

        def of_one(*rows: Array) -> Any:
            head = first.with_numbers(rows[: len(numbers)])
            return function(head, *rows[len(numbers) :])

        return mapped(of_one, *numbers, *arrays)

    def split(self, stacked: Any) -> Iterator[tuple[int, Any]]:
        """Yield the place of each head and its part of what `each` has computed."""
        if len(self.heads) == 1:
            yield self.places[0], stacked
            return
        arrays = keras.tree.map_structure(keras.ops.convert_to_numpy, stacked)
        for row, place in enumerate(self.places):
            yield place, keras.tree.map_structure(lambda array, row=row: array[row], arrays)


def grouped_heads(heads: Sequence[Head]) -> tuple[HeadGroup, ...]:
    """Group heads that differ in their numbers only, where an axis for them pays."""
    alike: dict[Any, list[int]] = {}
    for place, head in enumerate(heads):
        shapes = tuple(numbers.shape for numbers in head.numbers)
        key = (type(head), head.node, shapes) if shapes else place
        alike.setdefault(key, []).append(place)
    parts = (
        [places] if len(places) >= FEWEST_ALIKE else [[place] for place in places]
        for places in alike.values()
    )
    return tuple(
        HeadGroup(tuple(heads[place] for place in places), tuple(places))
        for several in parts
        for places in several
    )


def by_head(groups: Sequence[HeadGroup], found: Sequence[Any]) -> list[Any]:
    """List by head what was computed by group, in the order of the heads."""
    parts = dict(
        part for group, values in zip(groups, found, strict=True) for part in group.split(values)
    )
    return [parts[place] for place in sorted(parts)]
