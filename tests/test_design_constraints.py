"""Flanks, GC content and forbidden motifs: what is nearest, against all sequences one by one."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqlift.design.constraints import constraints_of
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
