"""What is refused in a score file, on its way out and when it is read again.

Knows the layout; knows nothing of HDF5 itself.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seqlift.errors import InputError, NumericError
from seqlift.tracks import layout
from seqlift.tracks.batch import Attribute

DAMAGE = (
    OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
    MemoryError,
)  # fmt: skip
"""What h5py raises where the bytes of a file make no sense: found by flipping them."""


def check_finite(path: Path, columns: layout.Columns, *, rows_before: int) -> None:
    """Raise `NumericError` naming the first row with a contribution that is NaN or infinite.

    Parameters
    ----------
    path
        The file being written.
    columns
        Rows as they are to be stored, so that what does not fit in float16 is found too.
    rows_before
        Rows already in the file.
    """
    hypothetical = columns[layout.HYPOTHETICAL]
    finite = np.isfinite(hypothetical).all(axis=(1, 2))
    if finite.all():
        return
    row = int(np.argmin(finite))
    chrom, start, end = (columns[f"regions/{name}"][row] for name in ("chrom", "start", "end"))
    remedy = "look for weights of the model that are not finite"
    if hypothetical.dtype == np.float16:
        remedy = f"float16 ends at 65504: use --dtype float32, or {remedy}"
    raise NumericError(
        f"{path}: row {rows_before + row + 1} ({chrom}:{start}-{end}) has a contribution that is"
        f" not finite; {remedy}"
    )


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what a reading library raises inside into an `InputError` about a damaged file."""
    try:
        yield
    except DAMAGE as error:
        raise damaged(path, " ".join(str(error).split())) from error


def damaged(path: Path, reason: str) -> InputError:
    """Return the error for a score file that once was whole."""
    return InputError(f"{path}: the file is damaged ({reason}); run `seqlift score` again")


def check_version(path: Path, attributes: Mapping[str, Attribute]) -> None:
    """Raise `InputError` unless the attributes are those of a score file that we can read."""
    version = attributes.get("format_version")
    if version is None:
        raise InputError(
            f"{path}: HDF5, but not a score file of seqlift (no format_version);"
            " give the .h5 file that `seqlift score` wrote"
        )
    if version != layout.FORMAT_VERSION:
        raise InputError(
            f"{path}: score file of format {version}, this seqlift reads format"
            f" {layout.FORMAT_VERSION}; use the seqlift that wrote it"
        )


def check_shapes(datasets: Mapping[str, Any], *, rows: int, length: int) -> None:
    """Raise `ValueError` or `KeyError` unless every dataset is there with its shape."""
    for name in layout.dtypes("float32"):
        expected = (rows, *layout.row_shape(name, length))
        if datasets[name].shape != expected:
            raise ValueError(f"{name} has shape {datasets[name].shape}, not {expected}")
