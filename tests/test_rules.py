"""How multipliers cross maxima and softmaxes, and the numbers of the paper and of the original."""

from typing import Any

import numpy as np
import pytest
from keras import ops
from nets import Array, largest

from seqlift.attribution.method import with_max_rule
from seqlift.attribution.propagation.passes import BackwardPass
from seqlift.attribution.propagation.rule import flatten_pairs
from seqlift.attribution.propagation.softmax_quotients import through_softmax
from seqlift.attribution.rules.rescale import RULE as RESCALE
from seqlift.device.backend import at_once
from seqlift.network.graph import GraphBuilder
from seqlift.network.primitives.base import Primitive
from seqlift.network.primitives.elementwise import EXPONENTIAL
from seqlift.network.primitives.pooling import MaxPool, Pooling

EXACT = 1e-12


def numpy(array: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(array))


def back_through(
    primitive: Primitive, values: Any, multiplier: Any, max_rule: str = "complete"
) -> Any:
    """Propagate a multiplier through one primitive from its x, x0, y and y0."""
    x, x0, y, y0 = values
    builder = GraphBuilder()
    source = builder.add_input(tuple(x.shape[2:]), "x")
    node = builder.add(primitive, source)
    rules = {node: with_max_rule(RESCALE, max_rule)}
    back = BackwardPass(builder.finish([node]), rules, {0: x, node: y}, {0: x0, node: y0})
    return back.run(node, multiplier)


def crossed(
    primitive: Primitive, x: Array, x0: Array, multiplier: Array, *, max_rule: str = "complete"
) -> Array:
    """Return the multipliers of the input, (N, R, *shape), from those of the output."""

    def forward(values: Any) -> Any:
        flat = primitive.forward(flatten_pairs(values))
        return ops.reshape(flat, (*values.shape[:2], *flat.shape[1:]))

    def back(x: Any, x0: Any, multiplier: Any) -> Any:
        return back_through(
            primitive, (x, x0, forward(x), forward(x0)), flatten_pairs(multiplier), max_rule
        )

    given = (ops.convert_to_tensor(array) for array in (x, x0, multiplier))
    return numpy(at_once(back)(*given)).reshape(np.broadcast_shapes(x.shape, x0.shape))


POOLS = {
    "side by side": (Pooling((3,), (3,), ((0, 0),)), (12, 2)),
    "a dropped tail": (Pooling((4,), (4,), ((0, 0),)), (10, 2)),
    "4/2": (Pooling((4,), (2,), ((0, 0),)), (11, 2)),
    "10/5": (Pooling((10,), (5,), ((0, 0),)), (23, 2)),
    "3/1": (Pooling((3,), (1,), ((0, 0),)), (8, 2)),
    "gaps 2/3": (Pooling((2,), (3,), ((0, 0),)), (12, 2)),
    "same 3/2": (Pooling((3,), (2,), ((1, 1),)), (7, 2)),
    "everything": (Pooling((9,), (9,), ((0, 0),)), (9, 2)),
    "2-D": (Pooling((2, 3), (1, 2), ((0, 1), (1, 1))), (5, 6, 2)),
}


def pool_inputs(shape: tuple[int, ...], *, ties: bool) -> tuple[Array, Array]:
    """Return 3 sequences and 4 references of each; small whole numbers tie all the time."""
    rng = np.random.default_rng(5)
    draw = (lambda size: rng.integers(-2, 3, size) * 1.0) if ties else rng.normal
    return draw(size=(3, 1, *shape)), draw(size=(3, 4, *shape))


def pooled(pool: MaxPool, x: Array) -> Array:
    flat = numpy(pool.forward(ops.convert_to_tensor(x.reshape(-1, *x.shape[2:]))))
    return flat.reshape(*x.shape[:2], *flat.shape[1:])


@pytest.mark.parametrize("ties", [False, True], ids=["no ties", "ties"])
@pytest.mark.parametrize("name", POOLS)
def test_contributions_to_a_maximum_sum_to_its_difference(name: str, *, ties: bool) -> None:
    pooling, shape = POOLS[name]
    pool = MaxPool(pooling)
    x, x0 = pool_inputs(shape, ties=ties)
    change = pooled(pool, x) - pooled(pool, x0)
    multiplier = np.random.default_rng(6).normal(size=change.shape)
    back = crossed(pool, x, x0, multiplier)
    axes = tuple(range(2, x0.ndim))
    assert np.abs(change).max() > 0.5
    assert largest((back * (x - x0)).sum(axes), (multiplier * change).sum(axes)) <= 10 * EXACT


def maximum_by_hand(x: Array, x0: Array, size: int, stride: int, *, max_rule: str) -> Array:
    """Return the multipliers of (length,) values to the sum of the maxima of their windows."""
    result = np.zeros(len(x))
    for start in range(0, len(x) - size + 1, stride):
        window, window0 = x[start : start + size], x0[start : start + size]
        rise = window.max() - window0.max()
        if max_rule == "winner":
            result[start + np.argmax(window)] += 1.0
            continue
        won, other = (window, window0) if rise >= 0 else (window0, window)
        made_it = won == won.max()
        made_it &= other == other[made_it].max()
        for i in np.flatnonzero(made_it):
            moved = window[i] - window0[i]
            result[start + i] += (rise / moved if moved else 1.0) / made_it.sum()
    return result


@pytest.mark.parametrize("max_rule", ["complete", "winner"])
@pytest.mark.parametrize(("size", "stride"), [(3, 3), (4, 2), (10, 5), (3, 1), (2, 3), (20, 20)])
def test_the_max_rule_is_the_one_worked_out_window_by_window(
    size: int, stride: int, max_rule: str
) -> None:
    pool = MaxPool(Pooling((size,), (stride,), ((0, 0),)))
    for ties in (False, True):
        x, x0 = pool_inputs((20, 1), ties=ties)
        ours = crossed(pool, x, x0, np.ones((3, 4, *pool.shape((20, 1)))), max_rule=max_rule)
        for i, k in np.ndindex(3, 4):
            expected = maximum_by_hand(
                x[i, 0, :, 0], x0[i, k, :, 0], size, stride, max_rule=max_rule
            )
            assert largest(ours[i, k, :, 0], expected) <= EXACT


BY_HAND = [
    # x, reference, multipliers under the complete rule, under the original's
    ([2.0, 2.0, 1.0], [0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]),  # ties share
    ([3.0, 0.0], [0.0, 2.0], [1 / 3, 0.0], [1.0, 0.0]),  # it rises: winner on the sequence
    ([1.0, 0.0], [0.0, 2.0], [0.0, 0.5], [1.0, 0.0]),  # it falls: winner on the reference
    ([1.0, 0.0], [2.0, 2.0], [1.0, 0.0], [1.0, 0.0]),  # it falls, from a tie: the last to lead
    ([2.0, 2.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]),  # it rises to a tie: the first to lead
    ([2.0, 2.0 - 7e-16], [1.0, 1.5], [0.0, 1.0], [1.0, 0.0]),  # a tie but for rounding
    ([2.0, 2.0 - 2e-15], [1.0, 1.5], [0.5, 0.0], [1.0, 0.0]),  # a real difference
    ([1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]),  # it stays, though the winners differ
    ([1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]),  # nothing changes: the derivative
    ([1.0, 1.0], [1.0, 1.0], [0.5, 0.5], [1.0, 0.0]),
]


@pytest.mark.parametrize(("x", "reference", "complete", "winner"), BY_HAND)
def test_a_maximum_of_few_values(
    x: list[float], reference: list[float], complete: list[float], winner: list[float]
) -> None:
    pool = MaxPool(Pooling((len(x),), (1,), ((0, 0),)))
    values, values0 = (np.reshape(side, (1, 1, -1, 1)) for side in (x, reference))
    one = np.ones((1, 1, 1, 1))
    ours = crossed(pool, values, values0, one)
    assert ours.ravel() == pytest.approx(complete, abs=EXACT)
    ours = crossed(pool, values, values0, one, max_rule="winner")
    assert ours.ravel().tolist() == winner


def test_of_the_references_of_one_sequence_each_has_its_own_winner() -> None:
    pool = MaxPool(Pooling((2,), (2,), ((0, 0),)))
    x = np.reshape([1.0, 0.0], (1, 1, 2, 1))
    x0 = np.reshape([[0.0, 2.0], [2.0, 0.0]], (1, 2, 2, 1))
    ours = crossed(pool, x, x0, np.ones((1, 2, 1, 1)))
    assert ours[0, :, :, 0].tolist() == [[0.0, 0.5], [1.0, 0.0]]


def softmax(x: Array) -> Array:
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def softmax_multipliers(x: Array, x0: Array, multiplier: Array) -> Array:
    """Return the multipliers of logits (N, R, classes)."""
    x, x0 = ops.convert_to_tensor(x), ops.convert_to_tensor(x0)
    back = through_softmax(x, x0, axis=2)(flatten_pairs(ops.convert_to_tensor(multiplier)))
    return numpy(back).reshape(x0.shape)


EXTREMES = [
    ([0.0, -200.0, 1.0], [-200.0, 0.0, 1.0]),
    ([0.0, -1e4, 1.0], [1.0, -1e4, 2.0]),
    ([300.0, 301.0, 302.0], [-1.0, 0.0, -300.0]),
    ([500.0, 0.0, 0.0], [0.0, 500.0, 0.0]),
    ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ([1e-6, 0.0, -1e-6], [0.0, 0.0, 0.0]),
    ([30.0, 0.0, 0.0], [30.0, 1e-3, 0.0]),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("x", "x0"), EXTREMES)
def test_a_softmax_completes_to_rounding_even_where_one_side_underflows(
    x: list[float], x0: list[float], dtype: str
) -> None:
    logits, logits0 = (np.reshape(side, (1, 1, -1)).astype(dtype) for side in (x, x0))
    exact = softmax(logits.astype(np.float64)) - softmax(logits0.astype(np.float64))
    for unit in np.eye(3, dtype=dtype):
        back = softmax_multipliers(logits, logits0, unit[None, None])
        assert np.isfinite(back).all()
        terms = back.astype(np.float64) * (logits - logits0)
        bound = 4 * np.finfo(dtype).eps * max(1.0, np.abs(terms).sum())
        assert abs(terms.sum() - (exact * unit).sum()) <= bound


def test_a_softmax_completes_for_any_weights_of_its_classes() -> None:
    rng = np.random.default_rng(2)
    x, x0 = rng.normal(size=(5, 1, 6)) * 3, rng.normal(size=(5, 4, 6)) * 3
    multiplier = rng.normal(size=(5, 4, 6))
    change = (multiplier * (softmax(x) - softmax(x0))).sum(-1)
    back = softmax_multipliers(x, x0, multiplier)
    assert largest((back * (x - x0)).sum(-1), change) <= EXACT


def test_what_all_classes_of_a_softmax_gain_contributes_nothing() -> None:
    x = np.random.default_rng(2).normal(size=(1, 1, 5))
    for gain in (1e-3, 1.0, 40.0):
        back = softmax_multipliers(x, x - gain, np.random.default_rng(3).normal(size=(1, 1, 5)))
        assert abs(back.sum() * gain) <= EXACT


class Unheard(Primitive):
    def shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        return shapes[0]


def test_a_primitive_without_a_rule_is_a_bug_that_names_it() -> None:
    one = ops.ones((1, 1, 2))
    assert back_through(EXPONENTIAL, (one, one, one, one), one[0]).shape == (1, 2)
    with pytest.raises(TypeError, match="rule rescale has no row for unheard"):
        back_through(Unheard(), (one, one, one, one), one[0])
