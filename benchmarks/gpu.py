"""seqlift on JAX: how exact and how fast each precision is on this device, against its ceilings.

`python benchmarks/gpu.py -h` has the options; README.md in this folder says what is measured. One
process for each precision, one after another; this one imports no framework. What is found is
printed, and the table written anew, as soon as it is known.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import gpu_tables
from genome import write_genome
from processes import Worker, WorkerError
from report import RESULTS

Found = dict[str, Any]
Measure = Callable[[Worker, Found], None]

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent / "build" / "benchmarks"
EXACT = "float64"
PRECISIONS = ("float32", "tf32", "bfloat16")
PARTS = ("engine", "forms", "tangermeme", "command")
ENOUGH = 1e-4
"""Largest difference of float32 from float64, relative to the largest score."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The networks of the engine and of the command, and how much of everything.

    `checked` sequences are compared; `batches` are sequences at once, 0 for the automatic size;
    `product` is the side of the matrices, `pairs` the batch of the convolutions. `command` is the
    network of `seqlift score`, `regions` its rows and `again` those of a second start; `rival` is
    how many sequences tangermeme explains.
    """

    network: str = "bpnet-512"
    references: int = 20
    checked: int = 4
    batches: tuple[int, ...] = (0,)
    sequences: int = 60
    product: int = 8192
    pairs: int = 80
    dilations: tuple[int, ...] = (16, 256)
    repeats: int = 3
    command: str = "bpnet-64"
    regions: int = 4000
    again: int = 100
    rival: int = 16

    def work(self) -> dict[str, Any]:
        """Return the fields of a worker's work."""
        names = ("network", "references", "checked", "product", "pairs", "repeats")
        return {name: getattr(self, name) for name in names}


QUICK = Sizes("bpnet-16", 2, 1, (2,), 4, 128, 2, (16,), 1, "bpnet-12", 6, 2, 1)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: a trial, also on a CPU")
    parser.add_argument("--precision", action="append", choices=PRECISIONS, help="only this one")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this one")
    parser.add_argument(
        "--form",
        action="append",
        help="in the place of those of the table; [PRECISION:]FORM[+first|+last], with a layout",
    )
    parser.add_argument("--each", action="store_true", help="time the engine in each form, too")
    parser.add_argument(
        "--size", type=int, action="append", help="sequences of a batch (automatic)"
    )
    parser.add_argument("--sequences", type=int, help="timed in each run, at least (60)")
    parser.add_argument("--repeats", type=int, help="runs of each (3)")
    parser.add_argument("--seconds", type=float, default=300, help="after which nothing is begun")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the numbers")
    parser.add_argument("--results", type=Path, help="the file of tables (RESULTS.md)")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure and write the table anew after each; end with an error if one fails.

    A trial has a file of its own for its table.
    """
    chosen = options()
    plain = QUICK if chosen.quick else Sizes()
    asked = {name: getattr(chosen, name) for name in ("sequences", "repeats")}
    sizes = replace(plain, **{name: number for name, number in asked.items() if number})
    folder = chosen.folder / ("gpu-quick" if chosen.quick else "gpu")
    results = chosen.results or (folder / "RESULTS.md" if chosen.quick else RESULTS)
    folder.mkdir(parents=True, exist_ok=True)
    prepare_environment()
    failed = Session(sizes, folder, results, chosen).run()
    if failed:
        raise SystemExit("; ".join(failed))
    say(f"the table is in {results}")


def prepare_environment() -> None:
    """Have workers use JAX, and find the seqlift of this folder where none is installed."""
    os.environ["KERAS_BACKEND"] = "jax"
    os.environ["SEQLIFT_CACHE"] = "off"  # compiling is measured
    paths = [str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)


class Session:
    """One run of the command: its sizes, where numbers go, and the table so far."""

    def __init__(
        self, sizes: Sizes, folder: Path, results: Path, chosen: argparse.Namespace
    ) -> None:
        """Begin to count the seconds; nothing is measured yet."""
        self.sizes, self.folder, self.results, self.chosen = sizes, folder, results, chosen
        self.end = time.monotonic() + chosen.seconds
        self.setup: dict[str, Any] = {}
        self.failed: list[str] = []

    def run(self) -> list[str]:
        """Measure what is asked for, and return why parts of it failed."""
        parts = self.chosen.part or PARTS
        if "engine" in parts:
            self.measured(EXACT, self.exact)
        for precision in self.chosen.precision or PRECISIONS:
            if "engine" in parts or "forms" in parts:
                self.measured(precision, self.timed)
        if "tangermeme" in parts:
            self.measured("tangermeme", self.rival, "gpu_tangermeme", *self.rival_options())
        if "command" in parts:
            cache = self.folder / "compiled"
            shutil.rmtree(cache, ignore_errors=True)
            os.environ["SEQLIFT_CACHE"] = str(cache.resolve())
            for name, regions in (("command", self.sizes.regions), ("again", self.sizes.again)):
                self.measured(name, self.command, "gpu_command", *self.genome(name, regions))
        return self.failed

    def measured(
        self, name: str, measure: Measure, worker_name: str = "gpu", *arguments: str
    ) -> None:
        """Store what `measure` finds with a worker, also where it stops early."""
        place = self.folder / name
        place.mkdir(exist_ok=True)
        if self.late():
            say(f"{name}: left out, as the time is over")
            return
        own = (json.dumps({"precision": name, **self.sizes.work()}),)
        worker = Worker(worker_name, Path(sys.executable), place, *(arguments or own))
        found: Found = {"name": name}
        try:
            notes = worker.ready().notes
            if "card" in notes:
                self.setup = self.setup_of(notes)
            found |= {"setup": self.setup, "notes": notes}
            measure(worker, found)
        except WorkerError as reason:
            say(f"{name}: {reason}; more in {worker.log}")
            self.failed.append(f"{name}: {reason}")
            found["why"] = str(reason)
        finally:
            worker.close()
        self.keep(found)

    def setup_of(self, notes: Found) -> Found:
        """List what has to be equal for numbers to stand in one table."""
        same = {name: notes[name] for name in ("card", "versions")}
        return {"date": date.today().isoformat(), "sizes": self.sizes.work(), **same}

    def late(self) -> bool:
        """Tell whether the time is over."""
        return time.monotonic() > self.end

    def exact(self, worker: Worker, found: Found) -> None:
        """Find the numbers of float64, which all others are compared with."""
        found |= worker.ask(do="scores", path=str(self.scores(EXACT)))
        say(f"{EXACT} on {self.setup['card']}: largest residual {found['residual']:.1e}")

    def timed(self, worker: Worker, found: Found) -> None:
        """Find everything about a precision."""
        parts = self.chosen.part or PARTS
        found |= {"speed": [], "forms": [], "products": {}}
        if "engine" in parts:
            self.engine(worker, found)
        if "forms" in parts and not self.late():
            found["products"] = worker.ask(do="products")["products"]
            for form in self.forms(found):
                for dilation in self.sizes.dilations:
                    self.form(worker, found, form, dilation)

    def engine(self, worker: Worker, found: Found) -> None:
        """Find how fast the engine is; end the run where float32 is not exact enough."""
        table = found["notes"]["forms"][0]
        others = [form for form in self.forms(found) if form != table] if self.chosen.each else []
        for form in ("", *others):
            for size in self.chosen.size or self.sizes.batches:
                if self.late():
                    say(f"{found['name']} {form}: left out, as the time is over")
                    continue
                row = worker.ask(
                    do="speed",
                    form=form,
                    size=str(size),
                    sequences=str(self.sizes.sequences),
                    path=str(self.scores(found["name"])),
                    against=str(self.scores(EXACT)) if self.scores(EXACT).exists() else "",
                )
                found["speed"].append({"form": form, "size": size} | row)
                say(f"{found['name']}: {gpu_tables.speed_line(found['speed'][-1])}")
                self.keep(found)
                if found["name"] == "float32" and row.get("difference", 0.0) > ENOUGH:
                    raise SystemExit(
                        f"float32 is off by {row['difference']:.1e} of the largest score, more"
                        f" than {ENOUGH:.0e}; nothing else is timed"
                    )

    def forms(self, found: Found) -> list[str]:
        """Return the forms asked for in a precision, or those of the table."""
        if self.chosen.form is None:
            return list(found["notes"]["forms"])
        named = (asked.rpartition(":") for asked in self.chosen.form)
        return [form for precision, _, form in named if precision in ("", found["name"])]

    def form(self, worker: Worker, found: Found, form: str, dilation: int) -> None:
        """Find how fast a form of a convolution is."""
        if self.late():
            return
        row = worker.ask(do="form", form=form, dilation=str(dilation))
        found["forms"].append({"form": form, "dilation": dilation} | row)
        say(f"{found['name']}: {gpu_tables.form_line(found['forms'][-1])}")
        self.keep(found)

    def rival_options(self) -> tuple[str, ...]:
        """Return the arguments of tangermeme's worker."""
        return self.sizes.network, str(self.sizes.references), str(self.sizes.rival)

    def rival(self, worker: Worker, found: Found) -> None:
        """Find how fast tangermeme is on the same network and card, for one target."""
        if "why" in found["notes"]:
            found["why"] = found["notes"]["why"]
            say(f"tangermeme: {found['why']}")
            return
        found["rival"] = [worker.answer() for _ in range(2)]
        for row in found["rival"]:
            say(f"tangermeme: {gpu_tables.rival_line(row)}")

    def genome(self, name: str, regions: int) -> tuple[str, ...]:
        """Write a genome and return the arguments of the command's worker."""
        place = self.folder / name
        place.mkdir(exist_ok=True)
        write_genome(place, regions)
        return self.sizes.command, "tf32", str(regions), str(self.sizes.sequences)

    def command(self, worker: Worker, found: Found) -> None:
        """Find how fast the whole command is."""
        found["command"] = worker.answer() | {"network": self.sizes.command}
        say(f"{found['name']}: {gpu_tables.command_line(found['command'])}")

    def scores(self, precision: str) -> Path:
        """Return the file of a precision's scores."""
        return self.folder / precision / "scores.npy"

    def keep(self, found: Found) -> None:
        """Store the numbers of a part, and write the table of all that have the same setup."""
        if "setup" not in found or not self.setup:
            return
        path = self.folder / f"{found['name']}.json"
        path.write_text(json.dumps(found, indent=1) + "\n")
        numbers = [json.loads(file.read_text()) for file in sorted(self.folder.glob("*.json"))]
        same = [one for one in numbers if one["setup"] == json.loads(json.dumps(self.setup))]
        gpu_tables.write({one["name"]: one for one in same}, self.setup, self.results)


def say(text: str) -> None:
    """Print a line for who is watching."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
