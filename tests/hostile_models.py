"""Model files that would run code or read another file if anything in them were believed.

Each attack would leave `canary` in the folder it is in, or needs `secret.h5` there to be read. A
case makes its file in a folder and returns the paths of model and architecture.
"""

import base64
import io
import marshal
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml
from bad_models import REBUILD, Paths, archive, edited, model, of_layer, record, with_setting

SAVE_WEIGHTS = "save the weights again"


class Reduced:
    """An object whose pickle runs a command."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, (self._command,)


def touch(folder: Path) -> str:
    """Return a command that leaves the canary."""
    return f"touch {folder / 'canary'}"


def bytecode(folder: Path) -> str:
    """Return the bytecode of a function that leaves the canary, as Keras stores it."""
    function = eval(f"lambda x: (__import__('os').system({touch(folder)!r}), x)[1]")
    return base64.b64encode(marshal.dumps(function.__code__)).decode()


def pickled(folder: Path) -> str:
    return base64.b64encode(pickle.dumps(Reduced(touch(folder)))).decode()


def as_class(name: str, class_name: str, **more: Any) -> Callable[[Path], Paths]:
    """Make what writes a model file with one layer that claims another class."""
    return of_layer(name, lambda item: item.update(class_name=class_name, **more))


def lambda_layer(folder: Path) -> Paths:
    config = {"name": "flat", "function": [bytecode(folder), None, None]}
    config |= {"function_type": "lambda", "output_shape": None, "arguments": {}}
    return as_class("flat", "Lambda", config=config)(folder)


def pickled_activation(folder: Path) -> Paths:
    return with_setting("score", "activation", pickled(folder))(folder)


def pickled_setting(folder: Path) -> Paths:
    value = {"class_name": "__pickle__", "config": pickled(folder)}
    return with_setting("score", "units", value)(folder)


def system(folder: Path) -> Paths:
    config = {"name": "flat", "command": touch(folder)}
    return as_class("flat", "system", module="os", registered_name=None, config=config)(folder)


def initializer(folder: Path) -> Paths:
    value = {"module": "os", "class_name": "system", "config": {"command": touch(folder)}}
    return with_setting("score", "kernel_initializer", value)(folder)


def climbing(folder: Path) -> Paths:
    inside = folder / "inside"
    inside.mkdir()
    members = {"config.json": record(), "model.weights.h5": b"", "../canary": b"x"}
    return archive(inside, members)


def claiming(folder: Path) -> Paths:
    """Return an archive whose architecture claims a gigabyte in the table of contents."""
    path, _ = archive(folder, {"config.json": record(), "model.weights.h5": b""})
    content = bytearray(path.read_bytes())
    size_at = content.index(b"PK\x01\x02") + 24
    content[size_at : size_at + 4] = struct.pack("<I", 1 << 30)
    path.write_bytes(content)
    return path, None


def link(target: Any, name: str) -> Callable[[Path], Paths]:
    """Make what writes a model file with a link instead of a group or array."""

    def change(group: Any) -> None:
        del group[name]
        group[name] = target

    return lambda folder: edited(folder, change)


def secret(folder: Path) -> Path:
    """Return another file of the machine, with arrays that would fit."""
    path = folder / "secret.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = np.ones((12, 2), "float32")
    return path


def linked_model(folder: Path) -> Paths:
    path, _ = model(folder)
    with h5py.File(path, "a") as file:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(secret(folder), "/")
    return path, None


def external_array(folder: Path) -> Paths:
    def change(group: Any) -> None:
        del group["score/score/kernel:0"]
        group["score"].create_dataset(
            "score/kernel:0", (12, 2), "float32", external=[(str(secret(folder)), 0, 96)]
        )

    return edited(folder, change)


def virtual_array(folder: Path) -> Paths:
    def change(group: Any) -> None:
        del group["score/score/kernel:0"]
        layout = h5py.VirtualLayout((12, 2), "float32")
        layout[:] = h5py.VirtualSource(secret(folder), "kernel", (12, 2))
        group["score/score"].create_virtual_dataset("kernel:0", layout)

    return edited(folder, change)


def archived_link(folder: Path) -> Paths:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file["layers/dense/vars/0"] = h5py.ExternalLink(secret(folder), "/kernel")
    return archive(folder, {"config.json": record(), "model.weights.h5": memory.getvalue()})


def yaml_object(folder: Path) -> Paths:
    path, _ = model(folder)
    arch = folder / "model.yaml"
    hostile = f"!!python/object/apply:os.system ['{touch(folder)}']"
    arch.write_text(yaml.safe_dump(record()).replace("valid", hostile))
    return path, arch


OWN_CODE = f"give its code with --custom-objects FILE.py, or {REBUILD}"
NAMED = "whose code is not in the file; " + OWN_CODE
HOSTILE: dict[str, tuple[Callable[[Path], Paths], str | None]] = {
    "bytecode of a Lambda": (
        lambda_layer,
        "layer 'flat' is a Lambda: code in a model file is never run; ...",
    ),
    "a pickle for an activation": (
        pickled_activation,
        "layer 'score' (Dense) has the activation '...', which is not one of Keras; " + OWN_CODE,
    ),
    "a pickle for a number": (
        pickled_setting,
        f"layer 'score' (Dense) has an object for its setting 'units' (__pickle__); {REBUILD}",
    ),
    "a function of a module": (system, f"layer 'flat' is of the class 'system' of os, {NAMED}"),
    "a registered class": (
        as_class("flat", "Flatten", module="hostile_module", registered_name="evil>Flatten"),
        f"layer 'flat' is of the class 'evil>Flatten' of hostile_module, {NAMED}",
    ),
    "a function of a module for an activation": (
        with_setting(
            "score",
            "activation",
            {"class_name": "function", "module": "os", "config": "system"},
        ),
        f"layer 'score' (Dense) has the activation 'system', which is not one of Keras; {OWN_CODE}",
    ),
    "an initializer of a module": (initializer, None),
    "a TensorFlow program": (
        as_class("flat", "TFSMLayer", config={"name": "flat", "filepath": "/tmp/program"}),
        f"layer 'flat' is a TFSMLayer: it runs a TensorFlow program from another folder; {REBUILD}",
    ),
    "a vocabulary in another file": (
        as_class("flat", "StringLookup", config={"name": "flat", "vocabulary": "/etc/passwd"}),
        f"layer 'flat' is of the class 'StringLookup', {NAMED}",
    ),
    "an archive that climbs out": (
        climbing,
        (
            "its member '../canary' leads out of the archive, which nothing Keras saves does; "
            "save the model again with model.save()"
        ),
    ),
    "an architecture of a gigabyte": (
        claiming,
        "its config.json is too large to be one; save the model again",
    ),
    "weights linked to another file": (
        linked_model,
        f"'model_weights' is a link, which is never followed; {SAVE_WEIGHTS}",
    ),
    "a layer linked to another file": (
        link(h5py.ExternalLink("secret.h5", "/"), "score"),
        f"'score' is a link, which is never followed; {SAVE_WEIGHTS}",
    ),
    "a layer linked to another": (
        link(h5py.SoftLink("/model_weights/conv"), "score"),
        f"'score' is a link, which is never followed; {SAVE_WEIGHTS}",
    ),
    "an array kept in another file": (
        external_array,
        f"'score/kernel:0' is kept in another file; {SAVE_WEIGHTS}",
    ),
    "an array made of another file": (
        virtual_array,
        f"'score/kernel:0' is kept in another file; {SAVE_WEIGHTS}",
    ),
    "a link within an archive": (
        archived_link,
        f"'0' is a link, which is never followed; {SAVE_WEIGHTS}",
    ),
    "an object in YAML": (
        yaml_object,
        (
            "line ... of its YAML is an object of Python (object/apply:os.system), which is never "
            "made; save the architecture with model.to_json()"
        ),
    ),
}
"""Case -> what makes its files, and its line, None where what is hostile is left out."""
