"""Laws of architectures of Keras 0 and 1: each layer means what it meant, or is refused by name."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from old_files import layer, write

from seqlift.errors import ModelError
from seqlift.models import build, keras1, records
from seqlift.models.load import load

REBUILD = "rebuild the model without it in a later Keras, train it and save it again"


def sequential(*chain: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": list(chain)}


def built(record: Any) -> keras.Model:
    return build.build(records.plan_network(record, generation=1))


TRAINING = {"init": "uniform", "W_regularizer": None, "W_constraint": None, "gamma_init": "one"}

LAYERS = [
    ("Dense", {"output_dim": 3, "bias": False, "input_dim": 4},
     ("Dense", {"units": 3, "use_bias": False, "batch_input_shape": [None, 4]})),
    ("TimeDistributedDense", {"output_dim": 3, "input_dim": 4, "input_length": 9},
     ("Dense", {"units": 3, "batch_input_shape": [None, 9, 4]})),
    ("Convolution1D",
     {"nb_filter": 2, "filter_length": 3, "subsample_length": 2, "border_mode": "same",
      "input_shape": [9, 4]},
     ("Conv1D", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same",
                 "batch_input_shape": [None, 9, 4]})),
    ("AtrousConvolution1D", {"nb_filter": 2, "filter_length": 3, "atrous_rate": 4},
     ("Conv1D", {"filters": 2, "kernel_size": 3, "dilation_rate": 4})),
    ("AtrousConvolution2D",
     {"nb_filter": 2, "nb_row": 4, "nb_col": 3, "atrous_rate": [1, 2], "dim_ordering": "tf"},
     ("Conv2D", {"filters": 2, "kernel_size": [4, 3], "dilation_rate": [1, 2],
                 "data_format": "channels_last"})),
    ("Convolution2D", {"nb_filter": 2, "nb_row": 4, "nb_col": 3, "subsample": [1, 1],
                       "dim_ordering": "th"},
     ("Conv2D", {"filters": 2, "kernel_size": [4, 3], "strides": [1, 1],
                 "data_format": "channels_first"})),
    ("MaxPooling1D", {"pool_length": 3, "stride": 2, "border_mode": "valid"},
     ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "valid"})),
    ("AveragePooling2D", {"pool_size": [1, 3], "strides": [1, 2], "dim_ordering": "th"},
     ("AveragePooling2D", {"pool_size": [1, 3], "strides": [1, 2],
                           "data_format": "channels_first"})),
    ("Dropout", {"p": 0.3}, ("Dropout", {"rate": 0.3})),
    ("SpatialDropout1D", {"p": 0.3}, ("SpatialDropout1D", {"rate": 0.3})),
    ("GaussianNoise", {"sigma": 0.3}, ("GaussianNoise", {"stddev": 0.3})),
    ("UpSampling1D", {"length": 2}, ("UpSampling1D", {"size": 2})),
    ("Reshape", {"dims": [4, 2]}, ("Reshape", {"target_shape": [4, 2]})),
    ("Permute", {"dims": [2, 1]}, ("Permute", {"dims": [2, 1]})),
    ("ZeroPadding2D", {"padding": [1, 2, 3, 4], "dim_ordering": "tf"},
     ("ZeroPadding2D", {"padding": [[1, 2], [3, 4]], "data_format": "channels_last"})),
    ("LSTM", {"output_dim": 2, "inner_activation": "hard_sigmoid", "dropout_W": 0.1,
              "dropout_U": 0.2, "consume_less": "gpu", "input_dim": 4, "input_length": None},
     ("LSTM", {"units": 2, "recurrent_activation": "hard_sigmoid", "dropout": 0.1,
               "recurrent_dropout": 0.2, "batch_input_shape": [None, None, 4]})),
    ("BatchNormalization", {"mode": 0, "axis": 1, "epsilon": 1e-6},
     ("BatchNormalization", {"axis": 1, "epsilon": 1e-6})),
    ("Embedding", {"input_dim": 5, "output_dim": 3, "input_length": 9},
     ("Embedding", {"input_dim": 5, "output_dim": 3})),
    ("Merge", {"mode": "concat", "concat_axis": 1, "dot_axes": -1}, ("Concatenate", {"axis": 1})),
    ("Merge", {"mode": "sum", "concat_axis": -1}, ("Add", {})),
    ("Merge", {"mode": "ave"}, ("Average", {})),
    ("Merge", {"mode": "mul"}, ("Multiply", {})),
    ("Merge", {"mode": "max"}, ("Maximum", {})),
    ("Merge", {"mode": "dot", "dot_axes": [1, 1]}, ("Dot", {"axes": [1, 1]})),
    ("Mine", {"what": 3}, ("Mine", {"what": 3})),
]  # fmt: skip


@pytest.mark.parametrize(("class_name", "settings", "expected"), LAYERS)
def test_settings_of_keras_1_are_said_in_the_words_of_keras_2(
    class_name: str, settings: dict[str, Any], expected: tuple[str, dict[str, Any]]
) -> None:
    record = sequential(layer(class_name, name="x", **settings, **TRAINING))
    (made,) = keras1.modernised(record)["config"]
    assert made == layer(expected[0], name="x", **expected[1])


REFUSED = [
    ("Highway", {}, f"layer 'x' is a Highway of Keras 1, which no later Keras has; {REBUILD}"),
    ("MaxoutDense", {"output_dim": 3},
     f"layer 'x' is a MaxoutDense of Keras 1, which no later Keras has; {REBUILD}"),
    ("BatchNormalization", {"mode": 1, "axis": -1},
     "layer 'x' is a BatchNormalization of mode 1 along the axis -1, which no later Keras has; "
     + REBUILD),
    ("Convolution1D", {"border_mode": "full"},
     f"layer 'x' (Convolution1D) has the border_mode 'full', which is not read; {REBUILD}"),
    ("Merge", {"mode": "cos"}, f"layer 'x' is a Merge by 'cos'; {REBUILD}"),
    ("Merge", {"mode": ["4wEA", None, None], "mode_type": "lambda"},
     f"layer 'x' is a Merge by a function of its own, which is never run; {REBUILD}"),
    ("SeparableConvolution2D", {"dim_ordering": "th"},
     f"layer 'x' is a SeparableConvolution2D of channels first, which is not read; {REBUILD}"),
]  # fmt: skip


@pytest.mark.parametrize(("class_name", "settings", "message"), REFUSED)
def test_what_has_no_equal_is_refused_by_name(
    class_name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError) as caught:
        keras1.modernised(sequential(layer(class_name, name="x", **settings)))
    assert caught.value.problems == (message,)


def test_every_layer_that_is_refused_has_a_line() -> None:
    inside = layer("TimeDistributed", name="t", layer=layer("MaxoutDense", name="m"))
    with pytest.raises(ModelError) as caught:
        keras1.modernised(sequential(layer("Highway", name="h"), sequential(inside)))
    assert [line.split(" of ")[0] for line in caught.value.problems] == [
        "layer 'h' is a Highway",
        "layer 'm' is a MaxoutDense",
    ]


def test_a_graph_model_is_refused() -> None:
    with pytest.raises(ModelError, match="a Graph model of Keras 0, which no later Keras reads"):
        keras1.modernised({"name": "Graph", "nodes": {}})


def dense(name: str, width: int, **more: Any) -> dict[str, Any]:
    return layer("Dense", name=name, output_dim=width, activation="linear", bias=False, **more)


def test_branches_of_a_merge_become_inputs_in_their_order(tmp_path: Path) -> None:
    inner = sequential(
        layer("Merge", name="add", mode="sum", layers=[
            sequential(dense("a", 2, batch_input_shape=[None, 3])),
            sequential(dense("b", 2, batch_input_shape=[None, 4])),
        ]),
        layer("Activation", name="relu", activation="relu"),
    )  # fmt: skip
    record = sequential(
        layer("Merge", name="join", mode="concat", concat_axis=-1, layers=[
            inner, sequential(dense("c", 1, batch_input_shape=[None, 5])),
        ]),
        dense("out", 1),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    shapes = {"a": (3, 2), "b": (4, 2), "c": (5, 1), "out": (3, 1)}
    kernels = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    arrays = {name: {f"{name}_W": kernel} for name, kernel in kernels.items()}
    model = load(write(tmp_path / "m.h5", record, arrays, version="1.2.2")).model
    x, y, z = (rng.normal(size=(6, width)) for width in (3, 4, 5))
    joined = np.hstack([np.maximum(x @ kernels["a"] + y @ kernels["b"], 0), z @ kernels["c"]])
    got = model([t.astype("float32") for t in (x, y, z)])
    np.testing.assert_allclose(got, joined @ kernels["out"], rtol=1e-5, atol=1e-6)


def test_a_functional_model_of_keras_1_is_read(tmp_path: Path) -> None:
    shared = {**dense("d", 3), "name": "d"}
    shared["inbound_nodes"] = [[["x", 0, 0]], [["d", 0, 0]]]
    merged = {**layer("Merge", name="m", mode="mul", mode_type="raw", output_shape=None,
                      output_shape_type="raw", arguments={}), "name": "m"}  # fmt: skip
    merged["inbound_nodes"] = [[["d", 0, 0], ["d", 1, 0]]]
    given = {**layer("InputLayer", name="x", batch_input_shape=[None, 3], input_dtype="float32",
                     sparse=False), "name": "x", "inbound_nodes": []}  # fmt: skip
    config = {"name": "model_1", "layers": [given, shared, merged]}
    config |= {"input_layers": [["x", 0, 0]], "output_layers": [["m", 0, 0]]}
    kernel = np.random.default_rng(0).normal(size=(3, 3))
    record = {"class_name": "Model", "config": config, "keras_version": "1.2.2"}
    path = write(tmp_path / "m.h5", record, {"d": {"d_W": kernel}}, version="1.2.2")
    x = np.random.default_rng(1).normal(size=(5, 3))
    got = load(path).model(x.astype("float32"))
    np.testing.assert_allclose(got, (x @ kernel) * (x @ kernel @ kernel), rtol=1e-5, atol=1e-6)


def test_layers_of_keras_0_that_share_a_name_are_numbered() -> None:
    flat = {"name": "Dense", "custom_name": "dense", "output_dim": 2, "input_shape": [4]}
    single = {"name": "Activation", "custom_name": "end", "activation": "relu"}
    record = {"name": "Sequential", "layers": [flat, dict(flat), single]}
    assert [made.name for made in built(record).layers] == ["dense_1", "dense_2", "end"]


def test_keras_1_is_told_by_its_manner() -> None:
    assert keras1.is_keras_1(sequential(layer("TimeDistributed", layer=dense("d", 2)))) is False
    assert keras1.is_keras_1(sequential(layer("Dense", init="uniform", output_dim=2)))
    assert keras1.is_keras_1(sequential(layer("BatchNormalization", mode=0, axis=1)))
    assert not keras1.is_keras_1(sequential(layer("BatchNormalization", axis=1)))
    assert not keras1.is_keras_1(json.loads("[1, 2]"))
