"""What in-silico mutagenesis saves by computing only what a substitution reaches.

`python benchmarks/ism.py -h` has the options. One sequence is mutated at every base; the same
substitutions are also predicted one after another in whole, in batches, by seqlift's own compiled
network and by Keras, of which the faster counts. Numbers come first: the largest difference of any
change, over the largest change and over the prediction.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported, below
sys.path.insert(0, str(Path(__file__).resolve().parent / "workers"))

import keras
import keras_model
import models
import numpy as np
from numpy.typing import NDArray
from report import RESULTS, machine, publish, spread, stored, table
from run import FOLDER, say

from seqlift.attribution.methods.ism import substituted
from seqlift.device.backend import compiled
from seqlift.explain.explainer import Explainer
from seqlift.inputs.onehot import one_hot

TARGETS = {"bpnet-64": ("counts", "profile"), "basset": ("0:3",)}
BATCH = 32
LAST = ("share", "first sequence, s", "difference / largest change", "difference / prediction")


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", action="append", choices=list(TARGETS))
    parser.add_argument("--rounds", type=int, default=3, help="timed runs (3)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of numbers")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of tables")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure every model and target, and write the table."""
    chosen = options()
    result: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine()}
    result["backend"] = keras.backend.backend()
    result["cases"] = stored(chosen.folder, "ism", result).get("cases", {}) | {
        f"{name} {target}": measured(name, target, chosen.rounds)
        for name in chosen.model or TARGETS
        for target in TARGETS[name]
    }
    publish("ism", result, report(result), chosen)


def measured(name: str, target: str, rounds: int) -> dict[str, Any]:
    """Compare the numbers and the seconds of one model and target."""
    description = models.describe(name)
    model = keras_model.build(keras, description, models.weights(description, seed=1))
    length = description["length"]
    codes = np.random.default_rng(0).integers(0, 4, (1, length)).astype(np.uint8)
    explain = Explainer(model, target, method="ism")
    ways = {"seqlift": predictor(explain, length), "Keras": keras_predictor(model)}
    rows = substituted(codes[0])  # three of each base: one-hot (3 L, L, 4)
    start = time.perf_counter()
    found = explain(one_hot(codes))
    first = time.perf_counter() - start
    whole = in_batches(ways["seqlift"], rows) - found.prediction[0]
    change = found.multipliers[0][one_hot(codes)[0] == 0].ravel()
    expected = by_base(codes[0], whole.reshape(length, 3))
    seconds: dict[str, list[float]] = {"ism": [], **{way: [] for way in ways}}
    for way, predict in ways.items():
        in_batches(predict, rows[: 2 * BATCH])
        say(f"{name} {target}: {way} is compiled")
    for _ in range(rounds):
        for way, run in {"ism": lambda: explain(one_hot(codes)), **timed(ways, rows)}.items():
            start = time.perf_counter()
            run()
            seconds[way].append(time.perf_counter() - start)
    off = np.abs(change - expected).max() / np.array(
        [np.abs(expected).max(), abs(found.prediction[0])]
    )
    say(f"{name} {target}: measured")
    return {
        "predictions": len(rows),
        "first": first,
        "seconds": seconds,
        "differences": off.tolist(),
    }


def timed(
    ways: dict[str, Callable[[Any], Any]], rows: NDArray[Any]
) -> dict[str, Callable[[], Any]]:
    """Make of each way a run over all rows."""
    return {
        way: (lambda predict=predict: in_batches(predict, rows)) for way, predict in ways.items()
    }


def by_base(codes: NDArray[Any], found: NDArray[Any]) -> NDArray[Any]:
    """Order changes (L, 3), of the bases after the observed one, by base: those of A first."""
    changes = np.zeros((len(codes), 4))
    turned = (codes[:, None].astype(int) + np.arange(1, 4)) % 4
    np.put_along_axis(changes, turned, found, axis=1)
    return changes[one_hot(codes) == 0]


def predictor(explain: Explainer, length: int) -> Callable[[Any], Any]:
    """Compile seqlift's own forward pass to the target."""
    engine = explain.engine((length, 4))
    predict = compiled(lambda batch: engine.predictions(batch, {})[0], **engine.options)
    return lambda batch: np.asarray(predict(batch))


def keras_predictor(model: Any) -> Callable[[Any], Any]:
    """Predict all outputs by Keras, compiled."""
    return lambda batch: model.predict_on_batch(batch)


def in_batches(predict: Callable[[Any], Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Predict rows in batches of one size, the last one filled up."""
    found = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        filled = np.concatenate([batch, np.repeat(rows[:1], BATCH - len(batch), axis=0)])
        values = predict(filled)
        values = values if isinstance(values, np.ndarray) else values[0]
        found.append(values[: len(batch)])
    return np.concatenate(found)


def report(result: dict[str, Any]) -> str:
    """Write the table."""
    rows = []
    for name, case in result["cases"].items():
        seconds = case["seconds"]
        fastest = min((way for way in seconds if way != "ism"), key=lambda way: min(seconds[way]))
        shares = [ism / whole for ism, whole in zip(seconds["ism"], seconds[fastest], strict=True)]
        figures = (spread(seconds["ism"]), spread(seconds[fastest]), fastest, spread(shares))
        rows.append([name, str(case["predictions"]), *figures, f"{case['first']:.0f}",
                     *(f"{off:.0e}" for off in case["differences"])])  # fmt: skip
    head = ("model, target", "predictions", "`--method ism`, s", "all in whole, s", "by")
    return (
        f"{table((*head, *LAST), rows)}\n\n"
        f"{result['date']}, {result['machine']}, {result['backend']}, float32."
    )


if __name__ == "__main__":
    main()
