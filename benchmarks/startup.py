"""Where the seconds go before the first score: commands as a whole, stages, and imports.

`python benchmarks/startup.py -h` has the options.
"""

import argparse
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from command import HERE, call
from genome import write_genome
from report import RESULTS, machine, publish, spread, table
from run import FOLDER, say
from saved import write_model

DATA = HERE.parent / "data"
DEMO = "demo.h5"
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}
IMPORT = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \| *(\w+)", re.MULTILINE)
MOST_PACKAGES = 10

Command = list[str | Path]
Stages = dict[str, list[float]]
Runs = dict[str, list[tuple[float, float]]]
"""By name: the seconds that passed in each run, and those of processors."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, in turn (3)")
    parser.add_argument("--model", default="bpnet-64", help="a second model, bpnet-FILTERS")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of files and numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    return parser.parse_args(arguments)


def main() -> int:
    """Measure and write the tables; the exit status is 1 where a command fails."""
    chosen = options()
    place = chosen.folder.resolve() / "startup"
    try:
        scored = prepared(place, chosen.model)
        whole = timed(commands(scored), place, chosen.rounds)
        whole |= kept(scored[chosen.model], chosen.model, place, chosen.rounds)
        staged = {name: stages(asked, place, chosen.rounds) for name, asked in scored.items()}
        imports = packages(place)
    except RuntimeError as reason:
        say(f"startup: {reason}")
        return 1
    result = {"date": date.today().isoformat(), "machine": machine(), "rounds": chosen.rounds}
    result |= {"commands": whole, "stages": staged, "imports": imports}
    publish("startup", result, report(result), chosen)
    return 0


def prepared(place: Path, model: str) -> dict[str, Command]:
    """Return the arguments of `seqlift` that score one region, by the name of the model."""
    file = write_model(place, model)
    write_genome(place, 1)
    (place / "genome.fa.fai").unlink(missing_ok=True)
    first = (DATA / "demo.narrowPeak").read_text().splitlines()[0]
    (place / "demo.narrowPeak").write_text(first + "\n")
    ending: Command = ["-o", place / "scores", "--force", "-q"]
    demo: Command = ["score", DATA / DEMO, place / "demo.narrowPeak", "-g", DATA / "demo.fa"]
    other: Command = ["score", file, place / "peaks.narrowPeak", "-g", place / "genome.fa"]
    return {
        DEMO: [*demo, "--target", "tasks:0", *ending],
        model: [*other, "--target", "counts", *ending],
    }


def commands(scored: Mapping[str, Command]) -> dict[str, Command]:
    """Return the commands that are timed as a whole, by what they are called."""
    seqlift = Path(sys.executable).parent / "seqlift"
    made: dict[str, Command] = {"`seqlift --help`": [seqlift, "--help"]}
    for name, asked in scored.items():
        made[f"`seqlift inspect` of {name}"] = [seqlift, "inspect", asked[1]]
    for name, asked in scored.items():
        made[f"`seqlift score` of 1 region by {name}"] = [seqlift, *asked]
    return made


def timed(made: Mapping[str, Command], place: Path, rounds: int) -> Runs:
    """Measure each command, in turn, after one run that fills caches."""
    runs: Runs = {name: [] for name in made}
    for number in range(rounds + 1):
        for name, command in made.items():
            spent = called(name, command, place)
            if number:
                runs[name].append(spent)
    return runs


def called(name: str, command: Command, place: Path, **variables: str) -> tuple[float, float]:
    """Return the seconds that a command took, and those of processors."""
    before = processor_seconds()
    passed, _ = call(command, place / "command.log", **variables)
    used = processor_seconds() - before
    say(f"{name}: {passed:.2f} s, {used:.2f} s of processors")
    return passed, used


def processor_seconds() -> float:
    """Count the seconds of processors of all commands that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def kept(asked: Command, model: str, place: Path, rounds: int) -> Runs:
    """Measure a command on JAX, and again, with the code that the first compiled."""
    if importlib.util.find_spec("jax") is None:
        return {}
    cache = place / "cache"
    variables = {"KERAS_BACKEND": "jax", "SEQLIFT_CACHE": str(cache)}
    names = [f"`seqlift score` of 1 region by {model}, JAX{which}" for which in ("", ", again")]
    runs: Runs = {name: [] for name in names}
    command: Command = [Path(sys.executable).parent / "seqlift", *asked]
    for _ in range(rounds):
        shutil.rmtree(cache, ignore_errors=True)
        for name in names:
            runs[name].append(called(name, command, place, **variables))
    return runs


def stages(asked: Command, place: Path, rounds: int) -> Stages:
    """Return the seconds of each stage of a command, in the order in which they first ended."""
    seconds: Stages = {}
    for _ in range(rounds):
        start = time.perf_counter()
        worker = [sys.executable, HERE / "workers" / "time_stages.py", str(start), *asked]
        with (place / "stages.log").open("w") as log:
            done = subprocess.run(
                worker, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | QUIET
            )
        end = time.perf_counter()
        if done.returncode:
            raise RuntimeError(f"time_stages.py ended with {done.returncode}, see {log.name}")
        answer = json.loads(done.stdout.splitlines()[-1])
        answer["seconds"]["end of Python"] = end - answer["ended"]
        for name, spent in answer["seconds"].items():
            seconds.setdefault(name, []).append(spent)
    return seconds


def packages(place: Path) -> dict[str, float]:
    """Return the seconds that the modules of each package take to import, the most first."""
    log = place / "imports.log"
    call(
        [
            sys.executable,
            "-X",
            "importtime",
            "-c",
            "import seqlift.pipeline.loading, seqlift.pipeline.score",
        ],
        log,
    )
    own: Counter[str] = Counter()
    for microseconds, package in IMPORT.findall(log.read_text()):
        own[package] += int(microseconds)
    return {name: spent / 1e6 for name, spent in own.most_common()}


def report(result: dict[str, Any]) -> str:
    """Return the three tables, with what they were measured on below."""
    whole = [
        [name, *(spread(column) for column in zip(*runs, strict=True))]
        for name, runs in result["commands"].items()
    ]
    models = list(result["stages"])
    names = dict.fromkeys(name for of in result["stages"].values() for name in of)
    staged = [
        [name, *(spread(result["stages"][model].get(name, [0.0])) for model in models)]
        for name in names
    ]
    sums = [sum(median(runs) for runs in result["stages"][model].values()) for model in models]
    staged.append(["sum of the medians", *(f"{total:.2f}" for total in sums)])
    spent = list(result["imports"].items())
    most = [[name, f"{seconds:.2f}"] for name, seconds in spent[:MOST_PACKAGES]]
    most.append(["all others", f"{sum(seconds for _, seconds in spent[MOST_PACKAGES:]):.2f}"])
    return (
        "Whole commands:\n\n"
        + table(["command", "seconds", "the same, of processors"], whole)
        + "\n\nThe stages of `seqlift score` of 1 region, in seconds:\n\n"
        + table(["stage", *models], staged)
        + "\n\nThe modules that are imported, by their package, in one run:\n\n"
        + table(["package", "seconds"], most)
        + f"\n\n{result['date']}, {result['machine']}."
    )


if __name__ == "__main__":
    sys.exit(main())
