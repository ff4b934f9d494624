"""Virtual environments of the rivals, built once from pinned versions.

Knows which Python each rival needs and the files of its versions; knows nothing of what runs there.
"""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent / "environments"

PYTHONS = {"torch": "3.11", "chrombpnet": "3.8", "deeplift": "3.7"}
"""By the name of an environment: the newest Python that its packages run on, or ours."""

OF_RIVAL = {
    "tangermeme": "torch",
    "captum": "torch",
    "chrombpnet": "chrombpnet",
    "deeplift": "deeplift",
}


class UnavailableError(Exception):
    """Why an environment cannot be had, in one line."""


def python_of(rival: str, folder: Path) -> Path:
    """Return the interpreter of a rival's environment, which is built where it is not there yet.

    seqlift and the floor run in the environment of this very process.

    Raises
    ------
    UnavailableError
        Where the Python or the packages cannot be had.
    """
    if rival not in OF_RIVAL:
        return Path(sys.executable)
    name = OF_RIVAL[rival]
    place, text = folder / "environments" / name, (HERE / f"{name}.txt").read_text()
    built = place / "requirements.txt"
    if not (built.exists() and built.read_text() == text):
        shutil.rmtree(place, ignore_errors=True)
        build(place, PYTHONS[name], HERE / f"{name}.txt")
        built.write_text(text)
    return place / "bin" / "python"


def build(place: Path, version: str, requirements: Path) -> None:
    """Make an environment of that Python with exactly the packages listed.

    Dependencies are not resolved, as the lists are whole: some of what the rivals declare is never
    imported here and cannot be installed together any more.
    """
    python = find_python(version)
    print(f"building {place} with Python {version}", file=sys.stderr, flush=True)
    try:
        call([python, "-m", "venv", place])
        pip = [place / "bin" / "python", "-m", "pip", "install", "-q", "--no-deps"]
        call([*pip, "-r", requirements])
    except UnavailableError:
        shutil.rmtree(place, ignore_errors=True)
        raise


def call(command: list[str | Path]) -> None:
    """Run a command; the last line it printed is why it failed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "ERROR" in line] or lines or ["no message"]
        raise UnavailableError(f"{Path(command[0]).name}: {errors[-1].strip()}")


def find_python(version: str) -> Path:
    """Return a Python of that version: this one, one on PATH, or one that pyenv has."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    found = [Path(on_path)] if on_path else []
    pyenv = shutil.which("pyenv")
    if pyenv:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
        found += sorted(Path(root.stdout.strip()).glob(f"versions/{version}.*/bin/python"))
    for python in found:
        asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:  # a shim of pyenv may be there without its Python
            return python
    raise UnavailableError(f"Python {version} is not on this machine")
