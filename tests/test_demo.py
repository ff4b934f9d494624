"""Laws of the demonstration data: files agree, are made anew to the byte, and can be learned."""

import importlib
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
COMPLEMENT = str.maketrans("ACGT", "TGCA")
GENOME_FILES = ("demo.fa", "demo.fa.fai", "demo.narrowPeak", "demo.motifs.bed")


class Interval(NamedTuple):
    chrom: str
    start: int
    end: int
    name: str
    score: str
    strand: str
    rest: tuple[str, ...] = ()


def intervals(name: str) -> list[Interval]:
    rows = []
    for line in (DATA / name).read_text().splitlines():
        chrom, start, end, label, score, strand, *rest = line.split("\t")
        rows.append(Interval(chrom, int(start), int(end), label, score, strand, tuple(rest)))
    return rows


@pytest.fixture(scope="module", autouse=True)
def scripts() -> Iterator[None]:
    """Let the scripts of examples/ be imported, as they are when one of them is run."""
    sys.path.insert(0, str(ROOT / "examples"))
    yield
    sys.path.remove(str(ROOT / "examples"))


@pytest.fixture(scope="module")
def simulated_peaks() -> ModuleType:
    return importlib.import_module("simulated_peaks")


@pytest.fixture(scope="module")
def demo_genome() -> ModuleType:
    return importlib.import_module("demo_genome")


@pytest.fixture(scope="module")
def sequences() -> dict[str, str]:
    records = (DATA / "demo.fa").read_text().split(">")[1:]
    return {r.split("\n", 1)[0]: r.split("\n", 1)[1].replace("\n", "") for r in records}


@pytest.fixture(scope="module")
def peaks() -> list[Interval]:
    return intervals("demo.narrowPeak")


@pytest.fixture(scope="module")
def instances() -> list[Interval]:
    return intervals("demo.motifs.bed")


@pytest.mark.parametrize("name", GENOME_FILES)
def test_the_genome_is_made_anew_to_the_byte(name: str, demo_genome: ModuleType) -> None:
    text = demo_genome.genome_files(demo_genome.make_genome())[name]
    assert (DATA / name).read_bytes() == text.encode()


def test_write_genome_writes_these_files_and_no_other(
    demo_genome: ModuleType, tmp_path: Path
) -> None:
    demo_genome.write_genome(tmp_path / "new")
    assert {p.name for p in (tmp_path / "new").iterdir()} == set(GENOME_FILES)
    assert all((tmp_path / "new" / n).read_bytes() == (DATA / n).read_bytes() for n in GENOME_FILES)


def test_the_index_finds_every_line_of_the_fasta(sequences: dict[str, str]) -> None:
    fasta = (DATA / "demo.fa").read_bytes()
    rows = [line.split("\t") for line in (DATA / "demo.fa.fai").read_text().splitlines()]
    assert [row[0] for row in rows] == list(sequences)
    for chrom, *numbers in rows:
        length, offset, bases, width = map(int, numbers)
        assert (length, bases, width) == (len(sequences[chrom]), 60, 61)
        for i in range(0, length, bases):
            line = fasta[offset + i // bases * width :].split(b"\n", 1)[0].decode()
            assert line == sequences[chrom][i : i + bases]


def test_bases_are_acgt_and_some_are_soft_masked(sequences: dict[str, str]) -> None:
    everything = "".join(sequences.values())
    assert set(everything) == set("ACGTacgt")
    assert 0.05 < sum(map(str.islower, everything)) / len(everything) < 0.15


def test_peaks_are_200_bases_with_the_summit_in_the_middle(peaks: list[Interval]) -> None:
    assert len(peaks) == 200
    assert {p.end - p.start for p in peaks} == {200}
    assert {p.rest[-1] for p in peaks} == {"100"}
    assert {len(p.rest) for p in peaks} == {4}
    assert len({p.name for p in peaks}) == 200


def test_peaks_lie_apart_inside_their_chromosomes(
    peaks: list[Interval], sequences: dict[str, str]
) -> None:
    assert all(p.start >= 0 and p.end <= len(sequences[p.chrom]) for p in peaks)
    neighbours = [(a, b) for a, b in pairwise(peaks) if a.chrom == b.chrom]
    assert all(b.start - a.end >= 300 for a, b in neighbours)
    assert list(dict.fromkeys(p.chrom for p in peaks)) == list(sequences)


def test_every_instance_lies_inside_one_peak_whose_name_counts_it(
    peaks: list[Interval], instances: list[Interval]
) -> None:
    inside = defaultdict(list)
    for i in instances:
        (home,) = (p for p in peaks if p.chrom == i.chrom and p.start <= i.start and i.end <= p.end)
        inside[home].append(i.name)
    for peak in peaks:
        names = inside[peak]
        counted = "_".join(f"{m}x{names.count(m)}" for m in ("GATA1", "TAL1") if m in names)
        assert peak.name.split("_", 1)[1] == (counted or "none")
        assert peak.rest[0] == str(len(names))
        assert all(names.count(m) <= 3 for m in ("GATA1", "TAL1"))


def test_instances_do_not_overlap(instances: list[Interval]) -> None:
    neighbours = [(a, b) for a, b in pairwise(instances) if a.chrom == b.chrom]
    assert all(a.end <= b.start for a, b in neighbours)


def test_every_instance_scores_as_its_motif_on_its_strand(
    instances: list[Interval], sequences: dict[str, str], simulated_peaks: ModuleType
) -> None:
    motifs = {m.name: m for m in simulated_peaks.MOTIFS}
    assert {i.strand for i in instances} == {"+", "-"}
    for i in instances:
        bases = sequences[i.chrom][i.start : i.end].upper()
        if i.strand == "-":
            bases = bases.translate(COMPLEMENT)[::-1]
        codes = np.array([["ACGT".index(base) for base in bases]])
        (bits,) = motifs[i.name].bits(codes)
        best = motifs[i.name].log_odds.max(axis=1).sum()
        assert bits >= simulated_peaks.LEAST_BITS
        assert int(i.score) == round(1000 * bits / best)


def test_the_four_kinds_of_peak_are_equally_many(peaks: list[Interval]) -> None:
    kinds = [("GATA1" in p.name, "TAL1" in p.name) for p in peaks]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == dict.fromkeys(
        [(True, True), (True, False), (False, True), (False, False)], 50
    )


def test_plain_bases_have_the_frequencies_of_the_background(
    peaks: list[Interval], sequences: dict[str, str]
) -> None:
    plain = {chrom: list(bases.upper()) for chrom, bases in sequences.items()}
    for p in reversed(peaks):
        del plain[p.chrom][p.start : p.end]
    bases = [base for chrom in plain.values() for base in chrom]
    found = [bases.count(base) / len(bases) for base in "ACGT"]
    np.testing.assert_allclose(found, [0.3, 0.2, 0.2, 0.3], atol=0.006)  # 4 standard errors


def test_the_shipped_network_separates_the_shipped_peaks(
    peaks: list[Interval], sequences: dict[str, str]
) -> None:
    train_demo = importlib.import_module("train_demo")
    network = train_demo.keras.models.load_model(DATA / "demo.h5", compile=False)
    bases = [sequences[p.chrom][p.start : p.end].upper() for p in peaks]
    one_hot = np.array([[[b == c for c in "ACGT"] for b in row] for row in bases], dtype=np.float32)
    gata1, tal1 = (np.array([m in p.name for p in peaks]) for m in ("GATA1", "TAL1"))
    scores = network.predict(one_hot, verbose=0)
    for task, positive in enumerate([gata1 & tal1, gata1, tal1]):
        ahead = scores[positive, task][:, np.newaxis] > scores[~positive, task]
        assert ahead.mean() > 0.95
        assert train_demo.auroc(positive, scores[:, task]) == pytest.approx(ahead.mean(), abs=1e-9)


def test_auroc_counts_ties_as_half() -> None:
    auroc = importlib.import_module("train_demo").auroc
    assert auroc(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 2.0, 3.0])) == pytest.approx(0.875)
    assert auroc(np.array([0, 1]), np.array([5.0, 5.0])) == 0.5


def test_the_demonstration_is_at_most_two_megabytes() -> None:
    assert sum(p.stat().st_size for p in DATA.iterdir()) <= 2_000_000
    assert (DATA / "demo.h5").stat().st_size < 200_000
