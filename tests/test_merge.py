"""Laws of joining and averaging score files."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scores import made_batch, parts, window

from seqlift.errors import InputError, NumericError
from seqlift.intervals import Window
from seqlift.pipeline.shards import Facts, check_targets
from seqlift.tracks import layout
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.join import join
from seqlift.tracks.mean import average
from seqlift.tracks.score_file import ScoreFile

LENGTH = 400
SIZES = {"chr1": 100_000, "chr2": 50}
CHUNK = layout.chunk_rows(LENGTH, "float32")
FACTS = {"target": "one", "seed": 3}


def frames(rows: int) -> list[Window]:
    starts = np.random.default_rng(2).integers(-100, 99_000, rows)
    return [
        window("chr1", int(s), int(s) + LENGTH, name=f"p{i}", score=float(i))
        for i, s in enumerate(starts)
    ]


def written(path: Path, *batches: Any, **options: Any) -> Path:
    with ScoreWriter(path, length=LENGTH, attributes={}, **options) as writer:
        for batch in batches:
            writer.write(batch)
    return path


def joined(sources: list[Path], path: Path, **more: float) -> Path:
    join(sources, path, attributes=FACTS | more, sizes=SIZES)
    return path


@pytest.fixture(scope="module")
def rows() -> Any:
    return made_batch(frames(7 * CHUNK + 3), length=LENGTH, sizes=SIZES)


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 7), max_size=5), block=st.sampled_from([5, CHUNK, 1000]))
def test_bytes_do_not_depend_on_how_rows_are_shared_out(
    rows: Any, cuts: list[int], block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        patch.setattr("seqlift.tracks.join.JOINED_AT_ONCE", block)
        folder = Path(name)
        whole = joined([written(folder / "whole.h5", rows)], folder / "a.h5")
        pieces = parts(rows, [cut * CHUNK for cut in cuts])
        sources = [written(folder / f"{i}.h5", piece) for i, piece in enumerate(pieces)]
        assert joined(sources, folder / "b.h5").read_bytes() == whole.read_bytes()


def test_a_joined_file_has_the_rows_of_its_parts(tmp_path: Path, rows: Any) -> None:
    source = written(tmp_path / "whole.h5", rows, multipliers=False)
    path = joined([source], tmp_path / "a.h5")
    with h5py.File(path) as ours, h5py.File(source) as theirs:
        for name in layout.dtypes("float32"):
            np.testing.assert_array_equal(ours[name][:], theirs[name][:])
        assert ours.attrs["largest_contribution"] == theirs.attrs["largest_contribution"]
        assert ours.attrs["seed"] == 3
    with ScoreFile(path) as scores:
        assert scores.sizes() == SIZES
        found = scores.windows(slice(3, 5))
        assert found == rows.windows[3:5]
        assert [window.region.name for window in found] == ["p3", "p4"]


def test_what_was_taken_back_is_gone(tmp_path: Path, rows: Any) -> None:
    with ScoreWriter(tmp_path / "a.h5", length=LENGTH, attributes={}) as writer:
        writer.write(rows)
        writer.truncate(2 * CHUNK)
    first = written(tmp_path / "b.h5", parts(rows, [2 * CHUNK])[0])
    pair = [joined([tmp_path / "a.h5"], tmp_path / "x.h5"), joined([first], tmp_path / "y.h5")]
    with h5py.File(pair[0]) as ours, h5py.File(pair[1]) as theirs:
        for name in layout.dtypes("float32"):
            np.testing.assert_array_equal(ours[name][:], theirs[name][:])


@pytest.mark.parametrize("name", [layout.ONE_HOT, layout.HYPOTHETICAL, layout.CONTRIBUTIONS])
def test_a_flipped_bit_in_any_chunk_is_noticed(tmp_path: Path, rows: Any, name: str) -> None:
    source = written(tmp_path / "whole.h5", rows)
    with h5py.File(source) as file:
        place = file[name].id.get_chunk_info(1)
    data = bytearray(source.read_bytes())
    data[place.byte_offset + place.size // 2] ^= 4
    source.write_bytes(data)
    with pytest.raises(InputError, match=r"whole\.h5: the file is damaged \("):
        joined([source], tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()


def test_rows_that_are_no_whole_chunks_are_refused(tmp_path: Path, rows: Any) -> None:
    first, second = parts(rows, [CHUNK + 1])
    sources = [written(tmp_path / "a.h5", first), written(tmp_path / "b.h5", second)]
    with pytest.raises(InputError, match=r"b\.h5: its rows do not lie in whole chunks"):
        joined(sources, tmp_path / "c.h5")


def test_files_of_two_kinds_are_refused(tmp_path: Path, rows: Any) -> None:
    first, second = parts(rows, [CHUNK])
    sources = [
        written(tmp_path / "a.h5", first),
        written(tmp_path / "b.h5", second, dtype="float16"),
    ]
    with pytest.raises(InputError, match=r"b\.h5: not the same datasets as \S+a\.h5"):
        joined(sources, tmp_path / "c.h5")


def test_a_mean_has_the_mean_and_the_deviation_of_its_files(tmp_path: Path) -> None:
    batches = [made_batch(frames(90), length=LENGTH, sizes=SIZES, seed=seed) for seed in (0, 1, 2)]
    for batch in batches[1:]:
        batch.codes[:] = batches[0].codes
    sources = [
        joined([written(tmp_path / f"{i}.h5", batch)], tmp_path / f"fold{i}.h5")
        for i, batch in enumerate(batches)
    ]
    average(sources, tmp_path / "mean.h5", attributes={"models": 3}, sizes=SIZES)
    with ScoreFile(tmp_path / "mean.h5") as scores:
        stacked = np.stack([b.hypothetical.transpose(0, 2, 1) for b in batches]).astype(np.float64)
        every = slice(None)
        np.testing.assert_array_equal(
            scores.values(layout.HYPOTHETICAL, every), stacked.mean(axis=0).astype(np.float32)
        )
        np.testing.assert_array_equal(
            scores.values(layout.DEVIATION, every), stacked.std(axis=0).astype(np.float32)
        )
        observed = scores.values(layout.ONE_HOT, every) * scores.values(layout.HYPOTHETICAL, every)
        np.testing.assert_array_equal(scores.values(layout.CONTRIBUTIONS, every), observed)
        missed = np.mean([b.difference for b in batches], axis=0) - observed.sum(axis=(1, 2))
        residual = scores.values("qc/residual", every)
        np.testing.assert_allclose(residual, missed, rtol=0, atol=1e-5)
        sizes = [
            np.max(np.abs([b.prediction, b.reference_prediction, b.difference]), axis=0)
            for b in batches
        ]
        own = np.abs(residual) / np.mean(sizes, axis=0)
        largest = np.max([own, *(b.relative_residual for b in batches)], axis=0)
        np.testing.assert_array_equal(scores.values("qc/relative_residual", every), largest)
        predictions = np.mean([b.prediction for b in batches], axis=0)
        np.testing.assert_array_equal(scores.values("qc/prediction", every), predictions)
        assert scores.largest_contribution == np.abs(observed).max()
        assert scores.sizes() == SIZES


def test_targets_are_merged_of_one_run_and_of_the_same_models_only() -> None:
    def facts(target: int, model: str, seed: int = 0) -> Facts:
        return {"target": f"tasks:{target}", "model_sha256": model, "seed": seed}

    a, b, c, d = (Path(f"{name}.h5") for name in "abcd")
    found = {a: facts(0, "m"), b: facts(0, "n"), c: facts(1, "m"), d: facts(1, "n")}
    check_targets([[a, b], [c, d]], found, mean=True)
    with pytest.raises(InputError, match=r"^b.h5: no other file .* the target tasks:1; give every"):
        check_targets([[a, b], [c]], found, mean=True)
    with pytest.raises(InputError, match=r"^c.h5: seed is 7, and of a.h5 it is 0; give files that"):
        check_targets([[a], [c]], found | {c: facts(1, "m", seed=7)}, mean=False)


def test_a_mean_over_other_regions_is_refused(tmp_path: Path) -> None:
    for seed in (0, 1):
        batch = made_batch(frames(5), length=LENGTH, sizes=SIZES, seed=seed)
        joined([written(tmp_path / "x.h5", batch)], tmp_path / f"{seed}.h5")
    sources = [tmp_path / "0.h5", tmp_path / "1.h5"]
    with pytest.raises(InputError, match=r"1\.h5: row 1 is not that of \S+0\.h5 \(raw/seq\)"):
        average(sources, tmp_path / "mean.h5", attributes={}, sizes=SIZES)
    assert not (tmp_path / "mean.h5").exists()


def test_a_mean_that_its_type_does_not_hold_is_refused(tmp_path: Path) -> None:
    """Small means of large scores with opposite signs, and sums that rounding moves."""
    batch = made_batch(frames(5), length=LENGTH, sizes=SIZES)
    tiny = replace(batch, hypothetical=batch.hypothetical * np.float32(5e-5))
    against = replace(tiny, hypothetical=tiny.hypothetical * np.float32(-0.9))
    sources = [
        joined(
            [written(tmp_path / "x.h5", one, dtype="float16")],
            tmp_path / f"{place}.h5",
            tolerance=1e-3,
        )
        for place, one in enumerate([tiny, against, batch])
    ]
    small = r"0\.h5: row 1 \(\S+\): means of contributions are too small for float16, .* float32$"
    with pytest.raises(NumericError, match=small):
        average(sources[:2], tmp_path / "mean.h5", attributes={}, sizes=SIZES)
    missed = r"0\.h5: row \d \(\S+\): means of contributions miss the mean difference .* float32$"
    with pytest.raises(NumericError, match=missed):
        average(sources[::2], tmp_path / "mean.h5", attributes={}, sizes=SIZES)
    assert not (tmp_path / "mean.h5").exists()
