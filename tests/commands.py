"""Commands run inside the tests' own process, and the small inputs that they take.

TensorFlow takes seconds to import, so a process of its own is started only for what needs one.
"""

import logging
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import keras
import numpy as np
import pyBigWig
from click.testing import CliRunner
from keras import layers
from nets import randomise
from numpy.typing import NDArray

from seqlift.cli import main
from seqlift.device.backend import use_device
from seqlift.pipeline.settings import Settings

LENGTH = 50
SIZES = {"chr2": 700, "chr1": 430, "gap": 90, "chrM": 200}
"""Not in alphabetical order, so that the order of the FASTA shows."""

LAST_N_OF_CHR1 = (200, 216)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did: its exit code, and what it wrote to either stream."""

    code: int
    out: str
    err: str


def command(
    *arguments: object, given: bytes = b"", settings: Settings | None = None, **environment: str
) -> Ran:
    """Run ``seqlift ARGUMENTS``, with `given` on its standard input."""
    words = [str(argument) for argument in arguments]
    log = logging.getLogger("seqlift")
    with (
        mock.patch.object(sys, "argv", ["/usr/bin/seqlift", *words]),
        mock.patch.object(log, "handlers", []),
        mock.patch.object(log, "level", logging.WARNING),
        warnings.catch_warnings(),
    ):
        result = CliRunner().invoke(
            main,
            words,
            prog_name="seqlift",
            input=given,
            env={"SEQLIFT_GENOME": None, **environment},
            obj=settings,
        )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def score(*arguments: object, **more: Any) -> Ran:
    """Run ``seqlift score ARGUMENTS``, which must succeed."""
    ran = command("score", *arguments, **more)
    assert ran.code == 0, ran.err
    return ran


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, by their names."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return when everything below a folder was last changed, and its size, by name."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in sorted(folder.rglob("*"))
    }


def device() -> str:
    """Return the name of the device that is used where none is asked for."""
    return use_device("auto", precision="float32")


def program() -> str:
    """Return the path of the program that installing puts next to Python."""
    found = shutil.which("seqlift", path=str(Path(sys.executable).parent))
    assert found is not None, "seqlift is not installed beside this Python"
    return found


def fasta(records: Mapping[str, str], *, fold: int = 60) -> str:
    """Return FASTA text."""
    return "".join(
        f">{name}\n" + "".join(f"{bases[i : i + fold]}\n" for i in range(0, len(bases), fold))
        for name, bases in records.items()
    )


def genome_records() -> dict[str, str]:
    """Return chromosomes with lower-case stretches, one with a run of N, and one of N alone."""
    random = np.random.default_rng(11)
    records = {}
    for name, size in SIZES.items():
        bases = "".join(random.choice(list("ACGT"), size))
        third = size // 3
        records[name] = bases[:third] + bases[third : 2 * third].lower() + bases[2 * third :]
    first, last = LAST_N_OF_CHR1
    records["chr1"] = records["chr1"][:first] + "N" * (last - first) + records["chr1"][last:]
    records["gap"] = "N" * SIZES["gap"]
    return records


def regions_text() -> str:
    """Return a narrowPeak of 23 regions in no order: over ends, over N, equal, overlapping."""
    random = np.random.default_rng(5)
    rows = [("chr1", 0, 20, 3), ("chr2", 690, 700, 9), ("chr1", 190, 230, 20), ("gap", 10, 60, -1)]
    rows += [("chrM", 150, 151, 0), ("chr2", 100, 160, 25), ("chr2", 100, 160, 25)]
    for _ in range(16):
        chrom = ("chr1", "chr2", "chrM")[int(random.integers(3))]
        start = int(random.integers(0, SIZES[chrom] - 60))
        extent = int(random.integers(1, 60))
        rows.append((chrom, start, start + extent, int(random.integers(-1, extent))))
    return "".join(
        f"{chrom}\t{start}\t{end}\tpeak{i}\t{i}\t{'+-.'[i % 3]}\t1.5\t-1\t-1\t{summit}\n"
        for i, (chrom, start, end, summit) in enumerate(rows)
    )


def one_task() -> keras.Model:
    """Return a model of one task: convolutions, max pooling, dense layers, a sigmoid."""
    return _convolutional(layers.Dense(1, activation="sigmoid", name="task"))


def three_tasks() -> keras.Model:
    """Return the same with three tasks."""
    return _convolutional(layers.Dense(3, activation="sigmoid", name="tasks"))


def averaging() -> keras.Model:
    """Return a model without max pooling, which every rule for it completes."""
    stack = [
        keras.Input((LENGTH, 4)),
        layers.Conv1D(5, 7, activation="relu", name="scan"),
        layers.AveragePooling1D(4, name="pool"),
        layers.Flatten(name="flat"),
        layers.Dense(1, name="task"),
    ]
    return keras.Sequential(stack)


def any_length() -> keras.Model:
    """Return a model that takes any number of bases from 11 on."""
    stack = [
        keras.Input((None, 4)),
        layers.Conv1D(5, 7, activation="relu", name="first"),
        layers.Conv1D(4, 5, activation="relu", name="second"),
        layers.GlobalMaxPooling1D(name="best"),
        layers.Dense(1, name="score"),
    ]
    return keras.Sequential(stack)


def profile() -> keras.Model:
    """Return a BPNet in small: a profile of 20 positions and one count."""
    given = keras.Input((LENGTH, 4))
    body = layers.Conv1D(6, 7, activation="relu")(given)
    near = layers.Conv1D(6, 3, dilation_rate=2, activation="relu", padding="same")(body)
    body = layers.Add()([body, near])
    shape = layers.Cropping1D(12)(layers.Conv1D(1, 1)(body))
    logits = layers.Flatten(name="logits_profile")(shape)
    counts = layers.Dense(1, name="logcounts")(layers.GlobalAveragePooling1D()(body))
    return keras.Model(given, [logits, counts])


def _convolutional(head: layers.Layer) -> keras.Model:
    stack = [
        keras.Input((LENGTH, 4)),
        layers.Conv1D(6, 7, activation="relu", name="scan"),
        layers.MaxPooling1D(4, name="pool"),
        layers.Conv1D(5, 3, padding="same", activation="relu", name="combine"),
        layers.Flatten(name="flat"),
        layers.Dropout(0.3, name="drop"),
        layers.Dense(6, activation="relu", name="hidden"),
        head,
    ]
    return keras.Sequential(stack)


MODELS: dict[str, Callable[[], keras.Model]] = {
    "one": one_task,
    "three": three_tasks,
    "averaging": averaging,
    "open": any_length,
    "profile": profile,
}


def make_inputs(folder: Path) -> Path:
    """Return a folder with genome.fa and its index, peaks.narrowPeak, and MODELS as NAME.keras."""
    (folder / "genome.fa").write_text(fasta(genome_records()))
    offset, index = 0, ""
    for name, size in SIZES.items():
        offset += len(f">{name}\n")
        index += f"{name}\t{size}\t{offset}\t60\t61\n"
        offset += size + -(-size // 60)
    (folder / "genome.fa.fai").write_text(index)
    (folder / "peaks.narrowPeak").write_text(regions_text())
    for seed, (name, build) in enumerate(MODELS.items()):
        save(build(), folder / f"{name}.keras", seed=seed)
    return folder


def save(model: keras.Model, path: Path, *, seed: int = 0) -> Path:
    """Return the path of a model file, its weights drawn at random."""
    randomise(model, seed=seed)
    model.save(path)
    return path


AXES = ("row", "base", "position")
"""Datasets that name axes."""


def scores_in(path: Path) -> dict[str, NDArray[Any]]:
    """Return every dataset of a score file that has a row for each region, text as str."""
    found: dict[str, NDArray[Any]] = {}

    def take(name: str, item: h5py.Dataset | h5py.Group) -> None:
        apart = name.startswith("genome/") or name in AXES
        if isinstance(item, h5py.Dataset) and not apart:
            text = h5py.check_string_dtype(item.dtype) is not None
            found[name] = np.array(item.asstr()[:] if text else item[:])

    with h5py.File(path) as file:
        file.visititems(take)
    return found


def attributes_of(path: Path) -> dict[str, Any]:
    """Return the attributes of a score file."""
    with h5py.File(path) as file:
        return dict(file.attrs)


def track_in(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return every base of a track, NaN where there is none, by chromosome in the file's order."""
    with pyBigWig.open(str(path)) as track:
        return {c: track.values(c, 0, n, numpy=True) for c, n in track.chroms().items()}


def track_by_law(scores: Path, sizes: Mapping[str, int]) -> dict[str, NDArray[np.float32]]:
    """Compute the track of a score file, base by base; NaN where there is none.

    A base that several windows cover has the score of the one whose centre is nearest, of two
    equally near that which begins further left, of two equal windows the first.
    """
    rows = scores_in(scores)
    values = {c: np.full(size, np.nan, np.float32) for c, size in sizes.items()}
    nearest = {c: np.full(size, np.inf) for c, size in sizes.items()}
    contributions = rows["projected_shap/seq"].astype(np.float32).sum(axis=1)
    for row in np.argsort(rows["regions/start"], kind="stable"):
        chrom, start = rows["regions/chrom"][row], rows["regions/start"][row]
        centre = start + (rows["regions/end"][row] - start) // 2
        for base in range(rows["regions/scored_start"][row], rows["regions/scored_end"][row]):
            if abs(base - centre) < nearest[chrom][base]:
                nearest[chrom][base] = abs(base - centre)
                values[chrom][base] = contributions[row, base - start]
    return values


def assert_track_shows_scores(prefix: Path | str, sizes: Mapping[str, int]) -> None:
    """Check PREFIX.bw against PREFIX.h5 at every base of every chromosome."""
    found, wanted = track_in(Path(f"{prefix}.bw")), track_by_law(Path(f"{prefix}.h5"), sizes)
    assert list(found) == list(sizes)
    for chrom, values in wanted.items():
        np.testing.assert_array_equal(found[chrom], values, err_msg=chrom)
