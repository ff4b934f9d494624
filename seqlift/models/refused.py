"""Word the refusal of a model's layers: a line for each cause, with the layers it concerns.

Knows refusals and names; knows nothing of why a layer is refused.
"""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile

from seqlift.errors import ModelError
from seqlift.models.safety import Refusal

NAMED = 5
"""Layers of one cause that are named; the others are counted."""


class RefusedLayersError(ModelError):
    """Layers that must not or cannot be built; `layers` has the sentence of each, by its name."""

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        found = list(refusals)
        super().__init__(*refusal_lines(found))
        self.layers = {one.layer: str(one) for one in reversed(found)}


def refusal_lines(refusals: Sequence[Refusal]) -> list[str]:
    causes: dict[tuple[str, bool], list[Refusal]] = {}
    for one in refusals:
        causes.setdefault((one.reason, one.recipe_for is None), []).append(one)
    return [_line(alike, refusals) for alike in causes.values()]


def _line(alike: Sequence[Refusal], refusals: Sequence[Refusal]) -> str:
    layers = [*dict.fromkeys(one.layer for one in alike)]
    if len(layers) == 1:
        return str(alike[0])
    recipes = {one.recipe_for for one in alike} - {None}
    recipe = f" {_recipe(sorted(map(str, recipes)), refusals)}" if recipes else ""
    return f"layers {_listed(layers)}: each{alike[0].reason}{recipe}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    listed = ", ".join(map(repr, names[:NAMED] if more > 1 else names))
    return f"{listed} and {more} more" if more > 1 else listed


def _recipe(names: Sequence[str], refusals: Sequence[Refusal]) -> str:
    if len(names) == 1:
        return f"--recipe '{names[0]}=EXPRESSION'"
    start = _beginning(min(names), max(names))
    others = {one.recipe_for or one.layer for one in refusals} - set(names)
    # The pattern must mean these layers and no other, and be read as one.
    if start and not re.search(r"[*?\[]", start) and not any(o.startswith(start) for o in others):
        return f"--recipe '{start}*=EXPRESSION'"
    return "--recipe 'LAYER=EXPRESSION' for each"


def _beginning(one: str, other: str) -> str:
    return "".join(
        a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    )


def is_pattern(name: str) -> bool:
    """Tell whether a name has wildcards: ``*``, ``?`` or a set of characters in brackets."""
    return any(wildcard in name for wildcard in "*?[")


def matches(name: str, pattern: str) -> bool:
    """Tell whether a layer's name fits a pattern."""
    return fnmatchcase(name, pattern)
