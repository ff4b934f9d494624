"""List the modules of a folder with their help, from their files alone: none is imported."""

import ast
from pathlib import Path


def first_lines(folder: Path) -> dict[str, str]:
    """Map the stem of each module in a folder to the first line of its docstring."""
    found = {}
    for path in sorted(folder.glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[path.stem] = text.partition("\n")[0]
    return found
