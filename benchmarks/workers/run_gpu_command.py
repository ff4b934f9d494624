"""A whole `seqlift score` in this process, and how fast it is once its first batch is computed.

Started as ``run_gpu_command.py FOLDER MODEL PRECISION REGIONS SEQUENCES``; the one answer has the
seconds of the stages. SEQUENCES are those by which the engine alone is timed. The model is written
by the Keras that is here, as JAX has it.
"""

import sys
import time
from pathlib import Path
from typing import Any

STARTED = time.perf_counter()  # of this process, before anything is imported that takes long

import keras  # noqa: E402
import keras_model  # noqa: E402
import models  # noqa: E402
import numpy as np  # noqa: E402
import protocol  # noqa: E402

from seqlift.cli import main  # noqa: E402
from seqlift.explain.explainer import Explainer  # noqa: E402
from seqlift.inputs.references import parse  # noqa: E402

IMPORTED = time.perf_counter()
REPEATS, REFERENCES = 3, 20


def watched(ended: list[tuple[float, int]], used: list[Explainer]) -> None:
    """Have the end and the size of every batch noted, and the explainer that computed it."""
    plain = Explainer.explain_by

    def explain_by(self: Explainer, schedule: Any, sequences: Any, *more: Any) -> Any:
        results = plain(self, schedule, sequences, *more)
        ended.append((time.perf_counter(), len(sequences)))
        used[:] = [self]
        return results

    Explainer.explain_by = explain_by  # type: ignore[method-assign]


def engine_rate(explain: Explainer, sequences: int) -> float:
    """Return the sequences per second of the engine alone, in whole batches."""
    engine = explain.engine(explain.input_shape)
    size = explain.schedule_for(engine, REFERENCES).size
    number = -(-sequences // size) * size
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, (number, explain.input_shape[0]), dtype=np.uint8)
    references = parse("dinucleotide", number=REFERENCES, seed=1).draw(codes)
    explain.explain(codes, references)
    runs = (protocol.timed(explain.explain, codes, references)[0] for _ in range(REPEATS))
    return number / min(runs)


def measured(
    place: Path, network: str, precision: str, regions: int, sequences: int
) -> dict[str, Any]:
    """Return the stages of the command, and the rates of its parts in sequences per second."""
    description = models.describe(network)
    built = keras_model.build(keras, description, models.weights(description, seed=1))
    built.save(place / "model.keras")
    ended: list[tuple[float, int]] = []
    used: list[Explainer] = []
    watched(ended, used)
    command = ["score", place / "model.keras", place / "peaks.narrowPeak"]
    command += ["-g", place / "genome.fa", "-o", place / "scores", "--precision", precision]
    command += ["--target", "counts", "--target", "profile", "--force", "-q"]
    start = time.perf_counter()
    main(list(map(str, command)), standalone_mode=False)
    end = time.perf_counter()
    (first, size), (last, _) = ended[0], ended[-1]
    return {
        "regions": regions,
        "import": IMPORTED - STARTED,
        "first_batch": first - start,
        "scoring": last - first,
        "files": end - last,
        "rate": (regions - size) / (end - first),
        "scoring_rate": (regions - size) / max(last - first, 1e-9),
        "engine_rate": engine_rate(used[0], sequences),
    }


if __name__ == "__main__":
    answer = protocol.answering()
    folder, model, kind, *counts = sys.argv[1:]
    answer(notes=protocol.of_jax())
    answer(**measured(Path(folder), model, kind, *map(int, counts)))
