"""Laws of a run that is ended and continued, or shared out: its files are those of one run."""

import fcntl
import os
import shutil
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from commands import Ran, attributes_of, command, contents, make_inputs, score, scores_in
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from seqlift.errors import OutputError
from seqlift.pipeline import part_writer
from seqlift.pipeline import score as pipeline
from seqlift.pipeline.preflight import rows_of_shard
from seqlift.pipeline.space import bytes_needed
from seqlift.pipeline.stopping import Stop

REPEATS = 30  # of 23 regions: four chunks of the score file, 163 rows each, and a little more


FAST = ("--precision", "float64")  # which is not compiled by XLA: that takes most of a short run


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the genome, the models, and many regions."""
    folder = make_inputs(tmp_path_factory.mktemp("inputs"))
    text = (folder / "peaks.narrowPeak").read_text()
    (folder / "many.narrowPeak").write_text(text * REPEATS)
    return folder


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one, in which every part is one chunk."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(part_writer, "SECONDS", 0.0)
    return tmp_path


def words(inputs: Path, *options: object, model: str = "three") -> tuple[object, ...]:
    chosen = ("-t", 0, "-t", 2) if model == "three" else ()
    files = (inputs / f"{model}.keras", inputs / "many.narrowPeak", "-g", inputs / "genome.fa")
    return ("score", *files, "-n", 1, "-b", 16, *FAST, *chosen, *options)


def ended(words: tuple[object, ...], batches: int) -> Ran:
    """Return what a command does that is asked to end after a number of batches."""

    class StopSoon:
        reads = 0

        def __enter__(self) -> "StopSoon":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        @property
        def asked(self) -> int | None:
            self.reads += 1
            return signal.SIGTERM if self.reads >= batches else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "Stop", StopSoon)
        return command(*words)


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
    inputs: Path, workplace: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(words(inputs), 14)
    kept = sorted(path.name for path in Path("many.seqlift.parts").iterdir())
    assert kept[0] == "0000000000-0000000163"
    read = []
    monkeypatch.setattr(pipeline, "compute_stretch", spy(pipeline.compute_stretch, read))
    score(*words(inputs)[1:])
    assert [arguments[2] for arguments in read] == [(163, 690)]
    assert contents(workplace) == whole


def spy(function: Any, calls: list[Any]) -> Any:
    def spied(*arguments: Any) -> Any:
        calls.append(arguments)
        return function(*arguments)

    return spied


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
        remedy = "give --force to start over, or write elsewhere with -o"
        where = "seqlift: many.seqlift.parts: has parts of another run"
        assert ran.err.splitlines() == [f"{where}: {change}; {remedy}" for change in changed]
        assert ran.code == 5
        assert contents(workplace) == before


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_computed(
    inputs: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(workplace)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**6))
    monkeypatch.setattr(pipeline, "compute", None)
    ran = command(*words(inputs))
    line = (
        "seqlift: .: the files of this run take about 3.6 MB, and 1.0 MB are free; free some"
        " space there or write elsewhere with -o\n"
    )
    assert (ran.code, ran.err) == (5, line)
    assert list(workplace.iterdir()) == []


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_space_a_run_takes_is_known_before(
    inputs: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    runs: list[Any] = []
    monkeypatch.setattr(pipeline, "check_space", lambda run, kept: runs.append((run, kept)))
    data = ROOT / "data"
    files = (data / "demo.h5", data / "demo.narrowPeak", "-g", data / "demo.fa")
    score(*files, "-t", 0, "-n", 1, *FAST, "--dtype", dtype, "-o", "x")
    (run, kept), written = runs[0], 2 * Path("x.h5").stat().st_size + Path("x.bw").stat().st_size
    assert kept == 0
    assert 0.9 * written < bytes_needed(run, 0) < 1.2 * written


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


def test_a_genome_that_changes_underneath_is_noticed(
    inputs: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("g.fa").write_text((inputs / "genome.fa").read_text())
    asked = [*words(inputs)]
    asked[asked.index(inputs / "genome.fa")] = "g.fa"
    write = pipeline.write_batch

    def touched(*arguments: Any) -> None:
        os.utime("g.fa", ns=(5, 5))
        write(*arguments)

    monkeypatch.setattr(pipeline, "write_batch", touched)
    ran = command(*asked)
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
    path = folder / "1.h5"
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
    (folder / "0.h5").unlink()
    folder.rmdir()
    score(*words(inputs)[1:])
    assert contents(workplace) == whole


def test_two_runs_do_not_work_in_one_place(inputs: Path, workplace: Path) -> None:
    folder = Path("many.seqlift.parts")
    folder.mkdir()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = command(*words(inputs))
    line = f"{folder}: another run is at work there; wait for it, or write elsewhere with -o"
    assert (ran.code, ran.err) == (5, f"seqlift: {line}\n")


def test_a_track_that_failed_is_made_by_the_same_command(
    inputs: Path, workplace: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "write_track", interrupted)
        ran = command(*words(inputs))
    said = "the score files are finished; the same command makes the tracks"
    assert (ran.code, ran.err) == (130, f"seqlift: interrupted; {said}\n")
    assert len(list(workplace.glob("*.h5"))) == 2
    monkeypatch.setattr(pipeline, "compute", interrupted)
    score(*words(inputs)[1:])
    assert contents(workplace) == whole


def test_score_files_that_were_removed_before_their_track_are_made_from_the_parts(
    inputs: Path, workplace: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a workflow, which removes the files of a command that failed."""

    def full(*_: object, **__: object) -> None:
        raise OutputError("x.bw: the disk is full; free some space")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "write_track", full)
        ran = command(*words(inputs))
    assert ran.code == 5
    for path in (*workplace.glob("*.tasks-0.h5"), *workplace.glob("*.bed")):
        path.unlink()
    monkeypatch.setattr(pipeline, "compute_stretch", None)
    score(*words(inputs)[1:])
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
    ran = command("merge", *shards, "-o", "many.seqlift")
    assert ran.code == 0, ran.err
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
    assert (ran.code, ran.err) == (2, f"seqlift: {one}: given twice; give each file once\n")
    ran = command("track", one)
    assert ran.code == 0
    assert sorted(path.name for path in workplace.glob("y*")) == []


def test_compiled_code_gives_the_same_bytes_however_rows_are_shared_out(
    inputs: Path, workplace: Path
) -> None:
    fused = ("--precision", "float32")
    score(*words(inputs, *fused, "-o", "whole", model="one")[1:])
    ended(words(inputs, *fused, "-o", "ended", model="one"), 14)
    score(*words(inputs, *fused, "-o", "ended", model="one")[1:])
    for name in ("1-of-2", "2-of-2"):
        score(*words(inputs, *fused, "-o", "x", "--shard", name, model="one")[1:])
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
        ("0000000000-0000000326", "0.h5: not what its folder's name says"),
        ("0000000163-0000000326", "0.h5: not what its folder's name says"),
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


def test_files_of_two_targets_that_changed_places_are_noticed(
    inputs: Path, workplace: Path
) -> None:
    ended(words(inputs), 14)
    folder = Path("many.seqlift.parts/0000000000-0000000163")
    (folder / "0.h5").rename(folder / "x")
    (folder / "1.h5").rename(folder / "0.h5")
    (folder / "x").rename(folder / "1.h5")
    ran = command(*words(inputs))
    assert (ran.code, "0.h5: not what its folder's name says" in ran.err) == (2, True)


def test_a_folder_that_runs_did_not_make_is_left_alone(inputs: Path, workplace: Path) -> None:
    folder = Path("many.seqlift.parts")
    folder.mkdir()
    (folder / "mine.txt").write_text("precious")
    ran = command(*words(inputs))
    line = f"{folder}/mine.txt: no run has put this there; move it, or write elsewhere with -o"
    assert (ran.code, ran.err) == (5, f"seqlift: {line}\n")
    assert (folder / "mine.txt").read_text() == "precious"


def test_only_a_run_that_is_continued_replaces_files(
    inputs: Path, workplace: Path, whole: dict[str, bytes]
) -> None:
    for name, data in whole.items():
        Path(name).write_bytes(data)
    Path("many.seqlift.parts").mkdir()
    (Path("many.seqlift.parts") / "run.json").write_text("{}")
    ran = command(*words(inputs, "--seed", 9))
    assert ran.code == 5
    assert "already exists; give --force to replace it, or another -o" in ran.err
    assert {name: Path(name).read_bytes() for name in whole} == whole


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
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "write_track", interrupted)
        command(*words(inputs))
    path = Path("many.seqlift.tasks-2.h5")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    ran = command(*words(inputs))
    line = f"seqlift: {path}: not the file that this run finished; give --force to start over"
    assert (ran.code, ran.err.splitlines()[0]) == (5, line)
    marker = Path("many.seqlift.parts/scored")
    for text in ("", "[]", "no"):
        marker.write_text(text)
        ran = command(*words(inputs))
        line = f"seqlift: {marker}: the file is damaged; give --force to start over"
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
