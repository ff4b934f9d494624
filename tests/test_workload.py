"""Regions and genome are read as often as they must be, and memory does not grow with them."""

import tempfile
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Ran, command, score
from stand_in import settings

from seqlift.inputs import regions
from seqlift.inputs.genome import Genome
from seqlift.inputs.text import TextFile
from seqlift.inputs.windows import Framing
from seqlift.pipeline.workload import Workload

SIZE = 5_000
REGIONS = 200
TARGETS = ("first", "second", "third")


def write_regions(path: Path, number: int) -> Path:
    starts = np.random.default_rng(1).integers(0, SIZE - 60, number)
    path.write_text("".join(f"chr1\t{start}\t{start + 60}\n" for start in starts))
    return path


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    bases = np.random.default_rng(0).choice(list("ACGT"), SIZE)
    Path("g.fa").write_text(f">chr1\n{''.join(bases)}\n")
    write_regions(Path("r.bed"), REGIONS)
    Path("any.keras").touch()
    return tmp_path


def run(*options: object) -> Ran:
    asked = [word for target in TARGETS for word in ("-t", target)]
    return score("any.keras", "r.bed", "-g", "g.fa", *asked, *options, settings=settings())


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how many lines are parsed and how many windows are fetched from now on."""
    counts: Counter[str] = Counter()
    parse, fetch = regions.parse_regions, Genome.fetch

    def counted_parse(lines: Iterator[str], **how: Any) -> Iterator[Any]:
        def counted_lines() -> Iterator[str]:
            for line in lines:
                counts["lines"] += 1
                yield line

        return parse(counted_lines(), **how)

    def counted_fetch(self: Genome, *interval: Any) -> Any:
        counts["windows"] += 1
        return fetch(self, *interval)

    monkeypatch.setattr(regions, "parse_regions", counted_parse)
    monkeypatch.setattr(Genome, "fetch", counted_fetch)
    return counts


def test_lines_are_parsed_twice_and_windows_fetched_once(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = counted(monkeypatch)
    run("-o", "x")
    assert counts == {"lines": 2 * REGIONS, "windows": REGIONS}


def test_a_finished_run_is_found_so_by_one_reading(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("-o", "x")
    counts = counted(monkeypatch)
    assert "nothing was computed" in run("-o", "x").err
    assert counts == {"lines": REGIONS, "windows": REGIONS}


def test_the_digest_of_the_regions_is_taken_once(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, blocks = [], TextFile.blocks

    def counted_blocks(self: TextFile) -> Iterator[bytes]:
        taken.append(self.source)
        return blocks(self)

    monkeypatch.setattr(TextFile, "blocks", counted_blocks)
    run("-o", "x")
    assert taken == ["r.bed"]


def test_where_bases_cannot_be_held_they_are_fetched_again(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("-o", "x")
    held = {path.name: path.read_bytes() for path in workplace.glob("x.*")}

    def refuse(**_: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    counts = counted(monkeypatch)
    run("-o", "x", "-f")
    assert counts["windows"] == 2 * REGIONS
    assert {path.name: path.read_bytes() for path in workplace.glob("x.*")} == held


@pytest.mark.parametrize("buffering", [0, 1 << 20], ids=["at once", "late"])
def test_a_full_disk_for_temporary_files_stops_no_run(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, buffering: int
) -> None:
    def full(**_: object) -> Any:
        return Path("/dev/full").open("r+b", buffering=buffering)

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    counts = counted(monkeypatch)
    run("-o", "x")
    assert counts["windows"] == 2 * REGIONS


@pytest.mark.parametrize("framing", [Framing(50), Framing(None), Framing(20, 7)], ids=str)
def test_held_bases_are_those_of_the_genome(workplace: Path, framing: Framing) -> None:
    with Workload("r.bed", "g.fa") as workload:
        fetched = [row.codes for row in workload.read(framing, 3)]
        workload.survey(framing)
        held = [row.codes for row in workload.read(framing, 3)]
        others = [row.codes for row in workload.read(Framing(11))]
    assert all(np.array_equal(*pair) for pair in zip(fetched, held, strict=True))
    assert {len(codes) for codes in others} == {11}


def test_a_window_has_the_line_of_its_region(workplace: Path) -> None:
    Path("r.bed").write_text("# two\nchr1\t5\t60\n\nchr1\t100\t140\n")
    with Workload("r.bed", "g.fa") as workload:
        survey = workload.survey(Framing(50, 25))
        lines = [row.window.region.line for row in workload.read(survey.framing)]
        assert list(survey.lines) == lines == [2, 2, 2, 4]
        assert [workload.place(line) for line in lines] == [*["r.bed:2"] * 3, "r.bed:4"]


def test_a_sequence_has_the_name_of_its_record(workplace: Path) -> None:
    Path("s.fa").write_text(">one\nACGT\n>two\nACGTA\n")
    with Workload("s.fa", None) as workload:
        lines = workload.survey(Framing(None)).lines
        assert [workload.place(line) for line in lines] == ["s.fa: record one", "s.fa: record two"]


def test_regions_are_checked_where_no_windows_are_known(workplace: Path) -> None:
    with Path("r.bed").open("a") as file:
        file.write("chr1\t9\t5\n")
    wrong = "--tile", "--stride", 99  # so that windows have no place
    ran = command("score", "any.keras", "r.bed", "-g", "g.fa", *wrong, settings=settings())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "seqlift: r.bed:201: end 5 is not after start 9; give 0-based half-open coordinates",
        "seqlift: --stride 99: more than the 50 bases of a window; give at most 50",
    ]


def test_memory_grows_by_a_few_bytes_a_region(workplace: Path) -> None:
    peaks = []
    for number in (1_000, 6_000):
        path = write_regions(Path(f"{number}.bed"), number)
        tracemalloc.start()
        with Workload(str(path), "g.fa") as workload:
            framing = Framing(200)
            workload.survey(framing)
            for _ in workload.read(framing):
                pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 5_000 * 8


def test_every_letter_that_is_no_base_is_counted(workplace: Path) -> None:
    Path("bad.fa").write_text(">chr1\n" + ("X" * 5 + "ACGTA" * 3) * 150 + "\n")
    Path("bad.bed").write_text("".join(f"chr1\t{20 * i}\t{20 * i + 20}\n" for i in range(150)))
    ran = command("score", "any.keras", "bad.bed", "-g", "bad.fa", "-o", "x", settings=settings())
    assert ran.code == 2
    lines = ran.err.splitlines()
    assert len(lines) == 51
    assert lines[0].startswith("seqlift: bad.fa: 'X' at base 0 of chr1")
    assert lines[50] == "seqlift: and 100 more problems"
