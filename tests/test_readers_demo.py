"""Other people's programs on the files of the demonstration, by the commands that we show.

Run with ``pytest -m readers``, like `test_readers`.
"""

import csv
import json
import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from commands import command, score, track_by_law
from conftest import ROOT, SHARED
from matplotlib.pyplot import imread
from reader_environments import OURS, folder_of_readers, node_folder, programs, run_in

from seqlift.tracks.consumers import next_commands

pytestmark = pytest.mark.readers

DATA = ROOT / "data"
MOTIFS = SHARED / "real" / "motifs" / "hocomoco12_few.meme"
Place = tuple[str, int, int]


@pytest.fixture(scope="session")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of_readers(tmp_path_factory.mktemp("readers"))


@pytest.fixture(scope="session")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Score the demonstration; the path of its score file."""
    prefix = tmp_path_factory.mktemp("scored") / "demo run"
    words = (DATA / "demo.h5", DATA / "demo.narrowPeak", "-g", DATA / "demo.fa")
    score(*words, "-t", "tasks:0", "-o", prefix)
    return prefix.with_suffix(".h5")


@pytest.fixture(scope="session")
def regions(scored: Path) -> Path:
    return scored.with_suffix(".regions.bed")


@pytest.fixture(scope="session")
def patterns(readers: Path, scored: Path) -> Path:
    """Run modisco by the commands that we show; the path of its patterns."""
    motifs, report, *_ = (shlex.split(line) for line in next_commands(scored))
    run_in(programs(readers, "modisco"), motifs)
    run_in(programs(readers, "modisco"), report)
    return Path(motifs[motifs.index("-o") + 1])


def planted() -> list[Place]:
    lines = (DATA / "demo.motifs.bed").read_text().splitlines()
    return [(c, int(start), int(end)) for c, start, end, *_ in (x.split("\t") for x in lines)]


def number_found(calls: Iterable[Place]) -> int:
    """Count the planted instances of which calls cover half."""
    known = list(calls)
    return sum(
        any(chrom == c and 2 * (min(end, b) - max(start, a)) >= end - start for c, a, b in known)
        for chrom, start, end in planted()
    )


def test_modisco_names_what_was_planted(patterns: Path) -> None:
    with h5py.File(patterns) as file:
        found = [group["sequence"][:] for group in file["pos_patterns"].values()]
    spelled = ["".join("ACGT"[base] for base in one.argmax(axis=1)) for one in found]
    for cores in (("AGATAA", "TTATCT"), ("CAGCTG", "CATCTG", "CAGATG")):  # GATA1, TAL1
        assert any(core in pattern for core in cores for pattern in spelled), spelled
    report = patterns.with_name(patterns.name.replace(".modisco.h5", ".report"))
    assert "pattern_0" in next(report.glob("*.html")).read_text()


def test_finemo_finds_planted_instances(readers: Path, scored: Path, patterns: Path) -> None:
    *_, extract, call = (shlex.split(line) for line in next_commands(scored))
    assert Path(call[call.index("-m") + 1]) == patterns
    for words in (extract, call):
        run_in(programs(readers, "finemo"), words)
    with (Path(call[call.index("-o") + 1]) / "hits.tsv").open() as file:
        hits = list(csv.DictReader(file, delimiter="\t"))
    found = number_found((one["chr"], int(one["start"]), int(one["end"])) for one in hits)
    print(f"Fi-NeMo: {len(hits)} hits, {found} of {len(planted())} planted instances")
    assert found >= 300
    assert {one["peak_name"] for one in hits} <= {
        line.split("\t")[3] for line in (DATA / "demo.narrowPeak").read_text().splitlines()
    }


def test_pygenometracks_draws_peaks_as_high_as_they_are(
    readers: Path, regions: Path, tmp_path: Path
) -> None:
    peaks = shutil.copy(regions, tmp_path / "peaks.narrowPeak")  # it takes no name with a space
    (tmp_path / "tracks.ini").write_text(f"[peaks]\nfile = {peaks}\nfile_type = narrow_peak\n")
    picture = tmp_path / "out.png"
    words = ["pyGenomeTracks", "--tracks", tmp_path / "tracks.ini", "-o", picture]
    said = run_in(programs(readers, "pygenometracks"), [*words, "--region", "chrDemo1:1000-6000"])
    assert "identical low and high ylims" not in said, said
    assert (imread(picture)[..., :3].min(axis=2) < 0.6).sum() > 500


def test_bedtools_reads_the_regions(regions: Path, scored: Path) -> None:
    if shutil.which("bedtools") is None:
        pytest.skip("bedtools is not installed")
    here = Path("/usr/bin")
    inside = run_in(
        here, ["bedtools", "intersect", "-u", "-a", DATA / "demo.motifs.bed", "-b", regions]
    )
    assert len(inside.splitlines()) == len(planted()) == 381
    fasta = run_in(here, ["bedtools", "getfasta", "-fi", DATA / "demo.fa", "-bed", regions])
    with h5py.File(scored) as file:
        bases = ["".join("ACGT"[code] for code in row) for row in file["raw/seq"][:].argmax(axis=1)]
    assert [line.upper() for line in fasta.splitlines()[1::2]] == bases


TABLES = """
import json, sys, warnings
import anndata, bioframe, numpy, xarray
scores, regions, exported = sys.argv[1:]
warnings.simplefilter("error")
table = bioframe.read_table(regions, schema="narrowPeak")
found = {
    "bioframe": [len(table), bioframe.is_bedframe(table), table.fc.tolist(), table.name.tolist()]
}
for engine in ("h5netcdf", "netcdf4"):
    with xarray.open_dataset(scores, group="shap", engine=engine) as one:
        dims, means = list(one.seq.dims), one.seq.mean("position").values.tolist()
    tree = xarray.open_datatree(scores, engine=engine)
    status, bases = tree["regions"].status, tree["shap"].seq.sel(base="G")
    found[engine] = [dims, means, int((status == "ok").sum()), list(bases.shape)]
data = anndata.read_h5ad(exported)
found["anndata"] = [list(data.shape), data.obs.name.tolist(), data.X.sum(axis=1).tolist()]
print(json.dumps(found))
"""


@pytest.fixture(scope="session")
def tables(readers: Path, scored: Path, regions: Path) -> dict[str, Any]:
    """Read the files with bioframe, xarray and anndata."""
    folder = programs(readers, "tables")
    words = ["python", "-m", "seqlift", "export", scored, "--to", "anndata"]
    run_in(folder, words, **OURS)
    read = ["python", "-c", TABLES, scored, regions, scored.with_suffix(".h5ad")]
    found: dict[str, Any] = json.loads(run_in(folder, read).splitlines()[-1])
    return found


def peaks() -> list[list[str]]:
    return [line.split("\t") for line in (DATA / "demo.narrowPeak").read_text().splitlines()]


def test_bioframe_reads_the_regions(tables: dict[str, Any]) -> None:
    number, is_bed, signal, names = tables["bioframe"]
    assert (number, is_bed) == (200, True)
    assert signal == [float(peak[6]) for peak in peaks()]
    assert names == [peak[3] for peak in peaks()]


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_names_the_axes(tables: dict[str, Any], engine: str, scored: Path) -> None:
    dims, means, number_ok, shape = tables[engine]
    assert (dims, number_ok, shape) == (["row", "base", "position"], 200, [200, 200])
    with h5py.File(scored) as file:
        np.testing.assert_allclose(means, file["shap/seq"][:].mean(axis=2), rtol=1e-4, atol=1e-7)


def test_anndata_reads_what_is_exported(tables: dict[str, Any], scored: Path) -> None:
    shape, names, sums = tables["anndata"]
    assert shape == [200, 200]
    assert names == [peak[3] for peak in peaks()]
    with h5py.File(scored) as file:
        np.testing.assert_allclose(
            sums, file["projected_shap/seq"][:].sum(axis=(1, 2)), rtol=1e-5, atol=1e-5
        )


TANGERMEME = """
import json, sys
import numpy, torch
from tangermeme.annotate import annotate_seqlets
from tangermeme.seqlet import recursive_seqlets
with numpy.load(sys.argv[1]) as found:
    one_hot, scores = found["one_hot"], found["contributions"].sum(axis=2)
    starts, chroms = found["start"], found["chrom"]
seqlets = recursive_seqlets(torch.from_numpy(scores))
bases = torch.from_numpy(one_hot.swapaxes(1, 2).copy())
named = len(annotate_seqlets(bases, seqlets, sys.argv[2])[0]) if len(sys.argv) > 2 else None
rows = seqlets.iloc[:, :3].to_numpy().astype(int).tolist()
places = [[str(chroms[i]), int(starts[i]) + a, int(starts[i]) + b] for i, a, b in rows]
print(json.dumps([places, named]))
"""


def test_tangermeme_calls_seqlets_on_exported_arrays(readers: Path, scored: Path) -> None:
    ran = command("export", scored, "--to", "npz", "--force")
    assert ran.code == 0, ran.err
    folder = programs(readers, "tangermeme")
    motifs = [MOTIFS] if MOTIFS.exists() else []
    words = ["python", "-c", TANGERMEME, scored.with_suffix(".npz"), *motifs]
    seqlets, named = json.loads(run_in(folder, words).splitlines()[-1])
    found = number_found((chrom, start, end) for chrom, start, end in seqlets)
    print(f"tangermeme: {len(seqlets)} seqlets, half of {found} planted instances covered")
    assert len(seqlets) > 300
    assert named in (None, len(seqlets))


GMOD = """
import { BigWig } from "@gmod/bbi";
import { LocalFile } from "generic-filehandle2";
const track = new BigWig({ filehandle: new LocalFile(process.argv[2]) });
const header = await track.getHeader();
const found = {};
for (const [name, { length }] of Object.entries(header.refsByNumber).map(([, r]) => [r.name, r])) {
  found[name] = (await track.getFeatures(name, 0, length)).map((f) => [f.start, f.end, f.score]);
}
console.log(JSON.stringify(found));
"""


def test_jbrowses_library_reads_every_base_equal(readers: Path, scored: Path) -> None:
    folder = node_folder(readers, "gmod")
    (folder / "read.mjs").write_text(GMOD)
    found = json.loads(run_in(folder, ["node", folder / "read.mjs", scored.with_suffix(".bw")]))
    lines = (line.split("\t") for line in (DATA / "demo.fa.fai").read_text().splitlines())
    for chrom, expected in track_by_law(scored, {n: int(size) for n, size, *_ in lines}).items():
        values = np.full(len(expected), np.nan, np.float32)
        for start, end, value in found[chrom]:
            values[start:end] = value
        np.testing.assert_array_equal(values, expected)
