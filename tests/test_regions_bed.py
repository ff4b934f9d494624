from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_scores import made_batch, on_chromosome, parts, window

from seqlift.errors import OutputError
from seqlift.intervals import Window
from seqlift.tracks.regions_bed import RegionsWriter, narrow_peak

LINES = [
    (window("chr1", 400, 450), (400, 450), "chr1 400 450 . 0 . 0 -1 -1 25"),
    (window("chr1", 400, 451), (400, 451), "chr1 400 451 . 0 . 0 -1 -1 25"),
    (
        window("chr1", -20, 30, name="a b", score=1000.0, strand="-"),
        (0, 30),
        "chr1 0 11 a_b 1000 - 0 -1 -1 5",
    ),
    (window("chrM", 25, 75, score=960.5), (25, 60), "chrM 40 60 . 960 . 0 -1 -1 10"),
    (window("chrM", 25, 75, score=1001.0), (25, 60), "chrM 40 60 . 1000 . 0 -1 -1 10"),
    (window("chrM", 25, 75, score=-1.0), (25, 60), "chrM 40 60 . 0 . 0 -1 -1 10"),
    (window("chrM", 25, 75, score=None), (25, 60), "chrM 40 60 . 0 . 0 -1 -1 10"),
    (
        window("chr1", 400, 450, score=float("inf"), signal=3.3, p_value=4.0, q_value=0.1 + 0.2),
        (400, 450),
        "chr1 400 450 . 1000 . 3.3 4 0.30000000000000004 25",
    ),
    (window("chrM", 0, 200), (0, 60), "chrM 58 60 . 0 . 0 -1 -1 1"),
    (window("c", 7, 8), (7, 8), "c 7 8 . 0 . 0 -1 -1 0"),
    (window("c", -5, 5), (0, 0), "c 0 1 . 0 . 0 -1 -1 0"),
]


@pytest.mark.parametrize(("frame", "scored", "line"), LINES)
def test_a_line_is_ten_columns_of_narrow_peak(
    frame: Window, scored: tuple[int, int], line: str
) -> None:
    window = replace(frame, first=scored[0], last=scored[1])
    columns = narrow_peak(window).removesuffix("\n").split("\t")
    assert [column.replace(" ", "_") for column in columns] == line.split()


@given(st.integers(0, 99), st.integers(1, 150))
def test_every_reader_finds_the_middle_of_the_window(centre: int, length: int) -> None:
    frame = window("c", centre - length // 2, centre - length // 2 + length)
    line = narrow_peak(on_chromosome(frame, 100)).split("\t")
    start, end, summit = int(line[1]), int(line[2]), int(line[9])
    assert start + summit == (start + end) // 2 == centre
    assert max(frame.start, 0) <= start < end <= min(frame.end, 100)
    if frame.start >= 0 and frame.end <= 100:
        assert (start, end) == (frame.start, frame.end)


def test_line_i_is_row_i(tmp_path: Path) -> None:
    windows = [window("c", start, start + 10, name=f"peak{start}") for start in (50, 3, 50, 88)]
    batch = made_batch(windows, length=10, sizes={"c": 100})
    with RegionsWriter(tmp_path / "r.bed") as writer:
        for part in parts(batch, [1, 3]):
            writer.write(part.windows)
    rows = [line.split("\t") for line in (tmp_path / "r.bed").read_text().splitlines()]
    assert [row[3] for row in rows] == ["peak50", "peak3", "peak50", "peak88"]
    centres = np.array([[row[1], row[9]] for row in rows], dtype=int).sum(axis=1)
    assert centres.tolist() == [55, 8, 55, 93]


def test_a_failure_inside_the_block_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RegionsWriter(tmp_path / "r.bed"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lines", [1, 20_000])
def test_a_full_disk_is_an_output_error(lines: int) -> None:
    batch = made_batch([window("c", 0, 10)] * lines, length=10, sizes={"c": 100})
    writer = RegionsWriter("/dev/full")

    def write() -> None:
        writer.write(batch.windows)
        writer.close()

    with pytest.raises(OutputError) as caught:
        write()
    assert str(caught.value) == (
        "/dev/full: cannot be written (No space left on device);"
        " free some space there or write elsewhere with -o"
    )
    with suppress(OutputError):
        writer.close()
