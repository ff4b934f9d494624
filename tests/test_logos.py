"""Laws of logos: letters stand where their bases are, as tall as their scores; bars likewise."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from seqlift.errors import InputError
from seqlift.plots import glyphs
from seqlift.plots.logos import LETTER_WIDTH, extremes, logo, stack_letters

RANDOM = np.random.default_rng(5)


def axes_of(width: float = 10.0) -> Axes:
    return Figure(figsize=(width, 2), dpi=100).add_axes((0, 0, 1, 1))


def patches(axes: Axes) -> dict[str, PathPatch]:
    return {str(one.get_gid()): one for one in axes.patches}


def boxes(patch: PathPatch, codes: int) -> np.ndarray:
    """Measure each letter or bar of a patch: left, bottom, right, top, without closing corners."""
    corners = patch.get_path().vertices.reshape(-1, codes, 2)
    kinds = patch.get_path().codes.reshape(-1, codes)
    real = [one[kind != 79] for one, kind in zip(corners, kinds, strict=True)]
    return np.array([[*one.min(axis=0), *one.max(axis=0)] for one in real])


def contributions(bases: int) -> np.ndarray:
    values = np.zeros((bases, 4))
    values[np.arange(bases), RANDOM.integers(0, 4, bases)] = RANDOM.standard_normal(bases)
    return values


def test_letters_are_as_tall_as_their_scores() -> None:
    values = contributions(60)
    drawn = patches(logo(axes_of(), values, start=1000))
    for channel, base in enumerate("ACGT"):
        at = np.flatnonzero(values[:, channel])
        found = boxes(drawn[f"bases-{base}"], len(glyphs.letter_outline(base)[1]))
        heights, margin = values[at, channel], (1 - LETTER_WIDTH) / 2
        assert np.allclose(found[:, 0], 1000 + at + margin)
        assert np.allclose(found[:, 2], 1000 + at + 1 - margin)
        assert np.allclose(found[:, 1], np.minimum(heights, 0))
        assert np.allclose(found[:, 3], np.maximum(heights, 0))


@pytest.mark.parametrize("base", "ACGT")
def test_an_outline_fills_the_unit_square(base: str) -> None:
    unit, codes = glyphs.letter_outline(base)
    real = unit[codes != 79]
    assert np.allclose(real.min(axis=0), 0)
    assert np.allclose(real.max(axis=0), 1)


def test_negative_letters_hang_upside_down() -> None:
    """The feet of an A, its widest part, are at the line."""
    drawn = patches(logo(axes_of(), [[2.0, 0, 0, 0], [-2.0, 0, 0, 0]]))["bases-A"]
    unit, codes = glyphs.letter_outline("A")
    foot = unit[(codes != 79) & (unit[:, 1] == 0)]
    corners = drawn.get_path().vertices.reshape(2, -1, 2)[:, codes != 79]
    for one in corners:
        assert np.allclose(np.ptp(one[np.isclose(one[:, 1], 0)][:, 0]), LETTER_WIDTH)
    assert np.isclose(np.ptp(foot[:, 0]), 1)


def test_several_scores_of_a_position_are_stacked_from_the_smallest() -> None:
    places = stack_letters(np.array([[3.0, -1.0, 1.0, -2.0]]), 7)
    assert places[:, 0, 0].tolist() == [7, 7, 7, 7]
    assert places[:, 0, 1].tolist() == [1.0, 0.0, 0.0, -1.0]
    assert places[:, 0, 3].tolist() == [3.0, -1.0, 1.0, -2.0]


def test_limits_hold_every_stack_and_zero() -> None:
    axes = logo(axes_of(), [[1.0, 2.0, -0.5, -0.25], [0, 0, 0, 0]], start=5)
    low, high = axes.get_ylim()
    assert low < -0.75
    assert high > 3.0
    assert axes.get_xlim() == (5, 7)
    assert logo(axes_of(), np.zeros((3, 4)), limits=(-2, 4)).get_ylim() == (-2, 4)
    assert np.diff(logo(axes_of(), np.zeros((3, 4))).get_ylim()) > 0


def test_bars_take_the_place_of_letters_that_nobody_could_read() -> None:
    values = contributions(400)
    wide, narrow = logo(axes_of(14), values), logo(axes_of(10), values)
    corners = len(glyphs.letter_outline("A")[1])
    assert len(patches(wide)["bases-A"].get_path().codes) % corners == 0
    found = np.concatenate([boxes(one, 5) for one in patches(narrow).values()])
    assert len(found) == 400
    order = np.argsort(found[:, 0])
    sums = values.sum(axis=1)
    assert np.allclose(found[order, 1], np.minimum(sums, 0))
    assert np.allclose(found[order, 3], np.maximum(sums, 0))
    forced = logo(axes_of(10), values, letters=True)
    assert (
        len(patches(forced)["bases-A"].get_path().codes) % len(glyphs.letter_outline("A")[1]) == 0
    )


def test_the_extremes_stay_where_bases_are_narrower_than_pixels() -> None:
    values = contributions(5000)
    places = extremes(values, 100, 300)
    assert np.isclose(places[:, 3].max(), values.max())
    assert np.isclose(places[:, 3].min(), values.min())
    tallest = int(values.sum(axis=1).argmax())
    bar = places[places[:, 3].argmax()]
    assert bar[0] - 1 <= 100 + tallest <= bar[0] + bar[2] + 1
    (only,) = patches(logo(axes_of(3), values)).values()
    assert only.get_gid() == "bases-all"


@pytest.mark.parametrize("shape", [(4,), (4, 7), (2, 7, 4), (7, 5)])
def test_scores_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"not \(L, 4\); give one sequence"):
        logo(axes_of(), np.ones(shape))


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="NaN or infinite"):
        logo(axes_of(), [[0.0, np.nan, 0, 0]])
