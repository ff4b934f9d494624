"""Model files that are damaged or hostile, each in one way, and the line that each must give.

A case makes its file in a folder and returns the path, or the paths of weights and architecture.
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from old_files import layer, write

Paths = tuple[Path, Path | None]
Edit = Callable[[Any], Any]

OTHER = "these are the weights of another model"
AGAIN = "copy or download it again"
SAVE_AGAIN = "save the model again"
SAVE_WEIGHTS = "save the weights again"
TO_JSON = "give the architecture as written by model.to_json()"
REBUILD = "rebuild the model with layers of keras.layers and save it again"

KERNEL, BIAS = "score/kernel:0", "score/bias:0"


def record() -> dict[str, Any]:
    """Return the architecture of a small model as Keras 2 writes it."""
    layers = [
        layer("InputLayer", name="dna", batch_input_shape=[None, 6, 4], dtype="float32"),
        layer("Conv1D", name="conv", filters=3, kernel_size=[3], padding="valid"),
        layer("Flatten", name="flat"),
        layer("Dense", name="score", units=2, activation="linear"),
    ]
    before = None
    for item in layers:
        item["name"] = item["config"]["name"]
        item["inbound_nodes"] = [[[before, 0, 0, {}]]] if before else []
        before = item["name"]
    config = {"name": "small", "layers": layers, "input_layers": [["dna", 0, 0]]}
    return {"class_name": "Model", "config": {**config, "output_layers": [["score", 0, 0]]}}


def arrays() -> dict[str, dict[str, np.ndarray]]:
    """Return weights that fit it."""
    rng = np.random.default_rng(0)
    shapes = {"conv": [(3, 4, 3), (3,)], "score": [(12, 2), (2,)]}
    return {
        name: {
            f"{name}/{part}:0": rng.normal(size=shape)
            for part, shape in zip(("kernel", "bias"), both, strict=True)
        }
        for name, both in shapes.items()
    }


def model(folder: Path, change: Edit = lambda _: None) -> Paths:
    """Return a whole model file whose architecture was changed by `change`."""
    written = record()
    written = change(written) or written
    path = folder / "model.h5"
    write(path, written, arrays(), version="2.3.1", backend="tensorflow")
    return path, None


def edited(folder: Path, change: Edit) -> Paths:
    """Return a whole model file whose HDF5 was changed by `change`, of its weights' group."""
    path, _ = model(folder)
    with h5py.File(path, "a") as file:
        change(file["model_weights"])
    return path, None


def archive(folder: Path, members: dict[str, Any]) -> Paths:
    """Return a .keras archive of these members, values written as JSON, bytes as they are."""
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, value in members.items():
            packed.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
    return path, None


def cut(share: float) -> Callable[[Path], Paths]:
    def make(folder: Path) -> Paths:
        path, _ = model(folder)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        return path, None

    return make


def replaced(name: str, value: Any) -> Callable[[Path], Paths]:
    """Make what writes a model file with another array instead of one."""

    def change(group: Any) -> None:
        del group[f"score/{name}"]
        group[f"score/{name}"] = value

    return lambda folder: edited(folder, change)


def a_group(group: Any) -> None:
    del group[f"score/{KERNEL}"]
    group.create_group(f"score/{KERNEL}")


def an_array(group: Any) -> None:
    del group["score"]
    group["score"] = np.zeros(3)


def config_text(text: str) -> Callable[[Path], Paths]:
    """Make what writes a model file with this text as its architecture."""

    def make(folder: Path) -> Paths:
        path, _ = model(folder)
        with h5py.File(path, "a") as file:
            file.attrs["model_config"] = text
        return path, None

    return make


def of_layer(name: str, change: Edit) -> Callable[[Path], Paths]:
    """Make what writes a model file with one layer's record changed."""

    def edit(written: Any) -> None:
        (found,) = (item for item in written["config"]["layers"] if item["name"] == name)
        change(found)

    return lambda folder: model(folder, edit)


def with_setting(name: str, key: str, value: Any) -> Callable[[Path], Paths]:
    return of_layer(name, lambda item: item["config"].update({key: value}))


def fed_by(name: str, *sources: Any) -> Callable[[Path], Paths]:
    return of_layer(name, lambda item: item.update(inbound_nodes=[list(sources)]))


def unwritten(group: Any) -> None:
    """Leave an array of a terabyte that takes no bytes in the file."""
    del group[f"score/{KERNEL}"]
    group.create_dataset(f"score/{KERNEL}", (1 << 38, 1), "float32", chunks=(1 << 20, 1))


def twice(written: Any) -> None:
    written["config"]["layers"].append(written["config"]["layers"][1])


def drop_list(group: Any) -> None:
    group.attrs["layer_names"] = group.attrs["layer_names"][:1]


def another_model(group: Any) -> None:
    for old, new in (("conv", "encoder"), ("score", "decoder")):
        group.move(old, new)
    group.attrs["layer_names"] = np.array([b"encoder", b"decoder", b"encoder"])[:2]
    del group["encoder/conv/kernel:0"]
    group["encoder/conv/kernel:0"] = np.zeros((9, 4, 3), "float32")


SHAPE = "in the architecture and {} in the file; " + OTHER
DAMAGED_HDF5 = "damaged or incomplete HDF5 ("

DAMAGED: dict[str, tuple[Callable[[Path], Paths], list[str]]] = {
    "cut in its first bytes": (cut(0.005), [f"{DAMAGED_HDF5}...); {AGAIN}"]),
    "cut in its architecture": (cut(0.3), [f"{DAMAGED_HDF5}...); {AGAIN}"]),
    "cut in its weights": (cut(0.97), [f"{DAMAGED_HDF5}...); {AGAIN}"]),
    "a shorter kernel": (
        replaced(KERNEL, np.zeros((11, 2), "float32")),
        [f"layer 'score': kernel has the shape (12, 2) {SHAPE.format((11, 2))}"],
    ),
    "a transposed kernel": (
        replaced(KERNEL, np.zeros((2, 12), "float32")),
        [f"layer 'score': kernel has the shape (12, 2) {SHAPE.format((2, 12))}"],
    ),
    "a scalar for a bias": (
        replaced(BIAS, np.float32(1)),
        [f"layer 'score': bias has the shape (2,) {SHAPE.format(())}"],
    ),
    "a group in place of an array": (
        lambda folder: edited(folder, a_group),
        [f"{KERNEL!r} is not a dataset; {SAVE_WEIGHTS}"],
    ),
    "an array in place of a layer": (
        lambda folder: edited(folder, an_array),
        [f"'score' is not a group; {SAVE_WEIGHTS}"],
    ),
    "words in place of numbers": (
        replaced(BIAS, np.array([b"a", b"b"])),
        [f"{BIAS!r} does not hold numbers; {SAVE_WEIGHTS}"],
    ),
    "a weight that is not a number": (
        replaced(BIAS, np.array([np.nan, 1], "float32")),
        [f"{BIAS!r} has values that are not finite; train the model again"],
    ),
    "an endless weight": (
        replaced(BIAS, np.array([np.inf, 1], "float32")),
        [f"{BIAS!r} has values that are not finite; train the model again"],
    ),
    "a listed array that is not there": (
        lambda folder: edited(folder, lambda group: group.pop(f"score/{BIAS}")),
        [f"{BIAS!r} is listed and not there; {SAVE_WEIGHTS}"],
    ),
    "a layer without weights": (
        lambda folder: edited(folder, drop_list),
        [f"there are no weights for layer 'score'; {OTHER}"],
    ),
    "weights of another model": (
        lambda folder: edited(folder, another_model),
        [
            f"there are no weights for layer 'conv'; {OTHER}",
            f"there are no weights for layer 'score'; {OTHER}",
            "there are weights for layer 'encoder', which the architecture does not have; " + OTHER,
            "there are weights for layer 'decoder', which the architecture does not have; " + OTHER,
        ],
    ),
    "an array of a terabyte that is not there": (
        lambda folder: edited(folder, unwritten),
        [f"{KERNEL!r} claims 1099511627776 bytes that are not there; {SAVE_WEIGHTS}"],
    ),
    "an architecture cut short": (
        config_text('{"class_name": "Mod'),
        [
            (
                "its architecture is not JSON (Unterminated string starting at: line 1 column 16 "
                f"(char 15)); {TO_JSON}"
            )
        ],
    ),
    "a list for an architecture": (
        config_text("[1, 2]"),
        [f"the architecture does not describe a Keras model; {TO_JSON}"],
    ),
    "an architecture without layers": (
        config_text('{"class_name": "Model", "config": 3}'),
        [(f"the architecture is damaged (...); {SAVE_AGAIN} with model.save()")],
    ),
    "two layers of one name": (
        lambda folder: model(folder, twice),
        [f"2 layers are named 'conv'; the file is damaged: {SAVE_AGAIN}"],
    ),
    "layers that wait for each other": (
        fed_by("conv", ["flat", 0, 0, {}]),
        [
            (
                "the layers conv, flat, score wait for layers that are not in the file, or for "
                f"each other; the file is damaged: {SAVE_AGAIN}"
            )
        ],
    ),
    "a layer fed by none of the file": (
        fed_by("score", ["elsewhere", 0, 0, {}]),
        [
            (
                "the layers score wait for layers that are not in the file, or for each other; the "
                f"file is damaged: {SAVE_AGAIN}"
            )
        ],
    ),
    "an output that no layer gives": (
        lambda folder: model(folder, lambda r: r["config"].update(output_layers=[["x", 0, 0]])),
        [
            (
                "the network 'small' has an input or output ('x', 0) that no layer gives; "
                f"the file is damaged: {SAVE_AGAIN}"
            )
        ],
    ),
    "an archive with noise for weights": (
        lambda folder: archive(folder, {"config.json": record(), "model.weights.h5": bytes(40)}),
        [
            (
                "its weights do not fit its architecture: Unable to synchronously open file (file "
                f"signature not found); {SAVE_AGAIN}"
            )
        ],
    ),
    "an archive of nothing": (
        lambda folder: archive(folder, {"config.json": b"", "model.weights.h5": b""}),
        [f"its architecture is not JSON (Expecting value: line 1 column 1 (char 0)); {TO_JSON}"],
    ),
}
"""Case -> what makes its files, and the lines it gives; `...` is the library's own reason."""
