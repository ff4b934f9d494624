"""The commands that are shown for other people's tools name the file at hand and its width."""

import shlex
from pathlib import Path

import pytest
from made_scores import made_batch, window

from seqlift.tracks.consumers import next_commands, regions_of
from seqlift.tracks.hdf5 import ScoreWriter


def written(path: Path, rows: int, *, length: int = 50, **attributes: str) -> Path:
    windows = [window("c", i, i + length) for i in range(rows)]
    with ScoreWriter(path, length=length, attributes=attributes) as writer:
        writer.write(made_batch(windows, length=length, sizes={"c": 9000}))
    return path


def option(line: str, name: str) -> str:
    words = shlex.split(line)
    return words[words.index(name) + 1]


@pytest.mark.parametrize(
    ("length", "rows", "seqlets"), [(50, 3, "2000"), (51, 210, "2100"), (10, 5100, "50000")]
)
def test_commands_have_the_width_of_the_windows(
    tmp_path: Path, length: int, rows: int, seqlets: str
) -> None:
    path = written(tmp_path / "peaks of 'me'.h5", rows, length=length)
    motifs, report, extract, hits = next_commands(path)
    assert shlex.split(motifs)[:2] == ["modisco", "motifs"]
    assert option(motifs, "-i") == option(extract, "-c") == str(path)
    assert option(motifs, "-w") == option(extract, "-w") == str(length)
    assert option(motifs, "-n") == seqlets
    assert option(motifs, "-o") == option(report, "-i") == option(hits, "-m")
    assert option(extract, "-o") == option(hits, "-r")
    assert option(extract, "-p") == str(tmp_path / "peaks of 'me'.regions.bed")


def test_a_shard_and_a_file_without_rows_have_no_commands(tmp_path: Path) -> None:
    assert next_commands(written(tmp_path / "a.h5", 3, shard="1-of-2")) == []
    assert next_commands(written(tmp_path / "b.h5", 0)) == []


def test_several_targets_have_one_regions_file(tmp_path: Path) -> None:
    assert regions_of(tmp_path / "x.y.h5") == tmp_path / "x.y.regions.bed"
    (tmp_path / "x.regions.bed").touch()
    assert regions_of(tmp_path / "x.tasks-0.h5") == tmp_path / "x.regions.bed"
    assert regions_of(tmp_path / "x.h5") == tmp_path / "x.regions.bed"
