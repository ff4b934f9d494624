"""Laws of old weights: read into today's layers they compute what they did, by the equations.

Every expected number is computed here in NumPy, float64, from the arrays as the file has them.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from old_files import fill_numbered, layer, write

from seqlift.errors import ModelError
from seqlift.models.load import load

Array = NDArray[Any]

UNITS, GIVEN, LENGTH = 3, 4, 7


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng((seed, *shape)).normal(0, 0.7, shape)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def hard_sigmoid(x: Array) -> Array:
    return np.clip(0.2 * x + 0.5, 0, 1)


def sequences(*shape: int) -> Array:
    return drawn(5, *shape, seed=9)


def predicted(path: Path, x: Array, arch: Path | None = None) -> Array:
    return np.asarray(load(path, arch=arch).model(x.astype("float32")))


def close(got: Array, expected: Array) -> None:
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def lstm(x: Array, gates: dict[str, Any], squash: Any) -> Array:
    """Return the last state of an LSTM whose gate g is `gates[g](x, h)`."""
    h = c = np.zeros((len(x), UNITS))
    for step in x.transpose(1, 0, 2):
        i, f, o = (squash(gates[gate](step, h)) for gate in "ifo")
        c = f * c + i * np.tanh(gates["c"](step, h))
        h = o * np.tanh(c)
    return h


def apart(kind: str, gates: str) -> dict[str, Array]:
    """Return W, U and b of each gate as Keras 1 wrote them, by name."""
    shapes = {"W": (GIVEN, UNITS), "U": (UNITS, UNITS), "b": (UNITS,)}
    return {
        f"{kind}_1_{part}_{gate}": drawn(*shape, seed=ord(gate))
        for gate in gates
        for part, shape in shapes.items()
    }


def recurrent_of_keras_1(kind: str) -> dict[str, Any]:
    config = {
        "name": f"{kind.lower()}_1", "batch_input_shape": [None, LENGTH, GIVEN],
        "output_dim": UNITS, "init": "glorot_uniform", "inner_init": "orthogonal",
        "activation": "tanh", "inner_activation": "hard_sigmoid", "dropout_W": 0.1,
        "dropout_U": 0.0, "return_sequences": False, "go_backwards": False, "stateful": False,
        "unroll": False, "consume_less": "cpu", "input_dim": GIVEN, "input_length": None,
        "W_regularizer": None, "U_regularizer": None, "b_regularizer": None,
    }  # fmt: skip
    return {"class_name": "Sequential", "config": [layer(kind, **config)]}


@pytest.mark.parametrize("order", ["icfo", "cofi"])
def test_the_gates_of_an_lstm_of_keras_1_are_told_by_name(order: str, tmp_path: Path) -> None:
    arrays = apart("lstm", order)
    record, x = recurrent_of_keras_1("LSTM"), sequences(LENGTH, GIVEN)
    path = write(tmp_path / "m.h5", record, {"lstm_1": arrays}, version="1.2.2")
    gates = {
        gate: lambda x, h, g=gate: (
            x @ arrays[f"lstm_1_W_{g}"] + h @ arrays[f"lstm_1_U_{g}"] + arrays[f"lstm_1_b_{g}"]
        )
        for gate in order
    }
    close(predicted(path, x), lstm(x, gates, hard_sigmoid))


def test_the_gates_of_a_gru_of_keras_0_are_told_by_their_order(tmp_path: Path) -> None:
    arrays = apart("gru", "zrh")
    names = {name: f"param_{number}" for number, name in enumerate(arrays)}
    stored = {names[name]: value for name, value in arrays.items()}
    x = sequences(LENGTH, GIVEN)
    path = write(tmp_path / "m.h5", recurrent_of_keras_1("GRU"), {"gru_1": stored}, version="1.0.1")

    def gate(x: Array, h: Array, g: str) -> Array:
        return x @ arrays[f"gru_1_W_{g}"] + h @ arrays[f"gru_1_U_{g}"] + arrays[f"gru_1_b_{g}"]

    h = np.zeros((len(x), UNITS))
    for step in x.transpose(1, 0, 2):
        z, r = hard_sigmoid(gate(step, h, "z")), hard_sigmoid(gate(step, h, "r"))
        h = z * h + (1 - z) * np.tanh(gate(step, r * h, "h"))
    close(predicted(path, x), h)


def cudnn(kind: str, gates: int) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return a record of a CuDNN layer, and its arrays by plain name."""
    arrays = {
        "kernel": drawn(GIVEN, gates * UNITS),
        "recurrent_kernel": drawn(UNITS, gates * UNITS),
        "bias": drawn(2 * gates * UNITS),
    }
    record = layer(
        kind, name="memory", units=UNITS, return_sequences=False, return_state=False,
        go_backwards=False, stateful=False, trainable=True, kernel_initializer="zeros",
    )  # fmt: skip
    return record, arrays


def matrices(arrays: dict[str, Array], gates: int) -> list[tuple[Array, Array, Array, Array]]:
    """Return (W, R, b, c) of each gate as CuDNN takes them: flat memory, row-major, y = W x."""
    inputs = np.hsplit(arrays["kernel"], gates)
    states = np.hsplit(arrays["recurrent_kernel"], gates)
    biases = np.split(arrays["bias"], 2 * gates)
    return [
        (
            inputs[g].flatten().reshape(UNITS, -1),
            states[g].flatten().reshape(UNITS, UNITS),
            biases[g],
            biases[gates + g],
        )
        for g in range(gates)
    ]


def cudnn_file(path: Path, record: Any, arrays: dict[str, Array]) -> Path:
    sequential = {"class_name": "Sequential", "config": [record]}
    record["config"]["batch_input_shape"] = [None, LENGTH, GIVEN]
    name = record["config"]["name"]
    stored = {f"{name}/{key}:0": value for key, value in arrays.items()}
    return write(path, sequential, {name: stored}, version="2.2.4", backend="tensorflow")


def cudnn_lstm(x: Array, arrays: dict[str, Array]) -> Array:
    gates = dict(zip("ifco", matrices(arrays, 4), strict=True))

    def gate(g: str) -> Any:
        w, r, b, c = gates[g]
        return lambda x, h: x @ w.T + h @ r.T + b + c

    return lstm(x, {g: gate(g) for g in gates}, sigmoid)


def test_a_cudnn_lstm_is_an_lstm(tmp_path: Path) -> None:
    record, arrays = cudnn("CuDNNLSTM", 4)
    x = sequences(LENGTH, GIVEN)
    close(predicted(cudnn_file(tmp_path / "m.h5", record, arrays), x), cudnn_lstm(x, arrays))


def test_a_cudnn_gru_is_a_gru_that_resets_after(tmp_path: Path) -> None:
    record, arrays = cudnn("CuDNNGRU", 3)
    x = sequences(LENGTH, GIVEN)
    (wz, rz, bz, cz), (wr, rr, br, cr), (wh, rh, bh, ch) = matrices(arrays, 3)
    h = np.zeros((len(x), UNITS))
    for step in x.transpose(1, 0, 2):
        z = sigmoid(step @ wz.T + h @ rz.T + bz + cz)
        r = sigmoid(step @ wr.T + h @ rr.T + br + cr)
        h = z * h + (1 - z) * np.tanh(step @ wh.T + bh + r * (h @ rh.T + ch))
    close(predicted(cudnn_file(tmp_path / "m.h5", record, arrays), x), h)


def test_both_directions_of_a_cudnn_lstm_are_read(tmp_path: Path) -> None:
    inner, arrays = cudnn("CuDNNLSTM", 4)
    other = {key: value[::-1] for key, value in arrays.items()}
    record = layer("Bidirectional", name="both", layer=inner, merge_mode="concat")
    both = {f"forward/{key}": value for key, value in arrays.items()}
    both |= {f"backward/{key}": value for key, value in other.items()}
    x = sequences(LENGTH, GIVEN)
    expected = np.hstack([cudnn_lstm(x, arrays), cudnn_lstm(x[:, ::-1], other)])
    close(predicted(cudnn_file(tmp_path / "m.h5", record, both), x), expected)


CONVOLUTION = {
    "name": "c", "batch_input_shape": [None, LENGTH, GIVEN], "nb_filter": 2, "filter_length": 3,
    "init": "uniform", "activation": "relu", "border_mode": "same", "subsample_length": 1,
    "bias": True, "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1},
    "b_regularizer": None, "W_constraint": None, "input_dim": GIVEN, "input_length": LENGTH,
}  # fmt: skip


def slid(x: Array, kernel: Array, dilation: int = 1) -> Array:
    """Return the correlation of (N, L, in) with (taps, in, out), padded to the same length."""
    taps = len(kernel)
    around = dilation * (taps - 1) // 2
    padded = np.pad(x, ((0, 0), (around, around), (0, 0)))
    windows = sliding_window_view(padded, dilation * (taps - 1) + 1, axis=1)[..., ::dilation]
    return np.einsum("nlit,tio->nlo", windows, kernel)


KERNELS_1D = {
    "taps first (Keras 1.1.1 to 1.2)": lambda kernel: kernel[:, None],
    "filters first (Keras 0 to 1.1.0)": lambda kernel: kernel.transpose(2, 1, 0)[..., None],
}


@pytest.mark.parametrize("backend", ["theano", "tensorflow"])
@pytest.mark.parametrize("stored", KERNELS_1D.values(), ids=KERNELS_1D)
@pytest.mark.parametrize("dilation", [1, 2])
def test_1d_kernels_of_keras_1_are_read_in_both_layouts(
    stored: Any, backend: str, dilation: int, tmp_path: Path
) -> None:
    kernel, bias = drawn(3, GIVEN, 2), drawn(2)
    dilated = layer("AtrousConvolution1D", atrous_rate=dilation, **CONVOLUTION)
    record = dilated if dilation > 1 else layer("Convolution1D", **CONVOLUTION)
    path = write(
        tmp_path / "m.h5",
        {"class_name": "Sequential", "config": [record]},
        {"c": {"c_W": stored(kernel), "c_b": bias}},
        version="1.2.0",
        backend=backend,
    )
    x = sequences(LENGTH, GIVEN)
    seen = kernel[::-1] if backend == "theano" else kernel
    close(predicted(path, x), np.maximum(slid(x, seen, dilation) + bias, 0))


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_2d_kernels_of_keras_1_are_read_in_both_orderings(ordering: str, tmp_path: Path) -> None:
    kernel, bias = drawn(4, 3, 1, 2), drawn(2)  # rows, columns, in, out
    shape = [None, 1, 4, LENGTH] if ordering == "th" else [None, 4, LENGTH, 1]
    record = layer(
        "Convolution2D", name="c", nb_filter=2, nb_row=4, nb_col=3, border_mode="valid",
        subsample=[1, 1], dim_ordering=ordering, activation="linear", bias=True,
        batch_input_shape=shape,
    )  # fmt: skip
    stored = kernel.transpose(3, 2, 0, 1) if ordering == "th" else kernel
    path = write(
        tmp_path / "m.h5",
        {"class_name": "Sequential", "config": [record]},
        {"c": {"c_W": stored, "c_b": bias}},
        version="1.1.2",
        backend="theano",
    )
    x = sequences(4, LENGTH)
    windows = sliding_window_view(x, 3, axis=2)
    made = np.einsum("nrlt,rto->nlo", windows, kernel[::-1, ::-1, 0]) + bias
    if ordering == "th":
        close(predicted(path, x[:, None])[:, :, 0].transpose(0, 2, 1), made)
    else:
        close(predicted(path, x[..., None])[:, 0], made)


def normalised(**settings: Any) -> dict[str, Any]:
    config = {"name": "n", "epsilon": 1e-3, "mode": 0, "axis": -1, "momentum": 0.99}
    config |= {"batch_input_shape": [None, GIVEN], "gamma_regularizer": None} | settings
    return {"class_name": "Sequential", "config": [layer("BatchNormalization", **config)]}


STATISTICS = {
    "n_gamma": drawn(GIVEN, seed=1), "n_beta": drawn(GIVEN, seed=2),
    "n_running_mean": drawn(GIVEN, seed=3), "n_running_std": np.abs(drawn(GIVEN, seed=4)) + 0.1,
}  # fmt: skip


def test_the_running_std_of_keras_1_is_a_variance(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", normalised(), {"n": STATISTICS}, version="1.1.0")
    gamma, beta, mean, variance = STATISTICS.values()
    x = sequences(GIVEN)
    close(predicted(path, x), gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta)


def test_the_running_std_of_keras_0_is_a_standard_deviation(tmp_path: Path) -> None:
    arch, path = tmp_path / "m.json", tmp_path / "m.h5"
    arch.write_text(
        '{"name": "Sequential", "layers": [{"name": "BatchNormalization", "epsilon": 1e-3, '
        '"mode": 0, "axis": -1, "momentum": 0.9, "input_shape": [4], "custom_name": "n"}]}'
    )
    with h5py.File(path, "w") as file:
        fill_numbered(file, [[*STATISTICS.values()]])
    gamma, beta, mean, deviation = STATISTICS.values()
    x = sequences(GIVEN)
    close(predicted(path, x, arch), gamma * (x - mean) / (deviation + 1e-3) + beta)


def refused(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(path)
    (problem,) = caught.value.problems
    return problem.removeprefix(f"{path}: ")


def test_a_running_std_that_may_be_either_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "m.h5", normalised(), {"n": STATISTICS})
    assert refused(path) == (
        "layer 'n' (BatchNormalization): the file does not say whether its running_std is a "
        "variance, as since Keras 1.1; if Keras 1.1 or 1.2 trained it, write that into the file: "
        "h5py.File(path, 'a').attrs['keras_version'] = '1.2.2'; if not, train it again"
    )


def convolved(folder: Path, *, backend: str | None, **settings: Any) -> Path:
    record = {"class_name": "Sequential", "config": [layer("Convolution1D", **CONVOLUTION)]}
    record["config"][0]["config"] |= settings
    taps = record["config"][0]["config"]["filter_length"]
    arrays = {"c": {"c_W": drawn(taps, 1, GIVEN, 2), "c_b": drawn(2)}}
    return write(folder / "m.h5", record, arrays, version="1.2.2", backend=backend)


def test_a_kernel_of_an_unknown_direction_is_refused_until_the_file_says(tmp_path: Path) -> None:
    path = convolved(tmp_path, backend=None)
    assert refused(path) == (
        "layer 'c' (Conv1D): the file does not say whether Theano trained it, whose kernels are "
        "back to front; write the backend that trained it into the file: "
        "h5py.File(path, 'a').attrs['backend'] = 'theano' (or 'tensorflow')"
    )
    with h5py.File(path, "a") as file:
        file.attrs["backend"] = "theano"
    assert load(path).saved_by == "Keras 1.2.2 (theano)"
    assert load(convolved(tmp_path, backend=None, filter_length=1)).class_name == "Sequential"


@pytest.mark.parametrize("settings", [{"filter_length": 4}, {"subsample_length": 2}])
def test_windows_that_theano_places_elsewhere_are_refused(
    settings: dict[str, int], tmp_path: Path
) -> None:
    assert refused(convolved(tmp_path, backend="theano", **settings)) == (
        "layer 'c' (Conv1D) has the padding 'same' with an even or strided window, which Theano "
        "places elsewhere; rebuild it with a ZeroPadding layer and padding 'valid'"
    )
    assert load(convolved(tmp_path, backend="tensorflow", **settings)).class_name == "Sequential"


def test_weights_of_networks_without_a_name_go_by_order(tmp_path: Path) -> None:
    dense = {"trainable": True, "activation": "linear", "bias": True}
    tower = layer("Dense", name="a", output_dim=2, batch_input_shape=[None, 4], **dense)
    record = {
        "class_name": "Sequential",
        "config": [
            {"class_name": "Sequential", "config": [tower]},
            {"class_name": "Sequential",
             "config": [layer("Dense", name="b", output_dim=2, **dense)]},
            layer("Dense", name="c", output_dim=1, **dense),
        ],
    }  # fmt: skip
    shapes = {"sequential_7": ("a", 4, 2), "sequential_9": ("b", 2, 2), "c": ("c", 2, 1)}
    arrays = {
        group: {f"{name}_W": drawn(given, made), f"{name}_b": drawn(made, seed=3)}
        for group, (name, given, made) in shapes.items()
    }
    x = expected = sequences(4)
    for kernel, bias in (values.values() for values in arrays.values()):
        expected = expected @ kernel + bias
    close(predicted(write(tmp_path / "m.h5", record, arrays, version="1.2.2"), x), expected)
