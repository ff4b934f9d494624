"""Laws of custom objects: only the user's file is run, and its layers are built from it."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from nets import eager, graph_of, inputs_for, made, random_head, relative_residual

from seqlift.errors import ModelError
from seqlift.lowering.compositions.place import Tensor
from seqlift.lowering.compositions.traced import traced
from seqlift.models import build, custom, records
from seqlift.models.load import load

X = np.random.default_rng(0).normal(size=(3, 9, 4)).astype("float32")

OWN = """
import keras
from keras import ops


@keras.saving.register_keras_serializable("lab")
class Scaled(keras.layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.scale = self.add_weight(shape=(), name="scale")

    def call(self, x):
        return ops.matmul(x, self.kernel) * self.scale

    def get_config(self):
        return super().get_config() | {"units": self.units}


class Plain(keras.layers.Layer):
    def __init__(self):
        super().__init__()

    def call(self, x):
        return x + 1

    def get_config(self):
        return {}


def bent(x):
    return ops.square(x)
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def classes_of(path: Path) -> Any:
    """Return the module at `path`, imported as a user's program would."""
    spec = importlib.util.spec_from_file_location("theirs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_model_with_layers_of_the_users_file_predicts_as_before(
    ending: str, own: Path, tmp_path: Path
) -> None:
    theirs = classes_of(own)
    model = keras.Sequential(
        [
            keras.Input((9, 4)),
            theirs.Scaled(3, name="own"),
            theirs.Plain(),
            layers.Dense(2, activation=theirs.bent),
        ]
    )
    for weight in model.weights:
        weight.assign(np.random.default_rng(2).normal(size=weight.shape))
    expected, path = model.predict(X, verbose=0), tmp_path / f"model{ending}"
    model.save(path)
    with pytest.raises(ModelError, match=r"custom-objects FILE\.py"):
        load(path)
    found = load(path, custom_objects=own).model
    np.testing.assert_allclose(found.predict(X, verbose=0), expected, rtol=1e-6)
    assert found.get_layer("own").units == 3


FRAMES = """
import keras


class FrameSliceLayer(keras.layers.Layer):
    def call(self, x):
        back = x[:, ::-1]
        return [back[:, frame::3] for frame in range(3)]
"""


def test_a_published_model_loads_with_the_one_layer_it_lacks(real: Path, tmp_path: Path) -> None:
    """framepool's five Lambdas are read from bytecode of Python 3.6."""
    path = tmp_path / "frames.py"
    path.write_text(FRAMES)
    model = load(real / "framepool" / "utr_model_50.h5", custom_objects=path).model
    sequences = np.eye(4, dtype="float32")[np.random.default_rng(0).integers(0, 4, (2, 50))]
    assert [tuple(tensor.shape) for tensor in model.inputs] == [(None, None, 4)]
    predicted = model.predict(sequences, verbose=0)
    assert predicted.shape == (2, 1)
    assert np.isfinite(predicted).all()
    assert predicted[0] != predicted[1]


def test_a_layer_that_says_it_is_of_keras_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text("import keras\n\n\nclass Dense(keras.layers.Layer):\n    pass\n")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="score")])
    model.save(tmp_path / "model.keras")
    loaded = load(tmp_path / "model.keras", custom_objects=path).model
    assert type(loaded.get_layer("score")) is layers.Dense


def test_a_pipe_in_the_place_of_code_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "own.py")
    with pytest.raises(ModelError, match=r"own.py: this is a pipe, not a file; give a Python file"):
        custom.read_custom_objects(tmp_path / "own.py")


BAD_FILES = [
    ("own.txt", "", "not a Python file; give one that ends in .py"),
    ("none.py", None, "no such file; check the path of the custom objects"),
    ("own.py", "x = 1", "defines no layer and no function; give the Python file that has the"),
    ("own.py", "\nimport nothing_at_all\n", "ModuleNotFoundError: No module named"),
    ("own.py", "x = 1\n\ny = 1 / 0\n", "ZeroDivisionError: division by zero; mend the file"),
    ("own.py", "x = (\n", "SyntaxError: '(' was never closed (own.py, line 1); mend the file"),
    ("own.py", "raise SystemExit(3)\n", "SystemExit: 3; mend the file, or leave out"),
]
LINES = {"import nothing": 2, "1 / 0": 3, "x = (": 1, "SystemExit": 1}


@pytest.mark.parametrize(("name", "text", "problem"), BAD_FILES)
def test_a_file_that_cannot_be_imported_is_one_line(
    name: str, text: str | None, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ModelError) as caught:
        custom.read_custom_objects(path)
    (line,) = caught.value.problems
    at = next((f":{number}" for word, number in LINES.items() if word in (text or "")), "")
    assert line.startswith(f"{path}{at}: {problem}")
    assert f"{custom.MODULE}.none" not in sys.modules


def test_a_setting_that_the_class_does_not_take_is_named(own: Path, tmp_path: Path) -> None:
    theirs = classes_of(own)

    class Plain(theirs.Plain):
        def get_config(self) -> dict[str, Any]:
            return {"depth": 3}

    keras.Sequential([keras.Input((4,)), Plain()]).save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=r"has the setting depth=3, which its class in the custom"):
        load(tmp_path / "model.keras", custom_objects=own)


class Affine(layers.Layer):
    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3), name="kernel")
        self.bias = self.add_weight(shape=(3,), name="bias")

    def call(self, x: Any) -> Any:
        return ops.relu(ops.matmul(x, self.kernel) + self.bias)


class Scan(layers.Conv1D):
    """A layer of Keras under a name of one's own, activation and all."""


def scan() -> layers.Layer:
    return Scan(3, 2, activation="relu")


class Leaky(layers.Layer):
    def call(self, x: Any) -> Any:
        bent = keras.activations.relu(x - 0.1, negative_slope=0.2, max_value=0.5, threshold=0.1)
        return keras.activations.relu(bent, threshold=-0.1)


class Within(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3, activation="tanh")

    def call(self, x: Any) -> Any:
        return self.dense(x)[:, 1:-1]


class Twice(keras.Model):
    """A model that does not list its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.dense(x) * 2


def spread() -> layers.Layer:
    return layers.Lambda(lambda x: ops.logsumexp(x, axis=-1, keepdims=True), name="spread")


@pytest.mark.parametrize("make", [Affine, scan, Leaky, Within, Twice, spread])
def test_a_layer_written_with_keras_operations_is_explained(make: Callable[[], Any]) -> None:
    def body(tensor: Any) -> Any:
        return layers.Dense(2, activation="tanh")(layers.Flatten()(make()(tensor)))

    model = made(body, (9, 4))
    graph, (x, x0) = graph_of(model), inputs_for((9, 4), 3, 2)
    values = graph.forward(ops.convert_to_tensor(x), graph.outputs)[graph.outputs[0]]
    np.testing.assert_allclose(ops.convert_to_numpy(values), model(x), atol=1e-12)
    result = eager(graph, random_head(graph), x, x0, dtype="float64")
    assert relative_residual(result) <= 1e-10
    inside = [call.layer for call in graph.calls if "/" in call.layer]
    assert inside  # its operations are listed by name, behind that of the layer


class OtherLibrary(layers.Layer):
    def call(self, x: Any) -> Any:
        return np.tanh(x)


class VariableFirst(layers.Layer):
    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(), name="scale")

    def call(self, x: Any) -> Any:
        return self.scale * x


@pytest.mark.parametrize("make", [OtherLibrary, VariableFirst])
def test_a_layer_that_cannot_be_traced_gives_none(make: Callable[[], Any]) -> None:
    layer = make()
    layer.build((None, 9, 4))
    given = ((Tensor(0),), {})
    assert traced(layer.call, given, shape=lambda _: (9, 4), name=layer.name) is None


def gelu(x: Any) -> Any:  # under a name of Keras, and another function
    return x * ops.sigmoid(1.702 * x)


@pytest.mark.parametrize(
    "make",
    [
        lambda f: layers.Dense(3, activation=f),
        lambda f: layers.Conv1D(3, 2, activation=f),
        lambda f: layers.Activation(f),
        lambda f: layers.TimeDistributed(layers.Dense(2, activation=f)),
        lambda f: layers.LSTM(3, activation=f, return_sequences=True),
    ],
)
def test_an_activation_function_of_the_users_is_traced_and_completes(
    make: Callable[[Any], Any],
) -> None:
    def body(tensor: Any) -> Any:
        return layers.Dense(1)(layers.Flatten()(make(gelu)(tensor)))

    model = made(body, (9, 4))
    graph, (x, x0) = graph_of(model), inputs_for((9, 4), 3, 2)
    values = graph.forward(ops.convert_to_tensor(x), graph.outputs)[graph.outputs[0]]
    np.testing.assert_allclose(ops.convert_to_numpy(values), model(x), atol=1e-12)
    result = eager(graph, random_head(graph), x, x0, dtype="float64")
    assert relative_residual(result) <= 1e-10


BOTH = """
import keras


def gelu(x):
    return keras.ops.relu(x) + 0.25 * x


class Doubled(keras.layers.LSTM):
    def call(self, *args, **kwargs):
        return 2 * super().call(*args, **kwargs)
"""


def test_a_wrapper_copies_classes_and_functions_of_the_users(tmp_path: Path) -> None:
    """A function keeps what it is where Keras has one of its name."""
    path = tmp_path / "own.py"
    path.write_text(BOTH)
    theirs = classes_of(path)
    settings = {"units": 3, "activation": "gelu", "recurrent_activation": "sigmoid"}
    inner = {"class_name": "Doubled", "config": {"name": "inner", **settings}}
    both = {"class_name": "Bidirectional", "config": {"name": "both", "layer": inner}}
    both["config"]["batch_input_shape"] = [None, 9, 4]
    record = {"class_name": "Sequential", "config": {"name": "net", "layers": [both]}}
    found = build.build(
        records.plan_network(record, generation=2), objects=custom.read_custom_objects(path)
    )
    for weight in found.weights:
        weight.assign(np.random.default_rng(3).normal(size=weight.shape))
    expected = []
    for number, x in enumerate((X, X[:, ::-1])):
        one = keras.Sequential([keras.Input((9, 4)), layers.LSTM(3, activation=theirs.gelu)])
        one.set_weights(found.get_weights()[3 * number : 3 * number + 3])
        expected.append(2 * np.asarray(one(x)))
    np.testing.assert_allclose(found(X), np.concatenate(expected, axis=1), atol=1e-5)


OF_A_NAME_OF_KERAS = """
import keras


class MultiHeadAttention(keras.layers.Layer):
    def __init__(self, head_num, fused=False, axis=None, layer=3, **options):
        super().__init__(**options)
        self.head_num, self.fused, self.axis, self.layer = head_num, fused, axis, layer

    def call(self, x):
        return x * (self.head_num + (10 if self.fused else 0) + len(self.axis) + 100 * self.layer)
"""


def test_a_class_of_the_users_may_have_a_name_of_keras(tmp_path: Path) -> None:
    """Its settings are those in the file, though Keras's own of their names mean nothing."""
    path = tmp_path / "own.py"
    path.write_text(OF_A_NAME_OF_KERAS)
    settings = {"head_num": 2, "fused": True, "axis": [1], "layer": 4, "trainable": True}
    own = {"class_name": "MultiHeadAttention", "config": {"name": "own", **settings}}
    own["config"]["batch_input_shape"] = [None, 9, 4]
    record = {"class_name": "Sequential", "config": {"name": "net", "layers": [own]}}
    plan = records.plan_network(record, generation=2)
    with pytest.raises(ModelError) as caught:
        build.build(plan)
    for problem in caught.value.problems:
        assert "give its code with --custom-objects FILE.py if it is a layer of your own" in problem
    model = build.build(plan, objects=custom.read_custom_objects(path))
    np.testing.assert_allclose(model(X), 413 * X, rtol=1e-6)


SUBCLASSES = """
import keras


@keras.saving.register_keras_serializable("lab")
class Net(keras.Model):
    def train_step(self, data):
        return super().train_step(data)


@keras.saving.register_keras_serializable("lab")
class Row(keras.Sequential):
    pass


@keras.saving.register_keras_serializable("lab")
class Otherwise(keras.Model):
    def call(self, x, training=None):
        return 2 * super().call(x)
"""


@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_a_functional_model_of_the_users_class_is_rebuilt_from_its_layers(
    ending: str, tmp_path: Path
) -> None:
    own = tmp_path / "own.py"
    own.write_text(SUBCLASSES)
    theirs, given = classes_of(own), keras.Input((9, 4))
    row = theirs.Row([keras.Input((9, 4)), layers.Conv1D(3, 2), layers.Conv1D(2, 2)], name="row")
    inner = theirs.Net(given, layers.Conv1D(2, 3)(given), name="inner")
    tensor = layers.Flatten()(layers.Add()([row(given), inner(given)]))
    model = theirs.Net(given, layers.Dense(1)(tensor), name="net")
    for weight in model.weights:
        weight.assign(np.random.default_rng(4).normal(size=weight.shape))
    model.save(tmp_path / f"model{ending}")
    with pytest.raises(ModelError) as caught:
        load(tmp_path / f"model{ending}")
    problems = " ".join(caught.value.problems).replace("lab>", "")
    for kind in ("Net", "Row"):
        assert f"is a model of the class {kind!r}, whose code is not in the file; give" in problems
    found = load(tmp_path / f"model{ending}", custom_objects=own).model
    np.testing.assert_allclose(found(X), model(X), rtol=1e-6)


def test_a_model_whose_class_computes_otherwise_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(SUBCLASSES)
    given = keras.Input((9, 4))
    classes_of(own).Otherwise(given, layers.Dense(2)(given), name="net").save(tmp_path / "m.keras")
    with pytest.raises(ModelError, match=r"whose call\(\) in the custom objects may compute"):
        load(tmp_path / "m.keras", custom_objects=own)
