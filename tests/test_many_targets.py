"""Runs of many targets: few files open, few rows held, and what runs of single targets write."""

import resource
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest
from commands import command, score
from stand_in import LongStandIn, settings, stop_after, write_inputs

from seqlift.tracks import layout

pytestmark = pytest.mark.slow

TARGETS = [f"t{number}" for number in range(60)]
ALL = [word for name in TARGETS for word in ("-t", name)]
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
