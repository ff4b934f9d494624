"""Wide models: seconds to the first batch and peak memory of large weights, tasks and lengths.

`python benchmarks/wide.py -h` has the options.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from command import call
from genome import write_genome
from report import RESULTS, machine, publish, table
from run import FOLDER, say

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported, below

REFERENCES = 20
TASKS = 900
LENGTHS = (60, 1060)
COMMAND = "command"
CASES = ("dense", "danq", "task", "tasks", "basset-task", "basset-tasks", "lengths", COMMAND)
HEAD = ["case", "first batch, s", "the same, s of processors", "peak, GB", "ms a row", "programs"]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", choices=CASES, help="repeatable (all)")
    parser.add_argument("--sequences", type=int, default=100, help="of tasks and lengths (100)")
    parser.add_argument("--measure", action="store_true", help="in this process, as JSON")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of logs and numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    chosen = parser.parse_args(arguments)
    chosen.case = chosen.case or list(CASES)
    return chosen


def main() -> int:
    """Measure each case in a process of its own, and write the table."""
    chosen = options()
    if chosen.measure:
        print(json.dumps(measured(chosen.case[0], chosen.sequences)))
        return 0
    place = chosen.folder.resolve() / "wide"
    place.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Any] = {}
    result = {"date": date.today().isoformat(), "machine": machine(), "rows": rows}
    for case in chosen.case:
        if case == COMMAND:
            result[COMMAND] = whole_command(place / COMMAND, chosen.sequences)
            say(f"{case}: {result[COMMAND]}")
            continue
        log = place / f"{case}.log"
        command = [sys.executable, __file__, "--measure", "--case", case]
        call([*command, "--sequences", str(chosen.sequences)], log)
        rows[case] = json.loads(log.read_text().splitlines()[-1])
        say(f"{case}: {rows[case]}")
    publish("wide", result, report(result), chosen)
    return 0


def whole_command(place: Path, sequences: int) -> dict[str, Any]:
    """Measure `seqlift score -t all` of all tasks in a process of its own, files included."""
    import keras

    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    keras.utils.set_random_seed(0)
    many_tasks(keras.layers).save(place / "tasks.keras")
    write_genome(place, sequences)
    command = [sys.executable, "-m", "seqlift", "score", place / "tasks.keras"]
    command += [place / "peaks.narrowPeak", "-g", place / "genome.fa", "-t", "all"]
    log = place.with_suffix(".log")
    used = processor_seconds(resource.RUSAGE_CHILDREN)
    seconds, peak = call([*command, "-o", place / "scores", "--timings"], log)
    used = processor_seconds(resource.RUSAGE_CHILDREN) - used
    files = sum(1 for _ in place.glob("scores.*"))
    shutil.rmtree(place)
    both = [seconds, used]
    return {"seconds": both, "peak_gb": peak, "files": files, "sequences": sequences}


def measured(case: str, sequences: int) -> dict[str, Any]:
    """Return the numbers of a case, from the import of the backend on."""
    import keras

    start, used = time.perf_counter(), processor_seconds()
    from seqlift.attribution.engine import Engine
    from seqlift.explain.explainer import Explainer

    programs: list[int] = []
    traced = Engine.explain_own

    def counted(engine: Engine, *arguments: Any) -> Any:
        programs.append(1)
        return traced(engine, *arguments)

    Engine.explain_own = counted  # type: ignore[method-assign]
    keras.utils.set_random_seed(0)
    build, targets = BUILDS[case]
    explain = Explainer(build(keras.layers), [str(i) for i in range(targets)])
    batches = rows_of(case, explain, sequences)
    run(explain, next(batches))
    first = time.perf_counter() - start, processor_seconds() - used
    before, used = time.perf_counter(), processor_seconds()
    number = sum(run(explain, codes) for codes in batches)
    seconds = time.perf_counter() - before, processor_seconds() - used
    return {
        "first": first,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
        "ms": [1e3 * one / (number * targets) for one in seconds] if number else [],
        "programs": len(programs),
        "backend": explain.backend,
    }


def processor_seconds(of: int = resource.RUSAGE_SELF) -> float:
    usage = resource.getrusage(of)
    return usage.ru_utime + usage.ru_stime


def rows_of(case: str, explain: Any, sequences: int) -> Any:
    """Yield codes, batch by batch: the first is what `first` times."""
    rng = np.random.default_rng(0)
    if case == "lengths":
        lengths = rng.permutation(np.arange(*LENGTHS))[:sequences]
        yield from (rng.integers(0, 4, (1, length), np.uint8) for length in lengths)
        return
    length = explain.input_shape[0]
    size = explain.schedule_for(explain.engine((length, 4)), REFERENCES).size
    wanted = sequences // 10 if case.startswith("basset") else sequences  # 20 s each of all tasks
    further = -(-wanted // size) if "task" in case else 0
    for _ in range(1 + further):
        yield rng.integers(0, 4, (size, length), np.uint8)


def run(explain: Any, codes: Any) -> int:
    """Score one batch by references of its own."""
    repeated = np.repeat(codes[:, None], REFERENCES, axis=1)
    references = np.random.default_rng(1).permuted(repeated, axis=2)
    explain.explain(codes, references)
    return len(codes)


def network(layers: Any, length: int | None, tensors: Callable[[Any], Any]) -> Any:
    import keras

    given = layers.Input((length, 4))
    return keras.Model(given, tensors(given))


def dense(layers: Any) -> Any:
    """Return a network of 32 million weights, nearly all of one dense layer."""

    def tensors(x: Any) -> Any:
        x = layers.MaxPooling1D(13)(layers.Conv1D(320, 8, activation="relu")(x))
        x = layers.Dense(1330, activation="relu")(layers.Flatten()(x))
        return layers.Dense(1)(x)

    return network(layers, 1000, tensors)


def danq(layers: Any) -> Any:
    """Return a network of the sizes of DanQ, 46.9 million weights."""

    def tensors(x: Any) -> Any:
        x = layers.MaxPooling1D(13)(layers.Conv1D(320, 26, activation="relu")(x))
        x = layers.Bidirectional(layers.LSTM(320, return_sequences=True))(x)
        x = layers.Dense(925, activation="relu")(layers.Flatten()(x))
        return layers.Dense(919, activation="sigmoid")(x)

    return network(layers, 1000, tensors)


def many_tasks(layers: Any) -> Any:
    """Return a small network of many tasks: a convolution and two dense layers."""

    def tensors(x: Any) -> Any:
        x = layers.Flatten()(layers.Conv1D(16, 15, activation="relu")(x))
        for units in (64, 32):
            x = layers.Dense(units, activation="relu")(x)
        return layers.Dense(TASKS)(x)

    return network(layers, 200, tensors)


def basset(layers: Any) -> Any:
    """Return a network of the sizes of Basset."""

    def tensors(x: Any) -> Any:
        for units, size, pool in [(300, 19, 3), (200, 11, 4), (200, 7, 4)]:
            x = layers.MaxPooling1D(pool)(layers.Conv1D(units, size, activation="relu")(x))
        x = layers.Flatten()(x)
        for _ in range(2):
            x = layers.Dense(1000, activation="relu")(x)
        return layers.Dense(164)(x)

    return network(layers, 600, tensors)


def any_length(layers: Any) -> Any:
    """Return a network of the sizes of mmsplice's Intron3."""

    def tensors(x: Any) -> Any:
        x = layers.Conv1D(256, 12, padding="same", activation="relu")(x)
        return layers.Dense(1)(layers.GlobalAveragePooling1D()(x))

    return network(layers, None, tensors)


BUILDS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "dense": (dense, 1),
    "danq": (danq, 1),
    "task": (many_tasks, 1),
    "tasks": (many_tasks, TASKS),
    "basset-task": (basset, 1),
    "basset-tasks": (basset, 164),
    "lengths": (any_length, 1),
}
"""How a case's model is built, and how many of its targets are explained."""


def report(result: dict[str, Any]) -> str:
    """Return the table, with what is in its columns below."""
    rows = []
    for case, found in result["rows"].items():
        wall, used = found["first"]
        ms = f"{found['ms'][0]:.2f} ({found['ms'][1]:.2f})" if found["ms"] else ""
        numbers = [f"{wall:.1f}", f"{used:.1f}", f"{found['peak_gb']:.2f}", ms]
        rows.append([case, *numbers, str(found["programs"])])
    command = command_line(result[COMMAND]) if COMMAND in result else ""
    backends = ", ".join(dict.fromkeys(found["backend"] for found in result["rows"].values()))
    return (
        f"{table(HEAD, rows)}\n\n"
        f"{REFERENCES} references of each sequence, `genomics`. The first batch is counted from the"
        " import of Keras on, with making the model; a row is one sequence and target of the"
        " batches after it, in brackets the processors' milliseconds. Programs are the compiled"
        f" functions.{command}"
        f" {result['date']}, {result['machine']}, {backends}."
    )


def command_line(found: dict[str, Any]) -> str:
    wall, used = found["seconds"]
    return (
        f" `seqlift score -t all` of `tasks`, {found['sequences']} regions and {TASKS} targets,"
        f" took {wall:.0f} s ({used:.0f} s of processors) from its start to {found['files']} files,"
        f" and {found['peak_gb']:.2f} GB at the most."
    )


if __name__ == "__main__":
    sys.exit(main())
