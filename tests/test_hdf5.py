import dataclasses
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from made_scores import made_batch, parts, window

from seqlift.cli import main
from seqlift.errors import InputError, NumericError, OutputError
from seqlift.system.hdf5_reader import SPARING_BYTES, open_to_read
from seqlift.tracks import layout, score_file
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.layout import Dtype
from seqlift.tracks.mean import average
from seqlift.tracks.score_file import ScoreFile

SIZES = {"chr1": 1000, "chrM": 60}
LENGTH = 50
WINDOWS = [
    window("chr1", -20, 30, name="edge", strand="-"),
    window("chr1", 400, 450, score=None),
    window("chrM", 25, 75, name="пик 3", score=12.5, signal=3.3, p_value=4.0),
    window("chr1", 975, 1025, strand="+"),
    window("chr1", 400, 450),
]


@pytest.fixture
def batch() -> ScoreBatch:
    return made_batch(WINDOWS, length=LENGTH, sizes=SIZES)


def written(path: Path, *batches: ScoreBatch, dtype: Dtype = "float32") -> Path:
    with ScoreWriter(path, length=LENGTH, attributes={"seed": 7}, dtype=dtype) as writer:
        for batch in batches:
            writer.write(batch)
    return path


def test_datasets_are_what_motif_tools_read(tmp_path: Path, batch: ScoreBatch) -> None:
    with h5py.File(written(tmp_path / "a.h5", batch)) as file:
        one_hot = (batch.codes[..., None] == np.arange(4)).transpose(0, 2, 1)
        hypothetical = batch.hypothetical.transpose(0, 2, 1)
        assert (file["raw/seq"].dtype, file["shap/seq"].dtype) == (np.int8, np.float32)
        np.testing.assert_array_equal(file["raw/seq"][:], one_hot)
        np.testing.assert_array_equal(file["shap/seq"][:], hypothetical)
        projected = file["projected_shap/seq"][:]
        np.testing.assert_array_equal(projected, np.where(one_hot, hypothetical, 0))
        assert not np.signbit(projected[~one_hot]).any()
        assert "hyp_scores" not in file


def test_every_column_comes_back_in_row_order(tmp_path: Path, batch: ScoreBatch) -> None:
    with h5py.File(written(tmp_path / "a.h5", batch)) as file:
        texts = {
            name: list(file[f"regions/{name}"].asstr()[:])
            for name in file["regions"]
            if file[f"regions/{name}"].dtype == object
        }
        assert texts == {
            "chrom": ["chr1", "chr1", "chrM", "chr1", "chr1"],
            "name": ["edge", ".", "пик 3", ".", "."],
            "strand": ["-", ".", ".", "+", "."],
            "status": list(batch.status),
        }
        nan = float("nan")
        for name, values in (
            ("score", [0, nan, 12.5, 0, 0]),
            ("signal_value", [nan, nan, 3.3, nan, nan]),
            ("p_value", [nan, nan, 4, nan, nan]),
            ("q_value", [nan] * 5),
        ):
            np.testing.assert_array_equal(file[f"regions/{name}"][:], values)
        assert file["regions/start"][:].tolist() == [-20, 400, 25, 975, 400]
        assert file["regions/end"][:].tolist() == [30, 450, 75, 1025, 450]
        assert file["regions/summit"][:].tolist() == [25] * 5
        assert file["regions/scored_start"][:].tolist() == [0, 400, 25, 975, 400]
        assert file["regions/scored_end"][:].tolist() == [30, 450, 60, 1000, 450]
        for name in file["qc"]:
            np.testing.assert_array_equal(file[f"qc/{name}"][:], getattr(batch, name))
        assert file.attrs["format_version"] == 1
        assert file.attrs["seed"] == 7


def test_bytes_do_not_depend_on_how_rows_are_cut_into_batches(tmp_path: Path) -> None:
    rows = layout.COLUMN_CHUNK + layout.block_rows(LENGTH, "float32") + 3
    batch = made_batch([WINDOWS[1]] * rows, length=LENGTH, sizes=SIZES)
    whole = written(tmp_path / "whole.h5", batch).read_bytes()
    time.sleep(1.1)  # a time stamp in the file would show
    assert written(tmp_path / "cut.h5", *parts(batch, [1, 2, 700, rows])).read_bytes() == whole


def test_tracks_are_the_scores_of_the_observed_bases(tmp_path: Path, batch: ScoreBatch) -> None:
    observed = np.take_along_axis(batch.hypothetical, np.minimum(batch.codes, 3)[..., None], 2)
    expected = np.where(batch.codes < 4, observed[..., 0], 0)
    with ScoreFile(written(tmp_path / "a.h5", batch)) as scores:
        np.testing.assert_array_equal(scores.tracks(slice(1, 4)), expected[1:4])
        assert scores.tracks(slice(0, 2)).dtype == np.float32
        for row, values in zip((4, 0, 3), scores.tracks_of(np.array([4, 0, 3])), strict=True):
            np.testing.assert_array_equal(values, expected[row])


@pytest.mark.parametrize("held", [1, 7 * 4 * LENGTH, 2**26])
def test_rows_are_read_right_across_chunks_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    monkeypatch.setattr(score_file, "TRACK_BYTES", held)
    rows = 3 * layout.chunk_rows(LENGTH, "float32") + 1
    batch = made_batch([WINDOWS[1]] * rows, length=LENGTH, sizes=SIZES)
    with ScoreFile(written(tmp_path / "a.h5", batch)) as scores:
        all_tracks = scores.tracks(slice(None))
        order = np.random.default_rng(1).permutation(rows)[:60].tolist()
        for row, values in zip(order, scores.tracks_of(np.array(order)), strict=True):
            np.testing.assert_array_equal(values, all_tracks[row])


def test_float16_halves_the_numbers_and_keeps_the_layout(tmp_path: Path, batch: ScoreBatch) -> None:
    path = written(tmp_path / "a.h5", batch, dtype="float16")
    with h5py.File(path) as file:
        assert file["shap/seq"].dtype == file["projected_shap/seq"].dtype == np.float16
    with ScoreFile(path) as half, ScoreFile(written(tmp_path / "b.h5", batch)) as full:
        np.testing.assert_array_equal(
            half.tracks(slice(None)), full.tracks(slice(None)).astype(np.float16)
        )


NOT_FINITE = "look for weights of the model that are not finite"


@pytest.mark.parametrize(
    ("value", "dtype", "remedy"),
    [
        (np.nan, "float32", NOT_FINITE),
        (np.inf, "float32", NOT_FINITE),
        (1e5, "float16", f"float16 ends at 65504: use --dtype float32, or {NOT_FINITE}"),
    ],
)
def test_a_score_that_is_not_finite_is_refused_and_named(
    tmp_path: Path, batch: ScoreBatch, value: float, dtype: Dtype, remedy: str
) -> None:
    hypothetical = batch.hypothetical.copy()
    hypothetical[2, 7, 1] = value
    bad = dataclasses.replace(batch, hypothetical=hypothetical)
    with pytest.raises(NumericError) as caught:
        written(tmp_path / "a.h5", batch, bad, dtype=dtype)
    assert str(caught.value) == (
        f"{tmp_path}/a.h5: row 8 (chrM:25-75) has a contribution that is not finite; {remedy}"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_failure_inside_the_block_leaves_no_file(
    tmp_path: Path, batch: ScoreBatch, error: type[BaseException]
) -> None:
    def fail() -> None:
        with ScoreWriter(tmp_path / "a.h5", length=LENGTH, attributes={}) as writer:
            writer.write(batch)
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_opened_is_an_output_error_and_stays(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "a.h5"
    with pytest.raises(OutputError) as caught:
        ScoreWriter(missing, length=LENGTH, attributes={})
    assert str(caught.value) == (
        f"{missing}: cannot be written (No such file or directory); make the folder first"
    )
    with pytest.raises(OutputError) as caught:
        ScoreWriter(tmp_path, length=LENGTH, attributes={})
    assert str(caught.value) == (
        f"{tmp_path}: cannot be written (Is a directory);"
        " a folder has this name; choose another with -o"
    )


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from made_scores import made_batch, window
from seqlift.errors import OutputError
from seqlift.tracks.hdf5 import ScoreWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
batch = made_batch([window("a", 0, 2000)] * 20, length=2000, sizes={"a": 2000})
try:
    with ScoreWriter(sys.argv[1], length=2000, attributes={}) as writer:
        for _ in range(int(sys.argv[3])):
            writer.write(batch)
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("batches", [1, 50])
def test_a_full_disk_is_one_line_and_leaves_no_file(tmp_path: Path, batches: int) -> None:
    # In a process of its own, because HDF5 ends the process when it hears that a disk is full.
    path = tmp_path / "a.h5"
    command = [sys.executable, "-c", FULL_DISK, path, Path(__file__).parent, str(batches)]
    ended = subprocess.run(command, capture_output=True, text=True, preexec_fn=_ignore_limit)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (
        f"{path}: cannot be written (File too large);"
        " raise the limit on file sizes (ulimit -f) or write elsewhere with -o\n"
    )
    assert list(tmp_path.iterdir()) == []


def _ignore_limit() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_summary_tells_rows_residuals_and_provenance(tmp_path: Path, batch: ScoreBatch) -> None:
    residual = np.array([0.25, -4.0, np.nan, 1.0, 2.0])
    batch = dataclasses.replace(batch, residual=residual, relative_residual=residual / 8)
    path = written(tmp_path / "a.h5", batch)
    with ScoreFile(path) as scores:
        summary = scores.summary()
        largest = np.abs(scores.tracks(slice(None))).max()
    assert (summary.rows, summary.length) == (5, LENGTH)
    assert summary.status == {"scored": 3, "contains N": 2}
    assert summary.residual == {0.5: 1.0, 0.9: 4.0, 0.99: 4.0, 1.0: 4.0}
    assert summary.relative_residual[1.0] == 0.5
    assert summary.largest_contribution == largest
    assert summary.provenance["seed"] == 7


def test_a_file_without_rows_can_be_read(tmp_path: Path) -> None:
    with ScoreFile(written(tmp_path / "a.h5")) as scores:
        assert (scores.rows, [*scores.intervals().chrom]) == (0, [])
        assert scores.summary().residual == {}


def _text(path: Path) -> None:
    path.write_text("not HDF5")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _other_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["shap/seq"] = np.zeros((2, 4, 5))


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def _newer(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 2


def _without_dataset(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["qc/residual"]


def _short_dataset(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["qc/residual"].resize(3, axis=0)


GIVE = "give the .h5 file that `seqlift score` wrote"
WRONG_FILES = [
    (Path.unlink, "no such file; check the path"),
    (_text, f"not an HDF5 file; {GIVE}"),
    (_empty, f"not an HDF5 file; {GIVE}"),
    (_other_hdf5, f"HDF5, but not a score file of seqlift (no format_version); {GIVE}"),
    (_truncated, "the file is damaged (it is shorter than it says); run `seqlift score` again"),
    (
        _newer,
        "score file of format 2, this seqlift reads format 1; use the seqlift that wrote it",
    ),
    (
        _short_dataset,
        "the file is damaged (qc/residual has shape (3,), not (5,)); run `seqlift score` again",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), WRONG_FILES)
def test_a_wrong_file_is_one_line(tmp_path: Path, batch: ScoreBatch, spoil, message) -> None:
    path = written(tmp_path / "a.h5", batch)
    spoil(path)
    with pytest.raises(InputError) as caught:
        ScoreFile(path)
    assert str(caught.value) == f"{path}: {message}"


def test_files_of_targets_are_offered_in_the_place_of_their_prefix(
    tmp_path: Path, batch: ScoreBatch
) -> None:
    for name in ("a.counts.h5", "a.profile.h5", "ab.h5"):
        written(tmp_path / name, batch)
    (tmp_path / "a.modisco.h5").write_text("another program's")
    for name in ("a", "a.h5"):
        with pytest.raises(InputError) as caught:
            ScoreFile(tmp_path / name)
        near = f"{tmp_path / 'a.counts.h5'}, {tmp_path / 'a.profile.h5'}"
        assert str(caught.value) == f"{tmp_path / name}: no such file; did you mean {near}?"
        ran = CliRunner().invoke(main, ["inspect", str(tmp_path / name)])
        assert (ran.exit_code, ran.stderr) == (2, f"seqlift: {caught.value}\n")


def test_a_missing_dataset_is_named(tmp_path: Path, batch: ScoreBatch) -> None:
    path = written(tmp_path / "a.h5", batch)
    _without_dataset(path)
    with pytest.raises(InputError, match=r"a\.h5: the file is damaged \(.*residual.*\); run"):
        ScoreFile(path)


def test_damage_inside_the_scores_is_found_when_they_are_read(
    tmp_path: Path, batch: ScoreBatch
) -> None:
    path = written(tmp_path / "a.h5", batch)
    with h5py.File(path) as file:
        chunk = file["projected_shap/seq"].id.get_chunk_info(0)
    with path.open("r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(b"\xff" * chunk.size)
    with ScoreFile(path) as scores, pytest.raises(InputError, match=r"a\.h5: the file is damaged"):
        list(scores.tracks_of(np.array([0])))


@pytest.mark.parametrize("length", [1, 200, 2114, 600_000])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_chunks_are_whole_rows_and_blocks_whole_chunks(length: int, dtype: Dtype) -> None:
    chunk, block = layout.chunk_rows(length, dtype), layout.block_rows(length, dtype)
    row_bytes = 4 * length * np.dtype(dtype).itemsize
    assert chunk >= 1
    assert block % chunk == 0
    assert chunk * row_bytes <= max(layout.CHUNK_BYTES, row_bytes)
    assert block * row_bytes <= max(layout.BLOCK_BYTES, row_bytes)


def test_every_axis_has_a_name(tmp_path: Path, batch: ScoreBatch) -> None:
    path = tmp_path / "a.h5"
    with ScoreWriter(path, length=LENGTH, attributes={}) as writer:
        writer.write(batch)
        writer.set_genome(SIZES)
    with h5py.File(path) as file:
        names = ("row", "base", "position")
        extents = {name: file[name].shape[0] for name in names}
        assert extents == {"row": 5, "base": 4, "position": LENGTH}
        assert list(file["base"].asstr()[:]) == ["A", "C", "G", "T"]
        for name in layout.dtypes("float32"):
            scales = [dim[0].name for dim in file[name].dims]
            assert scales == [f"/{axis}" for axis in names[: len(scales)]], name
            assert len(scales) == (3 if name in layout.LARGE_DATASETS else 1)
        assert file["genome/size"].dims[0][0].name == "/genome/chrom"


def as_before(path: Path) -> Path:
    """Make a score file one of the versions that kept scores as text, and no measures or axes."""
    with h5py.File(path, "r+") as file:
        score = file["regions/score"][:]
        for name in (layout.SCORE, *layout.PEAK_MEASURES):
            del file[name]
        words = ["x" if np.isnan(one) else f"{one:g}" for one in score]
        file.create_dataset(layout.SCORE, data=words, dtype=h5py.string_dtype("utf-8"))
    return path


def test_files_of_earlier_versions_are_read(tmp_path: Path, batch: ScoreBatch) -> None:
    with ScoreFile(as_before(written(tmp_path / "a.h5", batch))) as scores:
        regions = [window.region for window in scores.windows(slice(1, 4))]
        assert [region.score for region in regions] == [None, 12.5, 0]
        assert {(region.signal, region.p_value, region.q_value) for region in regions} == {
            (None, None, None)
        }
        assert not set(layout.PEAK_MEASURES) & set(scores.kinds())
        np.testing.assert_array_equal(scores.values("shap/seq", slice(2)).shape, (2, 4, LENGTH))


def test_files_of_earlier_versions_are_averaged(tmp_path: Path, batch: ScoreBatch) -> None:
    written(tmp_path / "a.h5", batch)
    average([tmp_path / "a.h5"] * 2, tmp_path / "mean.h5", attributes={}, sizes=SIZES)
    as_before(tmp_path / "a.h5")
    average([tmp_path / "a.h5"] * 2, tmp_path / "old.h5", attributes={}, sizes=SIZES)
    with ScoreFile(tmp_path / "mean.h5") as now, ScoreFile(tmp_path / "old.h5") as before:
        assert before.measure(layout.SCORE) == now.measure(layout.SCORE) == [0, None, 12.5, 0, 0]
        everything = slice(None)
        np.testing.assert_array_equal(before.tracks(everything), now.tracks(everything))


def test_a_file_opened_sparingly_has_the_same_values_and_keeps_little_in_memory(
    tmp_path: Path, batch: ScoreBatch
) -> None:
    path = written(tmp_path / "a.h5", batch)
    with ScoreFile(path) as scores, ScoreFile(path, sparing=True) as sparing:
        everything = slice(None)
        for name in scores.kinds():
            np.testing.assert_array_equal(
                sparing.values(name, everything), scores.values(name, everything)
            )
    with open_to_read(path, sparing=True) as file:
        assert file.id.get_mdc_config().max_size == SPARING_BYTES
        assert file[layout.CONTRIBUTIONS].id.get_access_plist().get_chunk_cache()[1] == 0
