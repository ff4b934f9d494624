"""Layers become primitives that compute the same, and whose scores sum up."""

from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from layer_table import CASES
from layer_table_merge import SINGLE_ATTENTION
from layer_table_values import ROUNDED_CONSTANTS
from layer_table_windows import SINGLE
from nets import (
    Array,
    chain,
    computed,
    eager,
    gradients,
    graph_of,
    inputs_for,
    largest,
    made,
    predicted,
    random_head,
    relative_residual,
    valued,
)

from seqlift.errors import ModelError
from seqlift.lowering import walk
from seqlift.lowering.check import FORWARD_TOLERANCE, check_forward
from seqlift.lowering.compositions.place import Place
from seqlift.lowering.walk import LOWERINGS, lower
from seqlift.network.primitives.affine import Scale


def numpy(array: Any) -> Array:
    return np.asarray(ops.convert_to_numpy(array))


@cache
def model_of(name: str) -> keras.Model:
    return made(*CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_every_layer_is_lowered_to_primitives_that_compute_the_same_and_complete(
    name: str,
) -> None:
    """One model a case: forward in float64 and float32, residuals in both, and the gradient."""
    model, shape = model_of(name), CASES[name][1]
    graph = graph_of(model)
    head = random_head(graph)
    x, x0 = inputs_for(shape, 3, 4)
    expected = predicted(model, x)
    exact = (
        1e-8 if name in ROUNDED_CONSTANTS else 1e-6 if name in SINGLE | SINGLE_ATTENTION else 1e-12
    )
    for dtype, computes, completes in (("float64", exact, 1e-10), ("float32", 1e-5, 1e-5)):
        value, result = valued(graph, head, x, x0, dtype=dtype)
        assert largest(value, expected) <= computes * np.abs(expected).max()
        assert np.abs(result.difference).max() > 1e-3
        assert relative_residual(result) <= completes
    smooth = np.random.default_rng(9).normal(size=x.shape)
    ours = eager(graph, head, smooth, x0, dtype="float64", rule="gradient").multipliers
    (theirs,) = gradients(model, head.weights, smooth)
    known = np.isfinite(theirs)  # JAX has no number for the gradient of the norm of zeros
    assert known.all() or (keras.backend.backend() == "jax" and known.mean() > 0.5)
    assert np.isfinite(ours).all()
    assert largest(ours[known], theirs[known]) <= exact * max(1.0, np.abs(theirs[known]).max())


CHANNELS_FIRST = [
    (layers.Conv1D, {"kernel_size": 4, "padding": "same", "activation": "relu"}, (4, 24)),
    (layers.Conv1D, {"kernel_size": 4, "strides": 3}, (4, 24)),
    (layers.Conv2D, {"kernel_size": (3, 2), "strides": (2, 1), "padding": "same"}, (4, 9, 8)),
    (layers.SeparableConv1D, {"kernel_size": 3, "strides": 2}, (4, 24)),
    (layers.DepthwiseConv2D, {"depth_multiplier": 2, "padding": "same"}, (4, 9, 8)),
    (layers.Conv2DTranspose, {"kernel_size": (2, 3), "strides": 2, "padding": "same"}, (4, 5, 4)),
]


@pytest.mark.parametrize(("kind", "settings", "shape"), CHANNELS_FIRST)
def test_a_convolution_with_channels_first_is_that_with_channels_last_turned(
    kind: type, settings: dict[str, Any], shape: tuple[int, ...]
) -> None:
    """Keras itself cannot run it on a CPU: the comparison is with its twin."""
    made_by = {
        where: chain(lambda where=where: [kind(5, data_format=where, **settings)])
        for where in ("channels_first", "channels_last")
    }
    first = made(made_by["channels_first"], shape)
    last = made(made_by["channels_last"], (*shape[1:], shape[0]))
    graph = graph_of(first)
    x, x0 = inputs_for(shape, 3, 4)
    (output,) = graph.outputs
    ours = computed(graph, x)[output]
    theirs = predicted(last, np.moveaxis(x, 1, -1))
    assert largest(ours, np.moveaxis(theirs, -1, 1)) <= 1e-12
    result = eager(graph, random_head(graph), x, x0, dtype="float64")
    assert relative_residual(result) <= 1e-10


@pytest.mark.slow
def test_the_table_of_cases_has_every_layer_that_is_lowered() -> None:
    seen = {type(layer) for name in CASES for layer in model_of(name)._flatten_layers()}
    assert {kind.__name__ for kind in LOWERINGS} - {kind.__name__ for kind in seen} == set()


def test_a_layer_call_knows_its_nodes_and_the_models_it_is_in() -> None:
    inner = keras.Sequential(
        [keras.Input((22, 3)), layers.Dropout(0.5, name="off"), layers.ReLU(name="on")],
        name="inner",
    )
    model = keras.Sequential(
        [
            keras.Input((24, 4), name="dna"),
            layers.Conv1D(3, 3, activation="tanh", name="scan"),
            inner,
            layers.GlobalMaxPooling1D(name="top"),
        ]
    )
    calls = [(c.layer, c.layer_class, c.nodes, c.shape) for c in graph_of(model).calls]
    assert calls == [
        ("dna", "InputLayer", (0,), (24, 4)),
        ("scan", "Conv1D", (1, 2), (22, 3)),
        ("inner/off", "Dropout", (), (22, 3)),
        ("inner/on", "ReLU", (3,), (22, 3)),
        ("top", "GlobalMaxPooling1D", (4, 5), (3,)),
    ]


def test_a_model_of_any_length_is_lowered_for_the_length_it_is_given() -> None:
    model = made(
        chain(
            lambda: [
                layers.Conv1D(5, 3, activation="relu", padding="same"),
                layers.PReLU(shared_axes=[1]),
                layers.GlobalAveragePooling1D(),
                layers.Dense(1),
            ]
        ),
        (None, 4),
    )
    for length in (9, 30):
        x, _ = inputs_for((length, 4), 2, 1)
        graph = lower(model, (length, 4))
        (output,) = graph.outputs
        assert largest(computed(graph, x)[output], predicted(model, x)) <= 1e-12


def checked_model() -> keras.Model:
    """Return a float32 model with a dilated convolution and a batch normalisation."""
    body = chain(
        lambda: [
            layers.Conv1D(4, 3, dilation_rate=2, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(2, activation="sigmoid"),
        ]
    )
    return made(body, (12, 4))


def without_dilation(layer: Any, at: Place, node: int) -> int:
    """Lower a dilated convolution as one that is not dilated, as the original did."""
    twin = layers.Conv1D(layer.filters, layer.kernel_size, padding="same", activation="relu")
    twin.build((None, 12, 4))
    twin.set_weights(layer.get_weights())
    whole = LOWERINGS[layers.Cropping1D](layers.Cropping1D((2, 2)), at, node)
    return walk.WINDOW_LAYERS[layers.Conv1D](twin, at, whole)


def without_mean(layer: Any, at: Place, node: int) -> int:
    return at.add(Scale(np.asarray(layer.gamma), np.asarray(layer.beta)), node)


def test_the_forward_check_accepts_what_differs_by_rounding_only() -> None:
    model = checked_model()
    assert 0.0 <= check_forward(graph_of(model), model) <= FORWARD_TOLERANCE == 1e-5


def nothing(_layer: Any, _at: Place, node: int) -> int:
    return node


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (layers.Conv1D, without_dilation),
        (layers.BatchNormalization, without_mean),
        (layers.BatchNormalization, nothing),
    ],
)
def test_a_layer_that_is_lowered_wrongly_never_gives_scores(
    kind: type, wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = checked_model()
    monkeypatch.setitem(LOWERINGS, kind, wrong)
    graph = graph_of(model)
    with pytest.raises(ModelError, match=r"its lowered graph differs from model\.predict by") as e:
        check_forward(graph, model)
    assert "so its scores would be wrong" in str(e.value)


def test_the_forward_check_sees_a_lowered_value_that_is_not_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_layer: Any, at: Place, node: int) -> int:
        return at.add(Scale(np.ones(1), np.array([np.nan])), node)

    model = checked_model()
    monkeypatch.setitem(LOWERINGS, layers.BatchNormalization, broken)
    with pytest.raises(ModelError, match=r"differs from model\.predict by nan"):
        check_forward(graph_of(model), model)


def test_a_model_whose_predictions_are_not_finite_says_so() -> None:
    model = checked_model()
    model.layers[-1].bias.assign([np.nan, 0.0])
    with pytest.raises(ModelError) as caught:
        check_forward(graph_of(model), model)
    assert str(caught.value) == (
        f"model {model.name}: its predictions for random sequences are not finite; check its"
        " weights"
    )
