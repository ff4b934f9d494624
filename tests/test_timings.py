"""Where the seconds of a run go, as reported: by a clock that only what is timed moves on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Ran, attributes_of, score
from stand_in import BATCH, StandIn, settings

from seqlift.explain.schedule import Schedule
from seqlift.pipeline import track_formats
from seqlift.pipeline.threads import Background
from seqlift.pipeline.timings import STAGES, Timings
from seqlift.system.process_age import process_age
from seqlift.tracks import join as joining
from seqlift.tracks.bigwig import write_bigwig

ROWS = 5 * BATCH


class Clock:
    """Shows the seconds that were passed on it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def passing(self, function: Any, seconds: float) -> Any:
        """Wrap a function so that a call takes so long."""

        def call(*arguments: Any, **named: Any) -> Any:
            self.now += seconds
            return function(*arguments, **named)

        return call


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.chdir(tmp_path)
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 5_000))
    Path("g.fa").write_text(f">chr1\n{bases}\n")
    starts = range(0, 60 * ROWS, 60)
    Path("r.bed").write_text("".join(f"chr1\t{start}\t{start + 50}\n" for start in starts))
    Path("any.keras").touch()
    return Clock()


class Alone(StandIn):
    """Computes a batch at a time, so that a clock without a lock is moved by one thread."""

    def schedule_for(self, engine: None, number: int, *, alike: bool) -> Schedule:
        return replace(super().schedule_for(engine, number, alike=alike), lanes=1)


def run(clock: Clock, *options: object) -> Ran:
    """Score with two seconds for loading, 7.5 for the first batch and half a second for others."""
    batches: Iterator[float] = iter([7.5, *[0.5] * ROWS])

    def load(asked: Any) -> StandIn:
        made = Alone(asked)
        plain = made.explain_by

        def explain_by(*arguments: Any) -> Any:
            return clock.passing(plain, next(batches))(*arguments)

        made.explain_by = explain_by  # type: ignore[method-assign]
        return made

    services = settings(load=clock.passing(load, 2.0), clock=clock, age=lambda: 3.25)
    return score("any.keras", "r.bed", "-g", "g.fa", "-o", "x", *options, settings=services)


def shown(ran: Ran) -> dict[str, float]:
    """Read the seconds of each stage from the line that shows them."""
    (line,) = [line for line in ran.err.splitlines() if line.startswith("timings")]
    pairs = [item.rsplit(" ", 2) for item in line.removeprefix("timings").split(",")]
    assert all(unit == "s" for _, _, unit in pairs)
    return {name.strip(): float(seconds) for name, seconds, _ in pairs}


def test_each_stage_has_the_seconds_that_passed_in_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlift.pipeline.final_files.join", clock.passing(joining.join, 0.25))
    slow = replace(track_formats.BIGWIG, write=clock.passing(write_bigwig, 0.75))
    monkeypatch.setattr(track_formats, "FORMATS", [slow])
    found = shown(run(clock, "--timings"))
    assert Path("x.bw").exists()
    assert list(found) == list(STAGES)
    assert found["start"] == 3.25
    assert found["load"] == 2.0
    assert found["compile"] == 7.0  # what the first took longer than the others
    assert found["compute"] + found["wait for input"] == pytest.approx(2.5)
    assert (found["join"], found["track"]) == (0.25, 0.75)
    assert sum(found.values()) == pytest.approx(clock.now - 100.0 + 3.25)


def test_waiting_for_what_is_read_counts_as_input(clock: Clock) -> None:
    timings = Timings(clock)
    items = timings.waited("wait for input", (clock.passing(int, 1.5)() for _ in range(3)))
    with timings.stage("compute"):
        for _ in items:
            clock.now += 4.0
    found = timings.finish(lanes=1)
    assert (found["wait for input"], found["compute"]) == (4.5, 12.0)


def test_waiting_for_what_is_written_counts_as_output(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Background, "close", clock.passing(Background.close, 1.25))
    found = shown(run(clock, "--timings"))
    assert found["wait for output"] == 1.25


def test_of_one_batch_compilation_is_not_told_apart(clock: Clock) -> None:
    timings = Timings(clock)
    with timings.stage("compute"):
        timings.batch(clock.passing(int, 6.0))
    found = timings.finish(lanes=2)
    assert (found["compile"], found["compute"]) == (0.0, 6.0)


def test_timings_are_shown_where_they_are_asked_for_and_change_no_file(clock: Clock) -> None:
    assert "timings" not in run(clock).err
    before = {path: path.read_bytes() for path in Path().glob("x.*")}
    ran = run(clock, "--timings", "-f", "-q")
    assert ran.err.startswith("timings")
    assert len(ran.err.splitlines()) == 1
    assert {path: path.read_bytes() for path in Path().glob("x.*")} == before
    assert "timings" not in attributes_of(Path("x.h5"))["command"]


def test_a_finished_run_has_timings_too(clock: Clock) -> None:
    run(clock)
    found = shown(run(clock, "--timings"))
    assert (found["load"], found["compute"]) == (2.0, 0.0)


def test_a_process_gets_older() -> None:
    first = process_age()
    assert 0.0 < first <= process_age()
