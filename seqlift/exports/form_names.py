"""The forms that a score file can be exported to, known from their files without importing any."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from seqlift.system.named_modules import first_lines


@cache
def export_forms() -> dict[str, str]:
    """Map the name of each form to a line of help."""
    lines = first_lines(Path(__file__).with_name("forms"))
    return {stem.replace("_", "-"): line for stem, line in lines.items()}


def export_form(name: str) -> Any:
    """Import the module of a form."""
    return import_module(f"seqlift.exports.forms.{name.replace('-', '_')}")
