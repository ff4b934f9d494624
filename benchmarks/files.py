"""What reading, shuffling and writing cost next to computing, and how busy they leave the engine.

`python benchmarks/files.py -h` has the options.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported, below

import numpy as np
from genome import write_genome
from report import RESULTS, machine, publish, spread, table
from run import FOLDER, say
from saved import write_model

from seqlift.attribution.result import Result
from seqlift.cli.report import progress
from seqlift.explain.explainer import Explainer
from seqlift.inputs.references import parse
from seqlift.pipeline.loading import load_explainer
from seqlift.pipeline.part_writer import PartWriter
from seqlift.pipeline.parts import PartsFolder
from seqlift.pipeline.preflight import prepared
from seqlift.pipeline.rows import score_batch, stored_windows
from seqlift.pipeline.run import Batch, Run
from seqlift.pipeline.score import place_scores, score, write_tracks
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.pipeline.settings import Settings
from seqlift.tracks.batch import ScoreBatch

REFERENCES = 20
BASES = 2114
SHUFFLED = 500
MOST_MS, MOST_WRITING, LEAST_BUSY = 0.6, 0.05, 0.95
WRITING = ("writing parts", "joining them", "writing bigWig")

Numbers = dict[str, list[float]]

SETTINGS = Settings(load=load_explainer)


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=500, help="rows written (500)")
    parser.add_argument("--computed", type=int, default=12, help="batches computed (12)")
    parser.add_argument("--scored", type=int, default=60, help="regions of the whole run (60)")
    parser.add_argument("--model", default="bpnet-64", help="bpnet-FILTERS (bpnet-64)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of files and numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    return parser.parse_args(arguments)


def main() -> int:
    """Measure and write the table; the exit status is 1 where the model cannot be written."""
    chosen = options()
    place = chosen.folder.resolve() / "files"
    try:
        model = write_model(place, chosen.model)
    except RuntimeError as reason:
        say(f"files: {reason}")
        return 1
    result = {"date": date.today().isoformat(), "machine": machine(), "model": chosen.model}
    result["shuffle_ms"] = [1000 * seconds for seconds in shuffles()]
    say(f"shuffles: {spread(result['shuffle_ms'], 3)} ms")
    asked = asked_of(place, model, chosen.regions)
    result["regions"], result["seconds"] = chosen.regions, steps(asked, chosen.computed)
    say(", ".join(f"{k} {1000 * median(v):.2f} ms" for k, v in result["seconds"].items()))
    result["scored"] = chosen.scored
    result["busy"] = busy(asked_of(place, model, chosen.scored))
    publish("files", result, report(result), chosen)
    return 0


def asked_of(place: Path, model: Path, regions: int) -> ScoreOptions:
    """Write a genome and regions; return the options of a run on them."""
    write_genome(place, regions)
    (place / "genome.fa.fai").unlink(missing_ok=True)
    return ScoreOptions(
        model=str(model),
        regions=str(place / "peaks.narrowPeak"),
        genome=str(place / "genome.fa"),
        output=str(place / "scores"),
        target=("counts",),
        references=REFERENCES,
        force=True,
    )


def shuffles() -> list[float]:
    """Return the seconds that the references of each of many sequences took, on one core."""
    codes = np.random.default_rng(1).integers(0, 4, (SHUFFLED, 1, BASES), dtype=np.uint8)
    kind = parse("dinucleotide", number=REFERENCES)
    kind.draw(codes[0])  # compiles
    return [clocked(kind.draw, sequence)[0] for sequence in codes]


def clocked(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Return the seconds a call took, and what it returned."""
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def steps(asked: ScoreOptions, computed: int) -> Numbers:
    """Return seconds per sequence of each step, one after another, nothing at the same time.

    The scores of the first batches are computed and timed; rows of later batches get those
    again, so that what is written are scores. A file is timed as a whole: its number is a mean.
    """
    with prepared(asked, SETTINGS) as run, PartsFolder(run.outputs.parts, {}, force=True) as parts:
        reading = list(read(run))
        batches = [batch for _, batch in reading]
        computing = [clocked(explained, run, b) for b in (batches[0], *batches[:computed])]
        del computing[0]  # compiles
        results = [result for _, result in computing]
        laying, writing = written(run, parts, batches, results)
        joining, _ = clocked(place_scores, run, parts, progress(quiet=True))
        drawing, _ = clocked(write_tracks, run, parts, progress(quiet=True))
        parts.remove()
        rows = run.rows
    return {
        "reading and shuffling": [spent / len(batch.rows) for spent, batch in reading],
        "computing": [spent / len(result.prediction) for spent, result in computing],
        "laying out rows": laying,
        "writing parts": [writing / rows],
        "joining them": [joining / rows],
        "writing bigWig": [drawing / rows],
    }


def read(run: Run) -> Iterator[tuple[float, Batch]]:
    """Yield the batches of a run, each after the seconds it took to read and shuffle."""
    batches = run.batches(run.first, run.last)
    while True:
        spent, batch = clocked(next, batches, None)
        if batch is None:
            return
        yield spent, batch


def explained(run: Run, batch: Batch) -> Result:
    """Return the scores of a batch."""
    results = run.explainer.explain_by(run.schedule, batch.codes, batch.references, batch.others)
    return next(iter(results.values()))


def written(
    run: Run, parts: PartsFolder, batches: Sequence[Batch], results: Sequence[Result]
) -> tuple[list[float], float]:
    """Return the seconds per sequence of making rows, and those of all writing, unfinished."""
    laying, start, made = [], time.perf_counter(), 0.0
    with PartWriter(run, parts, run.first, run.last) as writer:
        for k, batch in enumerate(batches):
            number = len(batch.rows)
            result = results[k % len(results)].rows(slice(number))
            spent, rows = clocked(laid_out, run, batch, result)
            laying.append(spent / number)
            made += spent
            writer.write([rows])
    return laying, time.perf_counter() - start - made


def laid_out(run: Run, batch: Batch, result: Result) -> ScoreBatch:
    """Return the rows of a batch, with their residuals."""
    return score_batch(stored_windows(batch.rows, length=run.row_length), result)


def busy(asked: ScoreOptions) -> dict[str, float]:
    """Return the seconds from the first batch to the last of a whole run, and the engine's.

    The first batch is left out, in which the engine is compiled: time is taken from its end. The
    engine's are those in which it computes a batch, or two side by side.
    """
    spans: list[tuple[float, float]] = []
    plain = Explainer.explain

    def timed(self: Explainer, *arguments: Any) -> Any:
        start = time.perf_counter()
        results = plain(self, *arguments)
        spans.append((start, time.perf_counter()))
        return results

    with patch.object(Explainer, "explain", timed):
        score(asked, SETTINGS, progress=progress(quiet=True))
    start = done = spans[0][1]
    engine = 0.0
    for begun, ended in sorted(spans[1:]):
        engine += max(ended - max(begun, done), 0.0)
        done = max(done, ended)
    return {"seconds": done - start, "engine": engine}


def report(result: dict[str, Any]) -> str:
    """Return the table, with what was required and what it was measured on below."""
    seconds, shuffle = result["seconds"], median(result["shuffle_ms"])
    computing = median(seconds["computing"])
    share = sum(median(seconds[name]) for name in WRITING) / computing
    engine = result["busy"]["engine"] / result["busy"]["seconds"]
    rows = [
        [name, spread([1000 * value for value in values]), f"{median(values) / computing:.2%}"]
        for name, values in seconds.items()
    ]
    head = ["step", "milliseconds per sequence", "of computing"]
    return (
        f"{result['regions']} regions, {result['model']}, {BASES} bases, {REFERENCES} dinucleotide"
        f" shuffles each, one step after another:\n\n{table(head, rows)}\n\n"
        f"- {REFERENCES} shuffles of one sequence: {spread(result['shuffle_ms'], 3)} ms on one"
        f" core; required at most {MOST_MS}: {verdict(shuffle <= MOST_MS)}.\n"
        f"- HDF5 and bigWig: {share:.2%} of computing; required at most {MOST_WRITING:.0%}:"
        f" {verdict(share <= MOST_WRITING)}.\n"
        f"- In a run of {result['scored']} regions the engine is busy for {engine:.1%} of the time"
        f" from the end of the first batch to that of the last; required at least"
        f" {LEAST_BUSY:.0%}: {verdict(engine >= LEAST_BUSY)}.\n\n"
        f"{result['date']}, {result['machine']}."
    )


def verdict(met: bool) -> str:
    """Return whether a requirement is met, for people."""
    return "met" if met else "**not met**"


if __name__ == "__main__":
    sys.exit(main())
