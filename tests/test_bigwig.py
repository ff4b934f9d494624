import dataclasses
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyBigWig
import pytest
import random_tracks
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_scores import made_batch, window

from seqlift.errors import InputError, NumericError, OutputError
from seqlift.intervals import Window
from seqlift.tracks import bigwig
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.bigwig import write_bigwig
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.labels import Labels
from seqlift.tracks.overlap import Intervals, Segment, covered_bases, joined_segments, sweep
from seqlift.tracks.overlap_policies import OVERLAPS, Overlap
from seqlift.tracks.score_file import ScoreFile

SIZES = {"chr2": 100, "chr10": 40, "empty": 30, "chr1": 1}


def intervals_of(frames: Sequence[tuple[str, int, int, int, int]]) -> Intervals:
    columns = np.array([frame[1:] for frame in frames], dtype=np.int64).reshape(-1, 4).T
    return Intervals(Labels.of([[frame[0] for frame in frames]]), *columns)


def value(row: int, base: int) -> float:
    """Return a score that tells which row and base it came from, exact in float32."""
    return row * 1000 + base + 1


def swept(
    frames: Sequence[tuple[str, int, int, int, int]],
    overlap: Overlap = "nearest",
    score: Callable[[int, int], float] = value,
) -> list[tuple[str, int, float]]:
    intervals = intervals_of(frames)

    def track(row: int) -> np.ndarray:
        _, _, _, start, end = frames[row]
        return np.array([score(row, base) for base in range(start, end)], dtype=np.float32)

    segments = sweep(intervals, SIZES, tracks=partial(map, track), overlap=overlap)
    return [
        (segment.chrom, segment.start + i, float(v))
        for segment in segments
        for i, v in enumerate(segment.values.copy())
    ]


def by_brute_force(
    frames: Sequence[tuple[str, int, int, int, int]],
    overlap: Overlap = "nearest",
    score: Callable[[int, int], float] = value,
) -> list:
    """Apply the law base by base; ties go to the lower start, end, scored part, row."""
    bases = []
    for chrom, size in SIZES.items():
        for base in range(size):
            covering = [
                (abs(base - (start + (end - start) // 2)), (start, end, first, last, row))
                for row, (c, start, end, first, last) in enumerate(frames)
                if c == chrom and first <= base < last
            ]
            if not covering:
                continue
            scores = [(score(rank[-1], base), distance, rank) for distance, rank in covering]
            bases.append((chrom, base, settled(scores, overlap)))
    return bases


def settled(scores: list[tuple[float, int, tuple[int, ...]]], overlap: Overlap) -> float:
    """Return the score of a base from that of each window, its distance and its rank."""
    if overlap == "mean":
        return float(np.float32(sum(score for score, _, _ in scores) / len(scores)))
    keys = {
        "nearest": [(distance, rank) for _, distance, rank in scores],
        "max": [(-abs(score), rank) for score, _, rank in scores],
        "first": [rank[-1:] for _, _, rank in scores],
    }[overlap]
    return float(scores[keys.index(min(keys))][0])


@st.composite
def frames(draw: st.DrawFn) -> tuple[str, int, int, int, int]:
    """Return a frame that may stick out of its chromosome, with any scored part, even none."""
    chrom = draw(st.sampled_from(sorted(SIZES)))
    start = draw(st.integers(-15, SIZES[chrom] - 1))
    end = start + draw(st.integers(1, 30))
    inside = max(start, 0), max(min(end, SIZES[chrom]), max(start, 0))
    if draw(st.booleans()):
        return (chrom, start, end, *inside)
    first = draw(st.integers(*inside))
    return chrom, start, end, first, draw(st.integers(first, inside[1]))


same_length_frames = st.builds(
    lambda start: ("chr2", start, start + 14, max(start, 0), min(start + 14, 100)),
    st.integers(-7, 92),
)


@given(st.lists(frames(), max_size=25))
def test_each_base_takes_the_nearest_window(rows: list) -> None:
    assert swept(rows) == by_brute_force(rows)


def signed(row: int, base: int) -> float:
    """Return scores of either sign, equal in size for many rows; sums of a few are exact."""
    return float((row * 7 + base * 3) % 5 - 2)


@pytest.mark.parametrize("overlap", OVERLAPS)
@given(rows=st.lists(frames(), max_size=20))
def test_where_windows_overlap_a_base_has_the_score_that_was_asked_for(
    rows: list, overlap: Overlap
) -> None:
    assert swept(rows, overlap, signed) == by_brute_force(rows, overlap, signed)


@given(st.lists(same_length_frames, max_size=40))
def test_each_base_takes_the_nearest_of_many_equal_windows(rows: list) -> None:
    assert swept(rows) == by_brute_force(rows)
    assert covered_bases(intervals_of(rows), SIZES) == len(swept(rows))


@given(st.lists(frames(), max_size=25))
def test_covered_bases_counts_each_base_once(rows: list) -> None:
    assert covered_bases(intervals_of(rows), SIZES) == len(by_brute_force(rows))


def test_ties_go_to_the_lower_start_and_then_to_the_earlier_row() -> None:
    tie = [("chr2", 24, 34, 24, 34), ("chr2", 20, 30, 20, 30)]  # middles 29 and 25: base 27
    assert swept(tie) == [
        ("chr2", base, value(1 if base <= 27 else 0, base)) for base in range(20, 34)
    ]
    same = [("chr2", 20, 30, 20, 30)] * 3
    assert swept(same) == [("chr2", base, value(0, base)) for base in range(20, 30)]


# Equally near, and from the same start: distinguished by their ends, not by their order.
NEAR = ("chr2", 19, 45, 20, 45), ("chr2", 19, 34, 19, 34), ("chr2", 19, 34, 20, 34)


@given(st.lists(frames(), max_size=15, unique=True), st.randoms(use_true_random=False))
@example(list(NEAR), Random(0))
@example(list(NEAR), Random(2))
def test_order_of_rows_does_not_matter(rows: list, random: Random) -> None:
    shuffled = random.sample(rows, len(rows))

    def windows_taken(order: list) -> list:
        return [(c, base, order[int(v - base - 1) // 1000]) for c, base, v in swept(order)]

    assert windows_taken(rows) == windows_taken(shuffled)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=20),
    st.integers(1, 7),
)
def test_joining_runs_changes_no_value(pieces: list, most: int) -> None:
    segments, position = [], 0
    for touching, count in pieces:
        position += 0 if touching else 3
        segments.append(
            Segment("c", position, np.arange(position, position + count, dtype=np.float32))
        )
        position += count
    found = list(joined_segments(iter(segments), most=most))
    assert all(len(segment.values) <= most for segment in found)
    assert [v for segment in found for v in segment.values] == [
        v for segment in segments for v in segment.values
    ]
    assert all(
        (segment.values == segment.start + np.arange(len(segment.values))).all()
        for segment in found
    )


def score_file(path: Path, batch: ScoreBatch, **options: str) -> Path:
    length = batch.codes.shape[1]
    with ScoreWriter(path, length=length, attributes={}, **options) as writer:
        writer.write(batch)
    return path


def read(path: Path, chrom: str, size: int) -> np.ndarray:
    with pyBigWig.open(str(path)) as track:
        return np.asarray(track.values(chrom, 0, size, numpy=True))


WINDOWS = [
    window("chr2", 60, 110),
    window("chr2", -20, 30),
    window("chr2", 20, 70),
    window("chr2", 20, 70),
    window("chr1", -25, 25),
    window("chr10", -5, 45),
]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_track_equals_the_score_file_at_every_base(tmp_path: Path, dtype: str) -> None:
    batch = made_batch(WINDOWS, length=50, sizes=SIZES)
    done: list[int] = []
    with ScoreFile(score_file(tmp_path / "a.h5", batch, dtype=dtype)) as scores:
        count = write_bigwig(scores, tmp_path / "a.bw", SIZES, progress=done.append)
        tracks = scores.tracks(slice(None))
    assert sum(done) == len(WINDOWS)
    expected = {chrom: np.full(size, np.nan, np.float32) for chrom, size in SIZES.items()}
    frames = [(w.region.chrom, w.start, w.end, w.first, w.last) for w in batch.windows]
    for chrom, base, told in by_brute_force(frames):
        row = int(told - base - 1) // 1000
        expected[chrom][base] = tracks[row, base - WINDOWS[row].start]
    for chrom, size in SIZES.items():
        np.testing.assert_array_equal(read(tmp_path / "a.bw", chrom, size), expected[chrom])
    assert count == sum(int((~np.isnan(values)).sum()) for values in expected.values())


def test_an_n_inside_a_window_is_zero_and_padding_is_absent(tmp_path: Path) -> None:
    batch = made_batch([window("chr10", -5, 15)], length=20, sizes=SIZES, n_share=0)
    batch.codes[0, 9] = 4
    with ScoreFile(score_file(tmp_path / "a.h5", batch)) as scores:
        write_bigwig(scores, tmp_path / "a.bw", SIZES)
    values = read(tmp_path / "a.bw", "chr10", 40)
    assert values[4] == 0
    assert np.count_nonzero(values[:15]) == 14
    assert np.isnan(values[15:]).all()


def test_every_chromosome_is_listed_in_genome_order_with_its_length(tmp_path: Path) -> None:
    sizes = {f"contig{i}": 50 + i for i in range(500)}
    batch = made_batch(
        [window(f"contig{i}", 0, 50) for i in range(499, 0, -7)], length=50, sizes=sizes
    )
    with ScoreFile(score_file(tmp_path / "a.h5", batch)) as scores:
        assert write_bigwig(scores, tmp_path / "a.bw", sizes) == 50 * len(batch.windows)
        tracks = scores.tracks(slice(None))
    with pyBigWig.open(str(tmp_path / "a.bw")) as track:
        assert list(track.chroms().items()) == list(sizes.items())
    for row, made in enumerate(batch.windows):
        found = read(tmp_path / "a.bw", made.region.chrom, 50)
        np.testing.assert_array_equal(found, tracks[row])


def test_runs_longer_than_one_section_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlift.tracks.segments.SECTION_BASES", 7)
    batch = made_batch([window("chr2", 10, 90)], length=80, sizes=SIZES)
    with ScoreFile(score_file(tmp_path / "a.h5", batch)) as scores:
        write_bigwig(scores, tmp_path / "a.bw", SIZES)
        (row,) = scores.tracks_of(np.array([0]))
        np.testing.assert_array_equal(read(tmp_path / "a.bw", "chr2", 100)[10:90], row)


def test_memory_is_that_of_one_window() -> None:
    rows = [("chr2", i, i + 20, i, i + 20) for i in range(80)]
    longest = 0

    def track(row: int) -> np.ndarray:
        return np.full(20, row, dtype=np.float32)

    for segment in sweep(intervals_of(rows), SIZES, tracks=partial(map, track)):
        longest = max(longest, len(segment.values))
    assert longest == 20


@pytest.mark.parametrize("overlap", OVERLAPS)
@settings(max_examples=25, deadline=None)
@given(rows=random_tracks.regions(), seed=st.integers(0, 9))
def test_a_track_of_any_regions_has_the_score_of_every_base(
    rows: random_tracks.Regions, overlap: Overlap, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = random_tracks.write_track(Path(folder), rows, overlap, seed=seed)
        wanted = random_tracks.expected(path.with_suffix(".h5"), overlap)
        for chrom, size in random_tracks.SIZES.items():
            np.testing.assert_array_equal(read(path, chrom, size), wanted[chrom])


def refusal(tmp_path: Path, batch: ScoreBatch, sizes: dict[str, int]) -> Exception:
    path = score_file(tmp_path / "a.h5", batch)
    with ScoreFile(path) as scores, pytest.raises(Exception, match=r".") as caught:
        write_bigwig(scores, tmp_path / "a.bw", sizes)
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]
    return caught.value


@pytest.fixture
def batch() -> ScoreBatch:
    return made_batch(WINDOWS, length=50, sizes=SIZES)


def test_an_empty_track_is_refused(tmp_path: Path, batch: ScoreBatch) -> None:
    unscored = [dataclasses.replace(window, first=0, last=0) for window in batch.windows]
    empty = dataclasses.replace(batch, windows=unscored)
    error = refusal(tmp_path, empty, SIZES)
    assert isinstance(error, OutputError)
    assert str(error) == (
        f"{tmp_path}/a.bw: {tmp_path}/a.h5 has no scored base, and readers of bigWig cannot open an"
        " empty track; see the status of its rows with `seqlift inspect`"
    )


def test_another_genome_is_refused(tmp_path: Path, batch: ScoreBatch) -> None:
    source, remedy = tmp_path / "a.h5", "give the genome that was scored with -g"
    error = refusal(tmp_path, batch, {"chr2": 100})
    assert isinstance(error, InputError)
    assert error.problems == (
        f"{source}: chr1 is not in the genome; {remedy}",
        f"{source}: chr10 is not in the genome; {remedy}",
    )
    error = refusal(tmp_path, batch, SIZES | {"chr2": 69})
    assert isinstance(error, InputError)
    assert error.problems == tuple(
        f"{source}: row {row} ends at {end}, past the end of chr2 (69); {remedy}"
        for row, end in [(1, 100), (3, 70), (4, 70)]
    )


def test_a_score_that_is_not_finite_is_refused_and_named(
    tmp_path: Path, batch: ScoreBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = ScoreFile.tracks_of

    def tracks_of(scores: ScoreFile, rows: Sequence[int], **how: Any) -> Iterator[np.ndarray]:
        for row, values in zip(rows, honest(scores, rows, **how), strict=True):
            values[:10] = np.nan if row == 1 else values[:10]  # padding: must not matter
            values[33] = np.nan if row == 2 else values[33]
            yield values

    monkeypatch.setattr(ScoreFile, "tracks_of", tracks_of)
    error = refusal(tmp_path, batch, SIZES)
    assert isinstance(error, NumericError)
    assert str(error) == (
        f"{tmp_path}/a.h5: row 3 (chr2:20-70) has the score nan at base 53;"
        " run `seqlift score` again"
    )


def test_a_chromosome_that_is_too_long_is_an_output_error(tmp_path: Path) -> None:
    sizes = {"c": 5_000_000_000}
    error = refusal(tmp_path, made_batch([window("c", 0, 10)], length=10, sizes=sizes), sizes)
    assert isinstance(error, OutputError)
    assert str(error) == (
        f"{tmp_path}/a.bw: c has 5000000000 bases, and a bigWig takes at most 4294967295; cut the"
        " sequence in two"
    )


def test_an_interruption_leaves_no_file(tmp_path: Path, batch: ScoreBatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    source = score_file(tmp_path / "a.h5", batch)
    with ScoreFile(source) as scores, pytest.raises(KeyboardInterrupt):
        write_bigwig(scores, tmp_path / "a.bw", SIZES, progress=interrupt)
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, batch: ScoreBatch) -> None:
    path = tmp_path / "no" / "a.bw"
    source = score_file(tmp_path / "a.h5", batch)
    with ScoreFile(source) as scores, pytest.raises(OutputError) as caught:
        write_bigwig(scores, path, SIZES)
    assert str(caught.value) == (
        f"{path}: cannot be written (No such file or directory); make the folder first"
    )


def test_a_track_cut_short_is_noticed(tmp_path: Path, batch: ScoreBatch) -> None:
    with ScoreFile(score_file(tmp_path / "a.h5", batch)) as scores:
        write_bigwig(scores, tmp_path / "a.bw", SIZES)
    whole = (tmp_path / "a.bw").read_bytes()
    (tmp_path / "a.bw").write_bytes(whole[:-40])
    with pytest.raises(OutputError, match="does not open again after writing"):
        bigwig._check_finished(tmp_path / "a.bw", SIZES)


FULL_DISK = """
import resource, sys
from seqlift.errors import OutputError
from seqlift.tracks.bigwig import write_bigwig
from seqlift.tracks.score_file import ScoreFile
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with ScoreFile(sys.argv[1]) as scores:
        write_bigwig(scores, sys.argv[2], {"c": 20_000})
except OutputError as error:
    print(error)
"""


def test_a_full_disk_is_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    # In a process of its own, whose files may be small only.
    batch = made_batch([window("c", 0, 20_000)], length=20_000, sizes={"c": 20_000})
    source, path = score_file(tmp_path / "a.h5", batch), tmp_path / "a.bw"
    command = [sys.executable, "-c", FULL_DISK, source, path]
    ended = subprocess.run(command, capture_output=True, text=True, preexec_fn=_ignore_limit)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (
        f"{path}: cannot be written (File too large);"
        " raise the limit on file sizes (ulimit -f) or write elsewhere with -o\n"
    )
    assert not path.exists()


def _ignore_limit() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


SHAPES = {
    "long windows": [window("c", 0, 40_000)],
    "far single bases": [window("c", 100 * i, 100 * i + 1) for i in range(4000)],
    "far short windows": [window("c", 100 * i, 100 * i + 7) for i in range(4000)],
    "touching windows": [window("c", 100 * i, 100 * i + 100) for i in range(4000)],
}


@pytest.mark.parametrize("windows", SHAPES.values(), ids=SHAPES.keys())
def test_the_space_reserved_is_enough(tmp_path: Path, windows: list[Window]) -> None:
    sizes = {"c": 3_000_000_000}
    length = windows[0].end - windows[0].start
    batch = made_batch(windows, length=length, sizes=sizes, n_share=0)
    with ScoreFile(score_file(tmp_path / "a.h5", batch)) as scores:
        write_bigwig(scores, tmp_path / "a.bw", sizes)
        most = bigwig.most_bytes(scores.intervals(), sizes) - 1_000_000
    assert (tmp_path / "a.bw").stat().st_size < most
