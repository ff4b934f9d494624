"""The notebooks of examples/: their cells run one after another, at small sizes."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("examples", "step_by_step")]

EXAMPLES = ROOT / "examples"
SMALL = {
    "paper_experiment.ipynb": {"number": 12},
    "digits.ipynb": {"epochs": 1, "background": 2},
}


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let notebooks import the scripts of examples/, and write elsewhere."""
    monkeypatch.chdir(tmp_path)
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))


def cells(name: str) -> list[dict[str, Any]]:
    """List the cells of code of a notebook."""
    notebook = json.loads((EXAMPLES / name).read_text())
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run(name: str) -> dict[str, Any]:
    """Run the cells of a notebook with small parameters; these are its first cell."""
    first, *others = cells(name)
    assert first["metadata"]["tags"] == ["parameters"]
    names: dict[str, Any] = {}
    exec("".join(first["source"]), names)
    assert set(SMALL[name]) == set(names) - {"__builtins__"}
    names |= SMALL[name]
    for place, cell in enumerate(others, start=1):
        exec(compile("".join(cell["source"]), f"{name}, cell of code {place}", "exec"), names)
    return names


def test_every_notebook_is_tested_and_holds_what_its_cells_gave() -> None:
    assert {path.name for path in EXAMPLES.glob("*.ipynb")} == set(SMALL)
    for name in SMALL:
        outputs = [output for cell in cells(name) for output in cell["outputs"]]
        kinds = {kind for output in outputs for kind in output.get("data", {})}
        assert "image/png" in kinds
        assert not [output for output in outputs if output["output_type"] == "error"]
        assert all(cell["execution_count"] for cell in cells(name))


def test_the_notebook_of_the_genomics_experiment_runs(capsys: pytest.CaptureFixture[str]) -> None:
    names = run("paper_experiment.ipynb")
    shares = {one[:2]: one[2].mean for one in names["figures"]}
    assert shares["Rescale", "false negatives, GATA1"] > 0.0
    assert shares["genomics", "false negatives, GATA1"] == 0.0
    assert Path("paper.tsv").read_text().count("\n") == len(names["figures"]) + 1
    assert "| Rescale |" in capsys.readouterr().out


@pytest.mark.rest  # what its cells compute, test_reproductions.py holds to figures
def test_the_notebook_of_digits_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    import digit_conversion

    monkeypatch.setattr(digit_conversion, "PAIRS", digit_conversion.PAIRS[:1])
    names = run("digits.ipynb")
    assert set(names["changes"]) == {*names["METHODS"], "random pixels"}
    assert Path("digits.png").read_bytes().startswith(b"\x89PNG")
    assert names["erased"](names["image"], names["difference"]).shape == (1, 8, 8, 1)
