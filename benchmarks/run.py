"""The one command: checks that all implementations agree on each case, then times them in turn.

`python benchmarks/run.py -h` has the options; README.md in this folder says what is measured.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES, Case, prepare
from environments import UnavailableError, python_of
from numpy.typing import NDArray
from processes import Worker, WorkerError
from report import RESULTS, machine, store
from tables import write

FOLDER = Path(__file__).resolve().parent.parent / "build" / "benchmarks"
OURS, FLOOR = "seqlift", "floor"
AGREE = 1e-3
"""Largest difference, relative to the largest score, up to which a sequence agrees: half must."""

FLOOR_PAIRS = (8, 32)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", choices=names, help="only this one; repeatable")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, in turn (5)")
    parser.add_argument("--sequences", type=int, help="instead of each case's own number")
    parser.add_argument("--references", type=int, help="instead of each case's own number")
    parser.add_argument("--without", action="append", default=[], help="a rival; repeatable")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of environments and numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    return parser.parse_args(arguments)


def main() -> None:
    """Run the cases and write the tables; a rival that is missing or disagrees is named there."""
    chosen = options()
    for case in CASES:
        if chosen.case and case.name not in chosen.case:
            continue
        changes = {"sequences": chosen.sequences, "references": chosen.references}
        if case.reference == "gc":
            del changes["references"]
        case = replace(case, **{name: n for name, n in changes.items() if n})
        rivals = [name for name in case.rivals if name not in chosen.without]
        result = measured(case, rivals, chosen.rounds, chosen.folder)
        numbers = store(chosen.folder, case.name, result)
        write(numbers, [case.name for case in CASES], chosen.results)


def measured(case: Case, rivals: Sequence[str], rounds: int, folder: Path) -> dict[str, Any]:
    """Return the raw numbers of a case: seconds of every run, differences, notes."""
    place = prepare(case, folder / "cases" / case.name)
    workers, missing = started(rivals, place, folder)
    try:
        differences = agreement(workers, missing, place)
        seconds = timed(workers, rounds)
    finally:
        for worker in workers.values():
            worker.close()
    disagree = [name for name, found in differences.items() if not found["median"] <= AGREE]
    for name, why in missing.items():
        say(f"{case.name}: {name} is left out: {why}")
    for name in disagree:
        say(
            f"{case.name}: {name} disagrees: {differences[name]['median']:.1e} of the largest score"
        )
    return {
        "case": case.name,
        "date": date.today().isoformat(),
        "machine": machine(),
        "sequences": case.sequences,
        "references": case.references,
        "targets": case.targets,
        "rule": case.rule,
        "scores": case.scores,
        "seconds": seconds,
        "differences": differences,
        "disagree": disagree,
        "missing": missing,
        "notes": {name: worker.notes for name, worker in workers.items()},
        "peak_mb": {name: worker.peak_mb for name, worker in workers.items()},
    }


def started(
    rivals: Sequence[str], place: Path, folder: Path
) -> tuple[dict[str, Worker], dict[str, str]]:
    """Return the workers, warm, one after another, and why some rivals are missing."""
    workers: dict[str, Worker] = {}
    missing: dict[str, str] = {}
    for name in (OURS, FLOOR, *rivals):
        pairs: tuple[str, ...] = ()
        if name == FLOOR:
            sizes = {*FLOOR_PAIRS, workers[OURS].notes["pairs"]}
            pairs = ("--pairs", *(str(size) for size in sorted(sizes)))
        worker = None
        try:
            worker = Worker(name, python_of(name, folder), place, *pairs)
            workers[name] = worker.ready()
        except (UnavailableError, WorkerError) as reason:
            if worker:
                worker.close()
            if name in (OURS, FLOOR):
                for other in workers.values():
                    other.close()
                raise SystemExit(f"{place.name}: {name}: {reason}") from None
            missing[name] = str(reason)
    return workers, missing


def agreement(
    workers: dict[str, Worker], missing: dict[str, str], place: Path
) -> dict[str, dict[str, float]]:
    """Return each rival's differences from seqlift, relative to seqlift's largest score.

    A rival that fails here is moved from `workers` to `missing`.
    """
    ours = np.load(workers[OURS].scores(place / f"{OURS}.npy"))
    found = {}
    for name in [name for name in workers if name not in (OURS, FLOOR)]:
        try:
            theirs = np.load(workers[name].scores(place / f"{name}.npy"))
        except WorkerError as reason:
            workers.pop(name).close()
            missing[name] = str(reason)
            continue
        found[name] = difference(ours, theirs)
    return found


def difference(ours: NDArray[Any], theirs: NDArray[Any]) -> dict[str, float]:
    """Return the largest difference in a sequence, relative to our largest score of the target.

    ``median`` and ``largest`` over the sequences. Arrays are (targets, N, L, 4); of unequal shapes
    both are infinite.
    """
    if ours.shape != theirs.shape:
        return {"median": float("inf"), "largest": float("inf")}
    scale = np.abs(ours).max(axis=(1, 2, 3))[:, None]
    found = (np.abs(ours - theirs).max(axis=(2, 3)) / scale).max(axis=0)
    return {"median": float(np.median(found)), "largest": float(found.max())}


def timed(workers: dict[str, Worker], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each worker's runs, taken in turn so that all share what disturbs."""
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for number in range(rounds):
        for name, worker in workers.items():
            seconds[name].append(worker.run())
        shown = ", ".join(f"{name} {runs[-1]:.2f}" for name, runs in seconds.items())
        say(f"round {number + 1} of {rounds}: {shown}")
    return seconds


def say(text: str) -> None:
    """Print a line for who is watching."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
