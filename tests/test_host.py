"""Files do not depend on the threads that write them, whatever else a run meets."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from commands import command, score
from stand_in import LongStandIn, made, settings, write_inputs

from seqlift.inputs.onehot import encode

SIZE, REGIONS, LENGTH = 30_000, 28, 1000
BATCH, TARGETS = 5, ("first", "second", "third")
WORDS = (
    "any.keras",
    "r.bed",
    "-g",
    "g.fa",
    "-b",
    BATCH,
    *(w for name in TARGETS for w in ("-t", name)),
)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_inputs(SIZE, REGIONS)
    return tmp_path


def run(prefix: str, *options: object, **services: object) -> dict[str, bytes]:
    """Score by a stand-in in parts of eight rows, and read all files."""
    services = {"load": LongStandIn, **services}
    score(*WORDS, "-o", prefix, *options, settings=settings(**services))
    return written(prefix)


def written(prefix: str) -> dict[str, bytes]:
    return {
        path.name.removeprefix(prefix): path.read_bytes() for path in Path().glob(f"{prefix}.*")
    }


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float16", marks=pytest.mark.slow)])
def test_files_are_the_same_for_every_number_of_threads(workplace: Path, dtype: str) -> None:
    made_by = {n: run(f"x{n}", "--threads", n, "--dtype", dtype) for n in (1, 2, 4)}
    assert len(made_by[1]) == 2 * len(TARGETS) + 1
    assert made_by[1] == made_by[2] == made_by[4]
    assert run("whole", "--threads", 4, "--dtype", dtype, part_seconds=1e9) == made_by[1]


@pytest.mark.slow
def test_shards_are_the_same_for_every_number_of_threads(workplace: Path) -> None:
    whole = run("whole")
    for number, threads in ((1, 1), (2, 4), (3, 2)):
        run("x", "--shard", f"{number}-of-3", "--threads", threads)
    ran = command("merge", *sorted(map(str, Path().glob("x.*.h5"))), "-o", "merged")
    assert (ran.code, written("merged")) == (0, whole)


@pytest.mark.slow
def test_an_ended_run_goes_on_with_another_number_of_threads(workplace: Path) -> None:
    whole = run("whole")
    explained = LongStandIn.explain_by

    class Ending(LongStandIn):
        def explain_by(self, *arguments: object) -> object:
            if list(Path("x.parts").glob("0*-*")):
                raise KeyboardInterrupt
            return explained(self, *arguments)

    ran = command("score", *WORDS, "-o", "x", "--threads", 4, settings=settings(load=Ending))
    assert ran.code != 0
    assert "sequences are kept in x.parts" in ran.err
    assert Path("x.parts").is_dir()
    assert not Path("x.first.h5").exists()
    assert run("x", "--threads", 2) == whole


def test_scores_are_stored_as_they_were_computed(workplace: Path) -> None:
    run("x", "--threads", 4)
    with h5py.File("x.second.h5") as file:
        one_hot = file["raw/seq"][:].swapaxes(1, 2)
        codes = np.where(one_hot.any(axis=2), one_hot.argmax(axis=2), 4).astype(np.uint8)
        digest = file.attrs["model_sha256"]
        wanted = made(codes, f"{digest} second")
        assert np.array_equal(file["shap/seq"][:].swapaxes(1, 2), wanted.hypothetical)
        found = file["projected_shap/seq"][:].swapaxes(1, 2)
        assert np.array_equal(found, wanted.contributions)
        bases = "".join(Path("g.fa").read_text().splitlines()[1:])
        start = int(file["regions/start"][0])
        inside = slice(max(-start, 0), min(SIZE - start, LENGTH))
        text = bases[max(start, 0) : start + LENGTH]
        assert np.array_equal(codes[0][inside], encode(text))
