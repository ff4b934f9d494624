"""seqlift on JAX: how exact and how fast each precision is on this device, against its ceilings.

`python benchmarks/gpu.py -h` has the options; README.md beside this file says what is measured. One
process for each precision, one after another; this one imports no framework.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import gpu_tables
from processes import Worker, WorkerError
from report import RESULTS

Found = dict[str, Any]
Measure = Callable[[Worker, Found], None]

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "build" / "benchmarks"
EXACT = "float64"
ENOUGH = 1e-4
"""Largest difference of float32 from float64, relative to the largest score."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The networks of the numbers and of the speed, and how much of everything.

    `checked` sequences are compared; `batches` are sequences at once, 0 for the automatic size;
    `product` is the side of the matrices, `pairs` the batch of the convolutions.
    """

    numbers: str = "bpnet-64"
    speed: str = "bpnet-512"
    references: int = 20
    checked: int = 4
    batches: tuple[int, ...] = (0, 1, 4, 16, 32)
    sequences: int = 64
    product: int = 8192
    pairs: int = 80
    repeats: int = 3

    def work(self) -> dict[str, Any]:
        """Return what a worker has to know."""
        names = ("numbers", "speed", "references", "checked", "product", "pairs", "repeats")
        return {name: getattr(self, name) for name in names}


QUICK = Sizes("bpnet-16", "bpnet-12", 2, 1, (0, 2), 4, 128, 2, 1)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: a trial, also on a CPU")
    parser.add_argument("--precision", action="append", help="only this one; repeatable")
    parser.add_argument("--sequences", type=int, help="timed in each run, at least (64)")
    parser.add_argument("--repeats", type=int, help="runs of each (3)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the numbers")
    parser.add_argument("--results", type=Path, help="the file of tables (RESULTS.md)")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure each precision and write the table anew after each; end with an error if one fails.

    A trial has a file of its own for its table.
    """
    chosen = options()
    plain = QUICK if chosen.quick else Sizes()
    sizes = Sizes(
        **{name: getattr(plain, name) for name in Sizes.__slots__}
        | {name: n for name in ("sequences", "repeats") if (n := getattr(chosen, name))}
    )
    folder = chosen.folder / ("gpu-quick" if chosen.quick else "gpu")
    results = chosen.results or (folder / "RESULTS.md" if chosen.quick else RESULTS)
    folder.mkdir(parents=True, exist_ok=True)
    prepare_environment()
    failed = Session(sizes, folder, results).run(chosen.precision)
    if failed:
        raise SystemExit("; ".join(failed))
    say(f"the table is in {results}")


def prepare_environment() -> None:
    """Have workers use JAX, and find the seqlift of this folder where none is installed."""
    os.environ["KERAS_BACKEND"] = "jax"
    paths = [str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)


class Session:
    """One run of the command: its sizes, where numbers go, and the table so far."""

    def __init__(self, sizes: Sizes, folder: Path, results: Path) -> None:
        """Take them; nothing is measured yet."""
        self.sizes, self.folder, self.results = sizes, folder, results
        self.setup: dict[str, Any] = {}
        self.known: list[str] = []
        self.failed: list[str] = []

    def run(self, asked: Sequence[str] | None) -> list[str]:
        """Return why precisions failed, having measured those `asked` for, by default all."""
        exact = self.measured(EXACT, self.exact)
        if not self.setup:
            return self.failed
        for precision in asked or self.known:
            if precision not in self.known:
                self.failed.append(f"{precision}: not known; give one of {', '.join(self.known)}")
            elif precision == EXACT and exact:
                self.measured(EXACT, lambda worker, found: self.timed(worker, known(found, exact)))
            elif precision != EXACT:
                self.measured(precision, self.compared)
        return self.failed

    def measured(self, precision: str, measure: Measure) -> Found:
        """Return what `measure` found with a worker of `precision`, also where it stopped early."""
        place = self.folder / precision
        place.mkdir(exist_ok=True)
        work = json.dumps({"precision": precision, **self.sizes.work()})
        worker = Worker("gpu", Path(sys.executable), place, work)
        found: Found = {}
        try:
            notes = worker.ready().notes
            self.known = notes.pop("precisions")
            self.setup = {"date": date.today().isoformat(), "sizes": self.sizes.work(), **notes}
            found = {"precision": precision, "setup": self.setup}
            measure(worker, found)
        except WorkerError as reason:
            say(f"{precision}: {reason}; more in {worker.log}")
            self.failed.append(f"{precision}: {reason}")
            if found:
                self.keep(found | {"why": str(reason)})
        finally:
            worker.close()
        return found

    def exact(self, worker: Worker, found: Found) -> None:
        """Find the numbers of float64, which all others are compared with."""
        say(f"{EXACT} on {self.setup['card']}: numbers")
        found |= worker.ask(do="numbers", path=str(self.scores(EXACT)), against="")

    def compared(self, worker: Worker, found: Found) -> None:
        """Find everything about a precision; end the run where float32 is not exact enough."""
        precision = found["precision"]
        say(f"{precision}: numbers")
        exact, own = str(self.scores(EXACT)), str(self.scores(precision))
        found |= worker.ask(do="numbers", path=own, against=exact)
        if precision == "float32" and not found.get("difference", 0.0) <= ENOUGH:
            self.keep(found)
            raise SystemExit(
                f"float32 is off by {found['difference']:.1e} of the largest score, more than"
                f" {ENOUGH:.0e}; nothing is timed"
            )
        self.timed(worker, found)

    def timed(self, worker: Worker, found: Found) -> None:
        """Find how fast a precision is, by batch size, and the ceilings of the device."""
        found["speed"] = []
        done: set[int] = set()
        for size in () if "why" in found else self.sizes.batches:
            if size in done:
                continue
            say(f"{found['precision']}: {size or 'automatic'} sequences at once")
            row = worker.ask(do="speed", size=str(size), sequences=str(self.sizes.sequences))
            row = {"size": size, "automatic": size == 0, **row}
            found["speed"].append(row | {"peak_is_own": row["size"] > max(done, default=0)})
            done.add(row["size"])
            self.keep(found)
            if "why" in row and size:
                break  # those that follow are larger
        say(f"{found['precision']}: ceilings")
        found["ceilings"] = worker.ask(do="ceilings")["ceilings"]
        self.keep(found)

    def scores(self, precision: str) -> Path:
        """Return the file of a precision's scores."""
        return self.folder / precision / "scores.npy"

    def keep(self, found: Found) -> None:
        """Store the numbers of a precision, and write the table of all that have the same setup."""
        path = self.folder / f"{found['precision']}.json"
        path.write_text(json.dumps(found, indent=1) + "\n")
        stored = [self.folder / f"{name}.json" for name in self.known]
        numbers = [json.loads(file.read_text()) for file in stored if file.exists()]
        same = [one for one in numbers if one["setup"] == json.loads(json.dumps(self.setup))]
        gpu_tables.write(same, self.results)


def known(found: Found, before: Found) -> Found:
    """Return `found`, now with what was found `before`."""
    found.update({name: value for name, value in before.items() if name not in found})
    return found


def say(text: str) -> None:
    """Print a line for who is watching."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
