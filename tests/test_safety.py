"""Laws of safety: a model file runs nothing, and each layer that would is named."""

import copy
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from keras.src.utils import python_utils

from seqlift.errors import ModelError
from seqlift.models import build, classes, locally_connected, renamed, safety
from seqlift.models.load import load

REBUILD = "rebuild the model with layers of keras.layers and save it again"
OTHERS = "rebuild the model with other layers of keras.layers and save it again"
OWN_CODE = f"give its code with --custom-objects FILE.py, or {REBUILD}"
NEVER_RUN = "code in a model file is never run"


def bytecode(found: str, name: str = "flat") -> str:
    """Return the refusal of a Lambda in which something without a recipe was found."""
    return f"layer {name!r} is a Lambda: {NEVER_RUN}; it {found}: give --recipe '{name}=EXPRESSION'"


def load_decoding_nothing(path: Path, arch: Path | None = None) -> None:
    """Load a model, failing the test if bytecode or a pickle is decoded, whatever for."""

    def caught(*_: Any, **__: Any) -> None:
        pytest.fail("code from a model file was decoded")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pickle, "loads", caught)
        patch.setattr(python_utils, "func_load", caught)  # where Keras unmarshals bytecode
        load(path, arch=arch)


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    """Return the architecture of a small model as Keras 3 writes it."""
    given = keras.Input((6, 4), name="dna")
    hidden = layers.TimeDistributed(layers.Dense(2, name="inside"), name="wrapped")(given)
    model = keras.Model(given, layers.Dense(1, name="score")(layers.Flatten(name="flat")(hidden)))
    return json.loads(model.to_json())


def edited(record: dict[str, Any], layer: str, change: Callable[[dict[str, Any]], Any]) -> Any:
    """Return a copy of an architecture with one layer's record changed."""
    changed = copy.deepcopy(record)
    (found,) = (item for item in changed["config"]["layers"] if item["name"] == layer)
    change(found)
    return changed


def refused(record: Any, folder: Path) -> list[str]:
    """Return the problems of loading an architecture, without the file's name before each."""
    arch, path = folder / "model.json", folder / "weights.h5"
    arch.write_text(json.dumps(record))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"score"])
    with pytest.raises(ModelError) as caught:
        load_decoding_nothing(path, arch)
    assert all(problem.startswith(f"{arch}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{arch}: ") for problem in caught.value.problems]


def of_class(name: str, **more: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda layer: layer.update({"class_name": name, **more})


def with_setting(key: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda layer: layer["config"].update({key: value})


CODE = {"class_name": "__lambda__", "config": {"value": {"code": "4wEAAAA=", "defaults": None}}}

HOSTILE = [
    ("flat", of_class("Lambda"), bytecode("has no code in the file")),
    (
        "flat",
        of_class("TFOpLambda", config={"name": "flat", "function": "io.read_file"}),
        (
            "layer 'flat' is a TFOpLambda of 'io.read_file': "
            "a TensorFlow function called by tf.keras, not a layer; it calls tf.io.read_file, "
            "which has no recipe: give --recipe 'flat=EXPRESSION'"
        ),
    ),
    (
        "flat",
        of_class("SlicingOpLambda"),
        (
            "layer 'flat' is a SlicingOpLambda: tensor slicing recorded by tf.keras, not a layer; "
            "it has no function in the file: give --recipe 'flat=EXPRESSION'"
        ),
    ),
    (
        "flat",
        of_class("TorchModuleWrapper", config={"module": pickle.dumps(print).hex()}),
        (
            "layer 'flat' is a TorchModuleWrapper: "
            f"it holds a pickled PyTorch module, which is never opened; {REBUILD}"
        ),
    ),
    (
        "flat",
        of_class("TFSMLayer", config={"filepath": "/tmp/x"}),
        f"layer 'flat' is a TFSMLayer: it runs a TensorFlow program from another folder; {REBUILD}",
    ),
    (
        "flat",
        of_class("system", module="os", registered_name=None),
        f"layer 'flat' is of the class 'system' of os, whose code is not in the file; {OWN_CODE}",
    ),
    (
        "flat",
        of_class("Flatten", module="keras_evil.layers"),
        (
            "layer 'flat' is of the class 'Flatten' of keras_evil.layers, "
            f"whose code is not in the file; {OWN_CODE}"
        ),
    ),
    (
        "flat",
        of_class("Flatten", registered_name="evil>Flatten"),
        (
            "layer 'flat' is of the class 'evil>Flatten' of keras.layers, "
            f"whose code is not in the file; {OWN_CODE}"
        ),
    ),
    (
        "flat",
        of_class("get_file", module="keras.utils"),
        f"layer 'flat' is a get_file, a layer of Keras that seqlift does not explain; {OTHERS}",
    ),
    (
        "flat",
        of_class("Map", module="keras.src.ops.core"),
        f"layer 'flat' is a Map, an operation of Keras that seqlift does not explain; {OTHERS}",
    ),
    (
        "score",
        with_setting("activation", CODE),
        f"layer 'score.activation' is a __lambda__: {NEVER_RUN}; {REBUILD}",
    ),
    (
        "score",
        with_setting("activation", {"class_name": "function", "module": "os", "config": "system"}),
        f"layer 'score' (Dense) has the activation 'system', which is not one of Keras; {OWN_CODE}",
    ),
    (
        "score",
        with_setting("activation", "mine>swish"),
        (
            f"layer 'score' (Dense) has the activation 'mine>swish', which is not one of Keras; "
            f"{OWN_CODE}"
        ),
    ),
    (
        "score",
        with_setting("units", {"class_name": "Popen", "module": "subprocess", "config": {}}),
        f"layer 'score' (Dense) has an object for its setting 'units' (Popen); {REBUILD}",
    ),
    (
        "wrapped",
        with_setting("layer", {"class_name": "Lambda", "config": {"name": "hidden"}}),
        (
            f"layer 'hidden' is a Lambda: {NEVER_RUN}; it is inside 'wrapped' (TimeDistributed):"
            " give --recipe 'wrapped=EXPRESSION'"
        ),
    ),
    (
        "score",
        with_setting("dtype", {"class_name": "QuantizedDTypePolicy", "config": {"name": "int8"}}),
        "layer 'score' (Dense) has quantised weights (int8); save the model before quantising it",
    ),
]


@pytest.mark.parametrize(("layer", "change", "message"), HOSTILE)
def test_a_layer_that_is_not_of_keras_is_named_with_the_reason(
    layer: str, change: Callable[..., Any], message: str, record: Any, tmp_path: Path
) -> None:
    assert refused(edited(record, layer, change), tmp_path) == [message]


def test_every_layer_that_is_refused_is_listed(record: Any, tmp_path: Path) -> None:
    twice = edited(edited(record, "flat", of_class("Lambda")), "wrapped", of_class("Mine"))
    assert len(refused(twice, tmp_path)) == 2


def test_an_object_among_call_arguments_is_refused(record: Any, tmp_path: Path) -> None:
    def change(layer: dict[str, Any]) -> None:
        layer["inbound_nodes"][0]["args"] = [{"class_name": "__typespec__", "config": ["x"]}]

    (problem,) = refused(edited(record, "flat", change), tmp_path)
    assert "an argument of the class '__typespec__'" in problem


def test_a_model_of_a_users_class_is_refused(record: Any, tmp_path: Path) -> None:
    mine = {**record, "class_name": "MyModel", "module": "mine", "registered_name": "MyModel"}
    (problem,) = refused(mine, tmp_path)
    assert (
        "is a model of the class 'MyModel', whose code is not in the file; give its code" in problem
    )


def test_objects_that_matter_in_training_only_are_left_out(record: Any) -> None:
    from seqlift.models import records

    odd = {f"kernel_{part}": CODE for part in ("initializer", "regularizer", "constraint")}
    changed = edited(record, "score", lambda layer: layer["config"].update(odd))
    model = build.build(records.plan_network(changed, generation=3))
    assert model.get_layer("score").kernel_constraint is None


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_lambda_in_a_file_never_runs(ending: str, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / f"model{ending}"
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Lambda(lambda x, to=str(canary): (Path(to).touch(), x)[1], name="sly"),
            layers.Dense(1),
        ]
    )
    model.save(path)
    canary.unlink()  # building the model wrote it
    with pytest.raises(ModelError) as caught:
        load_decoding_nothing(path)
    found = bytecode("calls Path, which has no recipe", "sly")
    assert caught.value.problems == (f"{path}: {found}",)
    assert not canary.exists()


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_class_of_the_users_own_is_not_made_even_where_it_is_registered(
    ending: str, tmp_path: Path
) -> None:
    made = []

    @keras.saving.register_keras_serializable("lab")
    class Mine(layers.Layer):
        def call(self, x: Any) -> Any:
            made.append(self)
            return x

    path = tmp_path / f"model{ending}"
    keras.Sequential([keras.Input((4,)), Mine(name="own"), layers.Dense(1)]).save(path)
    made.clear()
    with pytest.raises(ModelError, match=r"layer 'own' is of the class 'lab>Mine'"):
        load_decoding_nothing(path)
    assert made == []


def test_an_archive_member_cannot_be_written_outside_the_temporary_folder(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), layers.Dense(1)]).save(path)
    with zipfile.ZipFile(path, "a") as members:
        members.writestr("../../escaped.txt", "x")
    with pytest.raises(ModelError, match="leads out of the archive"):
        load_decoding_nothing(path)
    assert not list(tmp_path.parent.parent.rglob("escaped.txt"))


def test_every_class_on_the_allow_list_is_a_layer_of_keras() -> None:
    for name in safety.SAFE_LAYERS - {"AdaptiveAveragePooling1D", "AdaptiveMaxPooling1D"}:
        found = [getattr(home, name, None) for home in (keras.layers, locally_connected, renamed)]
        assert any(kind and issubclass(kind, keras.layers.Layer) for kind in found), name
    assert not safety.SAFE_LAYERS & set(safety.REASONS)
    assert set(classes.OPERATION_MODULES) <= set(dir(keras.src.ops))


def test_every_activation_on_the_allow_list_is_found_by_keras() -> None:
    for name in safety.SAFE_ACTIVATIONS - {"hard_sigmoid_of_keras_2"}:
        assert callable(keras.activations.get(name))
