"""Laws of loading: the same predictions as the model that was saved, whatever the file."""

from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.lib.stride_tricks import sliding_window_view

from seqlift.errors import ModelError
from seqlift.models.load import load

Build = Callable[[], keras.Model]


def sequential() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((20, 4)),
            layers.Conv1D(3, 5, activation="relu", use_bias=False),
            layers.BatchNormalization(),
            layers.MaxPooling1D(2),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(2, activation=layers.LeakyReLU(0.2)),
        ]
    )


def nested() -> keras.Model:
    tower = keras.Sequential(
        [keras.Input((20, 4)), layers.Conv1D(3, 5), layers.BatchNormalization()], name="tower"
    )
    given = keras.Input((20, 4), name="dna")
    shared = layers.Dense(3, name="shared")
    once = shared(tower(given))
    twice = layers.PReLU()(layers.Add()([once, shared(once)]))
    return keras.Model(given, layers.GlobalAveragePooling1D()(twice))


def nested_twice() -> keras.Model:
    inside = keras.Input((4,), name="inside")
    left, right = layers.Dense(4, name="left")(inside), layers.Dense(4, name="right")(inside)
    pair = keras.Model(inside, [left, right], name="pair")
    given = keras.Input((4,), name="dna")
    first, second = pair(given)
    third, fourth = pair(second)
    return keras.Model(given, [first, layers.Subtract()([third, fourth]), third])


def grouped_attention() -> keras.Model:
    dna = keras.Input((20, 4), name="dna")
    return keras.Model(dna, layers.GroupQueryAttention(4, 4, 2)(dna, dna))


def several_inputs() -> keras.Model:
    dna, other = keras.Input((8, 4), name="dna"), keras.Input((3,), name="other")
    joined = layers.Concatenate()([layers.Flatten()(dna), other])
    return keras.Model([dna, other], [layers.Dense(1, name=f"out{i}")(joined) for i in range(2)])


def recurrent() -> keras.Model:
    given = keras.Input((9, 4))
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True))(given)
    stepwise = layers.TimeDistributed(layers.Dense(2))(layers.Masking()(both))
    return keras.Model(given, layers.LSTM(3)(stepwise))


def attention() -> keras.Model:
    given = keras.Input((9, 4))
    seen = layers.MultiHeadAttention(2, 3)(given, layers.LayerNormalization()(given))
    return keras.Model(given, layers.SeparableConv1D(3, 3, depth_multiplier=2)(seen))


def operations() -> keras.Model:
    given = keras.Input((9, 4))
    doubled = ops.relu(layers.Dense(3)(given)) * 2
    window = ops.concatenate([doubled[:, 2:7], doubled[:, ::2]], axis=1)
    return keras.Model(given, ops.mean(window + layers.Dense(3)(window), axis=1))


def half_frozen() -> keras.Model:
    inner = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(4),
            layers.BatchNormalization(trainable=False),
            layers.Dense(4, trainable=False),
            layers.BatchNormalization(),
        ]
    )
    return keras.Sequential([keras.Input((4,)), inner, layers.Dense(1)])


ZOO = [
    sequential, nested, nested_twice, several_inputs, recurrent, attention, grouped_attention,
    operations, half_frozen,
]  # fmt: skip


def trained(build: Build, seed: int = 0) -> keras.Model:
    """Return a model whose weights are all different, and positive where variances are."""
    model = build()
    random = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(random.uniform(0.05, 1, weight.shape))
    return model


def predictions(model: keras.Model) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    given = [random.random((3, *t.shape[1:])).astype("float32") for t in model.inputs]
    return [
        np.asarray(out) for out in keras.tree.flatten(model(given if len(given) > 1 else given[0]))
    ]


def save(model: keras.Model, folder: Path, kind: str) -> tuple[Path, Path | None]:
    """Return the paths of a model file and its architecture file, saved in one of four ways."""
    if kind in (".h5", ".keras"):
        path = folder / f"model{kind}"
        model.save(path)
        return path, None
    arch, path = folder / "model.json", folder / f"model{kind}"
    arch.write_text(model.to_json())
    model.save_weights(path)
    return path, arch


@pytest.mark.parametrize("kind", [".h5", ".keras", ".weights.h5"])
@pytest.mark.parametrize("build", ZOO)
def test_a_loaded_model_predicts_what_the_saved_one_did(
    build: Build, kind: str, tmp_path: Path
) -> None:
    model = trained(build)
    path, arch = save(model, tmp_path, kind)
    loaded = load(path, arch=arch)
    for got, expected in zip(predictions(loaded.model), predictions(model), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


ORACLE = [f"c0{n}" for n in (1, 2, 3, 5, 7, 8)] + ["p01", "p02", "p03"]


@pytest.mark.parametrize("case", ORACLE)
def test_models_saved_by_keras_2_predict_as_they_did_there(case: str, oracle: Path) -> None:
    (path,) = oracle.glob(f"{case}_*.h5")
    loaded = load(path)
    stored = np.load(path.with_suffix(".npz"))
    np.testing.assert_allclose(loaded.model(stored["x"]), stored["pred"], rtol=0, atol=1e-6)
    assert (loaded.format, loaded.saved_by) == ("Keras 2 .h5", "Keras 2.3.1 (tensorflow)")


def test_a_bpnet_predicts_as_it_did_where_it_was_saved(oracle: Path) -> None:
    model, stored = load(oracle / "bpnet_a.h5").model, np.load(oracle / "bpnet_a.npz")
    profile, count = model(stored["x"])
    np.testing.assert_allclose(profile, stored["logits_profile"], rtol=1e-6, atol=2e-5)
    np.testing.assert_allclose(count, stored["logcount"], rtol=1e-6, atol=1e-6)


PUBLISHED = [
    ("tal1/weights.hdf5", "tal1/arch.json", [(500, 4)], [(1,)], "Keras 2.1.5 (tensorflow)"),
    (
        "mpra_dragonn/pretrained.hdf5",
        "mpra_dragonn/model.json",
        [(145, 4)],
        [(12,)],
        "Keras 2.2.4 (tensorflow)",
    ),
    ("mmsplice/Intron3.h5", None, [(None, 4)], [(1,)], "Keras 2.1.3 (tensorflow)"),
    ("mmsplice/Donor.h5", None, [(18, 4)], [(1,)], "Keras 2.2.2 (tensorflow)"),
    (
        "xpresso/human_trainepoch.11-0.426.h5",
        None,
        [(10500, 4), (6,)],
        [(1,)],
        "Keras 2.0.5 (tensorflow)",
    ),
]


@pytest.mark.parametrize(("name", "arch", "inputs", "outputs", "saved_by"), PUBLISHED)
def test_published_models_load(
    name: str, arch: str | None, inputs: list, outputs: list, saved_by: str, real: Path
) -> None:
    loaded = load(real / name, arch=arch and real / arch)
    assert [tuple(t.shape[1:]) for t in loaded.model.inputs] == inputs
    assert [tuple(t.shape[1:]) for t in loaded.model.outputs] == outputs
    assert loaded.saved_by == saved_by
    assert all(np.asarray(keras.ops.convert_to_tensor(w)).any() for w in loaded.model.weights)


@pytest.mark.parametrize(
    ("name", "layers_refused"),
    [
        ("mmsplice/Acceptor.h5", ["'convSpliceSite' is of the class 'ConvDNA'"]),
        (
            "framepool/utr_model_50.h5",
            ["'frame_masking' is of the class 'FrameSliceLayer'"],  # its Lambdas are read
        ),
    ],
)
def test_published_models_with_code_are_refused_layer_by_layer(
    name: str, layers_refused: list[str], real: Path
) -> None:
    with pytest.raises(ModelError) as caught:
        load(real / name)
    assert len(caught.value.problems) == len(layers_refused)
    for problem, expected in zip(caught.value.problems, layers_refused, strict=True):
        assert problem.startswith(f"{real / name}: layer {expected}")
        assert problem.endswith("rebuild the model with layers of keras.layers and save it again")


def convolved(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return the true convolution (kernel turned round) of (in, H, W) with (out, in, r, c)."""
    windows = sliding_window_view(x, kernel.shape[2:], axis=(1, 2))
    return np.einsum("chwij,ocij->ohw", windows, kernel[..., ::-1, ::-1]) + bias[:, None, None]


def dragonn(file: h5py.File, x: np.ndarray) -> float:
    """Compute as Theano did of one sequence (1, 4, L): convolutions with relu, pool, dense."""
    hidden = x.astype("float64")
    for place in range(file.attrs["nb_layers"]):
        group = file[f"layer_{place}"]
        if not group.attrs["nb_params"]:
            continue
        weight, bias = (group[f"param_{n}"][:].astype("float64") for n in range(2))
        if weight.ndim == 4:
            hidden = np.maximum(convolved(hidden, weight, bias), 0)
        else:
            whole = hidden.shape[2] // 35
            pooled = hidden[:, :, : whole * 35].reshape(*hidden.shape[:2], whole, 35).max(-1)
            hidden = pooled.ravel() @ weight + bias
    return float(1 / (1 + np.exp(-hidden[0])))


@pytest.mark.parametrize("name", ["one_filter", "multi_layer"])
def test_models_of_keras_0_predict_as_they_did_on_theano(name: str, real: Path) -> None:
    path = real / "dragonn" / f"{name}_dragonn.weights.h5"
    loaded = load(path, arch=real / "dragonn" / f"{name}_dragonn.arch.json")
    assert loaded.saved_by == "Keras 0 (theano)"
    assert loaded.model.input_shape == (None, 1, 4, 1000)
    bases = np.random.default_rng(0).integers(0, 4, (4, 1000))
    x = np.eye(4, dtype="float32")[bases].transpose(0, 2, 1)[:, None]
    with h5py.File(path) as file:
        expected = [dragonn(file, sequence) for sequence in x]
    np.testing.assert_allclose(np.asarray(loaded.model(x))[:, 0], expected, rtol=1e-5, atol=1e-7)
