"""Damages what the readers read, again and again: they may raise SeqliftError, and no more.

python tests/fuzz.py bed|fasta|arguments|parts|models --seconds 600

Seeds are valid inputs; a try changes some bytes, cuts, repeats or splices them, or puts in words
that have meant trouble elsewhere. What raises anything else is written to build/fuzz/.
"""

import argparse
import faulthandler
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from click import ClickException
from fuzz_models import damaged_model, load_damaged
from made_scores import made_batch, window

from seqlift.errors import SeqliftError

FOUND = Path(__file__).resolve().parent.parent / "build" / "fuzz"
WORDS = [
    b"\t", b"\n", b"\r", b"\0", b"-1", b"0", b"9" * 25, b"1e9", b"nan", b"chr1", b"+", b".", b">",
    b"\xff\xfe", b"\xef\xbb\xbf", "пик".encode(), b"\x1f\x8b", b" ", b"#", b"track", b"N" * 80,
]  # fmt: skip
BED = b"chr1\t5\t20\ta\t7\t+\nchr2\t0\t9\nchr1\t1\t30\tp\t0\t-\t1.5\t-1\t-1\t4\n#x\n\nchr1 3 9\n"
FASTA = b">chr1 first\nACGTNacgtnRYSW\nACGTACGTACGTAC\nAC\n>chr2\nGATTACA\n>empty\n"
ARGUMENTS = [
    "score", "m.h5", "r.bed", "-g", "g.fa", "-o", "x", "-t", "0", "--rule", "rescale", "--shard",
    "1-of-3", "--tile", "--stride", "7", "-n", "3", "--gc", "0.4", "--seed", "1", "--overlap",
    "mean", "merge", "track", "inspect", "--mean", "--json", "--device", "cpu", "--rule-for",
    "a=rescale", "--input", "x=1", "--recipe", "l=x", "-b", "4", "--length", "50", "--tolerance",
    "1e-4", "-f", "-q", "--help", "-", "--", "", "9" * 30, "\udce9", "nan", "-1",
]  # fmt: skip


def damaged(seed: bytes, chance: random.Random) -> bytes:
    """Return a seed, changed in one to eight places."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 8)):
        place = chance.randint(0, len(data))
        end = min(place + chance.choice([1, 2, 8, 64]), len(data))
        way = chance.randrange(6)
        if way == 0 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif way == 1:
            del data[place:end]
        elif way == 2:
            data[place:place] = data[place:end] * chance.randint(1, 4)
        elif way == 3:
            data[place:place] = chance.choice(WORDS)
        elif way == 4:
            data[place:end] = chance.randbytes(end - place)
        elif chance.random() < 0.1:
            del data[place:]
    return bytes(data)


def read_bed(folder: Path, chance: random.Random) -> bytes:
    """Read regions as a run does."""
    from seqlift.inputs.windows import Framing
    from seqlift.pipeline.workload import Workload

    text = damaged(BED, chance)
    (folder / "r.bed").write_bytes(text)
    if not (folder / "g.fa").exists():
        (folder / "g.fa").write_bytes(b">chr1\n" + b"ACGTN" * 20 + b"\n>chr2\nGATTACAGATTACA\n")
    framing = Framing(chance.choice([None, 1, 8, 31]), chance.choice([None, 1, 5]))
    with Guarded(text), Workload(str(folder / "r.bed"), str(folder / "g.fa")) as workload:
        workload.survey(framing)
        for _ in workload.read(framing):
            pass
    return text


def read_fasta(folder: Path, chance: random.Random) -> bytes:
    """Read a genome, or sequences as regions, with an index that may be another's."""
    from seqlift.inputs.windows import Framing
    from seqlift.pipeline.workload import Workload

    text = damaged(FASTA, chance)
    (folder / "g.fa").write_bytes(text)
    index = folder / "g.fa.fai"
    if chance.random() < 0.5:
        index.unlink(missing_ok=True)
    elif index.exists() and chance.random() < 0.5:
        index.write_bytes(damaged(index.read_bytes(), chance))
    (folder / "r.bed").write_text("chr1\t2\t9\nchr2\t0\t5\n")
    regions = folder / chance.choice(["r.bed", "g.fa"])
    with Guarded(text), Workload(str(regions), str(folder / "g.fa")) as workload:
        workload.survey(Framing(8))
    return text


def read_arguments(folder: Path, chance: random.Random) -> bytes:
    """Give the program words in any order; files that it would score are not there."""
    from click.testing import CliRunner

    from seqlift.cli import main

    words = [chance.choice(ARGUMENTS) for _ in range(chance.randint(1, 12))]
    words = [chance.choice(["score", "merge", "track", "inspect", *words[:1]]), *words[1:]]
    said = repr(words).encode()
    result = CliRunner().invoke(main, words, env={"SEQLIFT_GENOME": None})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise AssertionError(said) from result.exception
    if result.exit_code == 1 or "Traceback" in result.output:
        raise AssertionError(said + result.output.encode())
    return said


def read_parts(folder: Path, chance: random.Random) -> bytes:
    """Join, average and draw score files of which one is damaged."""
    from seqlift.pipeline.merge import merge
    from seqlift.pipeline.track import make_track

    sizes = {"chr1": 400, "chr2": 60}
    seed = folder / "seed.h5"
    if not seed.exists():
        write_part(seed, sizes)
    data = bytearray(seed.read_bytes())
    for _ in range(chance.choice([1, 1, 2, 8])):
        way, place = chance.random(), chance.randrange(len(data))
        if way < 0.7:
            data[place] ^= 1 << chance.randrange(8)
        elif way < 0.9:
            data[place : place + 4] = chance.randbytes(4)
        else:
            del data[place:]
        if not data:
            break
    path = folder / "x.h5"
    path.write_bytes(data)
    bar = QuietBar
    with Guarded(bytes(data)):
        merge(
            [str(path)], str(folder / "y"), mean=False, overlap="nearest", force=True, progress=bar
        )
    with Guarded(bytes(data)):
        files = [str(seed), str(path)]
        merge(files, str(folder / "y"), mean=True, overlap="mean", force=True, progress=bar)
    with Guarded(bytes(data)):
        make_track(str(path), str(folder / "z.bw"), overlap="max", force=True, progress=bar)
    return bytes(data)


def read_models(folder: Path, chance: random.Random) -> bytes:
    """Load a model file that is damaged."""
    path = damaged_model(folder, chance)
    data = path.read_bytes()
    with Guarded(data):
        load_damaged(path)
    return data


def write_part(path: Path, sizes: dict[str, int]) -> None:
    """Write a score file that is the only shard of its run."""
    from seqlift.tracks.hdf5 import ScoreWriter
    from seqlift.tracks.join import join

    frames = [window("chr1", start, start + 40, name=f"p{start}") for start in range(-5, 380, 9)]
    batch = made_batch(frames, length=40, sizes=sizes)
    with ScoreWriter(path.with_suffix(".part"), length=40, attributes={}) as writer:
        writer.write(batch)
    facts = {"target": "t", "shard": "1-of-1", "shard_start": 0, "shard_of_rows": len(frames)}
    join([path.with_suffix(".part")], path, attributes=facts, sizes=sizes)


class QuietBar:
    """A progress bar that shows nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> "QuietBar":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, _n: int) -> None:
        pass


class Guarded:
    """Lets SeqliftError pass, and fails for anything else."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __enter__(self) -> None:
        LAST[0] = self.data

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, (SeqliftError, ClickException))


LAST = [b""]
READERS: dict[str, Callable[[Path, random.Random], bytes]] = {
    "bed": read_bed,
    "fasta": read_fasta,
    "arguments": read_arguments,
    "parts": read_parts,
    "models": read_models,
}


def fuzz(name: str, seconds: float, seed: int) -> int:
    """Return how many tries were made; what fails is kept and raised."""
    end, tries = time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            try:
                READERS[name](Path(folder), random.Random(f"{seed}-{tries}"))
            except Exception:
                FOUND.mkdir(parents=True, exist_ok=True)
                (FOUND / f"{name}-{seed}-{tries}").write_bytes(LAST[0])
                raise
            tries += 1
    return tries


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one reader for as long as is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int(np.random.SeedSequence().entropy % 2**32))
    chosen = parser.parse_args(arguments)
    faulthandler.enable()
    print(f"{chosen.reader}: seed {chosen.seed}", file=sys.stderr)
    tries = fuzz(chosen.reader, chosen.seconds, chosen.seed)
    print(f"{chosen.reader}: {tries} tries, nothing but SeqliftError")


if __name__ == "__main__":
    main()
