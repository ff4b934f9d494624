"""Exported files have the arrays of the score file, in the names and axes of their readers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from made_scores import made_batch, window

import seqlift
from seqlift.cli import main, options
from seqlift.exports import form_names
from seqlift.tracks.hdf5 import ScoreWriter

LENGTH = 40
SIZES = {"chr2": 300, "chr1": 900}
WINDOWS = [window("chr1", 20 * i, 20 * i + LENGTH, name=f"p{i % 5}") for i in range(30)]
WINDOWS += [window("chr2", -10, 30), window("chr2", 280, 320)]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    batch = made_batch(WINDOWS, length=LENGTH, sizes=SIZES)
    with ScoreWriter(tmp_path / "a.h5", length=LENGTH, attributes={"target": "t"}) as writer:
        writer.write(batch)
        writer.set_genome(SIZES)
    return tmp_path / "a.h5"


def export(path: Path, to: str, *more: str) -> str:
    ran = CliRunner().invoke(main, ["export", str(path), "--to", to, *more])
    assert ran.exit_code == 0, ran.output
    return ran.output


def test_modisco_takes_two_archives(path: Path) -> None:
    assert export(path, "modisco-npz", "-o", "x") == (
        "files      x.sequences.npz  x.attributions.npz\n"
    )
    with (
        h5py.File(path) as file,
        np.load("x.sequences.npz") as one,
        np.load("x.attributions.npz") as other,
    ):
        assert one.files == other.files == ["arr_0"]
        np.testing.assert_array_equal(one["arr_0"], file["raw/seq"][:])
        np.testing.assert_array_equal(other["arr_0"], file["shap/seq"][:])


def test_an_archive_has_everything(path: Path) -> None:
    assert export(path, "npz") == f"files      {path.with_suffix('.npz')}\n"
    with seqlift.read(path) as scores, np.load(path.with_suffix(".npz")) as found:
        for name in ("one_hot", "hypothetical", "contributions"):
            np.testing.assert_array_equal(found[name], getattr(scores, name))
        for table in (scores.regions, scores.qc):
            for name in table:
                np.testing.assert_array_equal(found[name], table[name].to_numpy())
        assert json.loads(str(found["attributes"]))["target"] == "t"


def test_bpnets_file_has_bases_last(path: Path) -> None:
    export(path, "bpnet-h5")
    with seqlift.read(path) as scores, h5py.File(path.with_suffix(".bpnet.h5")) as file:
        np.testing.assert_array_equal(file["input_seqs"][:], scores.one_hot)
        np.testing.assert_array_equal(file["hyp_scores"][:], scores.hypothetical)
        assert list(file["coords_chrom"].asstr()[:]) == scores.regions.chrom.tolist()
        assert file["coords_start"][:].tolist() == scores.regions.start.tolist()
        assert file["coords_end"][:].tolist() == scores.regions.end.tolist()


@pytest.mark.parametrize("overlap", ["nearest", "max"])
def test_a_bedgraph_has_the_values_of_the_track(path: Path, overlap: str) -> None:
    export(path, "bedgraph", "--overlap", overlap)
    track = ["track", str(path), "--overlap", overlap]
    assert CliRunner().invoke(main, track).exit_code == 0
    import pyBigWig

    lines = [line.split("\t") for line in path.with_suffix(".bedgraph").read_text().splitlines()]
    assert list(dict.fromkeys(line[0] for line in lines)) == list(SIZES)
    with pyBigWig.open(str(path.with_suffix(".bw"))) as bigwig:
        for chrom, size in SIZES.items():
            values = np.full(size, np.nan, np.float32)
            for _, start, end, value in (line for line in lines if line[0] == chrom):
                assert np.isnan(values[int(start) : int(end)]).all()
                values[int(start) : int(end)] = np.float32(value)
            np.testing.assert_array_equal(values, bigwig.values(chrom, 0, size, numpy=True))


def test_an_anndata_is_read_by_its_package(path: Path) -> None:
    anndata = pytest.importorskip("anndata", reason="install anndata")
    export(path, "anndata")
    found: Any = anndata.read_h5ad(path.with_suffix(".h5ad"))
    with seqlift.read(path) as scores:
        np.testing.assert_array_equal(found.X, np.asarray(scores.contributions).sum(axis=2))
        np.testing.assert_array_equal(found.obsm["one_hot"], scores.one_hot)
        np.testing.assert_array_equal(found.obsm["hypothetical"], scores.hypothetical)
        assert found.obs.name.tolist() == scores.regions.name.tolist()
        assert found.obs.residual.tolist() == scores.qc.residual.tolist()
    assert found.var.from_middle.tolist() == list(range(-LENGTH // 2, LENGTH // 2))
    assert found.uns["seqlift"]["target"] == "t"


def test_without_its_package_an_anndata_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anndata", None)
    ran = CliRunner().invoke(main, ["export", str(path), "--to", "anndata"])
    assert ran.exit_code == 2
    assert "pip install anndata" in ran.output
    assert [one.name for one in path.parent.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("to", ["modisco-npz", "bpnet-h5", "bedgraph", "npz"])
def test_an_existing_file_is_replaced_only_when_forced(path: Path, to: str) -> None:
    export(path, to)
    before = {one: one.read_bytes() for one in path.parent.iterdir()}
    ran = CliRunner().invoke(main, ["export", str(path), "--to", to])
    assert ran.exit_code == 5
    assert "already exists; give --force to replace it, or another -o" in ran.output
    export(path, to, "--force")
    assert {one: one.read_bytes() for one in path.parent.iterdir()} == before


@pytest.mark.slow
def test_exporting_imports_no_model_library(path: Path) -> None:
    code = (
        "import sys; from seqlift.cli import main;"
        "main(['export', sys.argv[1], '--to', 'npz', '-q'], standalone_mode=False);"
        "assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_form_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the folder, and nothing else, is a form of the command with its help."""
    for stem in ("npz", "own_form"):
        (tmp_path / "forms").mkdir(exist_ok=True)
        (tmp_path / "forms" / f"{stem}.py").write_text('"""The form of my own.\n\nAnd more.\n"""\n')
    monkeypatch.setattr(form_names, "__file__", str(tmp_path / "form_names.py"))
    form_names.export_forms.cache_clear()
    listed, words = form_names.export_forms(), options.forms_in_words()
    form_names.export_forms.cache_clear()
    assert listed == dict.fromkeys(("npz", "own-form"), "The form of my own.")
    assert words == "npz: the form of my own; own-form: the form of my own."


@pytest.mark.parametrize("name", form_names.export_forms())
def test_every_form_has_endings_and_writes(name: str) -> None:
    form = form_names.export_form(name)
    assert all(ending.startswith(".") for ending in form.ENDINGS)
    assert callable(form.write)
