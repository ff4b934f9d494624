"""Environments of their own for other people's readers of our files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from conftest import ROOT

REQUIREMENTS = {
    "modisco": ["modisco-lite==3.0.0"],
    "finemo": ["finemo==0.41"],
    "pybbi": ["pybbi==0.4.2", "numpy"],
    "deeptools": ["deepTools==3.5.6"],
    "pygenometracks": ["pyGenomeTracks==3.9"],
    # seqlift itself runs there, without TensorFlow, to export what anndata reads.
    "tables": [
        "bioframe==0.8.0", "xarray==2026.9.0", "h5netcdf", "netCDF4", "anndata==0.12.19",
        "click", "tqdm", "pyBigWig",
    ],
    "tangermeme": ["tangermeme==1.6.0"],
    "packaging": ["build==1.6.1", "twine==7.0.0"],
}  # fmt: skip
NODE = {
    "gmod": ["@gmod/bbi@8.1.1"],
    "jbrowse": [
        "@jbrowse/react-linear-genome-view@2.18.0", "react@18", "react-dom@18", "jsdom@26",
    ],
}  # fmt: skip


def folder_of_readers(temporary: Path) -> Path:
    """Choose the folder of environments: that of SEQLIFT_READERS, kept for the next time."""
    kept = os.environ.get("SEQLIFT_READERS")
    return Path(kept).absolute() if kept else temporary


def programs(readers: Path, name: str) -> Path:
    """Find the folder of programs of a reader, which is installed first where it is missing."""
    folder = readers / name
    if _is_missing(folder, REQUIREMENTS[name]):
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *REQUIREMENTS[name]], check=True)
        _note(folder, REQUIREMENTS[name])
    return folder / "bin"


def node_folder(readers: Path, name: str) -> Path:
    """Find the folder of packages for node, which are installed first where they are missing."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = readers / name
    if _is_missing(folder, NODE[name]):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        npm = ["npm", "install", "--silent", "--prefix", str(folder)]
        subprocess.run([*npm, *NODE[name]], check=True)
        _note(folder, NODE[name])
    return folder


def run_in(folder: Path, words: Sequence[object], **variables: str) -> str:
    """Run a program of an environment; its standard output and error together."""
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    environment: Mapping[str, str] = {**os.environ, "PATH": path, **variables}
    done = subprocess.run(
        [str(word) for word in words],
        env={name: value for name, value in environment.items() if name != "PYTHONPATH"}
        | {name: value for name, value in variables.items() if name == "PYTHONPATH"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


OURS = {"PYTHONPATH": str(ROOT)}
"""Variables with which seqlift of this checkout runs in another environment."""


def _is_missing(folder: Path, wanted: list[str]) -> bool:
    done = folder / "requirements.json"
    return not done.exists() or done.read_text() != json.dumps(wanted)


def _note(folder: Path, wanted: list[str]) -> None:
    (folder / "requirements.json").write_text(json.dumps(wanted))
