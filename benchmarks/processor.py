"""What the stages of a BPNet of 64 filters do on this processor, and what it can do at most.

Stages are compiled by XLA alone, as the engine compiles them together; the whole is `run_seqlift`.
`python benchmarks/processor.py -h` has the options.
"""

import argparse
import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import models
import numpy as np
import operations
from cases import CASES, prepare
from environments import python_of
from processes import Worker
from report import RESULTS, machine, publish, table

FOLDER = Path(__file__).resolve().parent.parent / "build" / "benchmarks"
SIDES = (1024, 2048, 4096)
"""Of square matrices."""

COPIED = 50_000_000
"""Numbers that are copied: more than any cache holds."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15, help="of which the best counts (15)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of files and numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    return parser.parse_args(arguments)


def best(call: Callable[[], object], repeats: int) -> float:
    """Return the seconds of the fastest of several calls, after one that is not counted."""
    seconds = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def copy_in_threads(source: Any, target: Any) -> None:
    """Copy an array by all cores."""
    cores = os.cpu_count() or 1
    pieces = zip(np.array_split(target, cores), np.array_split(source, cores), strict=True)
    threads = [threading.Thread(target=np.copyto, args=pair) for pair in pieces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def of_machine(repeats: int) -> dict[str, str]:
    """Measure products of matrices, and copying, whose bytes are read and written."""
    import tensorflow as tf

    def squared(matrix: Any) -> None:
        tf.matmul(matrix, matrix).numpy()

    found = {}
    for side in SIDES:
        matrix = tf.random.normal((side, side))
        seconds = best(partial(squared, matrix), repeats)
        found[f"product of matrices of {side:,}"] = f"{2e-9 * side**3 / seconds:.0f} GFLOP/s"
    source, target = np.ones(COPIED, np.float32), np.zeros(COPIED, np.float32)
    seconds = best(partial(copy_in_threads, source, target), repeats)
    found["copying"] = f"{2e-9 * source.nbytes / seconds:.0f} GB/s"
    return found


def fetched(function: Callable[..., Any], *arrays: Any) -> None:
    """Call a function, and fetch the first of its results."""
    function(*arrays)[0].numpy()


def of_stages(rows: int, repeats: int) -> dict[str, tuple[float, float, str]]:
    """Measure convolutions, and a step between them, on so many rows: ms, rate and unit."""
    import tensorflow as tf

    description = models.describe("bpnet-64")
    shapes, work = models.shapes(description), operations.of_layers(description)
    found = {}
    for layer in description["layers"]:
        if layer["kind"] != "conv" or layer["name"] == "profile":
            continue
        array = tf.random.normal((rows, *shapes[layer["of"][0]]))
        kernel = tf.random.normal((layer["size"], array.shape[-1], layer["units"]))
        dilation = layer.get("dilation", 1)

        @tf.function(jit_compile=True)
        def convolved(array: Any, kernel: Any = kernel, dilation: int = dilation) -> Any:
            whole = tf.nn.convolution(array, kernel, padding="VALID", dilations=[dilation])
            return whole[:, :1, :1], whole  # the first is fetched, which waits for the whole

        seconds = best(partial(fetched, convolved, array), repeats)
        rate = 1e-9 * rows * work[layer["name"]] / seconds
        found[f"{layer['name']}, dilation {dilation}"] = (1e3 * seconds, rate, "GFLOP/s")

    arrays = [tf.random.normal((rows, 2000, 64)) for _ in range(3)]

    @tf.function(jit_compile=True)
    def rescaled(multiplier: Any, value: Any, reference: Any) -> Any:
        change = value - reference
        slope = (tf.nn.relu(value) - tf.nn.relu(reference)) / tf.where(change == 0, 1.0, change)
        whole = multiplier * slope
        return whole[:, :1, :1], whole

    seconds = best(partial(fetched, rescaled, *arrays), repeats)
    moved = 4e-9 * 4 * rows * 2000 * 64  # three arrays read and one written
    found["Rescale of a ReLU, on the way back"] = (1e3 * seconds, moved / seconds, "GB/s")
    return found


def whole_ms(folder: Path, repeats: int) -> tuple[float, float]:
    """Measure the engine on all sequences of a case: ms and GFLOP/s of a sequence."""
    (case,) = (one for one in CASES if one.name == "bpnet-64-counts")
    place = prepare(case, folder / "cases" / case.name)
    worker = Worker("seqlift", python_of("seqlift", folder), place).ready()
    try:
        seconds = min(worker.run() for _ in range(repeats)) / case.sequences
    finally:
        worker.close()
    work = operations.of_scores(models.describe(case.model), case.targets, case.references)
    return 1e3 * seconds, 1e-9 * work / seconds


def main() -> None:
    """Measure and write the table."""
    chosen = options()
    ms, rate = whole_ms(chosen.folder, chosen.repeats)
    limits = of_machine(chosen.repeats)
    stages = of_stages(21, chosen.repeats)  # a sequence and its references
    rows = [["scores of a sequence, 20 references", f"{ms:.1f}", f"{rate:.0f} GFLOP/s"]]
    rows += [[name, f"{ms:.1f}", f"{rate:.0f} {unit}"] for name, (ms, rate, unit) in stages.items()]
    rows += [[f"the machine: {name}", "", rate] for name, rate in limits.items()]
    result = {"machine": machine(), "stages": stages, "limits": limits, "whole": [ms, rate]}
    text = (
        "A BPNet of 64 filters, counts, float32; the stages on 21 rows, each alone:\n\n"
        f"{table(['stage', 'ms', 'rate'], rows)}\n\n{date.today().isoformat()}, {machine()}."
    )
    publish("processor", result, text, chosen)


if __name__ == "__main__":
    main()
