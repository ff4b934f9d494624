"""Half the products make the same convolution: its numbers, its bits, and where it is used."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from nets import (
    Array,
    engine_by,
    graph_of,
    inputs_for,
    largest,
    made,
    numpy,
    random_head,
    relative_residual,
)

from seqlift.attribution.result import Result
from seqlift.device import forms, processor, winograd
from seqlift.device.backend import compiled
from seqlift.network.graph import Graph
from seqlift.network.primitives.convolution import Convolution

RNG = np.random.default_rng(17)
WIDE = forms.WIDE
ROUNDING = 2.2
"""How many times the rounding error of twelve products that of six may be: 1.6 to 1.8 measured."""

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() == "jax", reason="JAX computes the products as they stand"
)


def float32(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def convolution(inputs: int, outputs: int, *, dilation: int = 1, pad: int = 0) -> Convolution:
    kernel = float32(3, inputs, outputs) / np.float32(np.sqrt(3 * inputs))
    return Convolution(kernel, float32(outputs), (1,), (dilation,), ((pad, pad),), halved=True)


def there_and_back(primitive: Convolution, given: Array, above: Array) -> tuple[Array, Array]:
    """Return the convolution and the multipliers of its input, compiled as a whole."""

    def both(x: Any, m: Any) -> tuple[Any, Any]:
        return primitive.forward(x), *primitive.transpose(m, tuple(given.shape[1:]))

    forward, back = compiled(both)(given, above)
    return numpy(forward), numpy(back)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the dilation of every convolution that is made of half the products."""
    noted: list[int] = []
    plain = winograd.winograd_windows

    def noting(array: Any, kernel: Any, dilation: int) -> Any:
        noted.append(dilation)
        return plain(array, kernel, dilation)

    monkeypatch.setattr(winograd, "winograd_windows", noting)
    return noted


def test_six_products_at_the_points_are_the_twelve_of_four_windows() -> None:
    kernel, values = RNG.normal(size=3), RNG.normal(size=6)
    products = (winograd.OF_KERNEL @ kernel) * (winograd.OF_VALUES @ values)
    windows = [kernel @ values[start : start + 3] for start in range(4)]
    assert largest(winograd.TO_OUTPUTS @ products, np.array(windows)) <= 1e-14


@tensorflow_only
@pytest.mark.parametrize(
    ("size", "dilation", "pad"),
    [(6, 1, 0), (23, 2, 2), (64, 8, 8), (31, 5, 4)],
)
def test_half_the_products_are_nearly_as_exact_as_all_of_them(
    size: int, dilation: int, pad: int, used: list[int]
) -> None:
    primitive = convolution(WIDE, WIDE + 8, dilation=dilation, pad=pad)
    given = float32(3, size, WIDE)
    above = float32(3, *primitive.shape(given.shape[1:]))
    halved = there_and_back(primitive, given, above)
    assert used == [dilation, dilation]
    with forms.forced("direct"):
        plain = there_and_back(primitive, given, above)
    assert len(used) == 2
    exact = (
        primitive.forward(ops.convert_to_tensor(given.astype(np.float64))),
        *primitive.transpose(ops.convert_to_tensor(above.astype(np.float64)), given.shape[1:]),
    )
    for half, whole, true in zip(halved, plain, map(numpy, exact), strict=True):
        assert true.dtype == np.float64
        assert not np.array_equal(half, whole)  # the branch that is never taken is the plain one
        assert 0.0 < error(half, true) <= ROUNDING * error(whole, true)


def error(ours: Array, exact: Array) -> float:
    """Return the root mean square of the differences."""
    assert ours.shape == exact.shape
    return float(np.sqrt(np.mean((ours - exact) ** 2)))


@tensorflow_only
@pytest.mark.parametrize("dilation", [1, 8])
def test_a_row_of_a_wide_convolution_has_the_same_bits_in_any_company(
    dilation: int, used: list[int]
) -> None:
    primitive = convolution(WIDE, WIDE, dilation=dilation, pad=dilation)
    given, above = float32(11, 43, WIDE), float32(11, 43, WIDE)
    order = RNG.permutation(11)
    whole = there_and_back(primitive, given, above)
    moved = there_and_back(primitive, given[order], above[order])
    others = RNG.normal(size=given.shape).astype(np.float32)
    others[3] = given[3]
    accompanied = there_and_back(primitive, others, above)
    assert used
    for once, again in zip(whole, moved, strict=True):
        assert np.array_equal(once[order], again)
    assert np.array_equal(whole[0][3], accompanied[0][3])


def wide_network(tensor: Any) -> Any:
    """Return a small BPNet's output: dilated convolutions, each added to what goes in."""
    grown = layers.Conv1D(WIDE, 5, activation="relu")(tensor)
    for dilation in (1, 2, 4):
        new = layers.Conv1D(WIDE, 3, dilation_rate=dilation, activation="relu")(grown)
        grown = layers.add([layers.Cropping1D(dilation)(grown), new])
    return layers.Dense(1)(layers.GlobalAveragePooling1D()(grown))


@tensorflow_only
@pytest.mark.slow
def test_a_wide_network_has_the_scores_of_float64_and_they_complete(used: list[int]) -> None:
    graph = graph_of(made(wide_network, (60, 4)))
    head = random_head(graph)
    one_hot, references = inputs_for((60, 4), 2, 3)

    def scores(dtype: Any) -> Result:
        engine = engine_by(graph, [head], rule="rescale", dtype=dtype, fused=dtype == "float32")
        return engine.explain(one_hot.astype(dtype), references.astype(dtype))[0]

    exact = scores("float64")
    assert not used
    ours = scores("float32")
    assert sorted(used) == [1, 1, 2, 2, 4, 4]
    for name in ("hypothetical", "multipliers", "contributions"):
        expected = getattr(exact, name)
        assert largest(getattr(ours, name), expected) <= 3e-6 * np.abs(expected).max()
    assert relative_residual(ours) <= 3e-6


@pytest.mark.parametrize(
    "reason", ["no whole tile", "stride", "taps", "channels", "groups", "float64", "step by step"]
)
def test_other_convolutions_are_computed_as_they_stand(
    reason: str, used: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(forms.VARIABLE, raising=False)  # the table chooses here
    inputs = WIDE * 2 if reason == "groups" else WIDE
    outputs = WIDE - 8 if reason == "channels" else WIDE
    kernel = float32(5 if reason == "taps" else 3, WIDE, outputs)
    dilation = 8 if reason == "no whole tile" else 1
    stride = 2 if reason == "stride" else 1
    primitive = Convolution(kernel, None, (stride,), (dilation,), ((0, 0),), halved=True)
    given = float32(2, 40, inputs).astype("float64" if reason == "float64" else "float32")
    forward = primitive.forward if reason == "step by step" else compiled(primitive.forward)
    numpy(forward(ops.convert_to_tensor(given)))
    assert not used


@tensorflow_only
def test_float32_is_halved_on_a_gpu_too(used: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "kind", lambda: "gpu")
    numpy(compiled(convolution(WIDE, WIDE).forward)(float32(2, 40, WIDE)))
    assert used == [1]


@pytest.mark.parametrize("products", ["tf32", "bfloat16"])
def test_rounded_products_are_computed_as_they_stand(products: Any, used: list[int]) -> None:
    primitive = convolution(WIDE, WIDE)
    numpy(compiled(primitive.forward, products=products)(float32(2, 40, WIDE)))
    assert not used


def stack(*above: layers.Layer) -> Any:
    """Return the body of a network of a wide convolution with `above` over it."""

    def body(tensor: Any) -> Any:
        grown = layers.Conv1D(WIDE, 5, activation="relu")(tensor)
        grown = layers.Conv1D(WIDE, 3, padding="same")(grown)
        for layer in above:
            grown = layer(grown)
        return layers.Dense(1)(layers.Flatten()(grown))

    return body


def relu() -> layers.Layer:
    return layers.Activation("relu")


COMPARING: dict[str, Callable[[], list[layers.Layer]]] = {
    "maximum of a window": lambda: [relu(), layers.MaxPooling1D(4)],
    "maximum of all": lambda: [relu(), layers.GlobalMaxPooling1D()],
    "maximum, later": lambda: [
        relu(),
        layers.Conv1D(8, 1, activation="relu"),
        layers.MaxPooling1D(2),
    ],
    "revealcancel": lambda: [layers.GlobalAveragePooling1D(), layers.Dense(4, activation="relu")],
}


@pytest.mark.parametrize("name", COMPARING)
def test_what_is_compared_is_not_halved_on_the_way_forward(name: str) -> None:
    graph = graph_of(made(stack(*COMPARING[name]()), (60, 4)))
    assert not wide_convolution(graph, "genomics").halved


def wide_convolution(graph: Graph, rule: Any) -> Convolution:
    """Return the first convolution of `WIDE` inputs, as an engine of `rule` has it."""
    engine = engine_by(graph, [random_head(graph)], rule=rule)
    primitives = [node.primitive for node in engine.graph.nodes]
    found = (p for p in primitives if isinstance(p, Convolution) and p.kernel.shape[1] == WIDE)
    return next(found)


def test_what_is_summed_is_halved_unless_a_bias_is_zero() -> None:
    model = made(stack(relu(), layers.AveragePooling1D(4)), (60, 4))
    assert wide_convolution(graph_of(model), "rescale").halved
    kernel, bias = model.layers[2].get_weights()
    bias[7] = 0.0
    model.layers[2].set_weights([kernel, bias])
    assert not wide_convolution(graph_of(model), "rescale").halved


@tensorflow_only
@pytest.mark.parametrize("zero_bias", [False, True])
def test_equal_bases_share_a_maximum_and_zeros_stay_zeros(zero_bias: bool, used: list[int]) -> None:
    pool = [] if zero_bias else [layers.MaxPooling1D(4)]
    model = made(stack(relu(), *pool), (60, 4))
    if zero_bias:
        for layer in model.layers[1:3]:
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, np.zeros_like(bias)])
    graph = graph_of(model)
    head = random_head(graph)
    one_hot, _ = inputs_for((60, 4), 2, 1)
    one_hot[:, 20:45] = 0.0 if zero_bias else np.eye(4)[2]
    references = np.full((2, 1, 60, 4), 0.25) * (one_hot.sum(axis=-1)[:, None, :, None] > 0.0)

    def scores(dtype: Any) -> Array:
        engine = engine_by(graph, [head], rule="rescale", dtype=dtype, fused=dtype == "float32")
        return engine.explain(one_hot.astype(dtype), references.astype(dtype))[0].hypothetical

    exact, ours = scores("float64"), scores("float32")
    assert len(used) == 1  # on the way back
    assert largest(ours, exact) <= 3e-6 * np.abs(exact).max()
