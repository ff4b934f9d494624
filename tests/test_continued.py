"""Laws of a run that is ended and continued, or shared out: its files are those of one run."""

import fcntl
import os
import re
import resource
import shutil
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from commands import Ran, attributes_of, contents, make_inputs, scores_in
from commands import command as any_command
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from stand_in import StandIn, settings, stop_after

from seqlift.pipeline.loading import load_explainer
from seqlift.pipeline.preflight import prepared, rows_of_shard
from seqlift.pipeline.score import score as run_score
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.pipeline.settings import Settings
from seqlift.pipeline.space import bytes_needed
from seqlift.pipeline.stopping import Stop, Stopped
from seqlift.tracks.bigwig import most_bytes
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.seal import SIZE

MADE_UP = settings()

REPEATS = 30  # of 23 regions: four chunks of the score file, 163 rows each, and a little more


def command(*words: object, settings: Settings = MADE_UP, **more: Any) -> Ran:
    """Run a command; a stand-in scores by default, in parts of one chunk."""
    return any_command(*words, settings=settings, **more)


def score(*words: object, **more: Any) -> Ran:
    """Run ``seqlift score WORDS``, which must succeed."""
    ran = command("score", *words, **more)
    assert ran.code == 0, ran.err
    return ran


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the genome, the models, and many regions."""
    folder = make_inputs(tmp_path_factory.mktemp("inputs"))
    text = (folder / "peaks.narrowPeak").read_text()
    (folder / "many.narrowPeak").write_text(text * REPEATS)
    return folder


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(inputs: Path, *options: object, model: str = "three") -> tuple[object, ...]:
    chosen = ("-t", "tasks:0", "-t", "tasks:2") if model == "three" else ()
    files = (inputs / f"{model}.keras", inputs / "many.narrowPeak", "-g", inputs / "genome.fa")
    return ("score", *files, "-n", 1, "-b", 16, *chosen, *options)


def ended(words: tuple[object, ...], batches: int, **changed: Any) -> Ran:
    """Run a command that is asked to end after a number of batches."""
    return command(*words, settings=settings(stop=stop_after(batches), **changed))


class Counted(StandIn):
    """Counts the sequences that it scores."""

    sequences = 0

    def explain_by(self, schedule: Any, codes: Any, *others: Any) -> Any:
        type(self).sequences += len(codes)
        return super().explain_by(schedule, codes, *others)


class Refusing(StandIn):
    """Scores nothing."""

    def explain_by(self, *_: Any) -> Any:
        raise AssertionError("there was nothing to score")


def options(words: tuple[object, ...], **changed: Any) -> ScoreOptions:
    """Return the options of `words`, for calls that no command makes."""
    model, regions, _, genome = (str(word) for word in words[1:5])
    chosen = {"target": ("tasks:0", "tasks:2"), "references": 1, "batch_size": 16}
    output = {"output": "many.seqlift"}
    return ScoreOptions(model=model, regions=regions, genome=genome, **chosen, **output, **changed)


class Interrupting:
    """A progress bar that is interrupted, or fails, where a stage begins."""

    def __init__(self, stage: str, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.stage, self.error = stage, error

    def __call__(self, stage: str, total: int) -> "Interrupting":
        if stage == self.stage:
            raise self.error
        return self

    def __enter__(self) -> "Interrupting":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, n: int) -> None:
        pass


@pytest.fixture(scope="module")
def whole(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        score(*words(inputs)[1:])
    return contents(folder)


def test_a_run_that_is_ended_again_and_again_ends_with_the_same_bytes(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    kept = {3: 0, 12: 163, 15: 326, 2: 326}
    for batches, rows in kept.items():
        ran = ended(words(inputs), batches)
        assert ran.code == 128 + signal.SIGTERM
        assert not list(workplace.glob("*.h5"))
        how = "in many.seqlift.parts; the same command goes on from there"
        said = f"{rows} of 690 sequences are kept {how}" if rows else "no unfinished file is left"
        assert ran.err == f"seqlift: interrupted; {said}\n"
    score(*words(inputs)[1:])
    assert contents(workplace) == whole


def test_a_run_that_is_ended_before_its_first_chunk_leaves_nothing(
    inputs: Path, workplace: Path
) -> None:
    ran = ended(words(inputs), 1)
    assert ran.err == "seqlift: interrupted; no unfinished file is left\n"
    assert list(workplace.iterdir()) == []


def test_only_missing_rows_are_computed(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    ended(words(inputs), 14)
    kept = sorted(path.name for path in Path("many.seqlift.parts").iterdir())
    assert kept[0] == "0000000000-0000000163"
    Counted.sequences = 0
    score(*words(inputs)[1:], settings=settings(load=Counted))
    assert Counted.sequences == 690 - 163
    assert contents(workplace) == whole


def test_a_run_is_not_continued_with_other_options(inputs: Path, workplace: Path) -> None:
    ended(words(inputs), 14)
    before = contents(workplace)
    for options, *changed in (
        (("--seed", 5), "seed was 0 and is 5"),
        (
            ("-n", 2, "--rule", "rescale"),
            "rule was genomics and is rescale",
            "references was 1 and is 2",
        ),
        (("-b", 8), "batch_size was 16 and is 8"),
        (("--dtype", "float16"), "dtype was float32 and is float16"),
    ):
        ran = command(*words(inputs, *options))
        remedy = "give --drop-stale-parts to start over, or write elsewhere with -o"
        where = "seqlift: many.seqlift.parts: has parts of another run"
        assert ran.err.splitlines() == [f"{where}: {change}; {remedy}" for change in changed]
        assert ran.code == 5
        assert contents(workplace) == before


def test_stale_parts_are_dropped_on_request_and_fitting_ones_continued(
    inputs: Path, workplace: Path
) -> None:
    ended(words(inputs), 14)
    Counted.sequences = 0
    score(*words(inputs, "--seed", 5, "--drop-stale-parts")[1:], settings=settings(load=Counted))
    assert Counted.sequences == 690
    assert not Path("many.seqlift.parts").exists()
    for path in workplace.iterdir():
        path.unlink()
    ended(words(inputs, "--seed", 5), 14)
    Counted.sequences = 0
    score(*words(inputs, "--seed", 5, "--drop-stale-parts")[1:], settings=settings(load=Counted))
    assert Counted.sequences == 690 - 163


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_computed(
    inputs: Path, workplace: Path
) -> None:
    small = settings(load=Refusing, free_space=lambda _: 10**6)
    ran = command(*words(inputs), settings=small)
    line = (
        "seqlift: .: the files of this run take about 4.5 MB, and 1.0 MB are free; free some"
        " space there or write elsewhere with -o\n"
    )
    assert (ran.code, ran.err) == (5, line)
    assert list(workplace.iterdir()) == []


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_space_a_run_takes_is_known_before(workplace: Path, dtype: Any) -> None:
    data = ROOT / "data"
    files = {"model": str(data / "demo.h5"), "regions": str(data / "demo.narrowPeak")}
    asked = ScoreOptions(
        **files, genome=str(data / "demo.fa"), target=("0",), output="x", references=1,
        precision="float64", dtype=dtype,
    )  # fmt: skip
    real = Settings(load=load_explainer)
    with prepared(asked, real) as run:
        needed = bytes_needed(run, 0)
    run_score(asked, real, progress=Interrupting("none"))
    with ScoreFile("x.h5") as scores:
        reserved = most_bytes(scores.intervals(), scores.sizes())
    written = 2 * Path("x.h5").stat().st_size + reserved
    assert 0.9 * written < needed < 1.2 * written


def test_a_run_is_not_continued_with_another_genome_but_started_over_with_force(
    inputs: Path, workplace: Path
) -> None:
    genome = (inputs / "genome.fa").read_text()
    Path("g.fa").write_text(genome)
    asked = [*words(inputs)]
    asked[asked.index(inputs / "genome.fa")] = "g.fa"
    ended(tuple(asked), 14)
    place = genome.index(">chr1\n") + 20  # in the window of the first region
    other = "A" if genome[place] in "cC" else "C"
    Path("g.fa").write_text(genome[:place] + other + genome[place + 1 :])
    ran = command(*asked)
    assert ran.code == 5
    assert "has parts of another run: windows_sha256 (of the bases of all windows) was " in ran.err
    score(*asked[1:], "--force")
    assert not Path("many.seqlift.parts").exists()
    assert len(scores_in(Path("many.seqlift.tasks-0.h5"))["raw/seq"]) == 690


def test_a_genome_that_changes_underneath_is_noticed(inputs: Path, workplace: Path) -> None:
    Path("g.fa").write_text((inputs / "genome.fa").read_text())
    asked = [*words(inputs)]
    asked[asked.index(inputs / "genome.fa")] = "g.fa"

    class Touching(StandIn):
        def explain_by(self, *arguments: Any) -> Any:
            os.utime("g.fa", ns=(5, 5))
            return super().explain_by(*arguments)

    ran = command(*asked, settings=settings(load=Touching))
    assert ran.code == 2
    assert ran.err.startswith("seqlift: g.fa: the file changed while it was read; run again\n")
    assert not list(workplace.glob("*.h5"))


def test_a_damaged_part_is_named_and_only_it_is_computed_anew(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    ended(words(inputs), 14)
    (folder,) = (
        p for p in Path("many.seqlift.parts").iterdir() if p.name.startswith("0000000000-")
    )
    path = folder / "scores.h5"
    with h5py.File(path) as file:
        place = file["shap/seq"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[place.byte_offset + 60] ^= 1
    path.write_bytes(data)
    ran = command(*words(inputs))
    assert ran.code == 2
    remedy = "remove that folder, and the same command computes its rows anew"
    damage = "the file is damaged (its checksum is another)"
    assert ran.err == f"seqlift: {path}: {damage}, in {folder}; {remedy}\n"
    assert not list(workplace.glob("*.h5"))
    path.unlink()
    folder.rmdir()
    score(*words(inputs)[1:])
    assert contents(workplace) == whole


def test_a_part_that_lost_its_checksum_is_refused(inputs: Path, workplace: Path) -> None:
    ended(words(inputs), 14)
    path = min(Path("many.seqlift.parts").glob("0*/scores.h5"))
    path.write_bytes(path.read_bytes()[:-SIZE])
    ran = command(*words(inputs))
    assert ran.code == 2
    assert ran.err.startswith(f"seqlift: {path}: not what its folder's name says; remove that")


def test_two_runs_do_not_work_in_one_place(inputs: Path, workplace: Path) -> None:
    folder = Path("many.seqlift.parts")
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = command(*words(inputs))
    line = f"{folder}: another run is at work there; wait for it, or write elsewhere with -o"
    assert (ran.code, ran.err) == (5, f"seqlift: {line}\n")


def test_a_track_that_failed_is_made_by_the_same_command(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    with pytest.raises(Stopped) as ended:
        run_score(options(words(inputs)), settings(), progress=Interrupting("track"))
    said = "interrupted; the score files are finished; the same command makes the tracks"
    assert ended.value.args == (2, said)
    assert len(list(workplace.glob("*.h5"))) == 2
    score(*words(inputs)[1:], settings=settings(load=Refusing))
    assert contents(workplace) == whole


def test_score_files_that_were_removed_before_their_track_are_made_from_the_parts(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    """As by a workflow, which removes the files of a command that failed."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))  # a track reserves more
    try:
        ran = command(*words(inputs))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ran.code == 5
    # the tracks of both targets are being drawn at once
    assert re.search(
        r"many\.seqlift\.tasks-[02]\.bw\.partial: cannot be written \(File too", ran.err
    )
    for path in (*workplace.glob("*.tasks-0.h5"), *workplace.glob("*.bed")):
        path.unlink()
    score(*words(inputs)[1:], settings=settings(load=Refusing))
    assert contents(workplace) == whole


@pytest.mark.parametrize("count", [1, 3, pytest.param(8, marks=pytest.mark.slow)])
def test_shards_are_merged_to_the_bytes_of_one_run(
    inputs: Path, workplace: Path, whole: dict[str, bytes], count: int
) -> None:
    for number in range(count, 0, -1):
        score(*words(inputs, "--shard", f"{number}-of-{count}")[1:])
        assert (workplace / f"many.seqlift.{number}-of-{count}.tasks-0.h5").exists()
    assert not list(workplace.glob("*.bw"))
    shards = sorted(workplace.glob("*.h5"))
    kept = set(contents(workplace))
    for _ in range(2):  # the second finds all there
        ran = command("merge", *shards, "-o", "many.seqlift")
        assert ran.code == 0, ran.err
    assert "note       they were there already" in ran.err
    assert {name: data for name, data in contents(workplace).items() if name not in kept} == whole


def test_a_shard_that_is_missing_or_of_another_run_is_named(inputs: Path, workplace: Path) -> None:
    def shard(name: str, *options: object) -> Path:
        score(*words(inputs, "--shard", name, "-o", "x", *options, model="one")[1:])
        return Path(f"x.{name}.h5")

    one, three = shard("1-of-3"), shard("3-of-3")
    ran = command("merge", one, three, "-o", "y")
    missing = f"seqlift: {one}: of its run the shards 2-of-3 are missing; give their files too\n"
    assert (ran.code, ran.err) == (2, missing)
    two = shard("2-of-3", "--seed", 8)
    ran = command("merge", three, two, one, "-o", "y")
    assert ran.code == 2
    together = "give files that belong together"
    assert f"{two}: seed is 8, and of {three} it is 0; {together}\n" in ran.err
    ran = command("merge", one, one, "-o", "y")
    assert (ran.code, ran.err) == (2, f"seqlift: {one}: named twice; name each file once\n")
    ran = command("track", one)
    assert ran.code == 0
    assert sorted(path.name for path in workplace.glob("y*")) == []


@pytest.mark.slow
def test_compiled_code_gives_the_same_bytes_however_rows_are_shared_out(
    inputs: Path, workplace: Path
) -> None:
    real = settings(load=load_explainer)

    def made(*more: object) -> Ran:
        return score(*words(inputs, *more, model="one")[1:], settings=real)

    made("-o", "whole")
    ended(words(inputs, "-o", "ended", model="one"), 14, load=load_explainer)
    made("-o", "ended")
    for name in ("1-of-2", "2-of-2"):
        made("-o", "x", "--shard", name)
    assert command("merge", *sorted(workplace.glob("x.*.h5")), "-o", "merged").code == 0
    for kind in ("h5", "bw", "regions.bed"):
        whole = Path(f"whole.{kind}").read_bytes()
        assert Path(f"ended.{kind}").read_bytes() == Path(f"merged.{kind}").read_bytes() == whole


@given(st.integers(0, 5000), st.integers(1, 40), st.integers(1, 300))
def test_shards_share_all_rows_out(rows: int, count: int, chunk: int) -> None:
    stretches = [rows_of_shard(rows, (number, count), chunk) for number in range(1, count + 1)]
    assert stretches[0][0] == 0
    assert stretches[-1][1] == rows
    assert all(end == start for (_, end), (start, _) in pairwise(stretches))
    assert all(start % chunk == 0 for start, end in stretches if start < end)
    sizes = [-(-(end - start) // chunk) for start, end in stretches]
    assert max(sizes) - min(sizes) <= 1


def test_a_track_is_made_again_with_another_overlap(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    scores = Path("many.seqlift.tasks-0.h5")
    scores.write_bytes(whole[scores.name])
    assert command("track", scores).code == 0
    assert scores.with_suffix(".bw").read_bytes() == whole[f"{scores.stem}.bw"]
    kept = command("track", scores)
    assert (kept.code, "note       they were there already" in kept.err) == (0, True)
    scores.with_suffix(".bw").write_bytes(b"")
    assert command("track", scores).code == 5
    assert command("track", scores, "-o", "mean.bw", "--overlap", "mean").code == 0
    score(*words(inputs, "-o", "again", "--overlap", "mean")[1:])
    assert Path("again.tasks-0.bw").read_bytes() == Path("mean.bw").read_bytes()
    assert Path("again.tasks-0.h5").read_bytes() == whole[scores.name]


def test_models_are_averaged_with_shared_references(inputs: Path, workplace: Path) -> None:
    folds = []
    for name in ("one", "averaging"):
        score(*words(inputs, "-o", name, model=name)[1:])
        folds.append(Path(f"{name}.h5"))
    ran = command("merge", "--mean", *folds, "-o", "mean")
    assert ran.code == 0, ran.err
    rows = [scores_in(path) for path in (*folds, Path("mean.h5"))]
    both = np.stack([found["shap/seq"].astype(np.float64) for found in rows[:2]])
    np.testing.assert_array_equal(rows[2]["shap/seq"], both.mean(axis=0).astype(np.float32))
    np.testing.assert_array_equal(rows[2]["shap_std/seq"], both.std(axis=0).astype(np.float32))
    assert Path("mean.bw").exists()
    score(*words(inputs, "-o", "other", "--seed", 2, model="one")[1:])
    ran = command("merge", "--mean", folds[0], "other.h5", "-o", "mean2")
    assert ran.code == 2
    assert "other.h5: seed is 2, and of one.h5 it is 0; give files that belong together" in ran.err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("0000000000-0000000326", "scores.h5: not what its folder's name says"),
        ("0000000163-0000000326", "scores.h5: not what its folder's name says"),
        ("0000000690-0000000853", "not a part of this run, or one that overlaps another"),
        ("0000000000-0000000100", "not a part of this run, or one that overlaps another"),
    ],
)
def test_a_folder_that_is_not_the_part_its_name_says_is_refused(
    inputs: Path, workplace: Path, name: str, said: str
) -> None:
    ended(words(inputs), 14)
    parts = Path("many.seqlift.parts")
    (parts / "0000000000-0000000163").rename(parts / name)
    ran = command(*words(inputs))
    assert ran.code in (2, 5)
    assert said in ran.err.splitlines()[0]
    assert "remove that folder, and the same command computes its rows anew" in ran.err
    assert not list(workplace.glob("*.h5"))


def test_files_of_two_runs_that_changed_places_are_noticed(inputs: Path, workplace: Path) -> None:
    ended(words(inputs, "-o", "other", "--seed", 2), 14)
    ended(words(inputs), 14)
    name = "0000000000-0000000163/scores.h5"
    Path(f"other.parts/{name}").replace(Path(f"many.seqlift.parts/{name}"))
    ran = command(*words(inputs))
    assert (ran.code, "scores.h5: not what its folder's name says" in ran.err) == (2, True)


def test_a_folder_that_runs_did_not_make_is_left_alone(inputs: Path, workplace: Path) -> None:
    folder = Path("many.seqlift.parts")
    folder.mkdir()
    (folder / "mine.txt").write_text("precious")
    ran = command(*words(inputs))
    line = f"{folder}/mine.txt: no run has put this there; move it, or write elsewhere with -o"
    assert (ran.code, ran.err) == (5, f"seqlift: {line}\n")
    assert (folder / "mine.txt").read_text() == "precious"


def test_a_finished_run_is_made_again_only_with_force(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    for name, data in whole.items():
        Path(name).write_bytes(data)
    ran = score(*words(inputs)[1:], settings=settings(load=Refusing))
    assert "note       all files were there already, as this command writes them" in ran.err
    assert contents(workplace) == whole
    ran = command(*words(inputs, "--seed", 9, "-n", 2))
    remedy = "give --force to replace it, or another -o"
    scores, track = "many.seqlift.tasks-0.h5", "many.seqlift.tasks-0.bw"
    changes = "references was 1 and is 2, seed was 0 and is 9"
    assert ran.code == 5
    other = "many.seqlift.tasks-2.h5"  # what goes with these files is not another difference
    assert ran.err.splitlines() == [
        f"seqlift: {path}: already exists, and {changes}; {remedy}" for path in (scores, other)
    ]
    Path(track).write_bytes(whole["many.seqlift.tasks-2.bw"])
    ran = command(*words(inputs, "--seed", 9, "-n", 2))
    why = f"it is not the track of {scores}"
    assert f"seqlift: {track}: already exists, and {why}; {remedy}\n" in ran.err
    Path(track).write_bytes(whole[track])
    assert contents(workplace) == whole
    Counted.sequences = 0
    score(*words(inputs, "--force")[1:], settings=settings(load=Counted))
    assert Counted.sequences == 690
    assert contents(workplace) == whole


@pytest.mark.parametrize("kind", ["tasks-0.h5", "tasks-2.bw", "regions.bed"])
def test_only_what_is_missing_of_a_finished_run_is_made(
    inputs: Path, workplace: Path, whole: dict[str, bytes], kind: str
) -> None:
    for name, data in whole.items():
        if not name.endswith(kind):
            Path(name).write_bytes(data)
    if kind.endswith(".h5"):  # nothing else tells whose track it is
        Path("many.seqlift.tasks-0.bw").unlink()
    load = StandIn if kind.endswith(".h5") else Refusing
    score(*words(inputs)[1:], settings=settings(load=load))
    assert contents(workplace) == whole


def test_files_that_appeared_meanwhile_are_kept(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    ended(words(inputs), 14)
    for name in whole:
        Path(name).write_text("precious")
    ran = command(*words(inputs))
    assert (ran.code, len(ran.err.splitlines())) == (5, len(whole))
    assert all("already exists, and " in line for line in ran.err.splitlines())
    assert {Path(name).read_text() for name in whole} == {"precious"}
    for name in whole:
        Path(name).unlink()

    class Sudden(StandIn):
        def explain_by(self, *arguments: Any) -> Any:
            Path("many.seqlift.tasks-2.h5").write_text("precious")
            return super().explain_by(*arguments)

    ran = command(*words(inputs), settings=settings(load=Sudden))
    line = "many.seqlift.tasks-2.h5: appeared while this command was at work; move it, and run"
    assert (ran.code, line in ran.err) == (5, True)
    assert Path("many.seqlift.tasks-2.h5").read_text() == "precious"
    Path("many.seqlift.tasks-2.h5").unlink()
    score(*words(inputs)[1:], settings=settings(load=Refusing))
    assert contents(workplace) == whole


def test_what_force_was_given_for_is_replaced_when_the_run_is_continued(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    for name in whole:
        Path(name).write_text("old")
    ended(words(inputs, "--force"), 14)
    assert {Path(name).read_text() for name in whole} == {"old"}
    track = Path("many.seqlift.tasks-0.bw")
    track.write_text("new and precious")
    ran = command(*words(inputs))
    assert (ran.code, len(ran.err.splitlines())) == (5, 1)
    assert ran.err.startswith(f"seqlift: {track}: already exists, and ")
    track.unlink()
    Counted.sequences = 0
    score(*words(inputs)[1:], settings=settings(load=Counted))
    assert Counted.sequences == 690 - 163
    assert contents(workplace) == whole


@pytest.mark.parametrize(
    "name",
    ["precious.partial", "0000000000-0000000163/thesis.txt", "lock", "scored", "run.json.partial"],
)
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_folder_of_the_users_own_loses_nothing(
    inputs: Path, workplace: Path, name: str, force: tuple[str, ...]
) -> None:
    path = Path("many.seqlift.parts") / name
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    ran = command(*words(inputs, *force))
    assert ran.code == 5
    assert "no run has put this there; move it, or write elsewhere with -o" in ran.err
    assert contents(workplace) == {str(path): b"precious"}


def test_a_record_of_no_run_gets_no_lock_beside_it(inputs: Path, workplace: Path) -> None:
    path = Path("many.seqlift.parts/run.json")
    path.parent.mkdir()
    path.write_text('{"facts": {}}')
    assert command(*words(inputs)).code == 5
    assert contents(workplace) == {str(path): b'{"facts": {}}'}


def test_what_others_put_beside_parts_stays(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    ended(words(inputs), 14)
    folder = Path("many.seqlift.parts")
    mine = [folder / "notes.txt", folder / "0000000000-0000000163" / "thesis.txt"]
    for path in mine:
        path.write_text("precious")
    score(*words(inputs)[1:])
    kept = {name: data for name, data in contents(workplace).items() if name not in whole}
    assert sorted(kept.values()) == [b"precious"] * 2
    score(*words(inputs)[1:], settings=settings(load=Refusing))


@pytest.mark.parametrize("kind", ["h5", "bw", "regions.bed"])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_what_is_no_file_is_never_replaced(
    inputs: Path, workplace: Path, kind: str, force: tuple[str, ...]
) -> None:
    os.mkfifo(f"x.{kind}")
    ran = command(*words(inputs, "-o", "x", *force, model="one"), settings=settings(load=Refusing))
    line = f"x.{kind}: a device, pipe or socket has this name; give another with -o"
    assert (ran.code, ran.err) == (5, f"seqlift: {line}\n")
    assert Path(f"x.{kind}").is_fifo()


def test_a_reference_file_that_changed_is_noticed(inputs: Path, workplace: Path) -> None:
    np.save("r.npy", np.full((50, 4), 0.25))
    asked = words(inputs, "-r", "r.npy")
    ended(asked, 14)
    for number in (1, 2):
        np.save("r.npy", np.full((50, 4), 0.25 / number))
        score(*asked[1:], "-o", "x", "--shard", f"{number}-of-2")
    ran = command(*asked)
    assert ran.code == 5
    assert "has parts of another run: reference_sha256 was " in ran.err
    ran = command("merge", *sorted(workplace.glob("x.*.h5")), "-o", "y")
    assert ran.code == 2
    assert "reference_sha256 is " in ran.err


def test_scores_that_changed_before_their_track_are_noticed(inputs: Path, workplace: Path) -> None:
    with pytest.raises(Stopped):
        run_score(options(words(inputs)), settings(), progress=Interrupting("track"))
    path = Path("many.seqlift.tasks-2.h5")
    path.write_bytes(path.read_bytes()[:-2] + b"x\n")
    ran = command(*words(inputs))
    why = "it is not a complete score file (the file is damaged (its checksum is another))"
    remedy = "give --force to replace it, or another -o"
    line = f"seqlift: {path}: already exists, and {why}; {remedy}"
    assert (ran.code, ran.err.splitlines()[0]) == (5, line)
    marker = Path("many.seqlift.parts/run.json")
    for text in ("", "[]", "no", "{}"):
        marker.write_text(text)
        for force in ((), ("--force",)):
            ran = command(*words(inputs, *force))
            where = f"move {marker.parent} away, or write elsewhere with -o"
            line = f"seqlift: {marker}: damaged, or not written by seqlift; {where}"
            assert (ran.code, ran.err.splitlines()[0]) == (5, line)


def test_shards_may_differ_in_how_they_were_made(inputs: Path, workplace: Path) -> None:
    (workplace / "elsewhere").symlink_to(inputs)
    here = words(inputs, "-o", "x", "--shard", "1-of-2", "--device", "cpu", model="one")
    there = words(workplace / "elsewhere", "-o", "x", "--shard", "2-of-2", "-v", model="one")
    score(*here[1:])
    score(*there[1:], "-b", 23)
    ran = command("merge", "x.1-of-2.h5", "x.2-of-2.h5", "-o", "y")
    assert ran.code == 0, ran.err
    assert attributes_of(Path("y.h5"))["batch_size"] == "16, 23"


def test_a_mean_is_of_one_target_and_of_several_models(inputs: Path, workplace: Path) -> None:
    score(*words(inputs, "-o", "a")[1:])
    files = ["a.tasks-0.h5", "a.tasks-2.h5"]
    ran = command("merge", "--mean", *files, "-o", "y")
    line = "seqlift: a.tasks-0.h5: the only file of the target tasks:0; give one for each model\n"
    assert (ran.code, ran.err) == (2, line)
    shutil.copy(files[0], "copy.h5")
    ran = command("merge", "--mean", files[0], "copy.h5", "-o", "y")
    assert ran.err.startswith("seqlift: copy.h5: of the same model as a.tasks-0.h5; give each")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_that_is_ignored_stays_so(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), number)
            assert stop.asked is None
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.asked == signal.SIGTERM
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)
