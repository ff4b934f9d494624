"""Tables between marks in a Markdown file, and the numbers in their cells.

Scripts of this folder share one file: each replaces its own tables and leaves the rest.
"""

import argparse
import json
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).resolve().parent / "RESULTS.md"


def replace(name: str, text: str, path: Path = RESULTS) -> None:
    """Put `text` between the marks of the table `name`, at the end where there are none yet."""
    start, end = f"<!-- table: {name} -->", f"<!-- end: {name} -->"
    whole = path.read_text() if path.exists() else "# Results\n"
    block = f"{start}\n\n{text.strip()}\n\n{end}"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(whole):
        whole = pattern.sub(lambda _: block, whole)
    else:
        whole = f"{whole.rstrip()}\n\n{block}\n"
    path.write_text(whole)


def publish(name: str, result: dict[str, Any], text: str, chosen: argparse.Namespace) -> None:
    """Store the numbers of a script in its folder, and put its table into the file of results.

    `chosen` are its options, with `folder` and `results`.
    """
    store(chosen.folder, name, result)
    replace(name, text, chosen.results)
    print(text)


def store(folder: Path, name: str, result: dict[str, Any]) -> Path:
    """Return the folder of numbers, with those of `name` written as JSON."""
    numbers = folder / "numbers"
    numbers.mkdir(parents=True, exist_ok=True)
    (numbers / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    return numbers


def stored(folder: Path, name: str, like: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of `name` stored before, nothing unless what `like` tells is the same."""
    path = folder / "numbers" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found if all(found.get(key) == value for key, value in like.items()) else {}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median, and the smallest and largest where they are several."""
    text = f"{median(values):.{digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return the ratio of each round."""
    return [a / b for a, b in zip(above, below, strict=True)]


def machine() -> str:
    """Return the processor's name, the number of cores and the system."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE)
        name = found[1] if found else name
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
