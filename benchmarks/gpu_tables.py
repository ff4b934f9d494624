"""The tables of `gpu.py`, and the lines it prints, from the numbers it has stored.

Knows the layout of one part's JSON; all numbers of a table were measured on the same device.
"""

from collections.abc import Mapping
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
ORDER = ("float64", "float32", "tf32", "bfloat16")

Found = dict[str, Any]


def write(found: Mapping[str, Found], setup: Found, path: Path) -> None:
    """Write the table ``gpu``: the device and the versions, engine, forms, rival and command."""
    versions = ", ".join(f"{name} {version}" for name, version in setup["versions"].items())
    by_precision = {name: found[name] for name in ORDER if name in found}
    parts = [
        f"{setup['card']}, {setup['date']}: {versions}.",
        engine(by_precision, setup["sizes"]),
        forms(by_precision, setup["sizes"]),
        rival(found.get("tangermeme", {}), setup["sizes"]),
        command(found.get("command", {}), found.get("again", {})),
    ]
    replace("gpu", "\n\n".join(part for part in parts if part), path)


def engine(found: Mapping[str, Found], sizes: Found) -> str:
    """Return how exact and how fast the engine is in each precision."""
    needed = of_scores(describe(sizes["network"]), TARGETS, sizes["references"])
    rows = []
    for precision, of in found.items():
        if precision == "float64":
            residual = f"{of['residual']:.1e}" if "residual" in of else ""
            rows.append([precision, *[""] * 7, "0", residual, of.get("why", "")])
        rows += [engine_row(precision, row, needed) for row in of.get("speed", [])]
        if precision != "float64" and "why" in of:
            rows.append([precision, *[""] * 9, of["why"]])
    head = [
        f"{sizes['network']} x {sizes['references']}, counts and profile",
        "form",
        "sequences at once",
        "compilation, s",
        "sequences per second",
        "TFLOP/s",
        f"minutes for {REGIONS:,}",
        "device memory, GiB",
        "difference from float64",
        "largest residual",
        "missing",
    ]
    note = f"Scores of one sequence are {needed / TERA:.3g} TFLOP."
    return f"{table(head, rows)}\n\n{note}"


def engine_row(precision: str, row: Found, needed: int) -> list[str]:
    """Return one line of the table of the engine."""
    form, size = row["form"] or "of the table", str(row["size"] or "")
    if "why" in row:
        return [precision, form, size, *[""] * 7, row["why"]]
    if row["automatic"]:
        size = f"{size} (automatic{', halved' if row.get('halved') else ''})"
    rates = rates_of(row)
    return [
        precision,
        form,
        size,
        f"{row['compilation']:.1f}",
        spread(rates),
        f"{median(rates) * needed / TERA:.3g}",
        f"{REGIONS / median(rates) / 60:.1f}",
        f"at most {row['peak'] / GIB:.1f}" if row["peak"] else "",
        f"{row['difference']:.1e}" if "difference" in row else "",
        f"{row['residual']:.1e}",
        "",
    ]


def rates_of(row: Found) -> list[float]:
    """Return the sequences per second of each run."""
    return [row["sequences"] / seconds for seconds in row["seconds"]]


def forms(found: Mapping[str, Found], sizes: Found) -> str:
    """Return how fast and how exact a dilated convolution is in each form."""
    measured = [row for of in found.values() for row in of.get("forms", [])]
    dilations = sorted({row["dilation"] for row in measured})
    rows = []
    for precision, of in found.items():
        for name, product in of.get("products", {}).items():
            fast = f"{rate(product):.3g}" if "seconds" in product else product["why"]
            rows.append([f"matrix product, {name}", *[fast] * len(dilations), "", ""])
        by_form: dict[str, list[Found]] = {}
        for row in of.get("forms", []):
            by_form.setdefault(row["form"], []).append(row)
        rows += [form_row(f"{precision}, {form}", each) for form, each in by_form.items()]
    if not rows:
        return ""
    head = [
        f"TFLOP/s, {sizes['pairs']} pairs of {sizes['network']}",
        *(f"dilation {dilation}" for dilation in dilations),
        "error",
        "compilation, s",
    ]
    return table(head, rows)


def form_row(name: str, rows: list[Found]) -> list[str]:
    """Return one line of the table of forms; `rows` are those of each dilation, in order."""
    each = [f"{rate(row):.3g}" if "seconds" in row else row["why"] for row in rows]
    errors = [row["error"] for row in rows if "error" in row]
    spent = [row["compilation"] for row in rows if "error" in row]
    ends = [f"{max(errors):.1e}", f"{max(spent):.1f}"] if errors else ["", ""]
    return [name, *each, *ends]


def rate(measured: Found) -> float:
    """Return the TFLOP/s of a measurement."""
    return float(measured["operations"] / measured["seconds"] / TERA)


def rival(found: Found, sizes: Found) -> str:
    """Return how fast tangermeme is, for one target."""
    if "why" in found:
        return f"tangermeme: {found['why']}."
    rows = [
        [row["precision"], row["why"], ""]
        if "why" in row
        else [row["precision"], f"{1e3 * row['seconds']:.2f}", str(row["pairs"])]
        for row in found.get("rival", [])
    ]
    if not rows:
        return ""
    of = ", ".join(f"{name} {version}" for name, version in found["notes"]["versions"].items())
    head = [f"tangermeme, {sizes['network']}, one target", "ms a sequence", "pairs at once"]
    return f"{table(head, rows)}\n\n{of}."


def command(found: Found, again: Found) -> str:
    """Return where the seconds of the whole command went, and its share of the engine's rate."""
    row = found.get("command")
    if row is None:
        return f"The command: {found['why']}." if "why" in found else ""
    stages = [
        ["import", f"{row['import']:.1f}"],
        ["from there to the first batch", f"{row['first_batch']:.1f}"],
        ["the other batches", f"{row['scoring']:.1f}"],
        ["score files and tracks", f"{row['files']:.1f}"],
    ]
    head = [f"`seqlift score`, {row['regions']} regions, {row['network']}, tf32", "seconds"]
    if "command" in again:
        second = again["command"]["import"] + again["command"]["first_batch"]
        stages.append(["import and first batch of a second start", f"{second:.1f}"])
    return (
        f"{table(head, stages)}\n\nAfter the first batch {row['rate']:.0f} sequences per second,"
        f" {row['scoring_rate']:.0f} while scoring; the engine alone {row['engine_rate']:.0f}"
        f" ({row['rate'] / row['engine_rate']:.0%} and"
        f" {row['scoring_rate'] / row['engine_rate']:.0%})."
    )


def speed_line(row: Found) -> str:
    """Return a line that says how fast the engine was."""
    form = row["form"] or "forms of the table"
    if "why" in row:
        return f"{form}: {row['why']}"
    off = f", {row['difference']:.1e} from float64" if "difference" in row else ""
    return (
        f"{form}, {row['size']} at once: {median(rates_of(row)):.2f} sequences per second, compiled"
        f" in {row['compilation']:.1f} s{off}, residual {row['residual']:.1e}"
    )


def form_line(row: Found) -> str:
    """Return a line that says how fast a form was."""
    what = f"{row['form']}, dilation {row['dilation']}"
    if "why" in row:
        return f"{what}: {row['why']}"
    return (
        f"{what}: {rate(row):.1f} TFLOP/s, error {row['error']:.1e}, compiled in"
        f" {row['compilation']:.1f} s"
    )


def rival_line(row: Found) -> str:
    """Return a line that says how fast tangermeme was."""
    if "why" in row:
        return f"{row['precision']}: {row['why']}"
    return f"{row['precision']}: {1e3 * row['seconds']:.2f} ms a sequence, {row['pairs']} at once"


def command_line(row: Found) -> str:
    """Return a line that says how fast the command was."""
    return (
        f"import {row['import']:.1f} s, first batch {row['first_batch']:.1f} s, others"
        f" {row['scoring']:.1f} s, files {row['files']:.1f} s: {row['rate']:.0f} of"
        f" {row['engine_rate']:.0f} sequences per second"
    )
