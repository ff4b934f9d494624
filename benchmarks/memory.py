"""Peak memory and seconds of `seqlift score` for few and for many regions, files included.

`python benchmarks/memory.py -h` has the options.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from command import call
from genome import CHROMOSOMES, record
from report import RESULTS, machine, publish, table
from run import FOLDER, say
from saved import write_model

WIDTH = 200
ALIKE = 1.10
"""Largest ratio of the peaks that counts as no growth."""

MOST_MB = 1536


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--regions",
        type=int,
        action="append",
        help="how many; repeatable (1000, 10000, 50000, 100000)",
    )
    parser.add_argument("--model", default="two-dense", help="of the README's table (two-dense)")
    parser.add_argument("--reference", default="gc", help="kind of reference (gc)")
    parser.add_argument("--bases", type=int, default=5_000_000, help="of the genome (5000000)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of files and numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    chosen = parser.parse_args(arguments)
    chosen.regions = sorted(chosen.regions or [1_000, 10_000, 50_000, 100_000])
    return chosen


def main() -> int:
    """Measure and write the table; the exit status is 1 where the command fails."""
    chosen = options()
    place = chosen.folder.resolve() / "memory"
    try:
        model = write_model(place, chosen.model)
        write_genome(place / "genome.fa", chosen.bases)
        runs = [measured(place, model, chosen, number) for number in chosen.regions]
    except RuntimeError as reason:
        say(f"memory: {reason}")
        return 1
    result = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "model": chosen.model,
        "reference": chosen.reference,
        "runs": runs,
    }
    publish("memory", result, report(result), chosen)
    return 0


def write_genome(path: Path, bases: int, *, seed: int = 1) -> None:
    """Write a random genome of so many bases, and no file of an older one left."""
    rng = np.random.default_rng(seed)
    Path(f"{path}.fai").unlink(missing_ok=True)
    with path.open("w") as fasta:
        for number in range(CHROMOSOMES):
            fasta.write(record(f"chr{number + 1}", bases // CHROMOSOMES, rng))


def write_regions(path: Path, regions: int, bases: int, *, seed: int = 1) -> None:
    """Write regions anywhere on the genome, in no order; with many of them most overlap."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, bases // CHROMOSOMES - WIDTH, regions)
    chroms = rng.integers(1, CHROMOSOMES + 1, regions)
    lines = [f"chr{k}\t{n}\t{n + WIDTH}\n" for k, n in zip(chroms, starts, strict=True)]
    path.write_text("".join(lines))


def measured(
    place: Path, model: Path, chosen: argparse.Namespace, regions: int
) -> dict[str, int | float]:
    """Return the seconds and the peak memory of one command, files included."""
    bed = place / f"{regions}.bed"
    write_regions(bed, regions, chosen.bases)
    command: list[str | Path] = [Path(sys.executable).parent / "seqlift", "score", model, bed]
    command += ["-g", place / "genome.fa", "--reference", chosen.reference]
    if chosen.model.startswith("bpnet-"):
        command += ["--target", "counts"]
    elif chosen.model != "two-dense":
        command += ["--target", "0"]  # of several tasks
    command += ["-o", place / f"{regions}", "--force", "-q"]
    seconds, peak = call(command, place / f"{regions}.log")
    say(f"{regions} regions: {seconds:.1f} s, {peak * 1024:.0f} MB")
    return {"regions": regions, "seconds": seconds, "peak_mb": peak * 1024}


def report(result: dict[str, Any]) -> str:
    """Return the table, with what was required and what it was measured on below."""
    runs = result["runs"]
    smallest, largest = min(r["peak_mb"] for r in runs), max(r["peak_mb"] for r in runs)
    rows = [
        [
            f"{run['regions']:,}",
            f"{run['peak_mb']:.0f}",
            f"{run['peak_mb'] / runs[0]['peak_mb']:.3f}",
            f"{run['seconds']:.1f}",
            f"{run['regions'] / run['seconds']:.0f}",
        ]
        for run in runs
    ]
    head = ["regions", "peak memory, MB", "÷ the first", "seconds", "sequences per second"]
    met = largest <= ALIKE * smallest and largest < MOST_MB
    return (
        f"`seqlift score` of {result['model']} with `--reference {result['reference']}`, start and"
        f" files included:\n\n{table(head, rows)}\n\n"
        f"Required: peaks within {100 * (ALIKE - 1):.0f} % of each other and below {MOST_MB} MB:"
        f" {'met' if met else '**not met**'}. {result['date']}, {result['machine']}."
    )


if __name__ == "__main__":
    sys.exit(main())
