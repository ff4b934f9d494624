"""Laws of the strand that a region is read from, and of tiles, in a whole run."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import LENGTH, SIZES, command, make_inputs, score, scores_in, track_in

pytestmark = pytest.mark.usefixtures("step_by_step")

Rows = dict[str, np.ndarray]
PER_BASE = ("shap/seq", "projected_shap/seq")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the genome, the regions and the models."""
    return make_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture
def run(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Rows]:
    """Make what scores regions as text with two references, without compiling by XLA."""
    monkeypatch.chdir(tmp_path)

    def run(regions: str, *options: object) -> Rows:
        Path("r.bed").write_text(regions)
        genome = inputs / "genome.fa"
        fast = ("-n", 2, "--precision", "float64")
        score(inputs / "one.keras", "r.bed", "-g", genome, *fast, "-f", "-o", "x", *options)
        return scores_in(Path("x.h5"))

    return run


PLACES = [("chr1", 40, 90), ("chr2", 300, 350), ("chr1", 180, 230), ("chrM", 5, 55)]


def bed(strand: str) -> str:
    return "".join(f"{c}\t{s}\t{e}\tp\t0\t{strand}\n" for c, s, e in PLACES)


def reversed_genome(inputs: Path, folder: Path) -> Path:
    """Return a genome of the other strands."""
    text = (inputs / "genome.fa").read_text()
    records = [record.split("\n", 1) for record in text.split(">")[1:]]
    complement = str.maketrans("ACGTacgt", "TGCAtgca")
    path = folder / "other.fa"
    path.write_text(
        "".join(f">{n}\n{b.replace(chr(10), '').translate(complement)[::-1]}\n" for n, b in records)
    )
    return path


def test_a_region_on_the_other_strand_has_the_scores_of_the_other_strand(
    run: Callable[..., Rows], inputs: Path, tmp_path: Path
) -> None:
    found = run(bed("-"), "--strand")
    other = reversed_genome(inputs, tmp_path)
    turned = [(c, SIZES[c] - e, SIZES[c] - s) for c, s, e in PLACES]
    Path("t.bed").write_text("".join(f"{c}\t{s}\t{e}\n" for c, s, e in turned))
    fast = ("-n", 2, "--precision", "float64")
    score(inputs / "one.keras", "t.bed", "-g", other, *fast, "-o", "t")
    rows = scores_in(Path("t.h5"))
    for name in (*PER_BASE, "raw/seq"):
        np.testing.assert_array_equal(found[name], rows[name][:, ::-1, ::-1])
    for name in ("prediction", "reference_prediction"):
        np.testing.assert_array_equal(found[f"qc/{name}"], rows[f"qc/{name}"])
    # The bases are added up in the other order.
    np.testing.assert_allclose(found["qc/residual"], rows["qc/residual"], rtol=0, atol=1e-14)
    assert found["regions/start"].tolist() == [s for _, s, _ in PLACES]


def test_strands_matter_only_where_they_are_asked_for(run: Callable[..., Rows]) -> None:
    plain = run(bed("-"))
    for rows in (run(bed("+"), "--strand"), run(bed("."), "--strand")):
        np.testing.assert_array_equal(rows["shap/seq"], plain["shap/seq"])


def test_both_strands_are_the_mean_of_either(run: Callable[..., Rows]) -> None:
    forward, other = run(bed("+"), "--strand"), run(bed("-"), "--strand")
    for size in (1, 2, 16):
        both = run(bed("+"), "--both-strands", "-b", size)
        largest = np.abs(both["shap/seq"]).max()
        for name in PER_BASE:
            mean = (forward[name] + other[name]) / 2
            np.testing.assert_allclose(both[name], mean, rtol=0, atol=1e-6 * largest)
        sums = both["projected_shap/seq"].sum(axis=(1, 2), dtype=np.float64)
        np.testing.assert_allclose(sums, both["qc/difference"], atol=1e-5 * np.abs(sums).max())
        assert (both["qc/relative_residual"] < 1e-4).all()
        means = (forward["qc/prediction"] + other["qc/prediction"]) / 2
        np.testing.assert_allclose(both["qc/prediction"], means, rtol=1e-5)


def test_tiles_cover_a_region_and_nothing_else(run: Callable[..., Rows]) -> None:
    rows = run("chr2\t13\t430\tlong\nchr1\t100\t110\tshort\n", "--tile")
    assert rows["regions/name"].tolist() == ["long"] * 17 + ["short"]
    assert set((rows["regions/end"] - rows["regions/start"]).tolist()) == {LENGTH}
    track = track_in(Path("x.bw"))
    assert np.flatnonzero(np.isfinite(track["chr2"])).tolist() == list(range(13, 430))
    assert np.flatnonzero(np.isfinite(track["chr1"])).tolist() == list(range(80, 130))
    alone = run("chr2\t200\t210\n")  # one window around 205
    tile = run("chr2\t180\t231\n", "--tile", "--stride", 50)
    row = tile["regions/start"].tolist().index(180)
    np.testing.assert_array_equal(tile["shap/seq"][row], alone["shap/seq"][0])


@pytest.mark.parametrize(
    ("model", "options", "line"),
    [
        ("one", ("--strand", "--both-strands"), "--strand, --both-strands: give one of them"),
        ("one", ("--stride", 9), "--stride 9: only tiles have a stride; give --tile too"),
        (
            "one",
            ("--tile", "--stride", 51),
            "--stride 51: more than the 50 bases of a window; give at most 50",
        ),
        ("open", ("--tile",), "--tile: the model takes any number of bases; give --length too"),
    ],
)
def test_options_that_contradict_each_other_are_named(
    inputs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    options: tuple[object, ...],
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    files = (inputs / f"{model}.keras", inputs / "peaks.narrowPeak", "-g", inputs / "genome.fa")
    ran = command("score", *files, *options)
    assert (ran.code, ran.err) == (2, f"seqlift: {line}\n")
    assert list(tmp_path.iterdir()) == []
