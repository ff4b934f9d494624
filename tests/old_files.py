"""Model files as Keras 0, 1 and 2 left them, written without any of these."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]


def layer(class_name: str, **settings: Any) -> dict[str, Any]:
    """Return the record of a layer as Keras 1 and 2 write it."""
    return {"class_name": class_name, "config": settings}


def write(
    path: Path,
    record: Any,
    arrays: Mapping[str, Arrays],
    *,
    version: str | None = None,
    backend: str | None = None,
) -> Path:
    """Write a whole model: its record, and arrays under the names of layers."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(record)
        fill(file.create_group("model_weights"), arrays, version=version, backend=backend)
    return path


def fill(
    group: Any, arrays: Mapping[str, Arrays], *, version: str | None, backend: str | None
) -> None:
    """Put arrays under the names of layers into an HDF5 group, as Keras 1 and 2 do."""
    group.attrs["layer_names"] = np.array([name.encode() for name in arrays])
    for key, value in (("keras_version", version), ("backend", backend)):
        if value is not None:
            group.attrs[key] = value
    for name, values in arrays.items():
        inside = group.create_group(name)
        inside.attrs["weight_names"] = np.array([array.encode() for array in values])
        for array, value in values.items():
            inside[array] = np.asarray(value, "float32")


def fill_numbered(group: Any, arrays: list[list[NDArray[Any]]]) -> None:
    """Put the arrays of each layer into an HDF5 group, numbered as Keras 0 does."""
    group.attrs["nb_layers"] = len(arrays)
    for place, values in enumerate(arrays):
        inside = group.create_group(f"layer_{place}")
        inside.attrs["nb_params"] = len(values)
        for number, value in enumerate(values):
            inside[f"param_{number}"] = np.asarray(value, "float32")
