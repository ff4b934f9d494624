"""Laws of archives: layers find their arrays, also under older names and where they stand twice."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from nets import randomise

from seqlift.errors import ModelError
from seqlift.models.load import load
from seqlift.models.renamed import SyncBatchNormalization

pytestmark = pytest.mark.usefixtures("step_by_step")

X = np.random.default_rng(0).normal(size=(3, 9, 4)).astype("float32")


def ended(given: Any, tensor: Any) -> keras.Model:
    return keras.Model(given, layers.Dense(1)(layers.Flatten()(tensor)))


def in_a_network() -> keras.Model:
    """Return a model of a layer that stands in a nested network and next to it."""
    given, shared = keras.Input((9, 4)), layers.Conv1D(4, 3, padding="same", name="shared")
    stack = [keras.Input((9, 4)), shared, layers.Conv1D(4, 3, padding="same", name="own")]
    tensor = layers.Add()([keras.Sequential(stack)(given), shared(given)])
    return ended(given, layers.Conv1D(2, 3, name="after")(tensor))


def in_a_wrapper() -> keras.Model:
    given, shared = keras.Input((9, 4)), layers.Dense(3, name="shared")
    return ended(given, layers.Add()([layers.TimeDistributed(shared)(given), shared(given)]))


def in_two_networks() -> keras.Model:
    given, shared = keras.Input((9, 4)), layers.LSTM(3, return_sequences=True, name="shared")
    nets = [
        keras.Sequential([keras.Input((9, 4)), shared, last])
        for last in (layers.BatchNormalization(), layers.Conv1D(3, 1))
    ]
    return ended(given, layers.Add()([net(given) for net in nets]))


@pytest.mark.parametrize("build", [in_a_network, in_a_wrapper, in_two_networks])
def test_a_layer_that_stands_in_several_places_has_its_arrays_at_each(
    build: Callable[[], keras.Model], tmp_path: Path
) -> None:
    model = build()
    randomise(model)
    model.save(tmp_path / "model.keras")
    loaded = load(tmp_path / "model.keras").model
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_layer_without_arrays_and_without_twin_is_refused(tmp_path: Path) -> None:
    model = in_a_wrapper()
    model.save(tmp_path / "model.keras")
    changed = tmp_path / "changed.keras"
    with zipfile.ZipFile(tmp_path / "model.keras") as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            if name == "config.json":
                text = old.read(name).decode()
                assert text.count('{"name": "shared"') == 2
                new.writestr(name, text.replace('{"name": "shared"', '{"name": "other"', 1))
            else:
                new.writestr(name, old.read(name))
    with pytest.raises(ModelError, match="expected 2 variables, but received 0 variables"):
        load(changed)


def test_a_class_that_is_renamed_today_finds_its_arrays(tmp_path: Path) -> None:
    """tf.keras counted SyncBatchNormalization apart from BatchNormalization."""
    given = keras.Input((9, 4))
    kinds = (layers.BatchNormalization, SyncBatchNormalization, layers.BatchNormalization)
    tensor = given
    for kind in kinds:
        tensor = kind()(tensor)
    model = ended(given, tensor)
    randomise(model)
    model.save(tmp_path / "model.keras")
    changed = tmp_path / "changed.keras"
    with zipfile.ZipFile(tmp_path / "model.keras") as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "config.json":
                record = json.loads(text)
                for layer in record["config"]["layers"]:
                    if layer["class_name"] == "SyncBatchNormalization":
                        layer |= {"module": "keras.layers.experimental", "registered_name": None}
                text = json.dumps(record).encode()
            new.writestr(name, text)
    loaded = load(changed).model
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("kind", ["1D", "2D", "3D"])
def test_layers_that_do_not_write_whether_they_train_are_no_operations(
    kind: str, tmp_path: Path
) -> None:
    given = keras.Input((9, 4, 2, 2)[: int(kind[0]) + 1])
    dropped = getattr(layers, f"SpatialDropout{kind}")(0.2, name="drop")(given)
    ended(given, dropped).save(tmp_path / "model.h5")
    layer = load(tmp_path / "model.h5").model.get_layer("drop")
    assert type(layer).__name__ == f"SpatialDropout{kind}"
    assert layer.rate == 0.2
