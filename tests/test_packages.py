"""A wheel and an sdist, and the recipe of a conda package.

The wheel is built from the files that git tracks and runs in an empty environment, outside the
checkout: ``pytest -m readers tests/test_packages.py``, some four minutes.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT
from page_blocks import blocks_of, commands_of
from reader_environments import folder_of_readers, programs, run_in

import seqlift

RECIPE = ROOT / "examples" / "conda" / "meta.yaml"
CONDA_NAMES = {"matplotlib": "matplotlib-base"}
"""Names of conda packages that differ from those of Python packages."""

COMMANDS = {
    "seqlift score data/demo.h5 data/demo.narrowPeak -g data/demo.fa -t tasks:0 -o demo":
        "demo.h5 demo.bw demo.regions.bed",
    "seqlift plot demo.h5 --row 68 --annotations data/demo.motifs.bed": "demo.png",
    "seqlift report demo.h5": "demo.html",
    "seqlift seqlets demo.h5 --motifs data/demo.meme": "demo.seqlets.bed demo.motifs.tsv",
    "seqlift browse demo --export site -q": "site/index.html site/scores-0.bw site/hub.txt",
    "seqlift export demo.h5 --to npz": "demo.npz",
    "seqlift export demo.h5 --to bedgraph": "demo.bedgraph",
    "seqlift export demo.h5 --to modisco-npz": "demo.sequences.npz demo.attributions.npz",
    "seqlift evaluate data/demo.h5 few.narrowPeak -g data/demo.fa -t tasks:0 -o few":
        "few.measures.tsv few.measures.png",
    "seqlift design data/demo.h5 -t tasks:0 --sequences 1 --restarts 1 --edits 2 -o made":
        "made.fa made.trajectory.tsv made.png",
    "seqlift inspect data/demo.h5": "",
    "seqlift devices": "",
    "python -m seqlift --help": "",
}  # fmt: skip
"""Commands in order, and the files that each writes."""


@dataclass(frozen=True)
class Packages:
    """The two packages, and what they were built from."""

    wheel: Path
    sdist: Path
    checkout: Path


def tracked() -> set[str]:
    """List the files that git tracks and that are there; skip where this is not a checkout."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a checkout of git")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return {name for name in listed.stdout.decode().split("\0") if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    checkout = tmp_path_factory.mktemp("checkout")
    for name in tracked():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    tools = packaging(tmp_path_factory)
    run_in(tools, [tools / "python", "-m", "build", checkout])
    (wheel,) = (checkout / "dist").glob("*.whl")
    (sdist,) = (checkout / "dist").glob("*.tar.gz")
    return Packages(wheel, sdist, checkout)


def packaging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return programs(folder_of_readers(tmp_path_factory.mktemp("readers")), "packaging")


@pytest.fixture(scope="module")
def installed(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel in an environment that has nothing else; its folder of programs."""
    folder = tmp_path_factory.mktemp("installed") / "bin"
    subprocess.run([sys.executable, "-m", "venv", folder.parent], check=True)
    constraints = packages.checkout / ".ci" / "constraints.txt"
    pip_install(folder, "-c", constraints, packages.wheel)
    return folder


def pip_install(folder: Path, *what: object) -> None:
    run_in(folder, [folder / "python", "-m", "pip", "install", "--quiet", *what])


def run(programs: Path, line: str, folder: Path, **variables: str) -> str:
    """Run a line of the shell in a folder, with the programs of an environment before others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env={**kept, "PATH": path, **variables}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}"
    return done.stdout


def data_in(folder: Path) -> Path:
    """Copy the demonstration into a folder, and three of its regions."""
    (folder / "data").mkdir(parents=True)
    for path in (ROOT / "data").glob("demo.*"):
        shutil.copy(path, folder / "data")
    lines = (ROOT / "data" / "demo.narrowPeak").read_text().splitlines(keepends=True)
    (folder / "few.narrowPeak").write_text("".join(lines[:3]))
    return folder


@pytest.mark.readers
def test_packages_are_complete(
    packages: Packages, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tools = packaging(tmp_path_factory)
    run_in(tools, [tools / "twine", "check", "--strict", packages.wheel, packages.sdist])
    with zipfile.ZipFile(packages.wheel) as wheel:
        inside = set(wheel.namelist())
    ours = {name for name in tracked() if name.startswith("seqlift/")}
    assert "seqlift/py.typed" in ours <= inside
    fetched = {f"seqlift/browse/pages/igv.{one}" for one in ("min.js", "LICENSE.txt")}
    assert inside & fetched in (fetched, set())  # the script never without its licence
    others = {Path(name).name for name in inside if ".dist-info/" in name}
    assert others >= {"METADATA", "WHEEL", "entry_points.txt", "LICENSE", "RECORD"}
    assert {name.partition("/")[0].partition("-")[0] for name in inside} == {"seqlift"}
    with tarfile.open(packages.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert tracked() <= names
    assert names <= tracked() | {"PKG-INFO"}


@pytest.mark.readers
def test_every_command_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    folder = data_in(tmp_path)
    where = run(installed, "python -c 'import seqlift; print(seqlift.__file__)'", folder)
    assert where.startswith(str(installed.parent))
    run(installed, "python -m pip check", folder)
    for line, files in COMMANDS.items():
        run(installed, line, folder)
        assert all((folder / name).stat().st_size for name in files.split()), line


LIKE_CHROMBPNET = """
import keras
from keras import layers

bases = keras.Input((2114, 4), name="sequence")
x = layers.Conv1D(8, 21, activation="relu")(bases)
for rate in (2, 4, 8):
    wide = layers.Conv1D(8, 3, dilation_rate=rate, activation="relu")(x)
    x = layers.Add()([layers.Cropping1D(rate)(x), wide])
profile = layers.Conv1D(1, 75)(x)
profile = layers.Cropping1D(int(profile.shape[1]) // 2 - 500)(profile)
logits = layers.Flatten(name="logits_profile_predictions")(profile)
counts = layers.Dense(1, name="logcount_predictions")(layers.GlobalAveragePooling1D()(x))
keras.Model(bases, [logits, counts]).save("model.h5")
"""

OWN = {
    "data/demo.h5": "model.h5",
    "data/demo.narrowPeak": "few.narrowPeak",
    "tasks:0": "counts",
}
"""What a new user puts in the place of words of the tutorial."""


@pytest.mark.readers
def test_the_tutorial_runs_from_the_wheel_with_a_model_of_one_s_own(
    installed: Path, tmp_path: Path
) -> None:
    """From a model like those of chrombpnet to scores, pictures, seqlets, a page and a browser."""
    folder = data_in(tmp_path)
    (folder / "make.py").write_text(LIKE_CHROMBPNET)
    run(installed, "python make.py", folder)
    shown = ""
    for block in blocks_of(ROOT / "docs" / "tutorial.md"):
        if block.language == "sh":
            words = [[OWN.get(word, word) for word in one.words] for one in commands_of(block)]
            more = "--export site -q" if block.mark else ""
            shown += "".join(run(installed, f"{shlex.join(one)} {more}", folder) for one in words)
    assert "targets  counts, profile, profile-complete" in shown
    made = (
        "demo.h5 demo.bw demo.html top.png demo.seqlets.bed measured.measures.tsv site/index.html"
    )
    assert all((folder / name).stat().st_size for name in made.split())


@pytest.mark.readers
def test_sdist_and_recipe_make_the_same(
    packages: Packages, installed: Path, tmp_path: Path
) -> None:
    folder, of_sdist = data_in(tmp_path / "recipe"), data_in(tmp_path / "sdist")
    version = run(installed, "seqlift --version", folder)
    assert version == f"seqlift, version {seqlift.__version__}\n"
    pip_install(installed, "--no-deps", "--force-reinstall", packages.sdist)
    assert run(installed, "seqlift --version", folder) == version
    for line in recipe()["test"]["commands"]:
        run(installed, line, of_sdist)
    run(installed, "python -m pip uninstall --quiet --yes seqlift", folder)
    pip_install(installed, *[one.replace(" ", "") for one in recipe()["requirements"]["host"][1:]])
    run(installed, recipe()["build"]["script"], packages.checkout)
    for line in recipe()["test"]["commands"]:
        run(installed, line, folder)
    assert run(installed, "seqlift --version", folder) == version


def recipe() -> dict[str, Any]:
    """Read the recipe as conda-build does: the version from the file that it names."""
    text = RECIPE.read_text()
    source, pattern = re.findall(r"load_file=\"(.+?)\", regex_pattern='(.+?)'", text)[0]
    version = re.search(pattern, (RECIPE.parent / source).read_text())
    assert version is not None
    values = {"version": version[1], "PYTHON": "python"}
    text = re.sub(r"\{%.*?%\}", "", text)
    text = re.sub(r"\{\{ (\w+) \}\}", lambda found: values[found[1]], text)
    text = re.sub(r"\{\{ (pin_subpackage.*) \}\}", r"'\1'", text)
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def test_the_environment_of_a_job_installs_this_checkout_or_what_is_named(tmp_path: Path) -> None:
    pip = tmp_path / "pip"
    pip.write_text('#!/bin/sh\necho "$@"\n')
    pip.chmod(0o755)
    script = ["bash", str(ROOT / "examples" / "environment.post-deploy.sh")]
    (tmp_path / "a b.whl").touch()

    def installed(folder: Path, **named: str) -> str:
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        ran = subprocess.run(
            script, cwd=folder, env=path | named, capture_output=True, text=True, check=False
        )
        return ran.stderr if ran.returncode else ran.stdout

    assert installed(ROOT) == "install --no-cache-dir .\n"
    assert installed(tmp_path, SEQLIFT_PACKAGE="a b.whl") == "install --no-cache-dir a b.whl\n"
    assert installed(tmp_path, SEQLIFT_PACKAGE=str(ROOT)) == f"install --no-cache-dir {ROOT}\n"
    problem = "no wheel and no checkout of seqlift; set SEQLIFT_PACKAGE to one\n"
    assert installed(tmp_path) == f".: {problem}"
    assert installed(tmp_path, SEQLIFT_PACKAGE="x.whl") == f"x.whl: {problem}"


def test_recipe_has_the_metadata_of_the_package() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)
    project, made = declared["project"], recipe()
    assert made["package"] == {"name": project["name"], "version": seqlift.__version__}
    assert made["about"]["summary"] == project["description"]
    assert made["about"]["license"] == project["license"]
    assert (RECIPE.parent / made["source"]["path"]).resolve() == ROOT
    (script,) = project["scripts"].items()
    assert made["build"]["entry_points"] == [" = ".join(script)]
    python = f"python{project['requires-python']}"
    assert conda_style([python, *project["dependencies"]]) == sorted(made["requirements"]["run"])
    built_with = [python, "pip", *declared["build-system"]["requires"]]
    assert conda_style(built_with) == sorted(made["requirements"]["host"])


def conda_style(requirements: list[str]) -> list[str]:
    """Write requirements of Python packages as those of a recipe, in order."""
    found = (re.fullmatch(r"([\w-]+)(.*)", one) for one in requirements)
    pairs = ((one[1].lower(), one[2]) for one in found if one)
    return sorted(f"{CONDA_NAMES.get(name, name)} {bounds}".strip() for name, bounds in pairs)
