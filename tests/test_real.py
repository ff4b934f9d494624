"""Published models on published regions: files written, sums that add up, tracks that agree.

The numbers themselves are compared with those of other implementations elsewhere.
"""

from pathlib import Path

import numpy as np
import pytest
from commands import (
    assert_track_shows_scores,
    attributes_of,
    command,
    contents,
    score,
    scores_in,
)

from seqlift.inputs.genome import Genome

pytestmark = pytest.mark.slow

LARGEST_RESIDUAL = 1e-5  # relative
RAGGED = ((1000, 1200), (1500, 1700), (50_000, 50_123), (1_531_800, 1_531_933))


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every test in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def linked(fasta: Path) -> Path:
    """Return a link to a FASTA file, next to which an index may be left."""
    link = Path(fasta.name)
    link.symlink_to(fasta)
    return link


def sizes_of(fasta: Path) -> dict[str, int]:
    with Genome(fasta) as genome:
        return genome.sizes


def checked(prefix: str, genome: Path, *, rows: int) -> dict[str, np.ndarray]:
    """Return the rows of a score file that adds up and whose track agrees with it."""
    found = scores_in(Path(f"{prefix}.h5"))
    assert {len(values) for values in found.values()} == {rows}
    assert len(Path(f"{prefix.split('.')[0]}.regions.bed").read_text().splitlines()) == rows
    worst = found["qc/relative_residual"].max()
    print(f"{prefix}: largest relative residual {worst:.1e}")  # shown with -s
    assert worst <= LARGEST_RESIDUAL
    assert np.abs(found["projected_shap/seq"]).max() > 0
    assert_track_shows_scores(prefix, sizes_of(genome))
    return found


def test_tal1_on_atac_peaks_of_chromosome_1(real: Path) -> None:
    model, genome = real / "tal1", linked(real / "hg38_chr1_1mb" / "hg38_chr1_1Mb.fa")
    bed = real / "hg38_chr1_1mb" / "pbmc_atac_peaks.chr1_1Mb.bed"
    score(model / "weights.hdf5", bed, "-g", genome, "--arch", model / "arch.json", "-o", "tal1")
    rows = checked("tal1", genome, rows=48)
    assert rows["raw/seq"].shape == (48, 4, 500)
    text = "".join(genome.read_text().splitlines()[1:]).upper()
    starts = rows["regions/start"].tolist()
    unknown = ["N" in text[start : start + 500] for start in starts]
    assert unknown[0]
    assert rows["regions/status"].tolist() == ["N" if holds else "ok" for holds in unknown]


def test_a_bpnet_on_gene_models_of_yeast(real: Path, oracle: Path) -> None:
    genome = linked(real / "saccer3" / "sacCer3_chrIV.fa")
    bed = real / "saccer3" / "sacCer3.annotation.bed"
    targets = ("counts", "profile", "profile-complete")
    options = [word for target in targets for word in ("-t", target)]
    score(oracle / "bpnet_a.h5", bed, "-g", genome, *options, "-o", "bpnet")
    for target in targets:
        rows = checked(f"bpnet.{target}", genome, rows=50)
        assert set(rows["regions/strand"]) == {"+", "-"}
        lines = [line.split("\t") for line in bed.read_text().splitlines()]
        centres = [(int(line[1]) + int(line[2])) // 2 for line in lines]
        np.testing.assert_array_equal(rows["regions/start"], np.array(centres) - 250)
    profile, complete = (scores_in(Path(f"bpnet.{name}.h5")) for name in targets[1:])
    assert not np.allclose(profile["shap/seq"], complete["shap/seq"])


def test_a_model_of_any_length_on_sequences(real: Path) -> None:
    sequences = linked(real / "ctcf_gm12878" / "Gm12878.CTCF.top500.w200.fa")
    score(real / "mmsplice" / "Intron3.h5", sequences, "-n", 5, "-o", "ctcf")
    rows = checked("ctcf", sequences, rows=500)
    assert set(rows["regions/status"]) == {"ok"}
    assert attributes_of(Path("ctcf.h5"))["length"] == 200


def test_a_model_of_any_length_on_intervals_of_several_lengths(real: Path) -> None:
    genome = linked(real / "saccer3" / "sacCer3_chrIV.fa")
    bed = Path("ragged.bed")
    bed.write_text("".join(f"chrIV\t{start}\t{end}\n" for start, end in RAGGED))
    score(real / "mmsplice" / "Intron3.h5", bed, "-g", genome, "-o", "ragged")
    rows = checked("ragged", genome, rows=len(RAGGED))
    scored = np.stack([rows["regions/scored_start"], rows["regions/scored_end"]], axis=1)
    np.testing.assert_array_equal(scored, RAGGED)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("framepool/utr_model_50.h5", ("FrameSliceLayer",)),
        ("mmsplice/Acceptor.h5", ("ConvDNA",)),
        ("xpresso/human_trainepoch.11-0.426.h5", ("it has 2 inputs",)),
    ],
)
def test_models_that_cannot_be_scored_are_refused_by_name(
    real: Path, workplace: Path, model: str, named: tuple[str, ...]
) -> None:
    sequences = linked(real / "ctcf_gm12878" / "Gm12878.CTCF.top500.w200.fa")
    ran = command("score", real / model, sequences)
    assert ran.code == 3
    assert all(line.startswith("seqlift: ") for line in ran.err.splitlines())
    assert all(word in ran.err for word in named), ran.err
    assert set(contents(workplace)) == {sequences.name, f"{sequences.name}.fai"}


def test_a_model_of_two_inputs_is_scored(real: Path) -> None:
    genome = linked(real / "hg38_chr1_1mb" / "hg38_chr1_1Mb.fa")
    Path("p.bed").write_text("chr1\t55419\t75419\nchr1\t956503\t976503\n")
    model = real / "xpresso" / "human_trainepoch.11-0.426.h5"
    words = (model, "p.bed", "-g", genome, "-r", "uniform", "-f", "-o", "x")
    score(*words, "--input", "halflife=zeros")
    held = checked("x", genome, rows=2)
    np.save("rows.npy", np.zeros((2, 6)))
    score(*words, "--input", "halflife=rows.npy")
    fed = checked("x", genome, rows=2)
    np.testing.assert_allclose(fed["shap/seq"], held["shap/seq"], atol=1e-6)


@pytest.mark.parametrize("name", ["multi_layer", "one_filter"])
def test_a_model_of_channels_first_is_scored(real: Path, name: str) -> None:
    genome = linked(real / "hg38_chr1_1mb" / "hg38_chr1_1Mb.fa")
    Path("p.bed").write_text("chr1\t55419\t75419\nchr1\t956503\t976503\n")
    model = real / "dragonn" / f"{name}_dragonn"
    arch = ("--arch", f"{model}.arch.json")
    score(f"{model}.weights.h5", "p.bed", *arch, "-g", genome, "-n", 2, "-o", "x")
    checked("x", genome, rows=2)
