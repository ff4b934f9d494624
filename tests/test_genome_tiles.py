"""Regions of a whole genome: every base that is not excluded is scored, from sizes alone."""

from pathlib import Path

import numpy as np
import pytest
from commands import command, score, track_in
from stand_in import settings

from seqlift.inputs.genome_tiles import genome_regions, joined_stretches
from seqlift.inputs.windows import Framing

SIZES = {"chr1": 730, "chr2": 120, "tiny": 20, "other": 300}
LISTED = {name: size for name, size in SIZES.items() if name != "other"}


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    bases = {name: "".join(random.choice(list("ACGT"), size)) for name, size in SIZES.items()}
    Path("g.fa").write_text("".join(f">{name}\n{text}\n" for name, text in bases.items()))
    Path("g.sizes").write_text("".join(f"{name}\t{size}\n" for name, size in LISTED.items()))
    Path("out.bed").write_text("chr1\t300\t340\nchr1\t100\t160\nchr1\t150\t200\nchr2\t0\t120\n")
    Path("any.keras").touch()


WORDS = ("any.keras", "g.sizes", "-g", "g.fa", "--genome-tiles", "-o", "x")


@pytest.mark.parametrize("keep", ["all", "track"])
@pytest.mark.parametrize("stride", [None, 7])
def test_every_base_that_is_not_excluded_is_scored(keep: str, stride: int | None) -> None:
    more = () if stride is None else ("--stride", stride)
    score(*WORDS, "--exclude", "out.bed", "--keep", keep, *more, settings=settings())
    found = {chrom: ~np.isnan(values) for chrom, values in track_in(Path("x.bw")).items()}
    wanted = {chrom: np.full(size, chrom in LISTED) for chrom, size in SIZES.items()}
    wanted["chr1"][100:200] = wanted["chr1"][300:340] = wanted["chr2"][:] = False
    for chrom in SIZES:
        assert np.array_equal(found[chrom], wanted[chrom])


def test_the_index_of_a_genome_is_a_file_of_sizes() -> None:
    score(*WORDS, settings=settings())
    lines = [f"{name}\t{size}\t5\t60\t61\n" for name, size in LISTED.items()]
    Path("g.sizes").write_text("# name\n" + "".join(lines))
    made = Path("x.bw").read_bytes()
    score(*WORDS[:-1], "y", settings=settings())
    assert Path("y.bw").read_bytes() == made


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("chr1", "'chr1' is not a name and a size; give chromosome sizes or a FASTA's .fai"),
        ("chr1 -5", "'chr1 -5' is not a name and a size; give chromosome sizes or a FASTA's .fai"),
        (
            "chr1 731",
            "chr1 has 731 bases, and 730 in the genome; give the sizes of the genome of -g",
        ),
        ("chr9 5", "chr9 is not in the genome; give the sizes of the genome of -g"),
    ],
)
def test_sizes_of_another_genome_are_refused(line: str, problem: str) -> None:
    Path("g.sizes").write_text(f"tiny 20\n{line}\n")
    ran = command("score", *WORDS, settings=settings())
    assert (ran.code, ran.err) == (2, f"seqlift: g.sizes:2: {problem}\n")


def test_a_chromosome_is_named_once() -> None:
    Path("g.sizes").write_text("tiny 20\ntiny 20\n")
    ran = command("score", *WORDS, settings=settings())
    assert "g.sizes:2: tiny is there twice; leave one of them out" in ran.err


def test_what_does_not_go_together_is_refused() -> None:
    ran = command("score", "any.keras", "g.fa", "--genome-tiles", settings=settings())
    assert "with --genome-tiles give chromosome sizes" in ran.err
    words = ("any.keras", "out.bed", "-g", "g.fa", "--exclude", "out.bed")
    ran = command("score", *words, settings=settings())
    assert "give --genome-tiles too" in ran.err
    Path("out.bed").write_text("chr1\t9\t5\n")
    ran = command("score", *WORDS, "--exclude", "out.bed", settings=settings())
    assert "out.bed:1: end 5 is not after start 9" in ran.err


def test_regions_are_made_as_they_are_needed() -> None:
    """The first window comes before the second line is read: never are all in memory."""

    def lines() -> object:
        yield "big\t3000000000\n"
        raise AssertionError

    sizes = {"big": 3_000_000_000}
    regions = genome_regions(lines(), source="s", sizes=sizes, excluded={})
    window = next(Framing(2114, 1057, clipped=True).windows(next(regions)))
    assert (window.first, window.end - window.start) == (0, 2114)


def test_stretches_are_joined() -> None:
    assert joined_stretches([(5, 9), (1, 3), (3, 4), (8, 12)]) == [(1, 4), (5, 12)]
