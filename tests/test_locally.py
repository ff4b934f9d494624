"""Laws of locally connected layers: what Keras 2 computed, from the weights it saved."""

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from nets import (
    Array,
    eager,
    graph_of,
    inputs_for,
    largest,
    made,
    random_head,
    relative_residual,
)

from seqlift.errors import ModelError
from seqlift.models import build, records
from seqlift.models.load import load
from seqlift.models.locally_connected import LocallyConnected1D, LocallyConnected2D

RNG = np.random.default_rng(5)

SEQUENTIAL = {
    "name": "lc", "trainable": True, "filters": 3, "kernel_size": [4], "strides": [2],
    "padding": "valid", "data_format": "channels_last", "activation": "relu", "use_bias": True,
    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
    "kernel_regularizer": None, "implementation": 1, "dtype": "float32",
}  # fmt: skip


def record(class_name: str, shape: tuple[int | None, ...], **settings: Any) -> dict[str, Any]:
    """Write what Keras 2 does of a model of one locally connected layer."""
    config = SEQUENTIAL | {"batch_input_shape": [None, *shape]} | settings
    chain = [{"class_name": class_name, "config": config}]
    return {"class_name": "Sequential", "config": {"name": "old", "layers": chain}}


def by_hand(x: Array, kernel: Array, bias: Array, taps: list[int], strides: list[int]) -> Array:
    """Compute the Keras 2 layer of one or two axes, position by position."""
    positions = [
        range(0, size - width + 1, stride)
        for size, width, stride in zip(x.shape[1:-1], taps, strides, strict=True)
    ]
    starts = np.stack(np.meshgrid(*positions, indexing="ij"), axis=-1)
    rows = [
        x[(slice(None), *(slice(s, s + t) for s, t in zip(start, taps, strict=True)))]
        for start in starts.reshape(-1, len(taps))
    ]
    sums = [row.reshape(len(x), -1) @ matrix for row, matrix in zip(rows, kernel, strict=True)]
    shape = (len(x), *map(len, positions), kernel.shape[-1])
    return np.maximum(np.stack(sums, axis=1).reshape(shape) + bias, 0.0)


CASES = {
    "LocallyConnected1D": ((11, 4), [4], [2], (4, 16, 3), (4, 3)),
    "LocallyConnected2D": ((6, 5, 2), [3, 2], [1, 3], (8, 12, 3), (4, 2, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_file_of_keras_2_predicts_what_its_weights_say(name: str, tmp_path: Path) -> None:
    shape, taps, strides, kernel_shape, bias_shape = CASES[name]
    weights = {
        "kernel": RNG.normal(size=kernel_shape).astype(np.float32),
        "bias": RNG.normal(size=bias_shape).astype(np.float32),
    }
    config = record(name, shape, kernel_size=taps, strides=strides)
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.3.1"
        file.attrs["backend"] = "tensorflow"
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = ["lc"]
        group.create_group("lc").attrs["weight_names"] = [f"lc/{key}:0" for key in weights]
        for key, values in weights.items():
            group[f"lc/lc/{key}:0"] = values
    x = RNG.normal(size=(3, *shape)).astype(np.float32)
    model = load(path)
    model = getattr(model, "model", model)
    expected = by_hand(x, weights["kernel"], weights["bias"], taps, strides)
    assert largest(model.predict(x, verbose=0), expected) <= 1e-6 * np.abs(expected).max()


NO_LENGTH = (
    "has weights for each position, and its input has no fixed length; build the model with"
    " keras.Input((length, 4))"
)
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"padding": "same"}, "padding='valid'"),
    ({"implementation": 2}, "implementation=1"),
    ({"data_format": "channels_first"}, "data_format='channels_last'"),
    ({"batch_input_shape": [None, None, 4]}, NO_LENGTH),
]


@pytest.mark.parametrize(("settings", "known"), REFUSED)
def test_what_a_locally_connected_layer_cannot_be_is_refused(
    settings: dict[str, Any], known: str
) -> None:
    config = record("LocallyConnected1D", (11, 4), **settings)
    with pytest.raises(ModelError) as caught:
        build.build(records.plan_network(config, generation=2))
    ((setting, value),) = settings.items()
    message = (
        f"has {setting}={value!r}, which cannot be read; build it anew in Keras 2 with {known},"
        " give it the weights and save the model again"
    )
    expected = known if known == NO_LENGTH else message
    assert caught.value.problems == (f"layer 'lc' (LocallyConnected1D) {expected}",)


LOWERED = {
    "1-D": (lambda: LocallyConnected1D(3, 4, strides=2, activation="tanh"), (11, 4)),
    "1-D without bias": (lambda: LocallyConnected1D(3, 5, use_bias=False), (9, 4)),
    "2-D": (lambda: LocallyConnected2D(3, (3, 2), strides=(1, 2), activation="relu"), (6, 5, 4)),
}


@pytest.mark.parametrize("rule", ["rescale", "revealcancel"])
@pytest.mark.parametrize("name", LOWERED)
def test_a_locally_connected_layer_is_lowered_to_what_it_computes(name: str, rule: str) -> None:
    layer, shape = LOWERED[name]
    model = made(lambda tensor: keras.layers.Flatten()(layer()(tensor)), shape)
    graph = graph_of(model)
    head = random_head(graph)
    x, x0 = inputs_for(shape, 3, 4)
    value = graph.forward(keras.ops.convert_to_tensor(x), [head.node])[head.node]
    assert largest(value, model(x)) <= 1e-12
    assert relative_residual(eager(graph, head, x, x0, dtype="float64", rule=rule)) <= 1e-10
    assert relative_residual(eager(graph, head, x, x0, dtype="float32", rule=rule)) <= 1e-5
