"""The record of a run in the folder of its parts: run.json.

It has the run's facts, and which files ``--force`` was set for; where a run keeps tracks alone, at
last, which these are and what was found of their scores. Knows nothing of parts.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seqlift.errors import OutputError

RUN = "run.json"

RECORDED = {"largest", "worst", "status", "warnings"}
"""What is recorded of scores: the fields of `seqlift.pipeline.run_summary.Judged`."""


def read_run(folder: Path) -> dict[str, Any] | None:
    """Read what a folder's run is known by; None where it has no run.

    Raises OutputError where the file was not written by a run.
    """
    path = folder / RUN
    if not os.path.lexists(path):
        return None
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        known = isinstance(content["replaces"], dict) and "seqlift_version" in content["facts"]
        if known and ("draws" not in content or {*content["found"]} == RECORDED):
            return dict(content)
    except (ValueError, LookupError, TypeError):
        pass
    raise OutputError(
        f"{path}: damaged, or not written by seqlift; move {folder} away, or write elsewhere"
        " with -o"
    )


def identity(path: Path) -> list[int]:
    """Identify a file as it is now: its number, its size and when it was changed."""
    found = path.stat()
    return [found.st_ino, found.st_size, found.st_mtime_ns]


def as_identified(paths: Iterable[Path], identities: Mapping[str, list[int]]) -> frozenset[Path]:
    """Find the files that are there and are, by name, those that were identified."""
    return frozenset(
        path for path in paths if path.exists() and identities.get(path.name) == identity(path)
    )
