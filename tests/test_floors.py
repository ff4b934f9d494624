"""Folders stand on floors: imports go down, and no two folders import each other.

import-linter holds the list of floors (`pyproject.toml`); this counts what it has no contract for.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from conftest import ROOT

PACKAGE = ROOT / "seqlift"


def modules() -> dict[str, Path]:
    """Map the dotted name of every module of the package to its file."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
    }


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports from the package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("seqlift"):
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def folder_of(name: str) -> Path:
    """Name the folder of a module, a package, or something defined in either."""
    path = ROOT.joinpath(*name.split("."))
    while not path.is_dir():
        path = path.parent
    return path


def folder_imports() -> set[tuple[Path, Path]]:
    """Return the pairs of folders of which the first imports from the second."""
    return {
        (path.parent, folder_of(name))
        for module, path in modules().items()
        if path.parent != PACKAGE  # the public interface, which everything hangs from
        for name in imported(path)
        if folder_of(name) != path.parent
    }


def test_no_folder_imports_one_that_imports_it() -> None:
    arrows = folder_imports()
    assert len(arrows) > 30
    assert [(a.name, b.name) for a, b in sorted(arrows) if (b, a) in arrows] == []


def test_only_the_ground_lies_loose() -> None:
    loose = {path.name for path in PACKAGE.glob("*.py")}
    assert loose <= {"__init__.py", "__main__.py", "errors.py", "intervals.py"}
