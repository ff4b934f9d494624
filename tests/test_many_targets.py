"""Runs of many targets: few files open, few rows held, and what runs of single targets write."""

import re
import resource
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest
from commands import command, score
from stand_in import LongStandIn, settings, stop_after, write_inputs

from seqlift.pipeline.facts import LONGEST_COMMAND, command_of
from seqlift.pipeline.final_files import place_scores
from seqlift.pipeline.parts import PartsFolder
from seqlift.pipeline.run import Run
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.tracks import layout
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.score_file import ScoreFile

pytestmark = pytest.mark.slow

TARGETS = [f"t{number}" for number in range(60)]
ALL = [word for name in TARGETS for word in ("-t", name)]
SHORT = ("any.keras", "r.bed", "-g", "g.fa")
WORDS = ("any.keras", "r.bed", "-g", "g.fa", "-b", 4)
MORE_FILES = 25
"""Files that a run may have open more than the tests have already."""
MOST_HELD = 120e6
"""Bytes: a run that kept a block of rows for each target's own file had 600 million."""


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    write_inputs(30_000, 20)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = max(int(path.name) for path in Path("/dev/fd").iterdir()) + MORE_FILES
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def large_data(path: str) -> dict[str, list[bytes]]:
    """Read the chunks of large datasets as they are stored, and the figures."""
    with h5py.File(path) as file:
        found = {name: [file[name][:].tobytes()] for name in layout.FIGURES}
        for name in (layout.ONE_HOT, layout.HYPOTHETICAL, layout.CONTRIBUTIONS):
            one = file[name].id
            places = [
                one.get_chunk_info(place).chunk_offset for place in range(one.get_num_chunks())
            ]
            found[name] = [one.read_direct_chunk(place)[1] for place in places]
    return found


def test_many_targets_open_few_files_and_hold_few_rows() -> None:
    ending = settings(load=LongStandIn, stop=stop_after(3))  # twelve rows; a chunk has eight
    ran = command("score", *WORDS, *ALL, "-o", "x", settings=ending)
    assert "8 of 20 sequences are kept in x.parts" in ran.err
    assert [path.name for path in Path("x.parts").glob("0*/*")] == ["scores.h5"]
    tracemalloc.start()
    try:
        ended = score(*WORDS, *ALL, "-o", "x", settings=settings(load=LongStandIn))
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < MOST_HELD
    assert "x.t0.h5  x.t1.h5" in ended.err
    assert "and 101 more" in ended.err  # of 60 score files, 60 tracks and a regions file
    assert not Path("x.parts").exists()
    for name in TARGETS[::20]:
        score(*WORDS, "-t", name, "-o", name, settings=settings(load=LongStandIn))
        assert Path(f"x.{name}.bw").read_bytes() == Path(f"{name}.bw").read_bytes()
        assert large_data(f"x.{name}.h5") == large_data(f"{name}.h5")
    # The same bytes, wherever a run was ended.
    score(*WORDS, *ALL, "-o", "y", settings=settings(load=LongStandIn, part_seconds=60.0))
    for name in TARGETS[::20]:
        assert Path(f"x.{name}.h5").read_bytes() == Path(f"y.{name}.h5").read_bytes()


def test_tracks_alone_of_many_targets_open_few_files() -> None:
    score(*WORDS, *ALL, "-o", "x", "--keep", "track", settings=settings(load=LongStandIn))
    score(*WORDS, "-t", "t7", "-o", "y", settings=settings(load=LongStandIn))
    assert Path("x.t7.bw").read_bytes() == Path("y.bw").read_bytes()


def test_more_parts_than_stay_open_make_the_same_files(monkeypatch: pytest.MonkeyPatch) -> None:
    words = (*WORDS, "-t", "t0", "-t", "t1")
    score(*words, "-o", "x", settings=settings(load=LongStandIn))
    for place in ("seqlift.pipeline.open_parts", "seqlift.tracks.several_files"):
        monkeypatch.setattr(f"{place}.MOST_OPEN", 1)
    score(*words, "-o", "y", settings=settings(load=LongStandIn))
    score(*words, "-o", "z", "--keep", "track", settings=settings(load=LongStandIn))
    for name in ("t0", "t1"):
        assert Path(f"x.{name}.h5").read_bytes() == Path(f"y.{name}.h5").read_bytes()
        assert Path(f"x.{name}.bw").read_bytes() == Path(f"z.{name}.bw").read_bytes()


def test_score_files_are_opened_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    whole = ScoreFile.__init__

    def counted(file: ScoreFile, path: Path) -> None:
        opened.append(path)
        whole(file, path)

    monkeypatch.setattr(ScoreFile, "__init__", counted)
    score(*SHORT, *ALL, "-o", "x", settings=settings())
    assert len(opened) == len(TARGETS) + 1  # for their tracks, and the first for the regions
    opened.clear()
    again = score(*SHORT, *ALL, "-o", "x", settings=settings())
    assert "nothing was computed" in again.err
    # for what they are, their tracks and the summary, and the first for the regions
    assert len(opened) == 3 * len(TARGETS) + 1


def test_the_disk_needs_space_for_the_files_there_will_be() -> None:
    full = command("score", *SHORT, *ALL, "-o", "x", settings=settings(free_space=lambda _: 0))
    (needed,) = re.findall(r"take about ([0-9.]+) MB", full.err)
    score(*SHORT, *ALL, "-o", "x", settings=settings())
    written = sum(path.stat().st_size for path in Path().glob("x.*"))
    assert 1 < float(needed) * 1e6 / written < 1.6


def test_a_problem_of_every_target_is_shown_for_some() -> None:
    for name in TARGETS:
        Path(f"x.{name}.h5").touch()
    ran = command("score", *SHORT, *ALL, "-o", "x", settings=settings())
    assert ran.code == 5
    lines = ran.err.splitlines()
    assert lines[0].startswith("seqlift: x.t0.h5: already exists, and it is not a score file")
    assert lines[50:] == ["seqlift: and 10 more problems"]


def test_of_a_command_too_long_for_an_attribute_the_beginning_is_kept() -> None:
    options = ScoreOptions(
        model="any.keras", regions="r.bed", target=tuple(f"{i:060}" for i in range(1000))
    )
    kept = command_of(options)
    assert kept.startswith(f"seqlift score any.keras r.bed --target {0:060} --target")
    assert kept.endswith(f" ... and {70 * 1000 + 29 - LONGEST_COMMAND} characters more")
    with h5py.File("x.h5", "w") as file:
        file.attrs["command"] = kept
    few = replace(options, target=options.target[:3])
    assert command_of(few).endswith(f"--target {2:060}")


def test_parts_of_a_long_run_become_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    found: list[tuple[int, int]] = []

    class Ticking(ScoreWriter):
        def write(self, *batches: ScoreBatch) -> None:
            super().write(*batches)
            written.append(1)

    def recorded(run: Run, parts: PartsFolder, *more: Any) -> Any:
        found.extend((part.start, part.stop) for part in parts.finished())
        return place_scores(run, parts, *more)

    monkeypatch.setattr("seqlift.pipeline.part_writer.PARTS_OF_A_LENGTH", 2)
    monkeypatch.setattr("seqlift.pipeline.part_writer.ScoreWriter", Ticking)
    monkeypatch.setattr("seqlift.pipeline.score.place_scores", recorded)
    write_inputs(30_000, 160)  # 20 batches, each a chunk
    each_second = settings(load=LongStandIn, part_seconds=1.0, clock=lambda: float(len(written)))
    score(*SHORT, "-b", 8, "-o", "x", settings=each_second)
    assert found == [(0, 8), (8, 16), (16, 32), (32, 48), (48, 80), (80, 112), (112, 160)]
