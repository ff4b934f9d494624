"""Laws of weights: those of the model and from its file alone, or a line for each that is not."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from seqlift.errors import ModelError
from seqlift.models.load import load

OTHER = "these are the weights of another model"


def problems(path: Path, arch: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(ModelError) as caught:
        load(path, arch=arch)
    assert not any("\n" in problem for problem in caught.value.problems)
    return caught.value.problems


def drop_layer(group: Any) -> None:
    names = [name for name in group.attrs["layer_names"] if name != "norm"]
    group.attrs["layer_names"] = names


def add_layer(group: Any) -> None:
    group.attrs["layer_names"] = [*group.attrs["layer_names"], "more"]
    group.copy("score", "more")


def other_shape(group: Any) -> None:
    name = group["score"].attrs["weight_names"][0]
    del group[f"score/{name}"]
    group[f"score/{name}"] = np.zeros((5, 1), "float32")


def other_number(group: Any) -> None:
    group["norm"].attrs["weight_names"] = group["norm"].attrs["weight_names"][:2]


def other_order(group: Any) -> None:
    group["norm"].attrs["weight_names"] = group["norm"].attrs["weight_names"][::-1]


def not_there(group: Any) -> None:
    group["score"].attrs["weight_names"] = ["score/kernel", "score/none"]


def not_finite(group: Any) -> None:
    group[f"score/{group['score'].attrs['weight_names'][1]}"][0] = np.nan


def not_numbers(group: Any) -> None:
    name = group["score"].attrs["weight_names"][1]
    del group[f"score/{name}"]
    group[f"score/{name}"] = np.array([b"x"])


DAMAGE: list[tuple[Callable[[Any], None], list[str]]] = [
    (drop_layer, [f"there are no weights for layer 'norm'; {OTHER}"]),
    (
        add_layer,
        [f"there are weights for layer 'more', which the architecture does not have; {OTHER}"],
    ),
    (
        other_shape,
        [
            (
                "layer 'score': kernel has the shape (18, 1) in the architecture and (5, 1) in the "
                f"file; {OTHER}"
            )
        ],
    ),
    (other_number, [f"layer 'norm' has 4 arrays and the file 2; {OTHER}"]),
    (
        other_order,
        [
            (
                "layer 'norm' has arrays in an unknown order "
                "(moving_variance, moving_mean, beta, gamma); save the model again"
            )
        ],
    ),
    (not_there, ["'score/none' is listed and not there; save the weights again"]),
    (not_finite, ["'small/score/bias' has values that are not finite; train the model again"]),
    (not_numbers, ["'small/score/bias' does not hold numbers; save the weights again"]),
]


@pytest.mark.parametrize(("damage", "messages"), DAMAGE)
def test_weights_that_do_not_fit_are_named_layer_by_layer(
    damage: Callable[[Any], None], messages: list[str], saved: Path, tmp_path: Path
) -> None:
    path = tmp_path / "model.h5"
    shutil.copy(saved / "model.h5", path)
    with h5py.File(path, "a") as file:
        group = file["model_weights"]
        if damage is not_there:
            group.move(f"score/{group['score'].attrs['weight_names'][0]}", "score/score/kernel")
        damage(group)
    assert problems(path) == tuple(f"{path}: {message}" for message in messages)


def renamed(saved: Path, folder: Path, change: Callable[[str], str]) -> Path:
    """Return an architecture file with its text changed."""
    arch = folder / "other.json"
    arch.write_text(change((saved / "model.json").read_text()))
    return arch


def test_weights_without_any_name_in_common_are_taken_in_order(saved: Path, tmp_path: Path) -> None:
    names = {"conv": "c_1", "norm": "n_1", "score": "s_1"}

    def change(text: str) -> str:
        for old, new in names.items():
            text = text.replace(f'"name": "{old}"', f'"name": "{new}"')
        return text

    arch = renamed(saved, tmp_path, change)
    one, two = load(saved / "named.h5", arch=arch), load(saved / "model.h5")
    x = np.random.default_rng(0).random((2, 8, 4), "float32")
    np.testing.assert_array_equal(one.model(x), two.model(x))


@pytest.mark.parametrize("name", ["named.h5", "numbered.weights.h5"])
def test_weights_of_another_model_are_refused(name: str, saved: Path, tmp_path: Path) -> None:
    arch = renamed(saved, tmp_path, lambda text: text.replace('"filters": 3', '"filters": 5'))
    found = problems(saved / name, arch)
    assert all(problem.startswith(f"{saved / name}: ") for problem in found)
    assert len(found) == (3 if name == "named.h5" else 1)


def link_elsewhere(file: Any) -> None:
    del file["model_weights/score/score/kernel"]
    file["model_weights/score/score/kernel"] = h5py.ExternalLink("/etc/secret.h5", "/x")


def soft_link(file: Any) -> None:
    del file["model_weights/score/score/kernel"]
    file["model_weights/score/score/kernel"] = h5py.SoftLink("/model_weights")


def virtual(file: Any) -> None:
    del file["model_weights/score/score/kernel"]
    layout = h5py.VirtualLayout((4, 1), "float32")
    layout[:] = h5py.VirtualSource("/etc/secret.h5", "x", (4, 1))
    file["model_weights/score/score"].create_virtual_dataset("kernel", layout)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (link_elsewhere, "'score/kernel' is a link, which is never followed"),
        (soft_link, "'score/kernel' is a link, which is never followed"),
        (virtual, "'score/kernel' is kept in another file"),
    ],
)
def test_weights_are_read_from_the_model_file_only(
    change: Callable[[Any], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.h5"
    keras.Sequential([keras.Input((4,)), layers.Dense(1, name="score")], name="m").save(path)
    with h5py.File(path, "a") as file:
        names = file["model_weights/score"].attrs["weight_names"]
        file.move(f"model_weights/score/{names[0].rsplit('/', 1)[0]}", "model_weights/score/kept")
        file.move("model_weights/score/kept", "model_weights/score/score")
        file["model_weights/score"].attrs["weight_names"] = ["score/kernel", "score/bias"]
        change(file)
    with pytest.raises(ModelError) as caught:
        load(path)
    assert caught.value.problems == (f"{path}: {message}; save the weights again",)


def test_numbered_weights_of_keras_2_13_are_read(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.weights.h5"
    shutil.copy(saved / "numbered.weights.h5", path)
    with h5py.File(path, "a") as file:
        file.move("layers", "_layer_checkpoint_dependencies")
    one, two = load(path, arch=saved / "model.json"), load(saved / "model.keras")
    x = np.random.default_rng(0).random((2, 8, 4), "float32")
    np.testing.assert_array_equal(one.model(x), two.model(x))
