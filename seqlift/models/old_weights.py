"""Convert the arrays of a layer from the layouts of older Keras and other backends to today's.

Known are the kernels of Keras 0 and 1, the gates of their recurrent layers, the weights of
CuDNNLSTM and CuDNNGRU, and the kernels of Theano, which convolves where others correlate. What no
rule can decide, or Theano computed otherwise, is refused by `doubts`. Knows no HDF5 and no files.

Source of the rules: `preprocess_weights_for_loading` of Keras 2.0 to 2.3, which read the files of
Keras 1, and for BatchNormalization the layer itself in Keras 0.3, 1.0 and 1.2.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.models.saved_arrays import SavedArray, Source

Values = list[NDArray[Any]]
Convert = Callable[[Values], Values]

CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2DCell")
"""Layers whose kernels are back to front in files of Theano."""

GATES = {"LSTMCell": "icfo", "GRUCell": "zrh"}
"""Gates of recurrent layers in the order in which Keras 0 and 1 wrote W, U and b of each."""

GATES_TODAY = {"LSTMCell": "ifco", "GRUCell": "zrh"}
"""The same gates in the order of their joint arrays since Keras 2."""

GATE = re.compile(r"_([WUb])_([a-z])(:0)?$")

WRITE_VERSION = (
    "if Keras 1.1 or 1.2 trained it, write that into the file: "
    "h5py.File(path, 'a').attrs['keras_version'] = '1.2.2'; if not, train it again"
)

VARIANCE_SINCE = (1, 1)
"""From this version on, an array called running_std is certainly a variance."""

WRITE_BACKEND = (
    "write the backend that trained it into the file: "
    "h5py.File(path, 'a').attrs['backend'] = 'theano' (or 'tensorflow')"
)


def conversion(
    owner: Any, variables: Sequence[Any], arrays: Sequence[SavedArray], *, source: Source
) -> Convert | None:
    """Choose how a layer's arrays become its variables, None if the shapes do not fit.

    `owner` is the layer that has the `variables` itself, not one around it.
    """
    kind, shapes = type(owner).__name__, [array.shape for array in arrays]
    wanted = [tuple(variable.shape) for variable in variables]
    turn = kind in CONVOLUTIONS and source.backend == "theano"  # Theano convolves, others correlate
    if source.is_keras_1:
        if kind in GATES and len(arrays) == 3 * len(GATES[kind]):
            return _joined_gates(kind, wanted, arrays)
        if kind in ("Conv1D", "Conv2D"):
            return _old_kernel(owner, wanted, shapes, turn=turn)
    if kind in GATES and _is_cudnn(shapes, wanted):
        return lambda values: _from_cudnn(values, wanted)
    if shapes != wanted:
        return None
    if source.version == (0,) and variables[-1].name == "moving_variance":
        # Keras 0 kept a deviation under that name and divided by it plus epsilon.
        return lambda values: [*values[:-1], _variance(values[-1], owner.epsilon)]
    return lambda values: [_turned(v) if turn and v.ndim > 1 else v for v in values]


def count(
    owner: Any, variables: Sequence[Any], arrays: Sequence[SavedArray], *, source: Source
) -> int:
    """Count the next `arrays` of a layer that belong to its `variables`."""
    gates = len(GATES.get(type(owner).__name__, ""))
    if gates and source.is_keras_1 and len(variables) == 3 and len(arrays) >= 3 * gates:
        units = variables[0].shape[-1] // gates
        if arrays[0].shape[-1:] == (units,):
            return 3 * gates
    return len(variables)


def doubts(layers: Iterable[Any], source: Source) -> Iterator[str]:
    """Yield a sentence for each layer whose numbers cannot be right, or cannot be known to be."""
    for layer in layers:
        kind = type(layer).__name__
        place = f"layer {layer.name!r} ({kind})"
        if _is_of_unknown_direction(layer, kind, source):
            yield (
                f"{place}: the file does not say whether Theano trained it, whose kernels are "
                f"back to front; {WRITE_BACKEND}"
            )
        if source.backend == "theano" and _is_padded_otherwise(layer, kind):
            yield (
                f"{place} has the padding 'same' with an even or strided window, which Theano "
                "places elsewhere; rebuild it with a ZeroPadding layer and padding 'valid'"
            )
        if kind == "BatchNormalization" and (0,) < source.version < VARIANCE_SINCE:
            yield (
                f"{place}: the file does not say whether its running_std is a variance, as since "
                f"Keras 1.1; {WRITE_VERSION}"
            )


def _is_of_unknown_direction(layer: Any, kind: str, source: Source) -> bool:
    if kind not in CONVOLUTIONS or not source.is_keras_1 or source.backend != "unknown":
        return False
    return bool(max(layer.kernel_size) > 1)


def _is_padded_otherwise(layer: Any, kind: str) -> bool:
    if getattr(layer, "padding", None) != "same":
        return False
    if "Pooling" in kind:  # Theano pads these at other ends whatever the window
        return True
    if kind not in CONVOLUTIONS:
        return False
    return any(size % 2 == 0 for size in layer.kernel_size) or bool(max(layer.strides) > 1)


def _old_kernel(
    owner: Any, wanted: list[tuple[int, ...]], shapes: list[tuple[int, ...]], *, turn: bool
) -> Convert | None:
    """Choose how a convolution's kernel of Keras 0 and 1 is converted; its bias stays.

    1-D kernels were (taps, 1, in, out), before Keras 1.1.1 (out, in, taps, 1); 2-D kernels of
    channels first were (out, in, rows, columns).
    """
    *window, inputs, outputs = wanted[0]
    if len(window) == 1:
        first, last = (*window, 1, inputs, outputs), (outputs, inputs, *window, 1)
    elif owner.data_format == "channels_first":
        first, last = (), (outputs, inputs, *window)
    else:
        first, last = wanted[0], ()
    if not shapes or shapes[0] not in (first, last) or shapes[1:] != wanted[1:]:
        return None
    order = (0, 1, 2, 3) if shapes[0] == first else (2, 3, 1, 0)  # to (taps, ..., in, out)

    def convert(values: Values) -> Values:
        kernel = np.transpose(values[0], order).reshape(wanted[0])
        return [_turned(kernel) if turn else kernel, *values[1:]]

    return convert


def _turned(kernel: NDArray[Any]) -> NDArray[Any]:
    return np.flip(kernel, axis=tuple(range(kernel.ndim - 2)))


def _joined_gates(
    kind: str, wanted: list[tuple[int, ...]], arrays: Sequence[SavedArray]
) -> Convert | None:
    gates = GATES_TODAY[kind]
    written = [match.group(1, 2) for array in arrays if (match := GATE.search(array.name))]
    if len(written) != len(arrays):
        # numbers for names, as in Keras 0
        written = [(part, gate) for gate in GATES[kind] for part in "WUb"]
    places = {key: index for index, key in enumerate(written)}
    if places.keys() != {(part, gate) for gate in gates for part in "WUb"}:
        return None
    for part, shape in zip("WUb", wanted, strict=True):
        apart = (*shape[:-1], shape[-1] // len(gates))
        if any(arrays[places[part, gate]].shape != apart for gate in gates):
            return None
    return lambda values: [
        np.concatenate([values[places[part, gate]] for gate in gates], axis=-1) for part in "WUb"
    ]


def _variance(deviation: NDArray[Any], epsilon: float) -> NDArray[Any]:
    # Solved for v: sqrt(v + epsilon) is what today's layer divides by.
    return (deviation.astype("float64") + epsilon) ** 2 - epsilon


def _is_cudnn(shapes: list[tuple[int, ...]], wanted: list[tuple[int, ...]]) -> bool:
    """Tell whether recurrent weights are CuDNN's: those of today but for a flat double bias.

    A GRU takes them only with reset_after, when today's bias is (2, 3 units).
    """
    if len(wanted) != 3 or shapes[:2] != wanted[:2]:
        return False
    gates = wanted[0][-1] // wanted[1][0]
    double = (2 * wanted[0][-1],)
    return (
        shapes[2:] == [double]
        and wanted[2] in ((double[0] // 2,), (2, double[0] // 2))
        and (len(wanted[2]) == 2 or gates == 4)
    )


def _from_cudnn(values: Values, wanted: list[tuple[int, ...]]) -> Values:
    kernel, recurrent, bias = values
    gates = wanted[0][-1] // wanted[1][0]
    units = wanted[1][0]
    # CuDNN has each gate's matrix transposed; Keras wrote it in its own shape all the same.
    inputs = [np.ascontiguousarray(part).reshape(units, -1).T for part in np.hsplit(kernel, gates)]
    states = [part.T for part in np.hsplit(recurrent, gates)]
    halves = bias.reshape(2, -1)
    # CuDNN adds a bias to the input and one to the state: an LSTM has their sum, a GRU both.
    return [np.hstack(inputs), np.hstack(states), halves if gates == 3 else halves.sum(axis=0)]
