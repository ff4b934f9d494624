"""Laws of calls: what a file's calls of layers fix is used, refused or noted, never dropped."""

import base64
import json
import marshal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops
from nets import computed, graph_of, made
from node_records import X, predicted

from seqlift.errors import ModelError
from seqlift.explain.explainer import Explainer
from seqlift.lowering.walk import lower
from seqlift.models import build, records
from seqlift.models.calls import call_notes
from seqlift.models.custom import CustomObjects
from seqlift.models.load import load

Record = dict[str, Any]


def saved(record: Record, path: Path, weights: keras.Model | None = None) -> Path:
    """Write a record of Keras 2 as its `.h5` files have it, the weights as its layers have them."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(record)
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        group = file.create_group("model_weights")
        held = [layer for layer in (weights.layers if weights else ()) if layer.weights]
        group.attrs["layer_names"] = [layer.name.encode() for layer in held]
        for layer in held:
            own = group.create_group(layer.name)
            names = [f"{layer.name}/{variable.name}:0".encode() for variable in layer.weights]
            own.attrs["weight_names"] = names
            for name, variable in zip(names, layer.weights, strict=True):
                own[name.decode()] = np.asarray(variable)
    return path


def functional(*chain: tuple[str, str, Record, Record]) -> Record:
    """Return a record of Keras 2: layers in a row as (class, name, settings, arguments)."""
    shape = [None, *X.shape[1:]]
    first = {"class_name": "InputLayer", "name": "x", "inbound_nodes": []}
    written = [first | {"config": {"name": "x", "batch_input_shape": shape}}]
    before = "x"
    for class_name, name, settings, arguments in chain:
        written.append(
            {
                "class_name": class_name,
                "name": name,
                "config": {"name": name, **settings},
                "inbound_nodes": [[[before, 0, 0, arguments]]],
            }
        )
        before = name
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[before, 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "net", "layers": written, **ends}}


TRAINING = {"training": True}
NORMALISING = {"class_name": "BatchNormalization", "config": {"name": "inside", "axis": -1}}
NESTED = functional(("BatchNormalization", "deep", {}, {}), ("Dropout", "drop", {"rate": 0.1}, {}))
LSTM = {"class_name": "LSTM", "config": {"name": "cells", "units": 2, "recurrent_dropout": 0.2}}

OF_THE_BATCH: dict[str, tuple[tuple[str, str, Record, Record], str]] = {
    "a layer": (
        ("BatchNormalization", "norm", {}, TRAINING),
        "layer 'norm' (BatchNormalization) is",
    ),
    "of tf.keras": (
        ("SyncBatchNormalization", "norm", {"axis": [2]}, {"training": 1}),
        "layer 'norm' (SyncBatchNormalization) is",
    ),
    "in a wrapper": (
        ("TimeDistributed", "steps", {"layer": NORMALISING}, TRAINING),
        "layer 'inside' (BatchNormalization) in 'steps', which is",
    ),
    "in a network": (
        ("Functional", "inner", NESTED["config"], TRAINING),
        "layer 'deep' (BatchNormalization) in 'inner', which is",
    ),
}


@pytest.mark.parametrize("case", OF_THE_BATCH)
def test_statistics_of_the_batch_are_refused_by_the_name_of_the_layer(
    case: str, tmp_path: Path
) -> None:
    layer, place = OF_THE_BATCH[case]
    with pytest.raises(ModelError) as caught:
        load(saved(functional(layer), tmp_path / "model.h5"))
    (problem,) = caught.value.problems
    assert problem == (
        f"{tmp_path / 'model.h5'}: {place} called with training=True: it normalises by the"
        " statistics of each batch, which are not a function of one sequence; build the model"
        " without training=True there and save it again"
    )


AS_AT_INFERENCE: dict[str, tuple[tuple[str, str, Record, Record], str]] = {
    "dropout": (("Dropout", "drop", {"rate": 0.5}, TRAINING), "'drop' (Dropout)"),
    "noise": (("GaussianNoise", "hiss", {"stddev": 0.5}, TRAINING), "'hiss' (GaussianNoise)"),
    "augmentation": (("RandomFlip", "flip", {}, TRAINING), "'flip' (RandomFlip)"),
    "in a recurrent layer": (
        ("Bidirectional", "both", {"layer": LSTM}, TRAINING),
        "'lstm_cell' (LSTMCell) in 'both'",
    ),
    "frozen": (
        ("BatchNormalization", "norm", {"trainable": False}, TRAINING),
        "'norm' (BatchNormalization)",
    ),
    "a rate of 0": (("Dropout", "drop", {"rate": 0.0}, TRAINING), ""),
    "at inference": (("Dropout", "drop", {"rate": 0.5}, {"training": False}), ""),
    "no choice": (("Dropout", "drop", {"rate": 0.5}, {"training": None}), ""),
    "nothing that differs": (("LSTM", "memory", {"units": 2}, TRAINING), ""),
}


@pytest.mark.parametrize("case", AS_AT_INFERENCE)
def test_what_is_random_in_training_only_is_noted(case: str) -> None:
    layer, place = AS_AT_INFERENCE[case]
    notes = call_notes(build.build(records.plan_network(functional(layer), generation=2)))
    assert notes == (
        (f"called with training=True, and explained as at inference: {place}",) * bool(place)
    )


def test_a_model_in_memory_is_held_to_the_same() -> None:
    given = keras.Input(X.shape[1:])
    flat = layers.Flatten()(layers.BatchNormalization(name="norm")(given, training=True))
    with pytest.raises(ModelError, match=r"layer 'norm' .* called with training=True"):
        Explainer(keras.Model(given, layers.Dense(1)(flat)))
    flat = layers.Flatten()(layers.Dropout(0.5, name="drop")(given, training=True))
    explainer = Explainer(keras.Model(given, layers.Dense(1)(flat)))
    assert explainer.notes == (
        "called with training=True, and explained as at inference: 'drop' (Dropout)",
    )


class InTraining(layers.Layer):
    """Normalises by the batch in its own code, whatever it is called with."""

    def __init__(self, inner: Any) -> None:
        super().__init__(name="own")
        self.inner = inner

    def call(self, x: Any) -> Any:
        return self.inner(x, training=True)


@pytest.mark.parametrize(
    "inner",
    [
        lambda: layers.BatchNormalization(name="norm"),
        lambda: layers.SpectralNormalization(layers.Dense(2), name="norm"),
    ],
)
def test_code_of_the_users_that_normalises_by_the_batch_is_refused(
    inner: Callable[[], Any],
) -> None:
    model = made(lambda tensor: layers.Flatten()(InTraining(inner())(tensor)), X.shape[1:])
    with pytest.raises(ModelError, match=r"layer own/norm .* is called with training=True, so"):
        graph_of(model)


@pytest.mark.parametrize(("rate", "refused"), [(0.5, True), (0.0, False)])
def test_code_of_the_users_that_draws_at_inference_is_refused(rate: float, refused: bool) -> None:
    drop = layers.Dropout(rate, name="drop")
    model = made(lambda tensor: layers.Flatten()(InTraining(drop)(tensor)), X.shape[1:])
    if not refused:
        assert graph_of(model).outputs
        return
    with pytest.raises(
        ModelError, match=r"layer own .*calls 'drop' \(Dropout\) with training=True"
    ):
        graph_of(model)


class Repeated(layers.Layer):
    """Takes arguments besides tensors, one of which is not None where it is left out."""

    def call(self, x: Any, other: Any = None, times: float | None = 2.0, flip: bool = False) -> Any:
        x = x if other is None else x + 3 * other
        x = ops.flip(x, axis=1) if flip else x
        return x if times is None else x * times


OWN_CALLS: list[tuple[Record, Callable[[Any], Any]]] = [
    ({}, lambda x: 2 * x),
    ({"times": 5.0}, lambda x: 5 * x),
    ({"times": None}, lambda x: x),
    ({"flip": True, "times": None}, lambda x: x[:, ::-1]),
    ({"other": ["x", 0, 0]}, lambda x: 8 * x),
]


@pytest.mark.parametrize(("arguments", "expected"), OWN_CALLS)
def test_a_layer_of_the_users_is_called_with_what_the_file_says(
    arguments: Record, expected: Callable[[Any], Any]
) -> None:
    objects = CustomObjects({"Repeated": Repeated}, {})
    plan = records.plan_network(functional(("Repeated", "own", {}, arguments)), generation=2)
    model = build.build(plan, objects=objects)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected(X), rtol=1e-6)
    graph = graph_of(model)
    np.testing.assert_allclose(computed(graph, X)[graph.outputs[0]], expected(X), rtol=1e-6)


def test_arguments_behind_nested_tensors_are_read() -> None:
    """A layer may be called on a mapping or on lists in lists of tensors."""
    for given in ([[["x", 0, 0, {"n": 2}], ["x", 0, 0, {"n": 2}]], ["x", 0, 0, {"n": 2}]],):
        assert dict(records._call(given).kwargs) == {"n": 2}
    assert dict(records._call({"a": ["x", 0, 0, {"n": None}]}).kwargs) == {"n": None}
    with pytest.raises(ValueError, match="one call with the arguments"):
        records._call([["x", 0, 0, {"n": 2}], ["y", 0, 0, {"n": 3}]])


@pytest.mark.filterwarnings("ignore:Layer 'inner'")  # which ends the mask after it
def test_a_mask_for_a_network_is_refused_and_not_dropped() -> None:
    inner = keras.Sequential([keras.Input(X.shape[1:]), layers.LSTM(2)], name="inner")
    given = keras.Input(X.shape[1:])
    mask = ops.ones((1, X.shape[1]), dtype="bool")
    with pytest.raises(ModelError, match=r"layer inner .* is called with mask, which has no low"):
        lower(keras.Model(given, inner(given, mask=mask)), X.shape[1:])


def of_lambda(function: Any, arguments: Record) -> Any:
    """Compute a Lambda of Keras 2 with an own function for `X`."""
    code = base64.b64encode(marshal.dumps(function.__code__)).decode()
    stored = [code, function.__defaults__, None]
    settings = {"function": stored, "function_type": "lambda", "arguments": {}}
    (found,) = predicted(functional(("Lambda", "own", settings, arguments)))
    return found


def test_a_lambda_gets_the_training_that_its_call_says() -> None:
    def scaled(x, training=None):  # type: ignore[no-untyped-def]
        return x * (1 + training)

    np.testing.assert_allclose(of_lambda(scaled, {}), X, rtol=1e-6)
    np.testing.assert_allclose(of_lambda(scaled, {"training": True}), 2 * X, rtol=1e-6)
    with pytest.raises(ModelError, match="is called with mask besides its input"):
        of_lambda(scaled, {"mask": [[True]]})


UNCHECKED = (
    "computed as --recipe says, which cannot be checked: own=x * 2; compare predictions with some"
    " that you know"
)


def test_arguments_that_a_recipe_does_not_have_are_noted(tmp_path: Path) -> None:
    record = functional(("Elsewhere", "own", {}, {"rate": 0.5, "training": False, "mask": None}))
    loaded = load(saved(record, tmp_path / "model.h5"), recipes={"own": "x * 2"})
    assert loaded.notes == (
        "layer 'own' (Elsewhere) is called with rate=0.5, which its recipe does not have",
        UNCHECKED,
    )
