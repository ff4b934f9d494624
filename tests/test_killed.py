"""A command that is killed at any moment ends with the bytes of one that was not, run again.

Run with ``pytest -m slow``. Processes are killed before every change that they make to their folder
and at random moments; a stand-in scores (`stand_in.py`), so they are forked and start at once.
`test_killed_real.py` has three with a real model.
"""

import random
import shutil
import signal
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from commands import contents, fasta
from killed_children import Children, Ended, children

pytestmark = pytest.mark.slow

ROWS = 20  # two parts and a half
KILLS = 14  # at random moments, of each command
PATIENCE = 120  # seconds
FINAL = ("x.h5", "x.bw", "x.regions.bed")

Words = tuple[object, ...]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Children]:
    with children(tmp_path_factory.mktemp("children")) as found:
        yield found


@pytest.fixture(scope="module")
def commands(started: Children, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Words]:
    """Return the words of every command that writes files, by its name; what they read is there."""
    folder = tmp_path_factory.mktemp("inputs")
    chance = random.Random(3)
    (folder / "g.fa").write_text(fasta({"c": "".join(chance.choices("ACGT", k=9000))}))
    starts = [chance.randrange(8900) for _ in range(ROWS)]
    (folder / "r.bed").write_text("".join(f"c\t{start}\t{start + 50}\n" for start in starts))
    score = ("score", folder / "m.h5", folder / "r.bed", "-g", folder / "g.fa", "-r", "zeros")
    for words in (
        (*score, "-o", "x", "--shard", "1-of-2"),
        (*score, "-o", "x", "--shard", "2-of-2"),
        (*score, "-o", "whole"),
    ):
        assert started.run(folder, words).code == 0
    shards = [folder / f"x.{shard}.h5" for shard in ("1-of-2", "2-of-2")]
    found = {
        "score": (*score, "-o", "x"),
        "two targets": (*score, "-o", "x", "-t", "first", "-t", "second"),
        "tracks alone": (*score, "-o", "x", "-t", "first", "-t", "second", "--keep", "track"),
        "shard": (*score, "-o", "x", "--shard", "1-of-2"),
        "merge": ("merge", *shards, "-o", "x"),
        "track": ("track", folder / "whole.h5", "-o", "x.bw"),
    }
    return {name: (*words, "-q") for name, words in found.items()}


def whole(started: Children, folder: Path, words: Words) -> dict[str, bytes]:
    """Return the files of a command that nothing disturbed, run in a new folder."""
    folder.mkdir()
    assert started.run(folder, words) == Ended(0, "")
    return contents(folder)


def every_change(
    started: Children, place: Path, words: Words, *, step: int = 1, **how: int
) -> Iterator[tuple[Path, Ended]]:
    """Yield a folder for a command's changes, each `step`-th, in which it was ended before that."""
    for change in count(0, step):
        folder = place / str(change)
        folder.mkdir()
        ended = started.run(folder, words, change=change, **how)
        if ended.code == 0 and change > 0:  # it made fewer changes
            assert change > 3
            return
        yield folder, ended
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("name", "step"),
    [("score", 1), ("two targets", 4), ("shard", 4), ("merge", 1), ("track", 1)],
)
def test_a_command_killed_before_any_change_is_made_good_by_the_same_command(
    started: Children, commands: dict[str, Words], tmp_path: Path, name: str, step: int
) -> None:
    wanted = whole(started, tmp_path / "whole", commands[name])
    for folder, ended in every_change(started, tmp_path, commands[name], step=step):
        assert ended.code == -signal.SIGKILL
        there = {path: data for path, data in contents(folder).items() if path in wanted}
        assert there.items() <= wanted.items()  # whatever has a final name is whole
        assert started.run(folder, commands[name]) == Ended(0, "")
        assert contents(folder) == wanted
        assert {path.name for path in folder.iterdir()} == set(wanted)


def test_tracks_that_alone_are_kept_are_made_good_until_the_run_is_forgotten(
    started: Children, commands: dict[str, Words], tmp_path: Path
) -> None:
    words = commands["tracks alone"]
    wanted = whole(started, tmp_path / "whole", words)
    forgotten = 0
    for folder, ended in every_change(started, tmp_path, words, step=2):
        assert ended.code == -signal.SIGKILL
        there = {path: data for path, data in contents(folder).items() if path in wanted}
        assert there.items() <= wanted.items()
        finished = there == wanted and not (folder / "x.parts" / "run.json").exists()
        forgotten += finished
        again = started.run(folder, words)
        assert again.code == (5 if finished else 0), again
        assert contents(folder) == wanted
        assert {path.name for path in folder.iterdir()} == set(wanted)
    assert forgotten <= 2  # of the lock and of the empty folder


@pytest.mark.parametrize(("name", "step"), [("score", 3), ("merge", 2)])
def test_a_command_asked_to_end_before_any_change_says_what_is_true(
    started: Children, commands: dict[str, Words], tmp_path: Path, name: str, step: int
) -> None:
    wanted = whole(started, tmp_path / "whole", commands[name])
    how = {"number": signal.SIGTERM, "step": step}
    for folder, ended in every_change(started, tmp_path, commands[name], **how):
        assert ended.code == 128 + signal.SIGTERM, ended
        if "no unfinished file is left" in ended.said:
            assert set(contents(folder)) <= set(wanted)
        assert started.run(folder, commands[name]) == Ended(0, "")
        assert contents(folder) == wanted


def test_files_that_force_replaces_are_old_or_new_and_the_same_command_ends_with_new_ones(
    started: Children, commands: dict[str, Words], tmp_path: Path
) -> None:
    words = commands["score"]
    wanted = whole(started, tmp_path / "whole", words)
    old = dict.fromkeys(wanted, b"old")

    for change in count(0, 2):
        folder = tmp_path / str(change)
        folder.mkdir()
        for name, data in old.items():
            (folder / name).write_bytes(data)
        if started.run(folder, (*words, "--force"), change=change).code == 0:
            break
        for name in wanted:
            path = folder / name
            assert not path.exists() or path.read_bytes() in (old[name], wanted[name])
        begun = (folder / "x.parts" / "run.json").exists()
        continued = begun and change % 4  # what --force was for may still be replaced
        assert started.run(folder, words if continued else (*words, "--force")) == Ended(0, "")
        assert contents(folder) == wanted
    assert change > 20


def test_what_others_put_under_a_final_name_meanwhile_is_never_replaced(
    started: Children, commands: dict[str, Words], tmp_path: Path
) -> None:
    words = commands["score"]
    wanted = whole(started, tmp_path / "whole", words)
    for folder, _ in every_change(started, tmp_path, words, step=4):
        missing = [name for name in wanted if not (folder / name).exists()]
        for name in missing:
            (folder / name).write_text("precious")
        again = started.run(folder, words)
        assert again.code == (5 if missing else 0)
        assert again.said.count("already exists, and ") == len(missing)
        assert {(folder / name).read_text() for name in missing} <= {"precious"}
        for name in missing:
            (folder / name).unlink()
        assert started.run(folder, words) == Ended(0, "")
        assert contents(folder) == wanted


@pytest.mark.parametrize("name", ["score", "merge", "track"])
def test_a_command_killed_at_random_moments_again_and_again_ends_with_the_same_bytes(
    started: Children, commands: dict[str, Words], tmp_path: Path, name: str
) -> None:
    began = time.monotonic()
    wanted = whole(started, tmp_path / "whole", commands[name])
    longest = time.monotonic() - began  # so that most moments lie within the command
    chance, killed, place = random.Random(20), 0, 0
    while killed < KILLS:
        folder, place = tmp_path / str(place), place + 1
        folder.mkdir()
        for _ in range(4):
            ended = started.run(folder, commands[name], after=chance.uniform(0.005, longest))
            killed += ended.code == -signal.SIGALRM
            there = {path: data for path, data in contents(folder).items() if path in wanted}
            assert there.items() <= wanted.items()
        assert started.run(folder, commands[name]) == Ended(0, "")
        assert contents(folder) == wanted
