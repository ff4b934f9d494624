"""Flanks, GC content and forbidden motifs: what is nearest, against all sequences one by one."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seqlift.design.constraints import constraints_of
from seqlift.design.step_searches import beam, greedy
from seqlift.design.straight_through import gradient_search
from seqlift.design.substitutions import Substitutions
from seqlift.errors import InputError
from seqlift.inputs.onehot import decode

LENGTH = 5
EVERY = np.array(list(product(range(4), repeat=LENGTH)), np.uint8)
LETTERS = ["".join("ACGT"[base] for base in row) for row in EVERY]
AMBIGUOUS = {
    "A": "A",
    "C": "C",
    "G": "G",
    "T": "T",
    "W": "[AT]",
    "S": "[CG]",
    "N": ".",
    "R": "[AG]",
}
TURNED = str.maketrans("ACGTWSNR", "TGCAWSNY")


def kept(row: str, start: str, chosen: dict[str, object]) -> bool:
    """Tell by regular expressions whether a sequence keeps the constraints."""
    low, high = chosen["gc_range"] or (0.0, 1.0)
    motifs = [m for motif in chosen["forbid"] for m in (motif, motif[::-1].translate(TURNED))]
    found = [re.search("".join((AMBIGUOUS | {"Y": "[CT]"})[c] for c in m), row) for m in motifs]
    left, right = chosen["left_flank"], int(chosen["right_flank"])
    ends = row.startswith(left) and row.endswith(start[LENGTH - right :])
    gc = sum(base in "GC" for base in row) / LENGTH
    return ends and low - 1e-9 <= gc <= high + 1e-9 and not any(found)


@settings(max_examples=40, deadline=None)
@given(
    start=st.sampled_from(range(len(EVERY))),
    left=st.sampled_from(["", "A", "GC"]),
    right=st.integers(0, 2),
    bounds=st.sampled_from([None, (0.5, 0.5), (0.0, 0.34), (0.2, 0.7)]),
    forbid=st.lists(st.sampled_from(["GATC", "CG", "WSW", "ANT", "R", "TT"]), max_size=2),
    seed=st.integers(0, 5),
)
def test_the_nearest_sequence_is_the_nearest_of_all(
    start: int,
    left: str,
    right: int,
    bounds: tuple[float, float] | None,
    forbid: list[str],
    seed: int,
) -> None:
    codes, draw = EVERY[start], np.random.default_rng(seed)
    chosen = {"left_flank": left, "right_flank": str(right), "gc_range": bounds, "forbid": forbid}
    good = [n for n, row in enumerate(LETTERS) if kept(row, LETTERS[start], chosen)]
    if not good:
        with pytest.raises(InputError):
            constraints_of(codes, **chosen).nearest(codes, draw)
        return
    constraints = constraints_of(codes, **chosen)
    nearest = constraints.nearest(codes, draw)
    assert [constraints.keeps(row) for row in EVERY] == [n in set(good) for n in range(len(EVERY))]
    assert kept(decode(nearest), LETTERS[start], chosen)
    assert (nearest != codes).sum() == (EVERY[good] != codes).sum(axis=1).min()


def test_many_ambiguous_letters_are_refused() -> None:
    with pytest.raises(InputError, match="too many letters that stand for several bases"):
        constraints_of(EVERY[0], forbid=("A" + "N" * 20 + "A",))


class Weights:
    """A score that adds up over the bases, in place of a model: `weights` are (L, 4)."""

    def __init__(self, seed: int) -> None:
        self.weights = np.random.default_rng(seed).normal(size=(LONGER, 4))

    def values(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.asarray(self.weights[np.arange(LONGER), codes].sum(axis=1))

    def substituted(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        own = self.weights[np.arange(LONGER), codes][:, None]
        return np.asarray(self.values(codes[None])[0] - own + self.weights)

    def gradients(self, codes: NDArray[np.uint8]) -> tuple[NDArray[np.float64], ...]:
        return self.values(codes), np.broadcast_to(self.weights, (len(codes), LONGER, 4))


LONGER = 16


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    left=st.sampled_from(["", "GAG", "3"]),
    bounds=st.sampled_from([None, (0.25, 0.5), (0.5, 0.5), (0.1, 0.9)]),
    forbid=st.lists(st.sampled_from(["GATC", "CG", "WSW", "TT", "ANT"]), max_size=2, unique=True),
)
def test_constraints_hold_at_each_step_of_each_search(
    seed: int, left: str, bounds: tuple[float, float] | None, forbid: list[str]
) -> None:
    draw, score = np.random.default_rng(seed), Weights(seed)
    start = draw.integers(0, 4, LONGER).astype(np.uint8)
    try:
        constraints = constraints_of(start, left_flank=left, gc_range=bounds, forbid=forbid)
        constraints.nearest(start, draw)
    except InputError:
        assume(False)  # that no sequence keeps them is the law above
    space = Substitutions(score, constraints)
    first = space.first(start, draw)
    firsts = [first, *(space.shaken(first, None, draw) for _ in range(2))]
    found = [
        greedy(space, firsts[1], None),
        greedy(space, first, 3),
        beam(space, first, 5, width=3),
        gradient_search(space, score, firsts, 8, draw),
    ]
    assert found[1].step <= 3
    for best in found:
        assert best.value == pytest.approx(score.values(best.codes[None])[0])
        for one in best.path():
            assert constraints.keeps(one.codes)
            assert decode(one.codes).startswith("GAG" if left == "GAG" else "")
