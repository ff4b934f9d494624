"""What each precision is worth: how well scores sum up, how far they are from float64, how fast.

`python benchmarks/precision.py -h` has the options.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported, below
sys.path.insert(0, str(Path(__file__).resolve().parent / "workers"))

import keras
import keras_model
import numpy as np
import protocol
from cases import CASES, prepare
from report import RESULTS, machine, publish, spread, stored, table
from run import FOLDER, say
from run_seqlift import fill_batches

from seqlift.attribution.result import Result
from seqlift.device.precision import PRECISIONS
from seqlift.explain.explainer import Explainer
from seqlift.pipeline.rows import residuals_of

EXACT = "float64"
SEQUENCES = {
    "bpnet-64-counts-profile": 8,
    "bpnet-512-counts-profile": 1,  # float64 takes most of a minute
    "basset": 16,
    "two-dense": 64,
}


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES])
    parser.add_argument(
        "--sequences",
        type=int,
        help="of each case (8 of bpnet-64, 1 of bpnet-512, 16 of basset, 64 of two-dense)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="timed runs (5)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of cases and numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure every precision on every case, and write the table."""
    chosen = options()
    result: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine()}
    result["backend"] = keras.backend.backend()
    result["cases"] = stored(chosen.folder, "precision", result).get("cases", {}) | {
        name: measured(
            name, chosen.sequences or SEQUENCES.get(name, 8), chosen.rounds, chosen.folder
        )
        for name in chosen.case or SEQUENCES
    }
    publish("precision", result, report(result), chosen)


def measured(name: str, sequences: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Return the figures of each precision, and of each target of the case."""
    case = next(case for case in CASES if case.name == name)
    place = prepare(replace(case, sequences=sequences), folder / "cases" / f"{name}-precision")
    stored = protocol.Case(place)
    model = keras_model.build(keras, stored.description, stored.weights)
    results: dict[str, dict[str, Result]] = {}
    seconds: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    explainers = {}
    for precision in (EXACT, *(one for one in PRECISIONS if one != EXACT)):
        explain = Explainer(model, list(case.targets), rule=case.rule, precision=precision)
        fill_batches(explain, stored.references.shape[1], sequences)
        results[precision] = explain(stored.sequences, stored.references)
        explainers[precision] = explain
    for _ in range(rounds):
        for precision, explain in explainers.items():
            start = time.perf_counter()
            explain(stored.sequences, stored.references)
            seconds[precision].append((time.perf_counter() - start) / sequences)
    say(f"{name}: measured")
    return {
        precision: {"seconds": seconds[precision], "targets": compared(results, precision)}
        for precision in PRECISIONS
    }


def compared(results: dict[str, dict[str, Result]], precision: str) -> dict[str, dict[str, float]]:
    """Return for each target the largest relative residual, and how far scores are from float64.

    ``median`` and ``largest`` difference of contributions in a sequence, over the largest of all.
    """
    found = {}
    for target, exact in results[EXACT].items():
        ours = results[precision][target]
        scale = np.abs(exact.contributions).max()
        off = np.abs(ours.contributions - exact.contributions).max(axis=(1, 2)) / scale
        found[target] = {
            "residual": float(residuals_of(ours, ours.contributions).relative.max()),
            "median": float(np.median(off)),
            "largest": float(off.max()),
        }
    return found


def report(result: dict[str, Any]) -> str:
    """Return the table."""
    rows = []
    for name, precisions in result["cases"].items():
        for precision, figures in precisions.items():
            first = [name, precision, spread([1000 * s for s in figures["seconds"]], 0)]
            for target, found in figures["targets"].items():
                off = (
                    "" if precision == EXACT else f"{found['median']:.0e} ({found['largest']:.0e})"
                )
                rows.append([*first, target, f"{found['residual']:.0e}", off])
                first = ["", "", ""]
    head = ("case", "`--precision`", "ms per sequence", "target", "residual", "from float64")
    return (
        f"{table(head, rows)}\n\nfloat32 is the default: it is the fastest that agrees with float64"
        " to five digits on the median sequence. Rounded products gain nothing on a CPU.\n\n"
        f"{result['backend']}, {result['date']}, {result['machine']}."
    )


if __name__ == "__main__":
    main()
