"""Checks of a score file, when it is written and when it is read again.

Knows the layout; knows nothing of HDF5 itself.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError, NumericError
from seqlift.tracks import layout
from seqlift.tracks.batch import Attribute
from seqlift.tracks.overlap import Intervals

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
    name = layout.BASE_SUMS if layout.BASE_SUMS in columns else layout.HYPOTHETICAL
    hypothetical = columns[name]
    finite = np.isfinite(hypothetical).all(axis=tuple(range(1, hypothetical.ndim)))
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


def rounding_problems(stored: NDArray[Any], exact: NDArray[Any]) -> Iterator[tuple[int, str]]:
    """Yield each row that `stored` does not hold, with what is wrong and the remedy.

    Both are (n, ...) scores, `stored` those of `exact` rounded to a narrower type. A number of
    ordinary size loses at most half an epsilon of itself, which is what the type promises; numbers
    near its smallest lose more, down to all. A row is held where what all its scores lose together
    is within half an epsilon of what they are together, so that scores too small to matter next to
    larger ones may vanish, and those of a row of small ones may not.
    """
    limits = np.finfo(stored.dtype)
    axes = tuple(range(1, exact.ndim))
    wide = exact.astype(np.float64)
    sizes = np.abs(wide).sum(axis=axes)
    lost = np.abs(wide - stored).sum(axis=axes)
    remedy = "give --dtype float32" if stored.dtype == np.float16 else "scale the model's output"
    # so that NaN counts, too
    for i in np.flatnonzero(~(lost <= float(limits.eps) / 2 * sizes)).tolist():
        share, largest = lost[i] / sizes[i], np.abs(wide[i]).max()
        if np.isfinite(stored[i]).all():
            problem = f"are too small for {stored.dtype}, which loses {share:.1%} of them"
        else:
            problem = f"reach {largest:.3g}, and {stored.dtype} ends at {float(limits.max):.6g}"
        yield i, f"{problem}; {remedy}"


FARTHEST = 2**40
"""Beyond every base of a chromosome."""


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what a reading library raises inside into an `InputError` about a damaged file."""
    try:
        yield
    except DAMAGE as error:
        raise damaged(path, " ".join(str(error).split())) from error


def damaged(path: Path, reason: str) -> InputError:
    """Make the error for a score file that once was whole."""
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


def check_positions(intervals: Intervals, length: int) -> None:
    """Raise `ValueError` for the first row that lies where none can.

    A row has `length` bases. Its scored part lies within it, and on the chromosome.
    """
    start, end = intervals.start, intervals.end
    first, last = intervals.scored_start, intervals.scored_end
    outside = (first < last) & ((first < start) | (last > end))
    # Places beyond every chromosome crashed pyBigWig.
    far = (np.abs(start) > FARTHEST) | (np.abs(end) > FARTHEST) | (np.abs(last) > FARTHEST)
    bad = np.flatnonzero(far | (end - start != length) | (first < 0) | (first > last) | outside)
    if len(bad):
        row = int(bad[0])
        scored = f"{first[row]}-{last[row]}"
        raise ValueError(f"row {row + 1} is {start[row]}-{end[row]}, of which {scored} is scored")
