"""The tables of `run.py`, from the numbers it has stored.

Knows the layout of one case's JSON; cases measured at another time keep their rows.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from report import ratios, replace, spread, table


def write(numbers: Path, order: Sequence[str], path: Path) -> None:
    """Write the tables ``speed``, ``floor`` and ``versions`` of all cases that have numbers."""
    files = [numbers / f"{name}.json" for name in order]
    results = [json.loads(file.read_text()) for file in files if file.exists()]
    replace("speed", speed(results), path)
    replace("floor", floor(results), path)
    replace("versions", versions(results), path)


def what(result: dict[str, Any]) -> str:
    """Return the sequences, references, targets and rule of a case, for people."""
    targets = " and ".join(result["targets"])
    pairs = f"{result['sequences']} x {result['references']}"
    return f"{result['case']}: {pairs}, {targets}, {result['rule']}"


def speed(results: Sequence[dict[str, Any]]) -> str:
    """Return the table of rivals: seconds, ratio to seqlift, difference of scores."""
    rows = []
    for result in results:
        ours = result["seconds"]["seqlift"]
        label = what(result)
        for name, runs in result["seconds"].items():
            if name == "floor":
                continue
            rows.append(
                [
                    label if name == "seqlift" else "",
                    name,
                    str(result["notes"][name]["pairs"]),
                    str(len(runs)),
                    spread(runs, 3),
                    "" if name == "seqlift" else spread(ratios(runs, ours)),
                    agreed(result, name),
                ]
            )
        rows += [["", name, "", "", "missing", "", why] for name, why in result["missing"].items()]
    head = ["case: sequences x references", "by", "pairs at once", "runs", "seconds", "÷ seqlift"]
    return table([*head, "difference: median sequence (largest)"], rows)


def agreed(result: dict[str, Any], name: str) -> str:
    """Return how far a rival's scores are from seqlift's, and whether that is too far."""
    if name not in result["differences"]:
        return ""
    found = result["differences"][name]
    text = f"{found['median']:.0e} ({found['largest']:.0e})"
    return f"**{text}, disagrees**" if name in result["disagree"] else text


def floor(results: Sequence[dict[str, Any]]) -> str:
    """Return the table of seqlift against as many predictions as it needs at least."""
    rows = []
    for result in results:
        ours, least = result["seconds"]["seqlift"], result["seconds"]["floor"]
        forwards = result["notes"]["floor"]["forwards"]
        rows.append(
            [
                what(result),
                str(forwards),
                spread(least, 3),
                spread(ours, 3),
                spread(ratios(ours, least)),
            ]
        )
    head = ["case: sequences x references", "forward passes", "their seconds", "seqlift's seconds"]
    return table([*head, "seqlift ÷ floor"], rows)


def versions(results: Sequence[dict[str, Any]]) -> str:
    """Return when, where and with what the cases were measured, each combination once."""
    found: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for name, notes in result["notes"].items():
            if name == "floor":
                continue
            text = ", ".join(f"{key} {value}" for key, value in notes["versions"].items())
            places = found.setdefault((name, text), [])
            place = f"{result['date']}, {result['machine']}"
            if place not in places:
                places.append(place)
    rows = [[name, text, "; ".join(places)] for (name, text), places in sorted(found.items())]
    return table(["by", "versions", "measured"], rows)
