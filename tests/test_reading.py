"""The laws of `seqlift.read`: tables of text and numbers, arrays that are read where asked for."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_scores import made_batch, window

import seqlift
from seqlift.errors import InputError
from seqlift.tracks import layout
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.reading import StoredScores

LENGTH = 50
ROWS = 23
NAMES = ("chr1", "chr<2>")
WINDOWS = [
    window(NAMES[i % 2], 100 * i, 100 * i + LENGTH, name=f"p{i}", score=float(i), signal=i / 2)
    for i in range(ROWS)
]


@pytest.fixture(scope="module")
def batch() -> ScoreBatch:
    return made_batch(WINDOWS, length=LENGTH, sizes=dict.fromkeys(NAMES, 10_000))


@pytest.fixture(scope="module")
def path(batch: ScoreBatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reading") / "<b>.h5"
    with ScoreWriter(path, length=LENGTH, attributes={"target": "<script>"}) as writer:
        writer.write(batch)
    return path


@pytest.fixture(scope="module")
def scores(path: Path) -> StoredScores:
    return seqlift.read(path)


def test_regions_are_text_and_numbers(scores: StoredScores, batch: ScoreBatch) -> None:
    table = scores.regions
    assert len(table) == len(scores) == ROWS
    assert (table.chrom == "chr1").sum() == 12
    assert (table.status == "scored").sum() == list(batch.status).count("scored") > 0
    assert table.score.tolist() == list(range(ROWS))
    assert table.signal_value.tolist() == [i / 2 for i in range(ROWS)]
    assert table.p_value.isna().all()
    assert table.start.tolist() == [100 * i for i in range(ROWS)]
    assert table.query("start >= 500 and chrom == 'chr1'").name.tolist()[0] == "p6"
    np.testing.assert_array_equal(scores.qc.prediction, batch.prediction)
    assert list(scores.qc) == [name.removeprefix("qc/") for name in layout.FIGURES]


SEVERAL = [5, 3, 3, 22, -1]
MASK = np.arange(ROWS) % 3 == 1
KEYS = [
    3, -1, np.int64(4), slice(None), slice(2, 9), slice(1, None, 4), slice(None, None, -1), SEVERAL,
    np.array(SEVERAL), [], MASK, pd.Series(MASK), (slice(2, 5), slice(10, 20)), (7, 4, 2),
    (SEVERAL, slice(None), 1), Ellipsis, (Ellipsis, 0),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_an_array_is_indexed_as_one_of_numpy(
    scores: StoredScores, batch: ScoreBatch, key: object
) -> None:
    plain = np.array([], dtype=int) if isinstance(key, list) and not key else key
    np.testing.assert_array_equal(scores.hypothetical[key], batch.hypothetical[plain])


def test_arrays_have_the_axes_of_a_result(scores: StoredScores, batch: ScoreBatch) -> None:
    assert scores.contributions.shape == scores.one_hot.shape == (ROWS, LENGTH, 4)
    assert (scores.one_hot.dtype, scores.contributions.dtype) == (np.int8, np.float32)
    one_hot = batch.codes[..., None] == np.arange(4)
    np.testing.assert_array_equal(scores.one_hot, one_hot)
    np.testing.assert_array_equal(scores.contributions, np.where(one_hot, batch.hypothetical, 0))
    np.testing.assert_array_equal(np.stack(list(scores.hypothetical)), batch.hypothetical)
    assert scores.multipliers is scores.deviation is None
    with pytest.raises(IndexError):
        scores.hypothetical[ROWS]
    with pytest.raises(ValueError, match="is a copy"):
        np.asarray(scores.hypothetical, copy=False)


@pytest.mark.parametrize("rows", [1, 7, ROWS, 100, None])
def test_chunks_are_all_rows_in_their_order(scores: StoredScores, rows: int | None) -> None:
    chunks = list(scores.chunks(rows))
    assert [chunk.start for chunk in chunks] == list(range(0, ROWS, rows or ROWS))
    for name in ("one_hot", "hypothetical", "contributions"):
        joined = np.concatenate([getattr(chunk, name) for chunk in chunks])
        np.testing.assert_array_equal(joined, getattr(scores, name))
    assert pd.concat([chunk.regions for chunk in chunks]).equals(scores.regions)
    assert pd.concat([chunk.qc for chunk in chunks]).equals(scores.qc)


def test_a_file_is_shown_in_a_few_lines(scores: StoredScores, path: Path) -> None:
    assert repr(scores).splitlines()[:2] == [
        f"score file: {path}", f"rows: {ROWS} of {LENGTH} bases",
    ]  # fmt: skip
    assert len(repr(scores)) < 600
    html = scores._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert str(path) in repr(scores.contributions)
    assert len(repr(scores.contributions)) < 300


def test_a_closed_file_says_so(path: Path) -> None:
    with seqlift.read(path) as scores:
        assert len(scores.regions) == ROWS
    assert len(scores.regions) == ROWS
    with pytest.raises(InputError, match=r"closed; open it again with seqlift\.read"):
        scores.contributions[0]


def test_what_is_no_score_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; check the path"):
        seqlift.read(tmp_path / "none.h5")


@pytest.mark.slow
def test_reading_imports_no_model_library(path: Path) -> None:
    code = (
        "import sys, seqlift; print(len(seqlift.read(sys.argv[1]).regions));"
        "assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], check=True, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == (f"{ROWS}\n", "")
