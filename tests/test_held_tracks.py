"""Tracks are drawn from values that a run holds, or from score files, which are the same."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import command, contents, fasta
from made_scores import made_batch, parts, window
from stand_in import settings

from seqlift.tracks import held_tracks, score_file
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.held_tracks import HeldScoreFile, HeldTracks

LENGTH, ROWS = 30, 11


@pytest.fixture
def targets() -> list[ScoreBatch]:
    windows = [window("c", 40 * i, 40 * i + LENGTH) for i in range(ROWS)]
    return [made_batch(windows, length=LENGTH, sizes={"c": 900}, seed=seed) for seed in (1, 2)]


@pytest.fixture
def holding(tmp_path: Path, targets: list[ScoreBatch]) -> Callable[[], HeldTracks]:
    """Hold the rows of both targets, in batches."""

    def hold() -> HeldTracks:
        held = HeldTracks(tmp_path, length=LENGTH)
        for scores in zip(*(parts(one, [4, 5, 9]) for one in targets), strict=True):
            held.write(scores)
        return held

    return hold


@pytest.mark.parametrize("in_memory", [1, 800, 2**20])
def test_held_values_are_those_of_the_score_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    targets: list[ScoreBatch],
    holding: Callable[[], HeldTracks],
    in_memory: int,
) -> None:
    monkeypatch.setattr(held_tracks, "TRACK_BYTES", in_memory)
    order = np.random.default_rng(1).permutation(ROWS).tolist()
    with holding() as held:
        assert held.whole(ROWS)
        assert not held.whole(ROWS + 1)
        for target, batch in enumerate(targets):
            path = tmp_path / f"{target}.h5"
            with ScoreWriter(path, length=LENGTH, attributes={}) as writer:
                writer.write(batch)
            with HeldScoreFile(path, held, target) as drawn:
                expected = drawn.tracks(slice(None))
                np.testing.assert_array_equal(list(drawn.tracks_of(order)), expected[order])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.h5", "1.h5"]


def test_a_full_disk_gives_them_up(
    monkeypatch: pytest.MonkeyPatch, holding: Callable[[], HeldTracks]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(held_tracks, "TRACK_BYTES", 1)
    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", full)
    with holding() as held:
        assert not held.whole(ROWS)


def test_a_run_decompresses_nothing_for_its_track_but_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("g.fa").write_text(fasta({"c": "ACGTTGCA" * 100}))
    Path("r.bed").write_text("".join(f"c\t{start}\t{start + 50}\n" for start in (0, 30, 300, 9)))
    words = ("score", "m.h5", "r.bed", "-g", "g.fa", "-r", "zeros", "-q", "-o", "a")
    monkeypatch.setattr(HeldTracks, "whole", lambda *_: False)
    assert command(*words, settings=settings()).code == 0
    from_file = contents(tmp_path)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(score_file, "track_of_chunk")
    assert command(*words, "--force", settings=settings()).code == 0
    assert contents(tmp_path) == from_file


def test_a_shard_which_has_no_track_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("g.fa").write_text(fasta({"c": "ACGTTGCA" * 100}))
    Path("r.bed").write_text("c\t0\t50\nc\t30\t80\n")
    monkeypatch.delattr(HeldTracks, "write")
    words = ("score", "m.h5", "r.bed", "-g", "g.fa", "-r", "zeros", "-q", "-o", "a")
    assert command(*words, "--shard", "1-of-1", settings=settings()).code == 0
