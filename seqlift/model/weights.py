"""Trained weights from a file into a model that was built from a plan.

Two layouts: arrays under layer names (`.h5` of Keras 2 and 3, with or without the architecture),
assigned here; and numbered variables (`model.weights.h5` inside a `.keras` archive, and
`.weights.h5` of Keras 3), read by Keras's own reader. Knows nothing of architectures.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from seqlift.errors import ModelError
from seqlift.model import legacy

OTHER_MODEL = "these are the weights of another model"

FLIPPED_BY_THEANO = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D")
"""Layers whose kernels Keras 2 flips when the file was saved on Theano, which convolves.

Source: `preprocess_weights_for_loading` of Keras 2.0 to 2.3.
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One array of a layer in the file: the name it was saved under, and where it is."""

    name: str
    dataset: Any


def assign(model: keras.Model, group: Any, *, order: Sequence[str], backend: str) -> None:
    """Assign the arrays that an HDF5 group holds under layer names to the layers of `model`.

    Layers are matched by name; where no name agrees, in `order` (the names of the model's layers as
    its architecture lists them) if every shape then fits, as Keras does. `backend` is what the file
    was saved on. Every layer whose arrays are missing, left over or of another shape is a line of
    one `ModelError`.
    """
    stored = _stored_layers(group)
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    named = {name: layers[name] for name in order if name in layers}
    flipped = _kernels_to_flip(model) if backend == "theano" else set()
    problems: list[str] = []
    for name, arrays in _paired(named, stored).items():
        try:
            _assign_layer(named[name], arrays, flipped=flipped)
        except ModelError as problem:
            problems += problem.problems
    if problems:
        raise ModelError(*problems)


def read_numbered(model: keras.Model, path: Path) -> None:
    """Assign a weights file of Keras 3 to `model` by Keras's own reader.

    `path` must end in `.weights.h5`. A variable that is missing or of another shape raises
    `ModelError`. The state of random generators (dropout in training) is left out.
    """
    generators = [g for layer in model._flatten_layers() for g in _generators(layer)]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Skipping")  # a part left untrained
            model.load_weights(path, objects_to_skip=generators)
    except Exception as problem:  # Keras and HDF5 raise many classes for a damaged file
        reason = " ".join(str(problem).split()) or type(problem).__name__
        reason = reason.partition(" Target variable: ")[0]  # all its values would follow
        raise ModelError(
            f"its weights do not fit its architecture: {reason.rstrip('.')}; save the model again"
        ) from problem
    for weight in model.weights:
        _check_finite(weight.path, keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(weight)))


def _generators(layer: Any) -> list[Any]:
    return list(getattr(layer, "_seed_generators", []))


def _stored_layers(group: Any) -> dict[str, list[Stored]]:
    """Return the arrays of each layer in the file's order, layers without arrays left out."""
    found = {}
    for name in _names(group, "layer_names"):
        arrays = _child(group, name, h5py.Group)
        listed = [
            Stored(n, _child(arrays, n, h5py.Dataset)) for n in _names(arrays, "weight_names")
        ]
        if listed:
            found[legacy.layer_name(name)] = listed
    return found


def _names(group: Any, attribute: str) -> list[str]:
    """Return a list of names kept in an attribute, which Keras splits when it is long."""
    if attribute in group.attrs:
        parts = [group.attrs[attribute]]
    else:
        parts = []
        while f"{attribute}{len(parts)}" in group.attrs:
            parts.append(group.attrs[f"{attribute}{len(parts)}"])
    names = [name for part in parts for name in np.asarray(part).tolist()]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _child(group: Any, name: str, kind: Any) -> Any:
    """Return a member of an HDF5 group that is stored in this file itself.

    A link or a dataset kept elsewhere would read another file of the machine, so it is refused.
    """
    member = group
    for part in filter(None, name.split("/")):
        link = member.get(part, getlink=True) if isinstance(member, h5py.Group) else None
        if link is None:
            raise ModelError(f"{name!r} is listed and not there; save the weights again")
        if not isinstance(link, h5py.HardLink):
            raise ModelError(f"{name!r} is a link, which is never followed; save the weights again")
        member = member[part]
    if not isinstance(member, kind):
        raise ModelError(f"{name!r} is not a {kind.__name__.lower()}; save the weights again")
    if isinstance(member, h5py.Dataset) and (member.external or member.is_virtual):
        raise ModelError(f"{name!r} is kept in another file; save the weights again")
    return member


def _paired(
    layers: Mapping[str, Any], stored: Mapping[str, list[Stored]]
) -> dict[str, list[Stored]]:
    """Return the arrays for each layer, by name, or by order where no name agrees."""
    if layers.keys() == stored.keys():
        return {name: stored[name] for name in layers}
    if layers.keys().isdisjoint(stored) and len(layers) == len(stored):
        by_order = dict(zip(layers, stored.values(), strict=True))
        if all(_ordered(layers[name], arrays) is not None for name, arrays in by_order.items()):
            return by_order
    missing = [
        f"there are no weights for layer {name!r}; {OTHER_MODEL}"
        for name in layers
        if name not in stored
    ]
    extra = [
        f"there are weights for layer {name!r}, which the architecture does not have; {OTHER_MODEL}"
        for name in stored
        if name not in layers
    ]
    raise ModelError(*missing, *extra)


def _orders(layer: Any) -> list[list[Any]]:
    """Return the orders in which Keras has written the variables of a layer.

    Trainable ones first is the rule; a nested network that was frozen or thawed when it was saved
    has others.
    """
    kinds = (False, True)
    return [
        [*layer.trainable_weights, *layer.non_trainable_weights],
        list(layer.weights),
        [w for moving in kinds for w in layer.weights if w.name.startswith("moving_") is moving],
    ]


def _ordered(layer: Any, arrays: Sequence[Stored]) -> list[Any] | None:
    """Return the layer's variables in the order of the file's arrays, None if they do not fit."""
    wanted = [_plain_name(array.name) for array in arrays]
    for variables in _orders(layer):
        names = [_plain_name(variable.path) for variable in variables]
        comparable = sorted(names) == sorted(wanted)
        shapes_fit = [tuple(v.shape) for v in variables] == [a.dataset.shape for a in arrays]
        if shapes_fit and (names == wanted or not comparable):
            return variables
    return None


def _plain_name(path: str) -> str:
    """Return "kernel" for "conv1d_1/kernel:0" and "conv1d_1/kernel_2"."""
    return re.sub(r"(_\d+)?(:\d+)?$", "", path.rsplit("/", 1)[-1])


def _assign_layer(layer: Any, arrays: Sequence[Stored], *, flipped: set[int]) -> None:
    variables = _ordered(layer, arrays)
    if variables is None:
        raise ModelError(_misfit(layer, arrays))
    for variable, array in zip(variables, arrays, strict=True):
        if array.dataset.dtype.kind not in "fiu":
            raise ModelError(f"{array.name!r} does not hold numbers; save the weights again")
        values = np.asarray(array.dataset)
        _check_finite(array.name, values)
        if id(variable) in flipped:
            values = np.flip(values, axis=tuple(range(values.ndim - 2)))
        variable.assign(values)
    if hasattr(layer, "finalize_state"):  # Normalization keeps constants made from its weights
        layer.finalize_state()


def _check_finite(name: str, values: Any) -> None:
    if not np.isfinite(values).all():
        raise ModelError(f"{name!r} has values that are not finite; train the model again")


def _misfit(layer: Any, arrays: Sequence[Stored]) -> str:
    """Return the sentence for arrays that do not fit a layer: the first difference."""
    variables = _orders(layer)[0]
    if len(variables) != len(arrays):
        return (
            f"layer {layer.name!r} has {len(variables)} arrays and the file {len(arrays)}; "
            f"{OTHER_MODEL}"
        )
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != array.dataset.shape:
            return (
                f"layer {layer.name!r}: {_plain_name(variable.path)} has the shape "
                f"{tuple(variable.shape)} in the architecture and {array.dataset.shape} in the "
                f"file; {OTHER_MODEL}"
            )
    names = ", ".join(_plain_name(array.name) for array in arrays)
    return f"layer {layer.name!r} has arrays in an unknown order ({names}); save the model again"


def _kernels_to_flip(model: keras.Model) -> set[int]:
    """Return the identities of the convolution kernels that Theano keeps back to front."""
    return {
        id(weight)
        for layer in model._flatten_layers()
        if type(layer).__name__ in FLIPPED_BY_THEANO
        for weight in layer.weights
        if weight.name.endswith("kernel")
    }
