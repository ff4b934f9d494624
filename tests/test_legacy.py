"""Laws of old files: what Keras 2 wrote means today what it meant then."""

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from seqlift.errors import ModelError
from seqlift.models import build, legacy, records
from seqlift.models.load import load
from seqlift.models.plans.plan import NetworkPlan

CONV = {
    "name": "conv1d_1", "trainable": True, "filters": 2, "kernel_size": [3], "strides": [1],
    "padding": "valid", "dilation_rate": [1], "activation": "relu", "use_bias": True,
    "kernel_initializer": {"class_name": "VarianceScaling", "config": {"mode": "fan_avg"}},
    "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.1}},
    "kernel_constraint": None, "activity_regularizer": None,
}  # fmt: skip
NORMALISED = {"name": "norm", "axis": [2], "fused": True, "trainable": None, "momentum": 0.99}


def layer(class_name: str, **settings: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": settings}


def built(record: Any, generation: int = 2) -> keras.Model:
    return build.build(records.plan_network(record, generation=generation))


SEQUENTIALS = {
    "a bare list (Keras 2.0, 2.1)": lambda chain: chain,
    "a mapping (Keras 2.2 on)": lambda chain: {"name": "sequential_1", "layers": chain},
}


@pytest.mark.parametrize("written", SEQUENTIALS.values(), ids=SEQUENTIALS)
def test_a_sequential_without_input_layer_takes_its_first_layers_shape(written: Any) -> None:
    chain = [
        layer("Conv1D", batch_input_shape=[None, 9, 4], dtype="float32", **CONV),
        layer("BatchNormalizationV1", **NORMALISED),
    ]
    model = built({"class_name": "Sequential", "config": written(chain)})
    assert model.input_shape == (None, 9, 4)
    assert model.output_shape == (None, 7, 2)
    assert [type(made).__name__ for made in model.layers] == ["Conv1D", "BatchNormalization"]


def test_a_sequential_that_starts_with_a_sequential_takes_its_shape() -> None:
    inner = {
        "class_name": "Sequential",
        "config": [layer("Conv1D", batch_input_shape=[None, 9, 4], **CONV)],
    }
    assert built({"class_name": "Sequential", "config": [inner]}).input_shape == (None, 9, 4)


def test_a_batch_size_fixed_in_training_is_forgotten() -> None:
    chain = [layer("Conv1D", batch_input_shape=[32, 9, 4], **CONV)]
    assert built({"class_name": "Sequential", "config": chain}).input_shape == (None, 9, 4)


def test_a_sequential_without_any_shape_says_what_to_do() -> None:
    record = {"class_name": "Sequential", "config": [layer("Conv1D", **CONV)]}
    with pytest.raises(ModelError, match="does not say the shape of its input; build it with"):
        built(record)


MODERN = [
    ("LeakyReLU", {"alpha": 0.2}, 2, ("LeakyReLU", {"negative_slope": 0.2})),
    ("ThresholdedReLU", {"theta": 1.5}, 2, ("ReLU", {"threshold": 1.5})),
    ("GRU", {"units": 2}, 2, ("GRU", {"reset_after": False, "units": 2})),
    ("GRU", {"units": 2}, 3, ("GRU", {"units": 2})),
    ("GroupedQueryAttention", {"head_dim": 2}, 3, ("GroupQueryAttention", {"head_dim": 2})),
    ("GRU", {"reset_after": True}, 2, ("GRU", {"reset_after": True})),
    ("LSTM", {"implementation": 1, "stateful": True}, 2, ("LSTM", {})),
    ("UnifiedLSTM", {"units": 3}, 2, ("LSTM", {"units": 3})),
    ("BatchNormalizationV2", {"axis": [1]}, 2, ("BatchNormalization", {"axis": 1})),
    ("LayerNormalization", {"axis": [1, 2]}, 2, ("LayerNormalization", {"axis": [1, 2]})),
    ("Dense", {"trainable": None}, 2, ("Dense", {"trainable": True})),
    ("Dense", {"trainable": False}, 2, ("Dense", {"trainable": False})),
    ("Dense", {"activation": None}, 2, ("Dense", {"activation": "linear"})),
    ("Dense", {"activation": "swish"}, 2, ("Dense", {"activation": "silu"})),
    ("Dense", {"activation": "softmax_v2"}, 2, ("Dense", {"activation": "softmax"})),
    ("Dense", {"activation": "hard_sigmoid"}, 3, ("Dense", {"activation": "hard_sigmoid"})),
    (
        "LSTM",
        {"recurrent_activation": "hard_sigmoid"},
        2,
        ("LSTM", {"recurrent_activation": "hard_sigmoid_of_keras_2"}),
    ),
    (
        "Dense",
        {"activation": {"class_name": "function", "module": "builtins", "config": "relu"}},
        3,
        ("Dense", {"activation": "relu"}),
    ),
    ("Dense", {"dtype": "mixed_float16"}, 2, ("Dense", {})),
    ("InputLayer", {"batch_input_shape": [8, None, 4]}, 2, ("InputLayer", {"shape": (None, 4)})),
    ("InputLayer", {"batch_shape": [None, 5]}, 3, ("InputLayer", {"shape": (5,)})),
    ("InputLayer", {"dtype": "int32", "sparse": False}, 2, ("InputLayer", {"dtype": "int32"})),
    ("Conv1D", {"kernel_initializer": {"class_name": "Mine"}, "filters": 2}, 2,
     ("Conv1D", {"filters": 2})),
    ("Mine", {"what": [1, 2]}, 2, ("Mine", {"what": [1, 2]})),
]  # fmt: skip


@pytest.mark.parametrize(("class_name", "settings", "generation", "expected"), MODERN)
def test_old_settings_are_said_in_todays_words(
    class_name: str, settings: Any, generation: int, expected: Any
) -> None:
    assert legacy.modern(class_name, settings, generation=generation) == expected


@pytest.mark.parametrize(
    ("version", "record", "expected"),
    [
        ("2.3.1", {"class_name": "Sequential", "config": []}, 2),
        ("2.2.4-tf", {"class_name": "Model", "config": {}}, 2),
        ("3.15.1", {"class_name": "Functional", "config": {}}, 3),
        ("1.2.2", {"class_name": "Sequential", "config": []}, 1),
        ("0.3.2", {"class_name": "Sequential", "config": []}, 1),
        (None, {"class_name": "Sequential", "config": []}, 2),
        (None, {"class_name": "Sequential", "module": "keras", "config": {}}, 3),
        (None, {"name": "Sequential", "layers": []}, 1),
        (None, {"class_name": "Sequential", "config": [layer("Convolution1D", nb_filter=3)]}, 1),
        ("2.0.0", {"class_name": "Sequential", "config": [layer("Merge")]}, 1),
    ],
)
def test_the_generation_of_a_file_is_told_by_its_version_or_its_manner(
    version: str | None, record: Any, expected: int
) -> None:
    assert legacy.generation(version, record) == expected


def test_the_hard_sigmoid_of_keras_2_is_kept() -> None:
    chain = [
        layer("Activation", batch_input_shape=[None, 5], name="gate", activation="hard_sigmoid")
    ]
    model = built({"class_name": "Sequential", "config": chain})
    x = np.array([[-3.0, -1.0, 0.0, 1.0, 3.0]], "float32")
    np.testing.assert_allclose(model(x), [[0, 0.3, 0.5, 0.7, 1]], atol=1e-6)


def test_a_setting_that_would_be_lost_is_refused() -> None:
    chain = [layer("Dense", batch_input_shape=[None, 5], name="d", units=1, magic=3, spell=None)]
    with pytest.raises(ModelError) as caught:
        built({"class_name": "Sequential", "config": chain})
    assert caught.value.problems == (
        (
            f"layer 'd' (Dense) has the setting magic=3, unknown to Keras {keras.__version__}; "
            "give its code with --custom-objects FILE.py if it is a layer of your own; else "
            "install the Keras that saved the model, or a newer one"
        ),
    )


def test_a_setting_that_keras_refuses_names_the_layer() -> None:
    chain = [layer("Dense", batch_input_shape=[None, 5], name="d", units=-1)]
    with pytest.raises(ModelError) as caught:
        built({"class_name": "Sequential", "config": chain})
    (problem,) = caught.value.problems
    assert problem.startswith("layer 'd' (Dense) cannot be built: ")
    assert "\n" not in problem


def keras_2_functional(nodes: dict[str, list], outputs: list, **classes: dict) -> dict[str, Any]:
    """Return a Functional record of Keras 2: an input `x` of 4 values, and layers by name."""
    records = [
        {**layer("InputLayer", batch_input_shape=[None, 4], name="x"), "name": "x"},
        *({**record, "name": name} for name, record in classes.items()),
    ]
    for record in records:
        record["inbound_nodes"] = nodes.get(record["name"], [])
    config = {"name": "m", "layers": records, "input_layers": [["x", 0, 0]]}
    return {"class_name": "Model", "config": {**config, "output_layers": outputs}}


def test_a_shared_layer_is_called_in_the_order_of_its_nodes() -> None:
    dense = layer("Dense", name="d", units=4, activation="linear", use_bias=False)
    record = keras_2_functional(
        {"d": [[["x", 0, 0, {}]], [["d", 0, 0, {}]]], "a": [[["d", 0, 0, {}], ["d", 1, 0, {}]]]},
        [["a", 0, 0]],
        a=layer("Subtract", name="a"),
        d=dense,
    )
    model = built(record)
    model.get_layer("d").kernel.assign(3 * np.eye(4))
    np.testing.assert_allclose(model(np.ones((1, 4), "float32")), -6 * np.ones((1, 4)))


@pytest.mark.parametrize("first", [0, 1])
def test_calls_of_a_nested_model_count_from_0_or_1(first: int) -> None:
    double = keras_2_functional(
        {"d": [[["x", 0, 0, {}]]]},
        [["d", 0, 0]],
        d=layer("Dense", name="d", units=4, use_bias=False),
    )
    record = keras_2_functional(
        {
            "inner": [[["x", 0, 0, {}]], [["inner", first, 0, {}]]],
            "a": [[["inner", first, 0, {}], ["inner", first + 1, 0, {}]]],
        },
        [["a", 0, 0], ["inner", first, 0]],
        inner=double,
        a=layer("Subtract", name="a"),
    )
    model = built(record)
    model.get_layer("inner").get_layer("d").kernel.assign(3 * np.eye(4))
    difference, once = model(np.ones((1, 4), "float32"))
    np.testing.assert_allclose(difference, -6 * np.ones((1, 4)))
    np.testing.assert_allclose(once, 3 * np.ones((1, 4)))


def test_layers_that_wait_for_what_is_not_there_are_named() -> None:
    record = keras_2_functional(
        {"d": [[["nowhere", 0, 0, {}]]]}, [["d", 0, 0]], d=layer("Dense", name="d", units=1)
    )
    with pytest.raises(ModelError, match="the layers d wait for layers that are not in the file"):
        built(record)


def test_slashes_in_layer_names_become_underscores() -> None:
    record = keras_2_functional(
        {"block/d": [[["x", 0, 0, {}]]]},
        [["block/d", 0, 0]],
        **{"block/d": layer("Dense", name="block/d", units=1)},
    )
    assert built(record).output_names == ["block_d"]


def test_a_plan_is_plain_values() -> None:
    record = {"class_name": "Sequential", "config": [layer("Lambda", name="x", function=["4w="])]}
    plan = records.plan_network(record, generation=2)
    assert isinstance(plan, NetworkPlan)
    assert plan.layers[0].settings == {"function": ["4w="]}


@pytest.mark.parametrize(
    "record",
    [
        {"class_name": "Sequential", "config": []},
        {"class_name": "Sequential", "config": 3},
        {"class_name": "Model", "config": {"layers": [{}]}},
        {"class_name": "Functional", "config": {"layers": [], "input_layers": []}},
        {"class_name": "Sequential"},
    ],
)
def test_a_damaged_architecture_is_one_line(record: Any) -> None:
    with pytest.raises(ModelError) as caught:
        built(record)
    (problem,) = caught.value.problems
    assert problem.startswith("the architecture is damaged (")
    assert problem.endswith("save the model again with model.save()")


def test_kernels_saved_on_theano_are_turned_round(tmp_path: Path) -> None:
    arch, path = tmp_path / "model.json", tmp_path / "weights.h5"
    chain = [layer("Conv1D", batch_input_shape=[None, 9, 4], **CONV)]
    arch.write_text(json.dumps({"class_name": "Sequential", "config": chain}))
    kernel = np.arange(24, dtype="float32").reshape(3, 4, 2)
    loaded = {}
    for backend in ("theano", "tensorflow"):
        with h5py.File(path, "w") as file:
            file.attrs.update({"backend": backend, "keras_version": "2.0.8"})
            file.attrs["layer_names"] = [b"conv1d_1"]
            group = file.create_group("conv1d_1")
            group.attrs["weight_names"] = [b"conv1d_1/kernel:0", b"conv1d_1/bias:0"]
            group["conv1d_1/kernel:0"], group["conv1d_1/bias:0"] = kernel, np.zeros(2, "float32")
        model = load(path, arch=arch).model
        loaded[backend] = np.asarray(keras.ops.convert_to_tensor(model.layers[0].kernel))
    np.testing.assert_array_equal(loaded["tensorflow"], kernel)
    np.testing.assert_array_equal(loaded["theano"], kernel[::-1])


def test_layers_without_data_format_are_channels_last_whatever_the_users_settings() -> None:
    keras.config.set_image_data_format("channels_first")
    try:
        model = built(
            {"class_name": "Sequential",
             "config": [layer("Conv1D", batch_input_shape=[None, 9, 4], **CONV)]}
        )  # fmt: skip
    finally:
        keras.config.set_image_data_format("channels_last")
    assert isinstance(model.layers[0], layers.Conv1D)
    assert model.output_shape == (None, 7, 2)


def clipped(x: Any) -> Any:
    """Compute `hard_sigmoid` as Keras 2 did."""
    return np.clip(0.2 * x + 0.5, 0.0, 1.0)


def lstm(x: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """Return the last state of an LSTM with the gates of Keras 2, written out."""
    h = c = np.zeros((len(x), recurrent.shape[0]))
    for step in range(x.shape[1]):
        gates = np.split(x[:, step] @ kernel + h @ recurrent + bias, 4, axis=1)
        i, f, o = (clipped(gates[k]) for k in (0, 1, 3))
        c = f * c + i * np.tanh(gates[2])
        h = o * np.tanh(c)
    return h


def test_a_wrapper_copies_its_layer_with_the_functions_of_keras_2() -> None:
    """Bidirectional makes both directions of the settings of the one layer that it holds."""
    inner = {"class_name": "LSTM", "config": {"name": "lstm", "units": 3}}
    inner["config"]["recurrent_activation"] = "hard_sigmoid"
    both = {"class_name": "Bidirectional", "config": {"name": "both", "layer": inner}}
    both["config"]["batch_input_shape"] = [None, 7, 4]
    record = {"class_name": "Sequential", "config": {"name": "net", "layers": [both]}}
    model = build.build(records.plan_network(record, generation=2))
    random = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    x, arrays = random.normal(size=(2, 7, 4)), [np.asarray(w, float) for w in model.weights]
    expected = [lstm(x, *arrays[:3]), lstm(x[:, ::-1], *arrays[3:])]
    found = model.predict(x.astype("float32"), verbose=0)
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), atol=2e-6)
