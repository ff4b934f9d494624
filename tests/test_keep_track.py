"""Runs that keep the track alone: the same track, in a fifth of the space, ended and shared out."""

import re
from pathlib import Path

import h5py
import pytest
from commands import command, score
from stand_in import LongStandIn, settings, write_inputs

from seqlift.errors import InputError
from seqlift.pipeline.part_folders import remove_part
from seqlift.pipeline.parts import PartsFolder
from seqlift.tracks.reading import read_scores

SIZE, REGIONS = 30_000, 28
WORDS = ("any.keras", "r.bed", "-g", "g.fa", "-t", "first", "-t", "second")


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_inputs(SIZE, REGIONS)


def run(prefix: str, *options: object, load: type = LongStandIn) -> str:
    return score(*WORDS, "-o", prefix, *options, settings=settings(load=load)).err


def tracks(prefix: str) -> list[bytes]:
    return [Path(f"{prefix}.{name}.bw").read_bytes() for name in ("first", "second")]


def files(prefix: str) -> list[str]:
    return sorted(path.name for path in Path().glob(f"{prefix}.*"))


def test_the_track_is_that_of_a_run_that_keeps_all_and_nothing_else_stays() -> None:
    run("all")
    told = run("x", "--keep", "track")
    assert tracks("x") == tracks("all")
    assert files("x") == ["x.first.bw", "x.second.bw"]
    assert "sequences  28" in told


def test_shards_keep_sums_and_merge_to_the_track() -> None:
    run("all")
    for number in (1, 2, 3):
        run("x", "--keep", "track", "--shard", f"{number}-of-3")
    with h5py.File("x.1-of-3.first.h5") as file:
        assert file["track/sum"].shape == (len(file["regions/start"]), 1000)
        assert "shap" not in file
    shards = sorted(map(str, Path().glob("x.*.h5")))
    assert command("merge", *shards, "-o", "x").code == 0
    assert tracks("x") == tracks("all")
    ran = command("merge", *shards, "-o", "x")
    assert "they were there already" in ran.err
    ran = command("merge", "--mean", *shards, "-o", "y")
    assert (ran.code, "it keeps the track alone" in ran.err) == (2, True)
    with pytest.raises(InputError, match="it keeps the track alone, and no"):
        read_scores(shards[0])


class Refusing(LongStandIn):
    """Computes nothing."""

    def explain_by(self, *_: object) -> object:
        raise AssertionError("nothing is to be computed")


class Ending(LongStandIn):
    """Is interrupted once there is a part."""

    def explain_by(self, *arguments: object) -> object:
        if list(Path("x.parts").glob("0*-*")):
            raise KeyboardInterrupt
        return super().explain_by(*arguments)


def test_an_ended_run_goes_on() -> None:
    run("all")
    words = (*WORDS, "-o", "x", "--keep", "track", "-b", 5)
    ran = command("score", *words, settings=settings(load=Ending))
    assert "sequences are kept in x.parts" in ran.err
    assert not Path("x.first.bw").exists()
    ran = command("score", *words[:-4], settings=settings(load=LongStandIn))
    assert "kept_scores" in ran.err  # parts that keep sums are not those of a run that keeps all
    score(*words, settings=settings(load=LongStandIn))
    assert tracks("x") == tracks("all")
    assert not Path("x.parts").exists()


def test_a_run_ended_while_its_parts_are_removed_is_finished_by_the_same_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("all", "--keep", "track")
    words = (*WORDS, "-o", "x", "--keep", "track")

    def ended_after_one(self: PartsFolder) -> None:
        remove_part(self.finished()[0].folder)

    with monkeypatch.context() as ending:
        ending.setattr(PartsFolder, "remove", ended_after_one)
        first = score(*words, settings=settings(load=LongStandIn))
    assert len(list(Path("x.parts").glob("0*-*"))) == 1  # of two
    record = Path("x.parts/run.json")
    whole = record.read_text()
    record.write_text(re.sub(r'"largest": [0-9.e-]+', '"largest": 0.5', whole))
    now = command("score", *words, "--tolerance", 0.1, settings=settings(load=Refusing))
    assert now.code == 6
    assert "first, second miss the difference from reference by 5.0e-01" in now.err
    record.write_text(whole)
    again = score(*words, settings=settings(load=Refusing))
    assert "all files were there already" in again.err
    assert tracks("x") == tracks("all")
    assert files("x") == ["x.first.bw", "x.second.bw"]
    lines = [{line for line in ran.err.splitlines() if "resid" in line} for ran in (first, again)]
    assert lines[0] == lines[1] != set()


def test_a_track_changed_meanwhile_is_not_that_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as ending:
        ending.setattr(PartsFolder, "remove", lambda self: remove_part(self.finished()[0].folder))
        run("x", "--keep", "track")
    Path("x.second.bw").write_bytes(b"of somebody else")
    words = (*WORDS, "-o", "x", "--keep", "track")
    ran = command("score", *words, settings=settings(load=Refusing))
    assert ran.code == 5
    assert "x.second.bw: already exists, and nothing tells whether it is of this run" in ran.err
    assert Path("x.second.bw").read_bytes() == b"of somebody else"


def test_a_track_that_is_there_is_replaced_only_when_asked() -> None:
    run("x", "--keep", "track")
    made = tracks("x")
    ran = command("score", *WORDS, "-o", "x", "--keep", "track", settings=settings())
    assert ran.code == 5
    assert "x.first.bw: already exists, and nothing tells whether it is of this run" in ran.err
    run("x", "--keep", "track", "-f")
    assert tracks("x") == made


def test_multipliers_are_not_kept() -> None:
    ran = command("score", *WORDS, "--keep", "track", "--multipliers", settings=settings())
    assert (ran.code, "give one of them" in ran.err) == (2, True)


def test_a_row_of_parts_takes_9_kb_at_2114_bases() -> None:
    run("x", "--keep", "track", "--shard", "1-of-1")
    with h5py.File("x.1-of-1.first.h5") as file:
        stored = sum(item.id.get_storage_size() for item in (file["track/sum"],))
    assert stored / REGIONS / 1000 * 2114 < 9000
