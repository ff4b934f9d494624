"""README and site are true: commands, options, exit codes, public names, and Python that runs."""

import ast
import re
import runpy
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import click
import numpy as np
import pytest
from conftest import ROOT

import seqlift
from seqlift.attribution import registry
from seqlift.cli import main
from seqlift.inputs.onehot import sequence_one_hot

README = (ROOT / "README.md").read_text()
PAGES = {path: path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]}
OF_OTHERS = {
    "--array",
    "--bits",
    "--build-arg",
    "--configfile",
    "--cores",
    "--dist",
    "--full",
    "--gres",
    "--help",
    "--isolation",
    "--profile",
    "--sdm",
    "--strict",
    "--unlock",
    "--used",
    "--version",
}
"""Options of other programs, of .ci/run and the scripts of examples/, or of all commands."""


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120
    assert len(README.split()) <= 900


def test_the_page_of_commands_is_that_of_the_commands() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "commands.py"))["page"]
    assert (ROOT / "docs" / "commands.md").read_text() == page(), "run python docs/commands.py"


def test_every_decision_has_a_number_of_its_own() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")]
    assert sorted(numbers) == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_the_page_of_every_method_begins_with_its_equation_as_written() -> None:
    for name in registry.methods():
        _, option, equation, *_ = PAGES[ROOT / "docs" / "methods" / f"{name}.md"].split("\n\n")
        assert option == f"`--method {name}`"
        lines = equation.split("\n")
        assert name == "deeplift" or all(line.startswith("    ") for line in lines), name


def test_options_that_pages_name_exist() -> None:
    assert isinstance(main, click.Group)
    options = [one for command in main.commands.values() for one in command.params]
    ours = {word for one in options for word in (*one.opts, *one.secondary_opts)}
    unknown = {
        word
        for path, text in PAGES.items()
        if path.parent.name not in ("decisions", "methods")
        for word in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)
        if word not in ours | OF_OTHERS
    }
    assert unknown == set()


def test_every_exit_code_is_explained() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    table = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    kinds = seqlift.SeqliftError.__subclasses__()
    assert table == {0, 1, 130, 141, *(kind.exit_code for kind in kinds)}


def test_every_public_name_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    blocks = set(re.findall(r"^::: (\S+)", page, re.MULTILINE))
    for name in set(seqlift.__all__) - {"references"}:
        found = getattr(seqlift, name)
        where = f"{found.__module__}.{found.__qualname__}"
        assert where in blocks or found.__module__ in blocks, name
    for name in re.findall(r"`seqlift\.(\w+)", "".join(PAGES.values())):
        assert hasattr(seqlift, name), name


def test_the_python_of_the_page_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "python.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    one_hot = np.stack([sequence_one_hot("GATTACA" * 28 + "ACGT"[i] * 4) for i in range(2)])
    names = {"one_hot": one_hot}
    exec(compile(block, "python.md", "exec"), names)
    shapes = {
        node.value.attr: getattr(names["result"], node.value.attr).shape
        for node in ast.parse(block).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Attribute)
    }
    assert shapes == {
        "contributions": one_hot.shape, "hypothetical": one_hot.shape,
        "multipliers": one_hot.shape, "prediction": (2,), "reference_prediction": (2, 20),
        "residual": (2, 20),
    }  # fmt: skip


def assert_the_page_works(text: str, page: Path) -> None:
    """Check what the theme's scripts look for, and that nothing widens a page beyond a phone."""
    for sheet in ("hljs-light", "hljs-dark"):
        assert text.count(f'id="{sheet}"') == 1, page
    written = text.partition('role="main"')[2].partition("<footer")[0]
    assert re.findall(r'<h\d id="\d[^"]*', written) == [], page  # no selector begins with a digit
    assert re.findall(r'(?<!<div class="table-responsive">)<table', written) == [], page
    assert "=====" not in text, page  # a table that Markdown does not know


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    pytest.importorskip("mkdocs")
    words = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    pages = list(tmp_path.glob("**/*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text()
        loaded = re.findall(r"<(?:img|script|link)[^>]*?(?:src|href)=\"([^\"]+)", text)
        assert [name for name in loaded if re.match("https?:|//", name)] == [], page
        assert_the_page_works(text, page)
    for method in registry.methods():
        folder = tmp_path / "methods" / method
        shown = re.findall(r"<img[^>]*?src=\"([^\"]+)", (folder / "index.html").read_text())
        pictures = [folder / unquote(name) for name in shown]
        assert [path.name for path in pictures if path.is_file()] == [f"{method}.png"]
