"""Other people's readers, run for real on our files.

Run with ``pytest -m readers``. They are installed into environments of their own, in the folder
that SEQLIFT_READERS names (kept for the next time) or in a temporary one.
"""

import json
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest
import random_tracks
from commands import score, track_by_law
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scores import on_chromosome, window
from reader_environments import folder_of_readers, programs

from seqlift.intervals import Window
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.bigwig import write_bigwig
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.overlap_policies import OVERLAPS, Overlap
from seqlift.tracks.regions_bed import RegionsWriter
from seqlift.tracks.score_file import ScoreFile

pytestmark = pytest.mark.readers

LENGTH = 300
SIZES = {"chr1": 90_000, "chr2": 40_000, "unused": 500}
MOTIFS = ["AGATAAGGTA", "TTGACTCATC"]


@pytest.fixture(scope="session")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of_readers(tmp_path_factory.mktemp("readers"))


def planted_windows() -> list[Window]:
    """Return windows in no order, some overlapping, some over the ends of a chromosome."""
    random = np.random.default_rng(3)
    starts = random.permutation(np.arange(-LENGTH // 2, 88_000, 440))
    frames = [("chr1", int(start)) for start in starts]
    frames += [("chr2", int(s)) for s in random.integers(-100, 39_000, 100)]
    return [window(c, s, s + LENGTH, name=f"peak{i}") for i, (c, s) in enumerate(frames)]


def planted_scores(windows: list[Window]) -> ScoreBatch:
    """Return scores that are high on two planted motifs and noise elsewhere."""
    random = np.random.default_rng(4)
    rows = len(windows)
    codes = random.integers(0, 4, (rows, LENGTH), dtype=np.uint8)
    hypothetical = random.normal(0, 0.01, (rows, LENGTH, 4)).astype(np.float32)
    for row in range(rows):
        word = np.array(["ACGT".index(base) for base in MOTIFS[row % 2]], dtype=np.uint8)
        place = int(random.integers(LENGTH // 2 - 60, LENGTH // 2 + 60))
        here = slice(place, place + len(word))
        codes[row, here] = word
        hypothetical[row, here] = -0.3
        hypothetical[row, np.arange(here.start, here.stop), word] = 1
    windows = [on_chromosome(w, SIZES[w.region.chrom]) for w in windows]
    for row, w in enumerate(windows):
        codes[row, : w.first - w.start] = 4
        codes[row, w.last - w.start :] = 4
    figures = np.zeros((5, rows))
    return ScoreBatch(codes, hypothetical, *figures, windows=windows, status=["scored"] * rows)


@pytest.fixture(scope="session")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prefix next to which lie a score file, its regions and its track."""
    prefix = tmp_path_factory.mktemp("outputs") / "made"
    batch = planted_scores(planted_windows())
    with (
        ScoreWriter(prefix.with_suffix(".h5"), length=LENGTH, attributes={"seed": 4}) as writer,
        RegionsWriter(prefix.with_suffix(".regions.bed")) as regions,
    ):
        writer.write(batch)
        regions.write(batch.windows)
    with ScoreFile(prefix.with_suffix(".h5")) as scores:
        write_bigwig(scores, prefix.with_suffix(".bw"), SIZES)
    return prefix


def expected_track(outputs: Path) -> dict[str, np.ndarray]:
    """Return the value of every base, by the law and in the simplest way; NaN where absent."""
    best = {chrom: np.full(size, np.inf) for chrom, size in SIZES.items()}
    values = {chrom: np.full(size, np.nan, np.float32) for chrom, size in SIZES.items()}
    with ScoreFile(outputs.with_suffix(".h5")) as scores:
        where, tracks = scores.intervals(), scores.tracks(slice(None))
    for row in np.argsort(where.start, kind="stable"):
        first, last = where.scored_start[row], where.scored_end[row]
        for base in range(first, last):
            distance = abs(base - (where.start[row] + LENGTH // 2))
            if distance < best[where.chrom[row]][base]:
                best[where.chrom[row]][base] = distance
                values[where.chrom[row]][base] = tracks[row, base - where.start[row]]
    return values


def test_modisco_finds_the_planted_motifs(readers: Path, outputs: Path, tmp_path: Path) -> None:
    found = tmp_path / "modisco.h5"
    arguments = ["-i", outputs.with_suffix(".h5"), "-n", "2000", "-w", "200", "-o", found]
    modisco = programs(readers, "modisco") / "modisco"
    subprocess.run([modisco, "motifs", *arguments], check=True, timeout=900)
    with h5py.File(found) as file:
        patterns = [group["sequence"][:] for group in file["pos_patterns"].values()]
    spelled = ["".join("ACGT"[base] for base in p.argmax(axis=1)) for p in patterns]
    complement = str.maketrans("ACGT", "TGCA")
    for motif in MOTIFS:
        both = (motif, motif.translate(complement)[::-1])
        assert any(word in pattern for word in both for pattern in spelled), spelled


def test_modisco_places_seqlets_by_our_regions(
    readers: Path, outputs: Path, tmp_path: Path
) -> None:
    modisco = programs(readers, "modisco") / "modisco"
    found, placed = tmp_path / "modisco.h5", tmp_path / "seqlets.bed"
    arguments = ["-i", outputs.with_suffix(".h5"), "-n", "2000", "-w", "200", "-o", found]
    subprocess.run([modisco, "motifs", *arguments], check=True, timeout=900)
    regions = outputs.with_suffix(".regions.bed")
    arguments = ["-i", found, "-p", regions, "-c", "*", "-w", "200", "-o", placed]
    subprocess.run([modisco, "seqlet-bed", *arguments], check=True, timeout=900)
    values = expected_track(outputs)
    lines = [line.split("\t") for line in placed.read_text().splitlines()]
    alone = [line for line in lines if line[0] == "chr1"]  # where no windows overlap
    assert len(alone) > 50
    for chrom, start, end, *_ in alone:
        assert np.nanmax(values[chrom][max(int(start), 0) : int(end)]) == 1, (chrom, start, end)


READ_ALL = """
import json, sys
import bbi, numpy
with bbi.open(sys.argv[1]) as track:
    sizes = dict(track.chromsizes)
    values = {c: track.fetch(c, 0, n, missing=numpy.nan, oob=numpy.nan) for c, n in sizes.items()}
    summary = {c: track.fetch(c, 0, n, bins=7).tolist() for c, n in sizes.items()}
numpy.savez(sys.argv[2], **values)
print(json.dumps([list(sizes.items()), summary]))
"""


def test_ucsc_library_reads_every_base_equal(readers: Path, outputs: Path, tmp_path: Path) -> None:
    python, read = programs(readers, "pybbi") / "python", tmp_path / "read.npz"
    command = [python, "-c", READ_ALL, outputs.with_suffix(".bw"), read]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    chromosomes, summary = json.loads(told.stdout)
    assert dict(chromosomes) == SIZES
    with np.load(read) as values:
        for chrom, expected in expected_track(outputs).items():
            np.testing.assert_array_equal(values[chrom].astype(np.float32), expected)
    assert np.isfinite(summary["chr1"]).all()


READ_MANY = """
import json, sys
import bbi, numpy
for path in sys.argv[1:]:
    with bbi.open(path) as track:
        sizes, nan = track.chromsizes, numpy.nan
        found = {c: track.fetch(c, 0, size, missing=nan) for c, size in sizes.items()}
    numpy.savez(path + ".npz", **found)
"""


def test_ucscs_library_reads_tracks_of_any_regions(readers: Path, tmp_path: Path) -> None:
    made: list[tuple[Path, Overlap]] = []

    @settings(max_examples=60, deadline=None, database=None)
    @given(rows=random_tracks.regions(), overlap=st.sampled_from(OVERLAPS))
    def make(rows: random_tracks.Regions, overlap: Overlap) -> None:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append((random_tracks.write_track(folder, rows, overlap, seed=len(made)), overlap))

    make()
    python = programs(readers, "pybbi") / "python"
    subprocess.run([python, "-c", READ_MANY, *(p for p, _ in made)], check=True, timeout=300)
    assert len(made) >= 60
    for path, overlap in made:
        wanted = random_tracks.expected(path.with_suffix(".h5"), overlap)
        with np.load(f"{path}.npz") as values:
            assert set(values) == set(wanted)
            for chrom, expected in wanted.items():
                np.testing.assert_array_equal(values[chrom].astype(np.float32), expected)


def test_deeptools_means_equal_ours(readers: Path, outputs: Path, tmp_path: Path) -> None:
    # Ten bases: over longer ones deepTools takes means from zoom levels, which are not exact.
    table, values = tmp_path / "table.tsv", expected_track(outputs)
    wanted = set()
    for line in outputs.with_suffix(".regions.bed").read_text().splitlines():
        chrom, start, *_, summit = line.split("\t")
        centre = int(start) + int(summit)
        wanted.add((chrom, max(centre - 5, 0), min(centre + 5, SIZES[chrom])))
    regions = tmp_path / "centres.bed"
    regions.write_text("".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in wanted))
    arguments = ["BED-file", "-b", outputs.with_suffix(".bw"), "--BED", regions]
    results = ["-o", tmp_path / "table.npz", "--outRawCounts", table]
    program = programs(readers, "deeptools") / "multiBigwigSummary"
    subprocess.run([program, *arguments, *results], check=True, timeout=300)
    rows = [line.split("\t") for line in table.read_text().splitlines()[1:]]
    assert {(chrom, int(start), int(end)) for chrom, start, end, _ in rows} == wanted
    for chrom, start, end, mean in rows:
        expected = np.mean(values[chrom][int(start) : int(end)], dtype=np.float64)
        assert float(mean) == pytest.approx(expected, rel=1e-5, abs=1e-7)


DEMO = ROOT / "data"
GATA = ("AGATAA", "TTATCT")
"""The core of GATA1's motif, and its reverse complement (HOCOMOCO v12)."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the prefix of the files that `seqlift score` leaves for the demonstration data."""
    prefix = tmp_path_factory.mktemp("demo") / "demo"
    words = (DEMO / "demo.h5", DEMO / "demo.narrowPeak", "-g", DEMO / "demo.fa")
    score(*words, "-t", "tasks:1", "-o", prefix)
    return prefix


def demo_track(demo: Path) -> dict[str, np.ndarray]:
    lines = (DEMO / "demo.fa.fai").read_text().splitlines()
    sizes = {name: int(size) for name, size, *_ in (line.split("\t") for line in lines)}
    return track_by_law(demo.with_suffix(".h5"), sizes)


def test_modisco_finds_gata_in_the_demonstration(readers: Path, demo: Path, tmp_path: Path) -> None:
    found = tmp_path / "modisco.h5"
    arguments = ["-i", demo.with_suffix(".h5"), "-n", "2000", "-w", "200", "-o", found]
    modisco = programs(readers, "modisco") / "modisco"
    subprocess.run([modisco, "motifs", *arguments], check=True, timeout=900)
    with h5py.File(found) as file:
        patterns = [group["sequence"][:] for group in file["pos_patterns"].values()]
    spelled = ["".join("ACGT"[base] for base in p.argmax(axis=1)) for p in patterns]
    assert any(word in pattern for word in GATA for pattern in spelled), spelled


def test_ucsc_library_reads_the_demonstration(readers: Path, demo: Path, tmp_path: Path) -> None:
    python, read = programs(readers, "pybbi") / "python", tmp_path / "read.npz"
    command = [python, "-c", READ_ALL, demo.with_suffix(".bw"), read]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    wanted = demo_track(demo)
    assert [name for name, _ in json.loads(told.stdout)[0]] == list(wanted)
    with np.load(read) as values:
        for chrom, expected in wanted.items():
            np.testing.assert_array_equal(values[chrom].astype(np.float32), expected)


def test_deeptools_reads_the_demonstration(readers: Path, demo: Path, tmp_path: Path) -> None:
    track, wanted = demo_track(demo), []
    centres, matrix = tmp_path / "motifs.bed", tmp_path / "matrix.tsv"
    with centres.open("w") as file:
        for line in (DEMO / "demo.motifs.bed").read_text().splitlines():
            chrom, start, end, *_ = line.split("\t")
            middle = (int(start) + int(end)) // 2
            file.write(f"{chrom}\t{middle - 5}\t{middle + 5}\n")
            wanted.append(track[chrom][middle - 5 : middle + 5])
    program = programs(readers, "deeptools") / "computeMatrix"
    arguments = ["scale-regions", "-S", demo.with_suffix(".bw"), "-R", centres, "-m", "10"]
    layout = ["-bs", "1", "--sortRegions", "keep"]
    results = ["-o", tmp_path / "matrix.gz", "--outFileNameMatrix", matrix]
    subprocess.run([program, *arguments, *layout, *results], check=True, timeout=300)
    values = np.genfromtxt(matrix, skip_header=3)
    np.testing.assert_allclose(values, wanted, rtol=6e-4)  # it prints four digits
