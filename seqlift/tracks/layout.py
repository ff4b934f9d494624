"""The layout of a score file: names, shapes and chunks of its datasets.

The names are chrombpnet's, so that ``modisco motifs -i`` and Fi-NeMo read the file as it is.
There must never be a dataset ``hyp_scores``: modisco would prefer it. Knows arrays; knows
nothing of HDF5 itself. Axes of the large datasets: N rows, 4 bases in the order A C G T, L bases.
"""

from collections.abc import Container, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seqlift.intervals import CHANNELS
from seqlift.tracks.batch import ScoreBatch

FORMAT_VERSION = 1

Dtype = Literal["float32", "float16"]
Kept = Literal["all", "track"]
"""What a file keeps of scores: all, or the sum over the bases of each position alone."""

ONE_HOT = "raw/seq"
HYPOTHETICAL = "shap/seq"
CONTRIBUTIONS = "projected_shap/seq"
MULTIPLIERS = "multipliers/seq"
"""Float32, and only in files that were asked to have it."""
DEVIATION = "shap_std/seq"
"""Float32: the standard deviation of the hypothetical contributions over models, where the file is
the mean of several."""
BASE_SUMS = "track/sum"
"""Float32 (N, L): the contribution of the observed base, of files that keep the track alone."""

LARGE_DATASETS = (BASE_SUMS, ONE_HOT, HYPOTHETICAL, CONTRIBUTIONS, MULTIPLIERS, DEVIATION)

LARGEST_CONTRIBUTION = "largest_contribution"
"""Attribute of a score file, and in a part a dataset with that of each target."""

GENOME_CHROM, GENOME_SIZE = "genome/chrom", "genome/size"
"""Every chromosome with its length, in the order of the FASTA: what the track needs."""

TEXTS = ("regions/chrom", "regions/name", "regions/strand", "regions/status")
SCORE = "regions/score"
"""Float64; text in files of earlier versions."""
PEAK_MEASURES = ("regions/signal_value", "regions/p_value", "regions/q_value")
"""Columns 7 to 9 of the peaks, NaN where they have none; not in files of earlier versions."""
OPTIONAL = (MULTIPLIERS, DEVIATION, *PEAK_MEASURES)
"""What a score file may lack."""
POSITIONS = (
    "regions/start",
    "regions/end",
    "regions/summit",
    "regions/scored_start",
    "regions/scored_end",
)
FIGURES = (
    "qc/prediction",
    "qc/reference_prediction",
    "qc/difference",
    "qc/residual",
    "qc/relative_residual",
)

OF_TARGETS = (BASE_SUMS, HYPOTHETICAL, CONTRIBUTIONS, MULTIPLIERS, *FIGURES)
"""What differs between the targets of a run; all else in their files is the same."""

CHUNK_BYTES = 128 * 1024
"""Contributions in one chunk: few enough that reading a single row stays cheap."""

BLOCK_BYTES = 2 * 1024 * 1024
"""Contributions written at once: enough that the cost of a call does not show."""

COLUMN_CHUNK = 1024
"""Rows in a chunk of the one-number-per-row datasets."""

Columns = Mapping[str, NDArray[np.generic]]


def chunk_rows(length: int, dtype: str) -> int:
    """Count how many whole rows of `length` bases one chunk holds; one at least."""
    return max(1, CHUNK_BYTES // (4 * length * np.dtype(dtype).itemsize))


def block_rows(length: int, dtype: str, targets: int = 1) -> int:
    """Count how many rows of all targets are written at once: whole chunks, one at least."""
    rows = chunk_rows(length, dtype)
    return rows * max(1, BLOCK_BYTES // (4 * length * np.dtype(dtype).itemsize * rows * targets))


def dtypes(
    dtype: str, *, multipliers: bool = False, deviation: bool = False, kept: Kept = "all"
) -> dict[str, np.dtype[np.generic]]:
    """List the NumPy dtype of every dataset, by its name; object stands for UTF-8 text."""
    large = {ONE_HOT: "int8", HYPOTHETICAL: dtype, CONTRIBUTIONS: dtype}
    large = {BASE_SUMS: "float32"} if kept == "track" else large
    large |= {MULTIPLIERS: "float32"} if multipliers else {}
    large |= {DEVIATION: "float32"} if deviation else {}
    small = (
        dict.fromkeys(TEXTS, "O")
        | dict.fromkeys((SCORE, *PEAK_MEASURES), "float64")
        | dict.fromkeys(POSITIONS, "int64")
        | dict.fromkeys(FIGURES, "float64")
    )
    return {name: np.dtype(kind) for name, kind in (large | small).items()}


def main_dataset(names: Container[str]) -> str:
    """Choose the dataset that says how many rows a file has, and in which type scores are kept."""
    return BASE_SUMS if BASE_SUMS in names else CONTRIBUTIONS


def row_shape(name: str, length: int) -> tuple[int, ...]:
    """Find the shape of one row of a dataset."""
    if name == BASE_SUMS:
        return (length,)
    return (CHANNELS, length) if name in LARGE_DATASETS else ()


def first_item(name: str, row: int, target: int | None = None) -> tuple[int, ...]:
    """Find the indices of the first number of a row of a dataset, of a target where it has them."""
    return (row, *(() if target is None else (target,)), *(0 for _ in row_shape(name, 0)))


def arrange_scores(
    batch: ScoreBatch, columns: Mapping[str, NDArray[Any]], *, rows: slice
) -> tuple[float, float]:
    """Fill the large datasets of a target with some rows of a batch.

    Returns
    -------
    largest, highest
        The largest absolute value of contributions, and of scores: infinite or NaN where one of
        them is not finite.
    """
    from seqlift.tracks.arranging import arrange, observed  # numba, which reading needs not

    codes, hypothetical = batch.codes[rows], batch.hypothetical[rows]
    if BASE_SUMS in columns:
        columns[BASE_SUMS][:] = observed(codes, hypothetical)
        largest = float(np.abs(columns[BASE_SUMS]).max(initial=0))
        return largest, largest
    if batch.multipliers is not None:
        columns[MULTIPLIERS][:] = batch.multipliers[rows].swapaxes(1, 2)
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is found
        stored = hypothetical.astype(columns[HYPOTHETICAL].dtype, copy=False)
    return arrange(codes, stored, columns[HYPOTHETICAL], columns[CONTRIBUTIONS])


def _one_hot(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.equal(codes[:, None, :], np.arange(CHANNELS, dtype=np.uint8)[:, None])


def window_columns(batch: ScoreBatch, kept: Kept = "all") -> Columns:
    """Arrange what the targets of a run share."""
    # booleans are bytes already: no copy
    bases = {ONE_HOT: _one_hot(batch.codes).view(np.int8)} if kept == "all" else {}
    regions = [window.region for window in batch.windows]
    start, end, first, last = (
        np.array(
            [(window.start, window.end, window.first, window.last) for window in batch.windows],
            dtype=np.int64,
        )
        .reshape(-1, 4)
        .T
    )
    return bases | {
        "regions/chrom": _texts([region.chrom for region in regions]),
        "regions/name": _texts([region.name for region in regions]),
        "regions/strand": _texts([region.strand for region in regions]),
        "regions/status": _texts(list(batch.status)),
        SCORE: _numbers([region.score for region in regions]),
        PEAK_MEASURES[0]: _numbers([region.signal for region in regions]),
        PEAK_MEASURES[1]: _numbers([region.p_value for region in regions]),
        PEAK_MEASURES[2]: _numbers([region.q_value for region in regions]),
        "regions/start": start,
        "regions/end": end,
        "regions/summit": (end - start) // 2,
        "regions/scored_start": first,
        "regions/scored_end": last,
    }


def _texts(words: list[str]) -> NDArray[np.object_]:
    return np.array(words, dtype=object)


def _numbers(found: list[float | None]) -> NDArray[np.float64]:
    return np.array(found, dtype=np.float64)  # None becomes NaN
