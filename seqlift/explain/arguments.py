"""Check the arguments of the library's callers."""

import re
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError, ModelError
from seqlift.inputs import references as reference_kinds
from seqlift.inputs.onehot import codes_of, is_text, sequence_one_hot
from seqlift.inputs.references import References
from seqlift.intervals import UNKNOWN
from seqlift.lowering.input_layout import Layout, OpenShape


def with_outputs(model: Any) -> Any:
    """Raise ModelError where a model's layers and outputs cannot be listed."""
    if not getattr(model, "outputs", None):
        raise ModelError(
            f"model {getattr(model, 'name', model)!s}: it is not a Sequential or Functional Keras"
            " model with a known input; rebuild it as one"
        )
    return model


def requests_of(target: Any) -> list[str]:
    """List the target names of a request; raise InputError where it holds anything else."""
    if target is None:
        return []
    requests = [target] if isinstance(target, str) or not np.iterable(target) else list(target)
    if not all(isinstance(request, str) for request in requests):
        raise InputError(f"target {target!r}: not a name or several; give text such as '0:1'")
    return requests


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Raise InputError where `value` is not one of the `known` ones."""
    if value not in known:
        raise InputError(f"{name} {value!r}: give one of {', '.join(known)}")


def check_shape(one_hot: NDArray[Any], wanted: OpenShape) -> None:
    """Raise InputError where `one_hot` is not a batch of finite inputs of the shape `wanted`."""
    fits = one_hot.ndim == len(wanted) + 1 and all(
        extent in (None, found) for extent, found in zip(wanted, one_hot.shape[1:], strict=True)
    )
    if fits and not len(one_hot):
        raise InputError("sequences: there are none; give one or more")
    if not fits:
        raise InputError(
            f"sequences have shape {one_hot.shape}; the model takes (N, "
            f"{', '.join('any' if extent is None else str(extent) for extent in wanted)})"
        )
    if not np.isfinite(one_hot).all():
        raise InputError("sequences: some values are not finite; give finite ones")


def letters_encoded(sequences: Any, layout: Layout | None) -> NDArray[Any]:
    """Make the array of sequences, one-hot (N, L, 4) where they are text.

    Raises InputError for text where the model takes no sequences.
    """
    if not is_text(sequences):
        return np.asarray(sequences)
    if layout is None:
        raise InputError("sequences: text, and the model takes none; give an array of its input")
    return sequence_one_hot([sequences] if isinstance(sequences, str | bytes) else sequences)


def check_references(
    references: NDArray[Any] | References | str, sequences: NDArray[Any], *, seed: int
) -> NDArray[Any] | References:
    """Check references of sequences, (N, *input shape).

    They are an object that draws them, or an array (N, R, *input shape) or (R, *input shape).
    The GC content of "gc" is that of all sequences together. Raises InputError for anything else.
    """
    shape = sequences.shape
    if isinstance(references, str) and references == "gc":
        counts = np.bincount(codes_of(sequences).ravel(), minlength=UNKNOWN + 1)
        return reference_kinds.gc_reference(reference_kinds.gc_content(counts))
    if isinstance(references, str):
        return reference_kinds.parse(references, seed=seed)
    if hasattr(references, "draw"):  # any object with this method will do, as a user's own kind
        return cast(References, references)
    array = np.asarray(references)
    if np.issubdtype(array.dtype, np.number) and not np.isfinite(array).all():
        raise InputError("references: some values are not finite; give finite ones")
    if array.shape == shape[1:]:  # one reference for all, without an axis of its own
        return array[None]
    if array.size and array.ndim == len(shape) and array.shape[1:] == shape[1:]:
        return array
    if array.size and (*array.shape[:1], *array.shape[2:]) == shape:
        return array
    raise InputError(
        f"references have shape {array.shape}, which does not fit sequences of shape {shape};"
        " give (N, R, L, 4), (R, L, 4) or (L, 4)"
    )


def check_drawn(references: Any, layout: Layout | None) -> None:
    """Raise InputError for references that are drawn, where the model takes no sequences."""
    if layout is None and (isinstance(references, str) or hasattr(references, "draw")):
        kind = getattr(references, "kind", references)
        raise InputError(
            f"references {kind}: drawn for sequences, and the model takes none; give an array"
        )


def check_device(device: str) -> None:
    """Raise InputError where `device` is not the name of a device."""
    if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", device):
        raise InputError(f"device {device!r}: give one of auto, cpu, gpu, gpu:INDEX")


def check_number(name: str, value: int | None, what: str) -> None:
    """Raise InputError where `value` is less than 1; `what` names the things counted."""
    if value is not None and value < 1:
        raise InputError(f"{name} {value}: fewer than one {what}; give 1 or more")
