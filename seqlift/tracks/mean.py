"""The mean of score files of several models, and how far the models are apart.

Knows score files; knows nothing of models.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlift.errors import InputError, NumericError
from seqlift.tracks import layout
from seqlift.tracks.batch import Attribute
from seqlift.tracks.checks import rounding_problems
from seqlift.tracks.new_file import NewScoreFile
from seqlift.tracks.score_file import ScoreFile

MEANS = ("qc/prediction", "qc/reference_prediction", "qc/difference")
SAME = (layout.ONE_HOT, *layout.TEXTS, layout.SCORE, *layout.PEAK_MEASURES, *layout.POSITIONS)


def average(
    sources: Sequence[Path],
    path: Path | str,
    *,
    attributes: Mapping[str, Attribute],
    sizes: Mapping[str, int],
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write the mean over `sources` to a new score file.

    Contributions, multipliers and predictions are means; residuals are what the mean contributions,
    as they are stored, miss of the mean difference. Relative residuals are the largest of any
    model, or that of the mean, over the mean of what those of the models are relative to.
    ``shap_std/seq`` is the standard deviation of the hypothetical contributions over the models
    (the square root of the mean squared distance from the mean).

    Parameters
    ----------
    sources
        Score files of the same windows.
    path, attributes, sizes, progress
        As in `seqlift.tracks.join.join`.

    Raises
    ------
    InputError
        The files do not have the same rows, or one is damaged.
    NumericError
        The mean of a row is not held by the type of the files, or misses by more than the tolerance
        that they were scored with.
    OutputError
        The file cannot be written, for example because the disk is full.
    """
    report = progress or (lambda _: None)
    with ExitStack() as stack:
        files = [stack.enter_context(ScoreFile(source)) for source in sources]
        _check_rows(files)
        stored = files[0].kinds()[layout.HYPOTHETICAL].name
        kinds = {**files[0].kinds(), layout.DEVIATION: np.dtype(np.float32)}
        length, largest, tolerance = files[0].length, 0.0, _tolerance(files)
        new = NewScoreFile(path, length=length, attributes=attributes, kinds=kinds)
        stack.enter_context(new)
        new.set_genome(sizes)
        rows = layout.block_rows(length, stored)
        for start in range(0, files[0].rows, rows):
            block = slice(start, min(start + rows, files[0].rows))
            columns = _mean_rows(files, block, kinds)
            _check_residuals(files[0], columns["qc/relative_residual"], block, tolerance)
            for name, values in columns.items():
                new.datasets[name].resize(block.stop, axis=0)
                new.datasets[name][start:] = values
            new.check()
            largest = max(largest, float(np.abs(columns[layout.CONTRIBUTIONS]).max(initial=0)))
            report(block.stop - start)
        new.set_largest(largest)


def _check_rows(files: Sequence[ScoreFile]) -> None:
    for file in files[1:]:
        if file.kinds() != files[0].kinds():
            raise InputError(
                f"{file.path}: not the same datasets as {files[0].path}; give files that were"
                " written with the same --dtype and --multipliers"
            )
        if (file.rows, file.length) != (files[0].rows, files[0].length):
            raise InputError(
                f"{file.path}: {file.rows} rows of {file.length} bases, and {files[0].path} has"
                f" {files[0].rows} of {files[0].length}; give scores of the same regions"
            )


def _mean_rows(
    files: Sequence[ScoreFile], rows: slice, kinds: Mapping[str, np.dtype[np.generic]]
) -> dict[str, NDArray[Any]]:
    columns = {}
    for name in filter(kinds.__contains__, SAME):
        values = [file.values(name, rows) for file in files]
        for file, one in zip(files[1:], values[1:], strict=True):
            bad = _differing_rows(one, values[0])
            if len(bad):
                row = int(bad[0])
                raise InputError(
                    f"{file.path}: row {rows.start + row + 1} is not that of {files[0].path}"
                    f" ({name}); give scores of the same regions"
                )
        columns[name] = values[0]
    for name in (layout.HYPOTHETICAL, layout.MULTIPLIERS, *MEANS):
        if name in kinds:
            # float64, as a mean of float16 numbers has digits that float16 cannot add up to.
            stacked = np.stack([file.values(name, rows).astype(np.float64) for file in files])
            columns[name] = stacked.mean(axis=0).astype(kinds[name])
            if name in layout.LARGE_DATASETS:
                _check_held(files[0], rows, columns[name], stacked.mean(axis=0))
            if name == layout.HYPOTHETICAL:
                columns[layout.DEVIATION] = stacked.std(axis=0).astype(np.float32)
    observed = columns[layout.ONE_HOT].astype(bool)
    zero = np.zeros((), kinds[layout.HYPOTHETICAL])
    columns[layout.CONTRIBUTIONS] = np.where(observed, columns[layout.HYPOTHETICAL], zero)
    return columns | _residuals(files, rows, columns)


def _differing_rows(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.int64]:
    differing = one != other
    if one.dtype.kind == "f":
        differing &= ~(np.isnan(one) & np.isnan(other))  # a row that was not scored has NaN in each
    return np.flatnonzero(differing.reshape(len(one), -1).any(axis=1))


def _residuals(
    files: Sequence[ScoreFile], rows: slice, columns: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Measure what the mean contributions, as they are stored, miss of the mean difference."""
    # of what readers will sum
    sums = columns[layout.CONTRIBUTIONS].sum(axis=(1, 2), dtype=np.float64)
    residual = columns["qc/difference"] - sums
    sizes = [np.max([np.abs(file.values(name, rows)) for name in MEANS], axis=0) for file in files]
    scale = np.mean(sizes, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        # 0 / 0 where nothing was predicted
        own = np.where(residual == 0.0, 0.0, np.abs(residual) / scale)
    relative = [file.values("qc/relative_residual", rows) for file in files]
    return {"qc/residual": residual, "qc/relative_residual": np.max([*relative, own], axis=0)}


def _tolerance(files: Sequence[ScoreFile]) -> float:
    stored = (str(file.attributes.get("tolerance", "inf")) for file in files)
    try:
        # merged files list several
        return max(float(word) for words in stored for word in words.split(", "))
    except ValueError:
        return float("inf")  # "none", where a rule promises no sum


def _check_held(
    first: ScoreFile, rows: slice, stored: NDArray[Any], exact: NDArray[np.float64]
) -> None:
    for i, problem in rounding_problems(stored, exact):
        raise NumericError(f"{_place(first, rows.start + i)}: means of contributions {problem}")


def _check_residuals(
    first: ScoreFile, relative: NDArray[np.float64], rows: slice, tolerance: float
) -> None:
    bad = np.flatnonzero(~(relative <= tolerance))  # so that NaN counts, too
    if len(bad):
        i = int(bad[0])
        raise NumericError(
            f"{_place(first, rows.start + i)}: means of contributions miss the mean difference from"
            f" reference by {relative[i]:.1e} of the prediction, more than the tolerance"
            f" {tolerance:.0e} of their files; score with --dtype float32"
        )


def _place(file: ScoreFile, row: int) -> str:
    (window,) = file.windows(slice(row, row + 1))
    return f"{file.path}: row {row + 1} ({window.region.chrom}:{window.start}-{window.end})"
