"""What the host does for a whole genome: a random one in tiles, of which the track alone is kept.

An engine that returns ready arrays stands in for a model, and its own time is taken off. A thread
notes memory, processor time and disk. `python benchmarks/tiles.py -h` has the options.
"""

import argparse
import json
import shutil
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import numpy as np
from command import call
from host import BASES, BATCH, FOLDER, ReadyScores, result_of, scores_of
from numpy.typing import NDArray
from report import RESULTS, machine, publish, stored, table
from run import say

from seqlift.attribution.result import Result
from seqlift.cli.report import progress
from seqlift.explain.schedule import Schedule
from seqlift.pipeline.score import score
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.pipeline.settings import Settings

CHROMOSOMES, LINE = 24, 60
MOST_BYTES, THIRDS = 9000, 3
DRAWING = "drawing the track"
SECONDS = 2.0
"""Between two notes."""

HEAD = ["windows", "stride", "part of the run", "windows of it", "processor ms a window"]
HEAD += ["bytes of parts a window", "memory of its own, MB"]


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--windows", type=int, action="append", help="how many; repeatable (20000, 60000, 180000)"
    )
    parser.add_argument("--stride", type=int, default=BASES // 2, help="of tiles (1057)")
    parser.add_argument("--measure", action="store_true", help="in this process, as JSON")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of files and numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    chosen = parser.parse_args(arguments)
    chosen.windows = chosen.windows or [20_000, 60_000, 180_000]
    return chosen


def main() -> int:
    """Measure each number of windows in a process of its own, and write the table."""
    chosen = options()
    place = chosen.folder.resolve() / "tiles"
    if chosen.measure:
        print(json.dumps(measured(place, chosen.stride)))
        return 0
    result: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine()}
    runs = stored(chosen.folder, "tiles", result).get("runs", [])
    for windows in chosen.windows:
        place.mkdir(parents=True, exist_ok=True)
        write_genome(place / "genome.fa", windows, chosen.stride)
        log = place / "tiles.log"
        command = [sys.executable, __file__, "--measure", "--stride", str(chosen.stride)]
        try:
            call([*command, "--folder", chosen.folder], log)
            runs.append(json.loads(log.read_text().splitlines()[-1]))
        finally:
            shutil.rmtree(place)
        say(str(runs[-1]))
        result["runs"] = sorted(runs, key=lambda run: int(run["windows"]))
        publish("tiles", result, report(result), chosen)
    return 0


def write_genome(path: Path, windows: int, stride: int, *, seed: int = 1) -> None:
    """Write random chromosomes that so many tiles cover, about, and their sizes."""
    rng, letters = np.random.default_rng(seed), np.frombuffer(b"ACGT", np.uint8)
    lines = windows * stride // CHROMOSOMES // LINE
    with path.open("wb") as fasta, path.with_suffix(".sizes").open("w") as sizes:
        for number in range(CHROMOSOMES):
            text = np.full((lines, LINE + 1), ord("\n"), np.uint8)
            text[:, :LINE] = letters[rng.integers(0, 4, (lines, LINE), np.uint8)]
            fasta.write(f">chr{number + 1}\n".encode())
            fasta.write(text.tobytes())
            sizes.write(f"chr{number + 1}\t{lines * LINE}\n")


class ReadyTiles(ReadyScores):
    """Scores of few batches, again and again; the processor time they take is counted."""

    done, spent = 0, 0.0
    kinds: ClassVar[list[NDArray[np.float32]]] = []

    def explain_by(
        self, schedule: Schedule, codes: NDArray[np.uint8], references: Any, others: Any
    ) -> Mapping[str, Result]:
        """Take ready hypothetical contributions, and the observed bases of them."""
        before = time.thread_time()
        if not self.kinds:
            made = (scores_of(np.zeros((BATCH, BASES), np.uint8), seed) for seed in range(8))
            self.kinds.extend(one.hypothetical for one in made)
        found = result_of(self.kinds[self.done // BATCH % len(self.kinds)][: len(codes)], codes)
        ReadyTiles.done += len(codes)
        ReadyTiles.spent += time.thread_time() - before
        return {one.name: found for one in self.targets}


@dataclass(frozen=True)
class Note:
    """What a run had used at one moment; memory is that which is not of files."""

    wall: float
    processor: float
    windows: int
    memory: int
    parts: int


def note(place: Path, start: float) -> Note:
    own = time.process_time() - ReadyTiles.spent
    status = Path("/proc/self/status").read_text()
    memory = 1024 * int(status.split("RssAnon:")[1].split()[0])
    parts = size_of(place / "scores.parts")
    return Note(time.monotonic() - start, own, ReadyTiles.done, memory, parts)


def size_of(folder: Path) -> int:
    """Count the bytes of all files below a folder that others write to."""
    total = 0
    for path in folder.glob("**/*"):
        if path.exists():
            total += path.stat().st_size
    return total


def measured(place: Path, stride: int) -> dict[str, Any]:
    """Score the genome in this process, noting what it uses until it ends."""
    asked = ScoreOptions(
        model=str(Path(__file__).resolve()),
        regions=str(place / "genome.sizes"),
        genome=str(place / "genome.fa"),
        output=str(place / "scores"),
        target=("counts",),
        reference="zeros",
        genome_tiles=True,
        stride=stride,
        keep="track",
    )
    notes, ended, start = [], threading.Event(), time.monotonic()

    def watch() -> None:
        while not ended.wait(SECONDS):
            notes.append(note(place, start))
            if len(notes) % 30 == 0:
                say(str(notes[-1]))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    settings = Settings(load=ReadyTiles)  # type: ignore[arg-type]  # it stands in
    summary = score(asked, settings, progress=progress(quiet=True))
    notes.append(note(place, start))
    ended.set()
    watching.join()
    return {
        "windows": summary.rows,
        "stride": stride,
        "timings": dict(summary.timings),
        "track": sum(path.stat().st_size for path in summary.files if path.suffix == ".bw"),
        "notes": [asdict(one) for one in notes],
    }


def parts_of(run: Mapping[str, Any]) -> dict[str, list[Note]]:
    """Share the notes of a run out among survey, thirds of the scoring, and drawing."""
    notes, last = [Note(**one) for one in run["notes"]], int(run["windows"])
    found = {"reading all windows": [one for one in notes if one.windows == 0]}
    for third in range(THIRDS):
        least, most = (last * (third + more) // THIRDS for more in (0, 1))
        inside = [one for one in notes if least < one.windows <= most and one.windows < last]
        found[f"scoring, third {third + 1}"] = inside
    found[DRAWING] = [one for one in notes if one.windows == last]
    return found


def report(result: Mapping[str, Any]) -> str:
    """Write the table, with what was required below."""
    rows: list[list[str]] = []
    lines: list[str] = []
    for run in result["runs"]:
        windows, notes = run["windows"], [Note(**one) for one in run["notes"]]
        whole = [f"{windows:,}", str(run["stride"])]
        for name, inside in parts_of(run).items():
            if len(inside) > 1:
                rows.append([*whole, name, *cells(inside, windows)])
        # the last of the scoring: later the track lies there too, and parts are removed
        scoring = [one for one in notes if 0 < one.windows < windows] or notes[-1:]
        parts = scoring[-1].parts / scoring[-1].windows
        used = 1e3 * notes[-1].processor / windows
        most = max(one.memory for one in notes) / 1e6
        lines.append(
            f"- {windows:,} windows: {used:.2f} ms of processor time a window in all,"
            f" {notes[-1].wall / 60:.0f} minutes of the clock; {parts:,.0f} bytes of parts and"
            f" {run['track'] / windows:,.0f} of the track a window (at most {MOST_BYTES:,} of parts"
            f" required); memory of its own at most {most:.0f} MB."
        )
    return (
        f"Tiles of {BASES} bases of a random genome, one target, `--keep track`, scores from a"
        f" stand-in whose own time is taken off:\n\n{table(HEAD, rows)}\n\n"
        + "\n".join(lines)
        + f"\n\n{result['date']}, {result['machine']}."
    )


def cells(inside: Sequence[Note], windows: int) -> list[str]:
    """Write what a part of a run took: memory as the median of its notes and the largest."""
    first, last = inside[0], inside[-1]
    number = last.windows - first.windows
    processor = 1e3 * (last.processor - first.processor) / (number or windows)
    parts = (last.parts - first.parts) / number if number else 0
    memory = [one.memory / 1e6 for one in inside]
    return [
        f"{number:,}" if number else "all",
        f"{processor:.2f}",
        f"{parts:,.0f}" if number else "",
        f"{median(memory):.0f}, at most {max(memory):.0f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
