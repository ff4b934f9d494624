"""Assign trained weights from a file to a model that was built from a plan.

Two layouts: arrays under the names of layers, or in their order (`.h5` of every Keras, with or
without the architecture), assigned here; and numbered variables (`model.weights.h5` inside a
`.keras` archive, and `.weights.h5` since Keras 2.12), read by Keras's own reader. Knows nothing of
architectures.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqlift.errors import ModelError
from seqlift.models import damage, old_weights, saved_arrays, several_places
from seqlift.models.saved_arrays import SavedArray, Source
from seqlift.system.hdf5_reader import open_to_read

OTHER_MODEL = "these are the weights of another model"


@dataclass(frozen=True, slots=True)
class Piece:
    """Variables of one layer itself, the arrays they come from, and how."""

    variables: Sequence[Any]
    arrays: Sequence[SavedArray]
    convert: old_weights.Convert


def assign(model: keras.Model, group: Any, *, order: Sequence[str], backend: str) -> None:
    """Assign the arrays that an HDF5 group holds under layer names to the layers of `model`.

    Layers are matched by name; where no name agrees, in `order` (the names of the model's layers as
    its architecture lists them) if every shape then fits, as Keras does. `backend` is what the file
    was saved on. Every layer whose arrays are missing, left over or of another shape is a line of
    one `ModelError`.
    """
    found, source = saved_arrays.layers(group), saved_arrays.source(group, backend)
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    named = {name: layers[name] for name in order if name in layers}
    problems: list[str] = []
    for name, arrays in _paired(named, found, source).items():
        try:
            _assign_layer(named[name], arrays, source)
        except ModelError as problem:
            problems += problem.problems
    problems = problems or [*old_weights.doubts(model._flatten_layers(), source)]
    if problems:
        raise ModelError(*problems)


def read_numbered(model: keras.Model, path: Path) -> None:
    """Assign a weights file of Keras 3 to `model` by Keras's own reader.

    `path` must end in `.weights.h5`. A variable that is missing or of another shape raises
    `ModelError`. The state of random generators (dropout in training) is left out.
    """
    layers = model._flatten_layers()
    generators = [g for layer in layers for g in _generators(layer)]
    try:
        with open_to_read(path) as file:
            saved_arrays.check_kept_here(file)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Skipping")  # a part left untrained
            with several_places.left_out(layers) as missing:
                # dropout's, of use in training only
                model.load_weights(path, objects_to_skip=generators)
            several_places.fill(layers, missing)
    except ModelError:
        raise
    except Exception as problem:  # Keras and HDF5 raise many classes for a damaged file
        damage.raise_refusal(problem)
        reason = " ".join(str(problem).split()) or type(problem).__name__
        reason = reason.partition(" Target variable: ")[0]  # all its values would follow
        raise ModelError(
            f"its weights do not fit its architecture: {reason.rstrip('.')}; save the model again"
        ) from problem
    for weight in model.weights:
        _check_finite(weight.path, keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(weight)))


def _generators(layer: Any) -> list[Any]:
    return list(getattr(layer, "_seed_generators", []))


def _paired(
    layers: Mapping[str, Any], found: Mapping[str, list[SavedArray]], source: Source
) -> dict[str, list[SavedArray]]:
    """Pair the arrays with layers, by name, or by order where no name contradicts it."""
    if layers.keys() == found.keys():
        return {name: found[name] for name in layers}
    if len(layers) == len(found) and _may_go_by_order(layers, found):
        by_order = dict(zip(layers, found.values(), strict=True))
        if all(_pieces(layers[name], arrays, source) for name, arrays in by_order.items()):
            return by_order
    missing = [
        f"there are no weights for layer {name!r}; {OTHER_MODEL}"
        for name in layers
        if name not in found
    ]
    extra = [
        f"there are weights for layer {name!r}, which the architecture does not have; {OTHER_MODEL}"
        for name in found
        if name not in layers
    ]
    raise ModelError(*missing, *extra)


def _may_go_by_order(layers: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    if layers.keys().isdisjoint(found):
        return True
    return all(
        name == other or isinstance(layers[name], keras.Model)
        for name, other in zip(layers, found, strict=True)
    )


def _orders(layer: Any) -> list[list[Any]]:
    """List the orders in which Keras has written the variables of a layer.

    Trainable ones first is the rule; a nested network that was frozen or thawed when it was saved
    has others.
    """
    kinds = (False, True)
    return [
        [*layer.trainable_weights, *layer.non_trainable_weights],
        list(layer.weights),
        [w for moving in kinds for w in layer.weights if w.name.startswith("moving_") is moving],
    ]


def _pieces(layer: Any, arrays: Sequence[SavedArray], source: Source) -> list[Piece] | None:
    """Match the file's arrays with variables of a layer, None if they do not fit.

    Names decide where the file has those of today; else shapes and the order alone.
    """
    wanted = sorted(_plain_name(array.name) for array in arrays)
    for variables in _orders(layer):
        pieces = [*_parted(layer, variables, arrays, source)]
        taken = [array for piece in pieces for array in piece.arrays]
        if len(taken) != len(arrays) or sum(len(p.variables) for p in pieces) != len(variables):
            continue
        names = [_plain_name(variable.path) for variable in variables]
        comparable = sorted(names) == wanted
        # Shapes alone cannot tell gamma from beta, or one square kernel from another.
        if not comparable or names == [_plain_name(array.name) for array in arrays]:
            return pieces
    return None


def _parted(
    layer: Any, variables: Sequence[Any], arrays: Sequence[SavedArray], source: Source
) -> Iterator[Piece]:
    """Yield the pieces of a layer, one for each layer in it, until shapes no longer fit."""
    # Each layer in a wrapper or a nested network is converted by the rules of its own class.
    owners = {id(v): leaf for leaf in layer._flatten_layers() for v in leaf._trainable_variables}
    owners |= {
        id(v): leaf for leaf in layer._flatten_layers() for v in leaf._non_trainable_variables
    }
    start = 0
    for _, group in groupby(variables, key=lambda variable: id(owners.get(id(variable), layer))):
        own = [*group]
        owner = owners.get(id(own[0]), layer)
        end = start + old_weights.count(owner, own, arrays[start:], source=source)
        convert = old_weights.conversion(owner, own, arrays[start:end], source=source)
        if convert is None:
            return
        yield Piece(own, arrays[start:end], convert)
        start = end


def _plain_name(path: str) -> str:
    # "conv1d_1/kernel:0" of Keras 1 and 2, "conv1d_1/kernel_2" of Keras 3
    return re.sub(r"(_\d+)?(:\d+)?$", "", path.rsplit("/", 1)[-1])


def _assign_layer(layer: Any, arrays: Sequence[SavedArray], source: Source) -> None:
    pieces = _pieces(layer, arrays, source)
    if pieces is None:
        raise ModelError(_misfit(layer, arrays))
    for piece in pieces:
        values = piece.convert([_read(array) for array in piece.arrays])
        for variable, value in zip(piece.variables, values, strict=True):
            variable.assign(value)
    if hasattr(layer, "finalize_state"):  # Normalization keeps constants made from its weights
        layer.finalize_state()


def _read(array: SavedArray) -> Any:
    if array.dataset.dtype.kind not in "fiu":  # text would become numbers, or not, by NumPy's rules
        raise ModelError(f"{array.name!r} does not hold numbers; save the weights again")
    values = np.asarray(array.dataset)
    _check_finite(array.name, values)
    return values


def _check_finite(name: str, values: Any) -> None:
    if not np.isfinite(values).all():
        raise ModelError(f"{name!r} has values that are not finite; train the model again")


def _misfit(layer: Any, arrays: Sequence[SavedArray]) -> str:
    variables = _orders(layer)[0]
    if len(variables) != len(arrays):
        return (
            f"layer {layer.name!r} has {len(variables)} arrays and the file {len(arrays)}; "
            f"{OTHER_MODEL}"
        )
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            return (
                f"layer {layer.name!r}: {_plain_name(variable.path)} has the shape "
                f"{tuple(variable.shape)} in the architecture and {array.shape} in the "
                f"file; {OTHER_MODEL}"
            )
    names = ", ".join(_plain_name(array.name) for array in arrays)
    return f"layer {layer.name!r} has arrays in an unknown order ({names}); save the model again"
