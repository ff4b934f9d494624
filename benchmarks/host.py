"""What a sequence costs apart from the engine: from a batch of scores to finished files.

An engine that returns ready arrays stands in for a model, so nothing is computed. Each run is a
process of its own, kept to some of the cores. `python benchmarks/host.py -h` has the options.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from genome import write_genome
from numpy.typing import NDArray
from report import RESULTS, machine, publish, spread, table

from seqlift.attribution.result import Result
from seqlift.cli.report import progress
from seqlift.explain.schedule import Schedule
from seqlift.pipeline.score import score
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.pipeline.settings import Settings

HERE = Path(__file__).resolve()
FOLDER = HERE.parent.parent / "build" / "benchmarks"
BASES, BATCH, MOST_MS = 2114, 32, 1.2
TARGETS = ("counts", "profile")
WRITING = ("wait for input", "compute", "wait for output", "join", "track")
"""Stages from the first batch to the finished files."""

Numbers = dict[str, dict[str, list[float]]]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=2000, help="rows of a run (2000)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each kind, in turn (5)")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2], help="cores used (1 2)")
    parser.add_argument("--reference", default="zeros", help="dinucleotide adds shuffles (zeros)")
    parser.add_argument("--against", type=Path, help="another checkout, measured in turn with this")
    parser.add_argument("--processor", action="store_true", help="stages in processor time")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of files and numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


class ReadyScores:
    """What a run needs of an explainer: scores made when a batch is first seen, and kept."""

    device, backend = "no device", "no backend"
    input_shape, layout = (BASES, 4), object()
    extra_inputs = SimpleNamespace(rows={}, descriptions={})
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    loaded = SimpleNamespace(sha256="none", saved_by="nobody")
    made: ClassVar[dict[bytes, dict[str, Result]]] = {}

    def __init__(self, asked: ScoreOptions) -> None:
        self.targets = [SimpleNamespace(name=name) for name in asked.target]
        self.method = SimpleNamespace(
            name="deeplift",
            sums_to="difference",
            signed=True,
            sequences_at_once=None,
            facts={"rule": asked.rule},
            needs_references=True,
            max_rule=asked.max_rule,
        )

    def engine(self, input_shape: Any, rows: Any = None, *, alike: bool = True) -> None:
        """None is needed."""

    def schedule_for(self, engine: None, number: int, *, alike: bool) -> Schedule:
        """Divide rows into batches."""
        return Schedule(BATCH, 2, alike)

    def explain_by(
        self, schedule: Schedule, codes: NDArray[np.uint8], references: Any, others: Any
    ) -> Mapping[str, Result]:
        """Find the scores of a batch, or make them."""
        key = hashlib.sha256(codes[0].tobytes()).digest()
        if key not in self.made:
            seed = int.from_bytes(key[:8], "little")
            self.made[key] = {
                one.name: scores_of(codes, seed + place) for place, one in enumerate(self.targets)
            }
        return self.made[key]


def scores_of(codes: NDArray[np.uint8], seed: int) -> Result:
    """Make scores with all their bits, the sizes of which vary along a sequence."""
    random = np.random.default_rng(seed)
    sizes = np.exp(random.normal(size=(*codes.shape, 1)) - 5)
    hypothetical = (random.normal(size=(*codes.shape, 4)) * sizes).astype(np.float32)
    return result_of(hypothetical, codes)


def result_of(hypothetical: NDArray[np.float32], codes: NDArray[np.uint8]) -> Result:
    """Make the scores of sequences with these hypothetical contributions, which sum up."""
    observed = codes[..., None] == np.arange(4, dtype=np.uint8)
    contributions = np.where(observed, hypothetical, np.float32(0))
    prediction = contributions.sum(axis=(1, 2), dtype=np.float64)
    none = np.zeros((len(codes), 1))
    return Result(
        hypothetical=hypothetical,
        multipliers=hypothetical,
        contributions=contributions,
        prediction=prediction,
        reference_prediction=none,
        difference=prediction[:, None],
        residual=none,
    )


def asked_of(place: Path, reference: str) -> ScoreOptions:
    """Choose what is asked of a run."""
    return ScoreOptions(
        model=str(HERE),
        regions=str(place / "peaks.narrowPeak"),
        genome=str(place / "genome.fa"),
        output=str(place / "scores"),
        target=TARGETS,
        reference=reference,
        force=True,
    )


def measured(chosen: argparse.Namespace) -> dict[str, Any]:
    """Measure runs in this process, after one that makes the scores: milliseconds a row."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: chosen.one])
    asked = asked_of(chosen.folder.resolve() / "host", chosen.reference)
    clock = time.process_time if chosen.processor else time.monotonic
    settings = Settings(load=ReadyScores, clock=clock)  # type: ignore[arg-type]  # it stands in
    score(asked, settings, progress=progress(quiet=True))
    processor = time.process_time()
    summary = score(asked, settings, progress=progress(quiet=True))
    processor = time.process_time() - processor
    found = {name: 1000 * value / summary.rows for name, value in summary.timings.items()}
    found["batch to files"] = sum(found[name] for name in WRITING)
    found["processor"] = 1000 * processor / summary.rows
    sizes = {path.name: path.stat().st_size / summary.rows for path in summary.files}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"ms": found, "bytes": sizes, "peak_mb": peak}


def main() -> int:
    """Measure and write the table."""
    chosen = options()
    if chosen.one is not None:
        print(json.dumps(measured(chosen)))
        return 0
    place = chosen.folder.resolve() / "host"
    place.mkdir(parents=True, exist_ok=True)
    write_genome(place, chosen.regions)
    (place / "genome.fa.fai").unlink(missing_ok=True)
    trees = {"this": HERE.parent.parent}
    trees |= {"before": chosen.against.resolve()} if chosen.against else {}
    numbers: Numbers = {}
    sizes: dict[str, dict[str, float]] = {}
    for _ in range(chosen.rounds):
        for cores in chosen.cores:
            for name, tree in trees.items():
                found = in_child(chosen, cores, tree)
                label = f"{cores} core{'s' * (cores > 1)}, {name}"
                print(label, {k: round(v, 2) for k, v in found["ms"].items()}, flush=True)
                for stage, value in found["ms"].items():
                    numbers.setdefault(label, {}).setdefault(stage, []).append(value)
                sizes[name] = found["bytes"]
    result = {"date": date.today().isoformat(), "machine": machine(), "regions": chosen.regions}
    result |= {"reference": chosen.reference, "ms": numbers, "bytes": sizes}
    result |= {"processor": chosen.processor}
    publish("host-processor" if chosen.processor else "host", result, report(result), chosen)
    return 0


def in_child(chosen: argparse.Namespace, cores: int, tree: Path) -> dict[str, Any]:
    """Measure one run of a checkout in a process of its own."""
    words = ["--one", cores, "--reference", chosen.reference, "--folder", chosen.folder]
    words += ["--processor"] * chosen.processor
    ran = subprocess.run(
        [sys.executable, str(HERE), *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def report(result: dict[str, Any]) -> str:
    """Write the table, with what was required and what it was measured on below."""
    names = ["check", *WRITING, "batch to files", "processor"]
    rows = [
        [label, *(spread(found[name]) for name in names)] for label, found in result["ms"].items()
    ]
    sizes = "; ".join(
        f"{name}: " + ", ".join(f"{file} {size:,.0f}" for file, size in found.items())
        for name, found in result["bytes"].items()
    )
    met = [
        f"{label} {median(found['batch to files']):.2f}" for label, found in result["ms"].items()
    ]
    kind = "processor time, in milliseconds" if result["processor"] else "milliseconds"
    return (
        f"{result['regions']} regions of {BASES} bases, {len(TARGETS)} targets, references"
        f" {result['reference']}, scores from a stand-in; {kind} a sequence:\n\n"
        f"{table(['run', *names], rows)}\n\n"
        f"- From batch to files: {', '.join(met)};"
        f" required on two cores: at most {MOST_MS} of the clock.\n"
        f"- Bytes a row: {sizes}.\n\n"
        f"{result['date']}, {result['machine']}."
    )


if __name__ == "__main__":
    sys.exit(main())
