"""A format of tracks is a row of a table: runs, merges and `seqlift track` write it."""

import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from commands import Ran, command, contents, fasta
from stand_in import settings

from seqlift.pipeline.track_formats import FORMATS, TrackFormat
from seqlift.tracks.score_file import ScoreFile

ROWS = 20
SCORE = ("score", "m.h5", "r.bed", "-g", "g.fa", "-r", "zeros", "-q")


def as_text(scores: ScoreFile, overlap: str) -> str:
    sums = scores.tracks(slice(None)).sum(axis=1)
    return "".join(f"{value}\n" for value in (*sums, overlap))


def write(
    scores: ScoreFile,
    path: Path,
    sizes: Mapping[str, int],
    *,
    overlap: str,
    progress: Callable[[int], object],
    workers: object,
) -> None:
    assert list(sizes) == ["c"]
    path.write_text(as_text(scores, overlap))
    progress(scores.rows)


def agrees(scores: ScoreFile, path: Path, _sizes: Mapping[str, int], *, overlap: str) -> bool:
    return path.read_text() == as_text(scores, overlap)


@pytest.fixture(autouse=True)
def one_format_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a format of sums of rows, in a folder with a genome and regions."""
    monkeypatch.chdir(tmp_path)
    chance = random.Random(3)
    Path("g.fa").write_text(fasta({"c": "".join(chance.choices("ACGT", k=900))}))
    starts = [chance.randrange(800) for _ in range(ROWS)]
    Path("r.bed").write_text("".join(f"c\t{start}\t{start + 50}\n" for start in starts))
    FORMATS.append(TrackFormat(".sums", write, agrees, lambda _, rows, __: 12 * rows, 0.1))
    yield
    FORMATS.pop()


def run(*words: object) -> Ran:
    return command(*words, settings=settings())


def sums_of(name: str, overlap: str = "nearest") -> bytes:
    with ScoreFile(Path(name)) as scores:
        return as_text(scores, overlap).encode()


def test_a_run_writes_every_format_of_every_target(tmp_path: Path) -> None:
    assert run(*SCORE, "-o", "x", "-t", "first", "-t", "second").code == 0
    made = contents(tmp_path)
    for target in ("first", "second"):
        assert made[f"x.{target}.sums"] == sums_of(f"x.{target}.h5")
        assert f"x.{target}.bw" in made
    assert not [name for name in made if "partial" in name or "parts" in name]


def test_a_finished_track_of_any_format_is_kept_and_another_file_refused(tmp_path: Path) -> None:
    assert run(*SCORE, "-o", "x").code == 0
    before = contents(tmp_path)
    assert run(*SCORE, "-o", "x").code == 0
    assert contents(tmp_path) == before
    Path("x.sums").write_text("mine\n")
    refused = run(*SCORE, "-o", "x")
    assert refused.code != 0
    assert "x.sums: already exists, and it is not the track of x.h5" in refused.err
    assert Path("x.sums").read_text() == "mine\n"
    assert run(*SCORE, "-o", "x", "--force").code == 0
    assert contents(tmp_path) == before


def test_shards_have_no_tracks_and_merging_makes_all() -> None:
    for shard in ("1-of-2", "2-of-2"):
        assert run(*SCORE, "-o", "x", "--shard", shard).code == 0
    assert not list(Path().glob("*.sums"))
    assert run("merge", "x.1-of-2.h5", "x.2-of-2.h5", "-o", "x", "--overlap", "max").code == 0
    assert Path("x.sums").read_bytes() == sums_of("x.h5", "max")
    assert Path("x.bw").exists()


def test_a_track_has_the_format_of_its_ending() -> None:
    assert run(*SCORE, "-o", "x").code == 0
    assert run("track", "x.h5", "-o", "y.sums", "--overlap", "mean").code == 0
    assert Path("y.sums").read_bytes() == sums_of("x.h5", "mean")
    assert run("track", "x.h5", "-o", "y.bw").code == 0
    assert Path("y.bw").read_bytes() == Path("x.bw").read_bytes()
