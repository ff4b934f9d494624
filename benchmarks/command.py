"""The whole command, files included: regions in, score files and tracks out, as users run it.

`python benchmarks/command.py -h` has the options. chrombpnet draws its shuffles without a seed, so
the two sets of scores are alike, not equal.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from cases import BOTH, Case, prepare
from environments import UnavailableError, python_of
from genome import write_genome
from report import RESULTS, machine, publish, ratios, spread, stored, table
from run import FOLDER, say

HERE = Path(__file__).resolve().parent
RIVAL = "chrombpnet"

Runs = dict[str, dict[str, list[float]]]
"""By name: ``seconds`` and ``peak_gb`` of each round."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=500, help="regions to score (500)")
    parser.add_argument("--model", default="bpnet-64", help="bpnet-FILTERS (bpnet-64)")
    parser.add_argument(
        "--rounds",
        type=int,
        default=1,
        help="runs of each, in turn, added to those of the same day (1)",
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of environments and files")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    return parser.parse_args(arguments)


def main() -> int:
    """Time the commands and write the table; the exit status is 1 where one of them fails."""
    chosen = options()
    place = chosen.folder.resolve() / "command"
    try:
        python = python_of(RIVAL, chosen.folder.resolve())
        write_inputs(place, python, chosen.model, chosen.regions)
        runs = timed(commands(place, python), place, chosen.rounds)
        likeness = compared(place, python)
    except (UnavailableError, RuntimeError) as reason:
        say(f"command: {reason}")
        return 1
    result: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "model": chosen.model,
        "regions": chosen.regions,
    }
    result |= {"runs": added(runs, result, chosen.folder), "likeness": likeness}
    publish("command", result, report(result), chosen)
    return 0


def write_inputs(place: Path, python: Path, model: str, regions: int) -> None:
    """Write the genome, the regions and, by chrombpnet's Keras, the model."""
    case = Case("command", model, BOTH, "gc", 1, 1, ())
    prepare(case, place)
    write_genome(place, regions)
    call(
        [python, HERE / "workers" / "save_bpnet.py", place, place / "model.h5"], place / "save.log"
    )


def commands(place: Path, python: Path) -> dict[str, list[str | Path]]:
    """Return the two commands as their users type them, ours first."""
    ours: list[str | Path] = [Path(sys.executable).parent / "seqlift", "score"]
    ours += [place / "model.h5", place / "peaks.narrowPeak", "-g", place / "genome.fa"]
    ours += ["--target", "counts", "--target", "profile", "-o", place / "ours", "--force", "-q"]
    theirs: list[str | Path] = [python.parent / RIVAL, "contribs_bw", "-m", place / "model.h5"]
    theirs += ["-r", place / "peaks.narrowPeak", "-g", place / "genome.fa"]
    theirs += ["-c", place / "chrom.sizes", "-op", place / "theirs", "-pc", "counts", "profile"]
    return {"seqlift": ours, RIVAL: theirs}


def call(command: Sequence[str | Path], log: Path, **variables: str) -> tuple[float, float]:
    """Return the seconds a process took and its peak of resident memory in GB.

    `variables` are those of its environment, besides those of this process. Raises RuntimeError,
    with the last line it printed, where it fails.
    """
    start = time.perf_counter()
    with log.open("w") as output:
        environment = os.environ | variables
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        lines = [line for line in log.read_text().splitlines() if line.strip()]
        last = lines[-1].strip() if lines else "no message"
        raise RuntimeError(f"{Path(command[0]).name} ended with {process.returncode}: {last}")
    return seconds, usage.ru_maxrss / 1024**2


def timed(both: dict[str, list[str | Path]], place: Path, rounds: int) -> Runs:
    """Return seconds and peak memory of each, run in turn; each makes its index of the genome."""
    runs: Runs = {n: {"seconds": [], "peak_gb": []} for n in both}
    for _ in range(rounds):
        for name, command in both.items():
            (place / "genome.fa.fai").unlink(missing_ok=True)
            seconds, peak = call(command, place / f"{name}.log")
            runs[name]["seconds"].append(seconds)
            runs[name]["peak_gb"].append(peak)
            say(f"{name}: {seconds:.1f} s, {peak:.2f} GB")
    return runs


def added(runs: Runs, result: dict[str, Any], folder: Path) -> Runs:
    """Return `runs` after those stored of the same day, machine, model and regions.

    A round takes a quarter of an hour, so that several need not be one sitting.
    """
    before = stored(folder, "command", result).get("runs")
    if before is None:
        return runs
    return {
        name: {kind: before[name][kind] + values for kind, values in of.items()}
        for name, of in runs.items()
    }


def compared(place: Path, python: Path) -> dict[str, dict[str, Any]]:
    """Return, for each target, the shapes of both sets of scores and their correlation.

    Raises RuntimeError where the shapes differ.
    """
    found = {}
    for target in BOTH:
        with h5py.File(place / f"ours.{target}.h5") as file:
            ours = file["shap/seq"][:]
        read = [python, HERE / "workers" / "read_scores.py", place / f"theirs.{target}_scores.h5"]
        call([*read, place / f"theirs.{target}.npy"], place / "read.log")
        theirs = np.load(place / f"theirs.{target}.npy").astype(np.float32)
        if ours.shape != theirs.shape:
            raise RuntimeError(f"{target}: scores of shapes {ours.shape} and {theirs.shape}")
        alike = float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])
        found[target] = {"shape": ours.shape, "correlation": alike}
    return found


def report(result: dict[str, Any]) -> str:
    """Return the table, with what it was measured on below."""
    runs, rows = result["runs"], []
    ours = runs["seqlift"]["seconds"]
    for name, of in runs.items():
        times = "" if name == "seqlift" else spread(ratios(of["seconds"], ours))
        cells = [str(len(of["seconds"])), spread(of["seconds"], 1), times]
        rows.append([name, *cells, f"{max(of['peak_gb']):.2f}"])
    alike = ", ".join(f"{name} {of['correlation']:.3f}" for name, of in result["likeness"].items())
    return (
        f"{result['regions']} regions, {result['model']}, counts and profile, files included:\n\n"
        + table(["by", "runs", "seconds", "÷ seqlift", "peak memory, GB"], rows)
        + f"\n\nCorrelation of the hypothetical contributions: {alike}. "
        + f"{result['date']}, {result['machine']}."
    )


if __name__ == "__main__":
    sys.exit(main())
