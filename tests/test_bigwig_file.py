"""Laws of the bigWig that is written here: what pyBigWig, an independent reader, finds in it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
from numpy.typing import NDArray

from seqlift.errors import OutputError
from seqlift.tracks import bigwig_file, bigwig_trees, zoom
from seqlift.tracks.bigwig_file import BigWigFile

Track = dict[str, NDArray[np.float32]]

SIZES = {"chr2": 30_000, "chr10": 700, "empty": 30, "chr1": 9_000}


def drawn(seed: int = 0, sizes: dict[str, int] = SIZES) -> Track:
    """Draw values for stretches of chromosomes, NaN where there are none."""
    random = np.random.default_rng(seed)
    track = {}
    for chrom, size in sizes.items():
        values = random.normal(size=size).astype(np.float32)
        borders = np.sort(random.integers(0, size, 8))
        for first, last in zip(borders[::2], borders[1::2], strict=True):
            values[first:last] = np.nan
        track[chrom] = values if chrom != "empty" else np.full(size, np.nan, np.float32)
    return track


def write(path: Path, track: Track, *, threads: int = 0, most: int = 10**9) -> bytes:
    """Write the runs of a track, in pieces of at most `most` bases."""
    sizes = {chrom: len(values) for chrom, values in track.items()}
    with (
        ThreadPoolExecutor(max(threads, 1)) as pool,
        BigWigFile(path, sizes, workers=pool if threads else None) as file,
    ):
        for chrom, values in track.items():
            known = np.concatenate([[False], ~np.isnan(values), [False]])
            edges = np.flatnonzero(np.diff(known.astype(int)))
            for first, last in edges.reshape(-1, 2).tolist():
                for start in range(first, last, most):
                    file.add(chrom, start, values[start : min(start + most, last)])
    return path.read_bytes()


@pytest.fixture
def small_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have trees of several levels, and several blocks in a level, from few values."""
    monkeypatch.setattr(bigwig_trees, "CHILDREN", 3)
    monkeypatch.setattr(bigwig_file, "SECTION_VALUES", 100)


@pytest.mark.parametrize("most", [10**9, 7])
@pytest.mark.usefixtures("small_nodes")
def test_every_base_has_its_value(tmp_path: Path, most: int) -> None:
    track = drawn()
    write(tmp_path / "x.bw", track, most=most)
    with pyBigWig.open(str(tmp_path / "x.bw")) as file:
        assert list(file.chroms().items()) == list(SIZES.items())
        for chrom, values in track.items():
            found = file.values(chrom, 0, len(values), numpy=True)
            np.testing.assert_array_equal(found, values)
            for start in range(0, len(values) - 40, 997):  # by the index, not from the first block
                part = file.values(chrom, start, start + 40, numpy=True)
                np.testing.assert_array_equal(part, values[start : start + 40])


def test_bytes_do_not_depend_on_threads(tmp_path: Path) -> None:
    track = drawn()
    made = {write(tmp_path / f"{n}.bw", track, threads=n) for n in (0, 1, 2, 4)}
    assert len(made) == 1


def test_the_header_sums_up_all_values(tmp_path: Path) -> None:
    track = {chrom: np.round(values * 100) for chrom, values in drawn().items()}
    write(tmp_path / "x.bw", track)
    every = np.concatenate([values[~np.isnan(values)] for values in track.values()]).astype(float)
    with pyBigWig.open(str(tmp_path / "x.bw")) as file:
        found = file.header()
    assert found["nBasesCovered"] == len(every)
    assert (found["minVal"], found["maxVal"]) == (every.min(), every.max())
    assert (found["sumData"], found["sumSquared"]) == (every.sum(), (every**2).sum())


@pytest.mark.parametrize("kind", ["min", "max", "mean", "coverage"])
def test_zoom_levels_say_what_the_values_do(tmp_path: Path, kind: str) -> None:
    """Bins of whole records, of every level, have exact figures."""
    track = drawn()
    write(tmp_path / "x.bw", track)
    end = len(track["chr2"]) // 4096 * 4096
    with pyBigWig.open(str(tmp_path / "x.bw")) as file:
        assert file.header()["nLevels"] > 3
        for width in (128, 512, 2048, 4096):
            how = {"type": kind, "nBins": end // width}
            found = np.array(file.stats("chr2", 0, end, **how), float)
            wanted = np.array(file.stats("chr2", 0, end, exact=True, **how), float)
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6, equal_nan=True)


def records(start: int, values: NDArray[np.float32], level: int) -> list[list[float]]:
    """Sum up bins of a level, one value after another."""
    width, found = zoom.NARROWEST_BIN * zoom.STEP**level, {}
    for place, value in enumerate(values.astype(float), start=start):
        one = found.setdefault(place // width, [place, place, 0, np.inf, -np.inf, 0.0, 0.0])
        one[1], one[2] = place + 1, one[2] + 1
        one[3], one[4] = min(one[3], value), max(one[4], value)
        one[5], one[6] = one[5] + value, one[6] + value * value
    return [found[place] for place in sorted(found)]


@pytest.mark.parametrize("pieces", [1, 5])
def test_bins_of_every_level_sum_up_their_bases(pieces: int) -> None:
    values = np.random.default_rng(3).normal(size=3000).astype(np.float32)
    levels, start = zoom.ZoomLevels(10_000, most=3000, stretches=2), 45
    for both in np.array_split(values, pieces):
        halves = [len(both) // 3, len(both) - len(both) // 3]
        levels.add([start, start + halves[0]], halves, both)
        start += len(both)
    levels.end_chromosome()
    found: dict[int, list[list[float]]] = {}
    for level, made in levels.finished(all_of_them=True):
        found.setdefault(level, []).extend(made[:, 1:].tolist())
    assert list(levels.reductions) == [32, 128, 512, 2048, 8192]
    for level in range(len(levels.reductions)):
        np.testing.assert_allclose(found[level], records(45, values, level), rtol=1e-12, atol=1e-12)


def test_a_disk_that_is_full_later_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bigwig_file.shutil, "copyfileobj", full)
    with pytest.raises(OutputError, match=r"x\.bw: cannot be written \(No space left"):
        write(tmp_path / "x.bw", drawn())
    assert not list(tmp_path.iterdir())
