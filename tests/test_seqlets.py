"""The laws of seqlets: planted ones are called, chance ones are rare, motifs are named."""

import re
import subprocess
import sys
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from commands import score
from conftest import ROOT
from made_scores import window

import seqlift
from seqlift.cli import main
from seqlift.inputs.meme import MemeMotif, read_motifs
from seqlift.seqlets.calling import call_windows, peaks_of
from seqlift.seqlets.motifs import background_of, best_matches
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.hdf5 import ScoreWriter

LENGTH = 120
WORDS = ("AGATAAGC", "CAGCTGTT")
DEMO = ROOT / "data"


def tracks_of(values: np.ndarray, *cuts: int) -> Any:
    edges = [0, *cuts, len(values)]
    return lambda: [(a, values[a:b]) for a, b in pairwise(edges)]


def test_peaks_are_the_greatest_windows_that_do_not_overlap() -> None:
    values = np.random.default_rng(0).normal(size=(6, 40))
    row, start, score = peaks_of(values, 7)
    for i, track in enumerate(values):
        sums = np.convolve(track, np.ones(7), "valid")
        expected = []
        while sums.max() > 0:
            best = int(sums.argmax())
            expected.append((best, sums[best]))
            sums[max(best - 6, 0) : best + 7] = -np.inf
        assert start[row == i].tolist() == [place for place, _ in expected]
        np.testing.assert_allclose(score[row == i], [total for _, total in expected], atol=1e-9)


def test_rows_shorter_than_a_window_have_none() -> None:
    assert [len(one) for one in peaks_of(np.ones((3, 5)), 6)] == [0, 0, 0]
    called = call_windows(tracks_of(np.ones((3, 5), np.float32)), width=6, rate=0.1, seed=0)
    assert len(called.row) == 0


def test_noise_has_no_seqlets_and_planted_ones_are_called() -> None:
    random = np.random.default_rng(1)
    noise = random.normal(0, 0.1, (200, LENGTH)).astype(np.float32)
    assert len(call_windows(tracks_of(noise), width=8, rate=0.05, seed=0).row) <= 4
    planted = noise.copy()
    starts = random.integers(0, LENGTH - 8, 200)
    for row, start in enumerate(starts):
        planted[row, start : start + 8] += 0.5
    called = call_windows(tracks_of(planted), width=8, rate=0.05, seed=0)
    right = np.abs(called.start - starts[called.row]) <= 2
    assert right.sum() >= 195
    assert right.mean() >= 0.9
    assert (np.diff(called.score) <= 0).all()
    assert called.q_value.max() <= 0.05
    assert ((called.p_value > 0) & (called.p_value <= 1)).all()


def test_seqlets_do_not_depend_on_how_rows_are_read() -> None:
    values = np.random.default_rng(2).standard_t(2, (90, LENGTH)).astype(np.float32)
    whole = call_windows(tracks_of(values), width=9, rate=0.5, seed=3)
    cut = call_windows(tracks_of(values, 1, 40), width=9, rate=0.5, seed=3)
    assert len(whole.row) > 0
    for name in ("row", "start", "score", "p_value", "q_value"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(cut, name))


def motif_of(word: str) -> MemeMotif:
    rows = [[0.91 if base == letter else 0.03 for letter in "ACGT"] for base in word]
    return MemeMotif(word, np.array(rows))


def test_a_match_has_the_chance_of_all_bases_that_score_as_high() -> None:
    motif, background = motif_of("GATA"), np.array([0.3, 0.2, 0.2, 0.3])
    odds = np.log2((motif.probabilities + 1e-3) / 1.004 / background)
    chances = {
        word: (odds[range(4), list(word)].sum(), background[list(word)].prod())
        for word in product(range(4), repeat=4)
    }
    for word, (value, _) in list(chances.items())[::7]:
        codes = np.array([word], dtype=np.uint8)
        reverse = chances[tuple(3 - base for base in word[::-1])][0]
        best = max(value, reverse)
        expected = sum(chance for other, chance in chances.values() if other >= best - 0.05)
        (found,) = best_matches(codes, [(0, 0, 4)], [motif], background).p_value
        assert found == pytest.approx(min(1, 2 * expected), abs=0.02)


def test_the_best_motif_is_named_on_its_strand() -> None:
    motifs = [motif_of(word) for word in WORDS]
    text = "TTTT" + WORDS[0] + "CCCC" + "AACAGCTG" + "GGNG"
    codes = np.array([["ACGTN".index(base) for base in text]], dtype=np.uint8)
    places = [(0, 4, 12), (0, 15, 25), (0, 24, 28)]
    matches = best_matches(codes, places, motifs, background_of(codes))
    assert matches.motif.tolist()[:2] == [0, 1]
    assert matches.forward.tolist()[:2] == [True, False]
    assert (matches.p_value[:2] < 0.01).all()
    assert matches.p_value[2] > 0.05


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write scores that are high on a word in every row, low on the other in every third."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(4)
    rows = 60
    codes = random.integers(0, 4, (rows, LENGTH), dtype=np.uint8)
    hypothetical = random.normal(0, 0.02, (rows, LENGTH, 4)).astype(np.float32)
    for row, (word, start, size) in product(range(rows), ((0, 20, 1.0), (1, 70, -1.0))):
        if word and row % 3:
            continue
        letters = ["ACGT".index(base) for base in WORDS[word]]
        codes[row, start : start + 8] = letters
        hypothetical[row, range(start, start + 8), letters] = size
    windows = [window("chr1", 1000 * i, 1000 * i + LENGTH, name=f"p{i}") for i in range(rows)]
    batch = ScoreBatch(codes, hypothetical, *np.zeros((5, rows)), windows, ["ok"] * rows)
    with ScoreWriter(tmp_path / "a.h5", length=LENGTH, attributes={}) as writer:
        writer.write(batch)
    (tmp_path / "m.meme").write_text(
        "MEME version 4\n"
        + "".join(
            f"MOTIF {word}\nletter-probability matrix: w= 8\n"
            + "".join(f"{' '.join(map(str, row))}\n" for row in motif_of(word).probabilities)
            for word in WORDS
        )
    )
    return tmp_path / "a.h5"


def test_seqlets_are_written_as_bed_with_a_table_of_motifs(path: Path) -> None:
    ran = CliRunner().invoke(main, ["seqlets", str(path), "--motifs", "m.meme", "--width", "8"])
    assert ran.exit_code == 0, ran.output
    assert re.match(r"seqlets    8\d, 80 of which match a motif\n", ran.output), ran.output
    header, *lines = Path("a.seqlets.bed").read_text().splitlines()
    assert header.startswith("#chrom\tstart\tend\tname\tscore\tstrand\t")
    rows = [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
    first = next(row for row in rows if row["row"] == "3" and row["motif"] == WORDS[0])
    expected = {"#chrom": "chr1", "start": "3020", "end": "3028", "name": "p3", "strand": "+"}
    assert first.items() >= (expected | {"sequence": WORDS[0]}).items()
    assert {int(row["score"]) for row in rows} <= set(range(1001))
    for row in (row for row in rows if row["motif"] != "."):
        sign = 8 if row["motif"] == WORDS[0] else -8
        assert float(row["contribution"]) == pytest.approx(sign, abs=0.1)
    header, *table = Path("a.motifs.tsv").read_text().splitlines()
    counts = {line.split("\t")[0]: line.split("\t")[1:] for line in table}
    assert {word: int(found[0]) for word, found in counts.items()} == {WORDS[0]: 60, WORDS[1]: 20}
    assert all(float(found[2]) > 5 for found in counts.values())


def test_a_width_beyond_the_rows_is_refused(path: Path) -> None:
    words = ["seqlets", str(path), "--width", str(LENGTH + 1), "-o", str(path.with_name("wide"))]
    ran = CliRunner().invoke(main, words)
    assert ran.exit_code == 2
    assert "is longer than its rows of 120 bases" in ran.output
    assert not path.with_name("wide.seqlets.bed").exists()


def test_existing_files_stay(path: Path) -> None:
    Path("a.seqlets.bed").write_text("mine")
    ran = CliRunner().invoke(main, ["seqlets", str(path)])
    assert ran.exit_code == 5
    assert "a.seqlets.bed: already exists" in ran.output
    assert Path("a.seqlets.bed").read_text() == "mine"


@pytest.mark.slow
def test_seqlets_are_called_without_model_libraries(path: Path) -> None:
    code = (
        "import sys; from seqlift.cli import main;"
        "main(['seqlets', sys.argv[1], '-q'], standalone_mode=False);"
        "assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_motifs_of_the_demonstration_are_those_that_were_planted() -> None:
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        from simulated_peaks import MOTIFS
    finally:
        sys.path.remove(str(ROOT / "examples"))
    for ours, planted in zip(read_motifs(str(DEMO / "demo.meme")), MOTIFS, strict=True):
        counts = np.array(planted.counts, dtype=float)
        assert ours.name == planted.name
        expected = counts / counts.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(ours.probabilities, expected, atol=1e-6)


@pytest.mark.slow
def test_planted_instances_are_found_and_named(tmp_path: Path) -> None:
    words = (DEMO / "demo.h5", DEMO / "demo.narrowPeak", "-g", DEMO / "demo.fa")
    score(*words, "-t", "tasks:0", "-o", tmp_path / "x")
    path = str(tmp_path / "x.h5")
    ran = CliRunner().invoke(main, ["seqlets", path, "--motifs", str(DEMO / "demo.meme")])
    assert ran.exit_code == 0, ran.output
    called = [line.split("\t") for line in (tmp_path / "x.seqlets.bed").read_text().splitlines()]
    named = [row for row in called[1:] if row[10] != "."]
    planted = [line.split("\t") for line in (DEMO / "demo.motifs.bed").read_text().splitlines()]

    def overlap(one: list[str], other: list[str]) -> bool:
        shared = min(int(one[2]), int(other[2])) - max(int(one[1]), int(other[1]))
        shorter = min(int(row[2]) - int(row[1]) for row in (one, other))
        return one[0] == other[0] and 2 * shared >= shorter

    pairs = [(one, other) for one in planted for other in named if overlap(one, other)]
    assert len({tuple(one) for one, _ in pairs}) >= 0.9 * len(planted)
    assert len({tuple(other) for _, other in pairs}) >= 0.9 * len(named)
    right = [one[3] == other[10] and one[5] == other[5] for one, other in pairs]
    assert np.mean(right) >= 0.95
    with seqlift.read(path) as scores:
        assert len(scores) == 200
