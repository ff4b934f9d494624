"""Rows of scores: a batch of results laid out for the files, with its residuals checked.

Knows windows and results; knows nothing of where either came from or where rows go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import NumericError
from seqlift.intervals import UNKNOWN, Window
from seqlift.pipeline.cancelling import remedy
from seqlift.pipeline.workload import WindowBases, Workload
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.checks import rounding_problems
from seqlift.tracks.layout import Dtype

if TYPE_CHECKING:
    from seqlift.attribution.result import Result


@dataclass(frozen=True, slots=True)
class Residuals:
    """How far the contributions of each sequence are from summing to the difference, (N,).

    mean
        Mean difference over references, less the sum of the contributions.
    relative
        The largest residual of any one pair of sequence and reference, or that of the mean, over
        the largest of |prediction|, |reference prediction| and |difference| of the sequence.
    """

    mean: NDArray[np.float64]
    relative: NDArray[np.float64]
    cancelling: NDArray[np.float64]


def residuals_of(result: "Result", contributions: NDArray[Any]) -> Residuals:
    """Measure what `contributions` (N, ...) leave unexplained, summed in float64.

    They are those of `result` as they were computed, or as a file keeps them.
    """
    difference = result.difference.astype(np.float64)
    axes = tuple(range(1, contributions.ndim))
    pairs = np.abs(result.residual).max(axis=1)
    sizes = (result.prediction[:, None], result.reference_prediction, difference)
    # Not the difference alone, which may be next to nothing (decision 0002).
    scale = np.max([np.abs(size).max(axis=1) for size in sizes], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # float64: summed in float32, thousands of bases would add a residual of their own.
        mean = difference.mean(axis=1) - contributions.sum(axis=axes, dtype=np.float64)
        largest = np.maximum(pairs, np.abs(mean))
        # 0 / 0 where nothing was predicted
        relative = np.where(largest == 0.0, 0.0, largest / scale)
        cancelling = np.abs(contributions).max(axis=axes) / scale
    return Residuals(mean, relative.astype(np.float64), cancelling.astype(np.float64))


def check_residuals(
    residuals: Residuals,
    rows: Sequence[WindowBases],
    workload: Workload,
    *,
    target: str,
    tolerance: float,
) -> None:
    """Raise NumericError for the first row whose relative residual is above `tolerance`.

    A residual that is NaN is above any tolerance: the model gave none for that sequence.
    """
    bad = np.flatnonzero(~(residuals.relative <= tolerance))  # so that NaN counts, too
    if not len(bad):
        return
    i = int(bad[0])
    place = workload.place(rows[i].window.region.line)
    found = residuals.relative[i]
    if not np.isfinite(found):
        raise NumericError(
            f"{place}: the model's output {target} is not finite for this sequence; check its"
            " weights with `seqlift inspect`"
        )
    raise above_tolerance(place, target, found, tolerance, cancelling=residuals.cancelling[i])


def above_tolerance(
    place: str,
    target: str,
    found: float,
    tolerance: float,
    *,
    stored: str = "",
    cancelling: float = 0.0,
) -> NumericError:
    """Make the error for a row whose relative residual is `found`, as `stored` in a type.

    `cancelling` is its largest contribution in units of the prediction.
    """
    kind = f", stored as {stored}," if stored else ""
    return NumericError(
        f"{place}: contributions to {target}{kind} miss the difference from reference by"
        f" {found:.1e} of the prediction, more than the tolerance {tolerance:.0e};"
        f" {remedy(found, cancelling, stored)}"
    )


def check_stored(
    batch: ScoreBatch,
    result: "Result",
    rows: Sequence[WindowBases],
    workload: Workload,
    *,
    target: str,
    tolerance: float,
) -> None:
    """Raise NumericError for the first row that the type of the file does not hold.

    That is one whose contributions as stored do not sum to the difference within `tolerance`, or
    where what rounding takes from the scores is more than the type promises.
    """
    pairs = [(batch.hypothetical, result.hypothetical)]
    if batch.multipliers is not None:
        pairs.append((batch.multipliers, result.multipliers))
    for stored, exact in pairs:
        if stored.dtype != exact.dtype:
            start = stored.shape[1] // 2 - exact.shape[1] // 2
            kept = stored[:, start : start + exact.shape[1]]
            for i, problem in rounding_problems(kept, exact):
                place = workload.place(rows[i].window.region.line)
                raise NumericError(f"{place}: contributions to {target} {problem}")
    bad = np.flatnonzero(~(batch.relative_residual <= tolerance))  # so that NaN counts, too
    if len(bad):
        i, kind = int(bad[0]), batch.hypothetical.dtype.name
        place = workload.place(rows[i].window.region.line)
        found = float(batch.relative_residual[i])
        raise above_tolerance(place, target, found, tolerance, stored=kind)


@dataclass(frozen=True, slots=True)
class StoredWindows:
    """The windows of a batch in rows of the score file, which all targets share.

    Attributes
    ----------
    codes
        A=0 C=1 G=2 T=3, N and padding 4, (N, L).
    windows, status
        As in `seqlift.tracks.batch.ScoreBatch`.
    around
        Columns of each row before and after the sequence.
    """

    codes: NDArray[np.uint8]
    windows: list[Window]
    status: list[str]
    around: tuple[int, int]


def stored_windows(rows: Sequence[WindowBases], *, length: int) -> StoredWindows:
    """Arrange windows of one length in rows of `length` bases.

    A sequence shorter than a row (a model of any length) stands in its middle, N on both sides.
    """
    extent = rows[0].codes.size
    start = length // 2 - extent // 2
    codes = np.full((len(rows), length), UNKNOWN, dtype=np.uint8)
    codes[:, start : start + extent] = [row.codes for row in rows]
    windows = [_stored_window(row, row.window.start - start, length) for row in rows]
    around = (start, length - start - extent)
    return StoredWindows(codes, windows, [status_of(row) for row in rows], around)


def score_batch(
    rows: StoredWindows,
    result: "Result",
    *,
    dtype: Dtype = "float32",
    multipliers: bool = False,
) -> ScoreBatch:
    """Arrange a batch as the score file stores it.

    Residuals are those of the contributions as they are stored, in `dtype`.
    """
    from seqlift.tracks.arranging import observed  # numba, which summaries need not

    around = ((0, 0), rows.around, (0, 0))
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is found there
        hypothetical = _padded(result.hypothetical.astype(dtype, copy=False), around)
        kept = _padded(result.multipliers.astype(np.float32), around) if multipliers else None
    residuals = residuals_of(result, observed(rows.codes, hypothetical))
    return ScoreBatch(
        codes=rows.codes,
        hypothetical=hypothetical,
        prediction=result.prediction,
        reference_prediction=result.reference_prediction.mean(axis=1, dtype=np.float64),
        difference=result.difference.mean(axis=1, dtype=np.float64),
        residual=residuals.mean,
        relative_residual=residuals.relative,
        windows=rows.windows,
        status=rows.status,
        multipliers=kept,
    )


def _padded(values: NDArray[Any], around: Sequence[tuple[int, int]]) -> NDArray[Any]:
    return np.pad(values, around) if any(sum(pair) for pair in around) else values


def _stored_window(row: WindowBases, start: int, length: int) -> Window:
    first, last = row.scored
    return Window(row.window.region, start, start + length, first, last)


def status_of(row: WindowBases) -> str:
    """Describe the status of a row: ``ok``, or ``padded`` and ``N``, or ``all N``.

    ``padded`` windows reach past the end of their chromosome; those with N have unknown bases on
    it.
    """
    start, end = row.on_chromosome
    unknown = row.codes[start:end] == UNKNOWN
    if unknown.all():
        return "all N"
    words = [
        word
        for word, holds in (("padded", end - start < row.codes.size), ("N", unknown.any()))
        if holds
    ]
    return ",".join(words) or "ok"
