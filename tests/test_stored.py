"""What a score file promises holds for the numbers in it, not for those they were rounded from."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from made_scores import made_batch, window

from seqlift.attribution.result import Result
from seqlift.errors import NumericError
from seqlift.intervals import Region, Window
from seqlift.pipeline.cancelling import cancelling_in
from seqlift.pipeline.rows import (
    check_residuals,
    check_stored,
    residuals_of,
    score_batch,
    stored_windows,
)
from seqlift.pipeline.workload import WindowBases, Workload
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.layout import CONTRIBUTIONS, HYPOTHETICAL, MULTIPLIERS, Dtype, arrange_scores
from seqlift.tracks.score_file import ScoreFile

LENGTH = 200


@dataclass(frozen=True)
class Places:
    """Stands for the regions of a run, which only say where a row was read."""

    def place(self, line: int) -> str:
        return f"r.bed:{line}"


def made(scale: float, kind: type[np.floating] = np.float32) -> tuple[list[WindowBases], Result]:
    """Return two rows and scores of that size which sum up exactly, in the type of `kind`."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 5, (2, LENGTH)).astype(np.uint8)
    regions = [Region("chr1", 0, LENGTH, line=i + 1) for i in range(2)]
    windows = [Window(region, 0, LENGTH, 0, LENGTH) for region in regions]
    rows = [WindowBases(frame, codes[i], 1000, i) for i, frame in enumerate(windows)]
    hypothetical = (scale * random.standard_normal((2, LENGTH, 4))).astype(kind)
    contributions = hypothetical * (np.arange(4) == codes[..., None])
    difference = contributions.sum(axis=(1, 2), dtype=np.float64)[:, None]
    result = Result(
        hypothetical=hypothetical,
        multipliers=hypothetical,
        contributions=contributions,
        prediction=difference[:, 0],
        reference_prediction=0 * difference,
        difference=difference,
        residual=0 * difference,
    )
    return rows, result


def stored(
    rows: list[WindowBases], result: Result, dtype: Dtype, tolerance: float = 1e-2
) -> ScoreBatch:
    batch = score_batch(stored_windows(rows, length=LENGTH), result, dtype=dtype, multipliers=True)
    workload = cast(Workload, Places())
    check_stored(batch, result, rows, workload, target="task", tolerance=tolerance)
    return batch


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_residuals_are_those_of_the_stored_contributions(dtype: Dtype) -> None:
    rows, result = made(1.0)
    batch = stored(rows, result, dtype)
    names = (HYPOTHETICAL, CONTRIBUTIONS, MULTIPLIERS)
    columns = {name: np.empty((len(rows), 4, LENGTH), dtype) for name in names}
    largest, highest = arrange_scores(batch, columns, rows=slice(None))
    kept = columns[CONTRIBUTIONS].astype(np.float64)
    assert largest == np.abs(kept).max() <= highest == np.abs(columns[HYPOTHETICAL]).max()
    missed = result.difference[:, 0] - kept.sum(axis=(1, 2))
    np.testing.assert_allclose(batch.residual, missed, rtol=0, atol=1e-12)
    np.testing.assert_allclose(batch.relative_residual, np.abs(missed / result.prediction))
    assert residuals_of(result, result.contributions).relative.max() < 1e-15
    assert (batch.relative_residual.max() > 1e-5) == (dtype == "float16")


def test_row_sums_are_held_to_the_tolerance_after_the_cast() -> None:
    rows, result = made(1.0)
    with pytest.raises(
        NumericError, match=r"^r\.bed:\d: contributions to task, stored as float16,"
    ):
        stored(rows, result, "float16", tolerance=1e-6)
    stored(rows, result, "float32", tolerance=1e-6)


@pytest.mark.parametrize(
    ("scale", "kind", "dtype", "message"),
    [
        (1e-6, np.float32, "float16", "are too small for float16, which loses .*; give --dtype"),
        (1e-42, np.float64, "float32", "are too small for float32, which loses .*; scale the"),
        (1e5, np.float32, "float16", "reach .*e\\+05, and float16 ends at 65504; give --dtype"),
        (1e40, np.float64, "float32", "reach .*e\\+40, and float32 ends at 3.40282e\\+38; scale"),
    ],
)
def test_scores_that_a_type_does_not_hold_are_refused(
    scale: float, kind: type[np.floating], dtype: Dtype, message: str
) -> None:
    rows, result = made(scale, kind)
    with pytest.raises(NumericError, match=rf"^r\.bed:1: contributions to task {message}"):
        stored(rows, result, dtype, tolerance=np.inf)


def test_small_scores_beside_large_ones_are_held() -> None:
    """They lose digits, but not of what their row amounts to; and zeros lose nothing."""
    rows, result = made(1e-6)
    result.hypothetical[0] *= 0
    result.hypothetical[1, 0] = 1.0
    result.multipliers[:] = result.hypothetical
    stored(rows, result, "float16", tolerance=np.inf)


def test_where_contributions_cancel_no_precision_is_offered() -> None:
    """Sums that are wrong because contributions are huge would come out right in float64.

    So would those that are wrong by more than rounding takes.
    """
    rows, result = made(1.0)
    for size, missed, offered in ((1.0, 5e-4, True), (1.0, 1e-2, False), (1e5, 5e-4, False)):
        huge = size * result.contributions
        huge[:, 0] -= huge.sum(axis=1) - result.contributions.sum(axis=1)
        wrong = replace(result, residual=missed * result.difference)
        residuals = residuals_of(wrong, huge)
        with pytest.raises(NumericError) as caught:
            check_residuals(
                residuals, rows, cast(Workload, Places()), target="task", tolerance=1e-4
            )
        assert ("--precision float64" in str(caught.value)) is offered
        assert ("cancel, as where a layer divides by nearly" in str(caught.value)) is (size > 1.0)
        assert ("this is more than rounding takes" in str(caught.value)) is (missed == 1e-2)


@pytest.mark.parametrize("size", [1.0, 1e5])
def test_contributions_that_cancel_are_warned_of_though_they_sum_up(
    tmp_path: Path, size: float
) -> None:
    path = tmp_path / "s.h5"
    batch = made_batch([window("chr1", 0, 20)], length=20, sizes={"chr1": 50})
    with ScoreWriter(path, length=20, attributes={}) as writer:
        writer.write(replace(batch, hypothetical=(size * batch.hypothetical).astype(np.float32)))
    with ScoreFile(path) as scores:
        notes = cancelling_in(scores, scores.path)
    assert len(notes) == (size > 1.0)
    assert all("times the largest prediction and cancel" in note for note in notes)
