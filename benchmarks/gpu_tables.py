"""The table of `gpu.py`, from the numbers it has stored.

Knows the layout of one precision's JSON; all that it is given were measured on the same device.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from models import describe
from operations import of_scores
from report import replace, spread, table

TERA = 1e12
GIB = 2**30
REGIONS = 100_000
TARGETS = ("counts", "profile")

Found = dict[str, Any]


def write(results: Sequence[Found], path: Path) -> None:
    """Write the table ``gpu``: the device and the versions, then numbers, ceilings and speed."""
    setup = results[0]["setup"]
    versions = ", ".join(f"{name} {version}" for name, version in setup["versions"].items())
    parts = [
        f"{setup['card']}, {setup['date']}: {versions}.",
        numbers(results),
        ceilings(results),
        speed(results),
    ]
    replace("gpu", "\n\n".join(parts), path)


def numbers(results: Sequence[Found]) -> str:
    """Return how far each precision is from float64, and from summing up."""
    sizes = results[0]["setup"]["sizes"]
    what = f"{sizes['numbers']}: {sizes['checked']} x {sizes['references']}"
    rows = []
    for found in results:
        off = f"{found['difference']:.1e}" if "difference" in found else ""
        if found["precision"] == "float64":
            off = "0"
        residual = f"{found['residual']:.1e}" if "residual" in found else ""
        rows.append([found["precision"], off, residual, found.get("why", "")])
    return table([what, "largest difference from float64", "largest residual", "missing"], rows)


def ceilings(results: Sequence[Found]) -> str:
    """Return how fast the device multiplies, in TFLOP/s, by way to compute."""
    sizes = results[0]["setup"]["sizes"]
    rows = []
    for found in results:
        for name, way in found.get("ceilings", {}).items():
            if "why" in way:
                rows.append([name, *[""] * 4, way["why"]])
                continue
            product, whole, beside = (
                f"{rate(way[kind]):.3g}" if kind in way else ""
                for kind in ("product", "convolutions", "beside")
            )
            each = {one["dilation"]: rate([one]) for one in way.get("convolutions", [])}
            slowest = min(each, key=each.__getitem__, default=0)
            worst = f"{each[slowest]:.3g} (dilation {slowest})" if each else ""
            rows.append([name, product, whole, worst, beside, ""])
    side, pairs = sizes["product"], sizes["pairs"]
    return table(
        [
            "TFLOP/s at most",
            f"matrix product, {side} x {side}",
            f"dilated convolutions of {sizes['speed']}, {pairs} pairs",
            "the slowest of them",
            "all, written as matrix products",
            "missing",
        ],
        rows,
    )


def rate(measured: Sequence[Found]) -> float:
    """Return the TFLOP/s of several measurements together."""
    operations = sum(one["operations"] for one in measured)
    return float(operations / sum(one["seconds"] for one in measured) / TERA)


def speed(results: Sequence[Found]) -> str:
    """Return how fast each precision is at each batch size."""
    sizes = results[0]["setup"]["sizes"]
    needed = of_scores(describe(sizes["speed"]), TARGETS, sizes["references"])
    rows = []
    for found in results:
        if "why" in found:
            rows.append([found["precision"], *[""] * 7, found["why"]])
        highest = ceiling(found)
        rows += [line(found["precision"], row, needed, highest) for row in found.get("speed", [])]
    head = [
        f"{sizes['speed']} x {sizes['references']}, counts and profile",
        "sequences at once",
        "compilation, s",
        "sequences per second",
        "TFLOP/s",
        "of the convolutions' ceiling",
        f"minutes for {REGIONS:,}",
        "device memory, GiB",
        "missing",
    ]
    note = f"Scores of one sequence are {needed / TERA:.3g} TFLOP."
    return f"{table(head, rows)}\n\n{note}"


def ceiling(found: Found) -> float | None:
    """Return the TFLOP/s of the convolutions, the fastest of several ways to compute them."""
    ways = found.get("ceilings", {}).values()
    measured = [way[kind] for way in ways for kind in ("convolutions", "beside") if kind in way]
    return max(map(rate, measured), default=None)


def line(precision: str, row: Found, needed: int, highest: float | None) -> list[str]:
    """Return one line of the table of speeds."""
    size = str(row["size"] or "")
    if row["automatic"]:
        size = f"{size} (automatic{', halved' if row.get('halved') else ''})".strip()
    if "why" in row:
        return [precision, size, *[""] * 6, row["why"]]
    rates = [row["sequences"] / seconds for seconds in row["seconds"]]
    achieved = median(rates) * needed / TERA
    peak = ""
    if row["peak"]:
        peak = f"{'' if row['peak_is_own'] else 'at most '}{row['peak'] / GIB:.1f}"
    return [
        precision,
        size,
        f"{row['compilation']:.1f}",
        spread(rates),
        f"{achieved:.3g}",
        f"{achieved / highest:.0%}" if highest else "",
        f"{REGIONS / median(rates) / 60:.1f}",
        peak,
        "",
    ]
