"""seqlift on JAX in one precision: its numbers, its speed, and what the device could do at most.

A process has one precision, as JAX's switch to float64 is for the whole process. Unlike the other
workers it has no files of a case: what it computes follows from what it is asked.
"""

import functools
import json
import sys
from dataclasses import dataclass
from typing import Any

import ceilings
import jax
import keras
import keras_model
import models
import numpy as np
import protocol
from numpy.typing import NDArray

import seqlift
from seqlift.device.precision import PRECISIONS
from seqlift.inputs.references import parse

SEED = 1
TARGETS = ("counts", "profile")


@dataclass(frozen=True)
class Work:
    """One precision, and the sizes of everything; `speed` and `numbers` name networks."""

    precision: str
    numbers: str
    speed: str
    references: int
    checked: int
    product: int
    pairs: int
    repeats: int

    def setup(self) -> dict[str, Any]:
        """Return the precisions of seqlift, the device and the versions."""
        versions = protocol.versions("keras", "numpy", "jax", "jaxlib")
        return {
            "precisions": PRECISIONS,
            "card": jax.devices()[0].device_kind,
            "versions": {"seqlift": seqlift.__version__, **versions},
        }

    def numbers_of(self, path: str, against: str) -> dict[str, Any]:
        """Return the largest residual and, `against` a file of scores, the largest difference.

        The scores (targets, N, L, 4), contributions at the observed base, are written to `path`.
        """
        explain = explainer(self.numbers, self.precision)
        explain.batch_size = self.checked  # a batch that is not full is filled up
        results = explain.explain(*data(self.checked, self.references, explain.input_shape[0]))
        scores = np.stack([result.contributions for result in results.values()])
        np.save(path, scores)
        found = {"residual": max(relative_residual(result) for result in results.values())}
        if against:
            found["difference"] = difference(scores, np.load(against))
        return found

    def speed_of(self, size: int, sequences: int) -> dict[str, Any]:
        """Return the seconds that whole batches of `size` took, and of the compilation before.

        A `size` of 0 is the automatic one. `sequences` is rounded up to whole batches. `peak` is
        the device's largest memory since the process began.
        """
        explain = explainer(self.speed, self.precision)
        explain.batch_size = size or None
        asked, size = size, self.size_of(explain)
        number = -(-sequences // size) * size
        codes, references = data(number, self.references, explain.input_shape[0])
        batch = codes[:size], references[:size]
        first, _ = protocol.timed(explain.explain, *batch)
        if (possible := self.size_of(explain)) < size:  # the explainer found the memory full
            if asked:
                return {"size": size, "why": "the device's memory is full"}
            return self.speed_of(possible, sequences) | {"compilation": first, "halved": True}
        second, _ = protocol.timed(explain.explain, *batch)
        runs = [protocol.timed(explain.explain, codes, references)[0] for _ in range(self.repeats)]
        stats = jax.devices()[0].memory_stats() or {}
        return {
            "size": size,
            "sequences": number,
            "compilation": max(first - second, 0.0),
            "seconds": runs,
            "peak": stats.get("peak_bytes_in_use"),
        }

    def size_of(self, explain: seqlift.Explainer) -> int:
        """Return how many sequences the explainer takes at once."""
        return explain.schedule_for(explain.engine(explain.input_shape), self.references).size

    def ceilings_of(self) -> dict[str, Any]:
        """Return the matrix product and the convolutions that are dilated, by way to compute."""
        model = models.describe(self.speed)
        known = models.shapes(model)
        shapes = [
            ceilings.Shape(
                self.pairs, *known[layer["of"][0]], taps=layer["size"], dilation=layer["dilation"]
            )
            for layer in model["layers"]
            if layer.get("dilation", 1) > 1
        ]
        return ceilings.measured(self.precision, self.product, shapes, max(self.repeats, 5))

    def answer(self, request: dict[str, str]) -> dict[str, Any]:
        """Return what was asked for, or `why` there is none."""
        try:
            if request["do"] == "numbers":
                return self.numbers_of(request["path"], request["against"])
            if request["do"] == "speed":
                return self.speed_of(int(request["size"]), int(request["sequences"]))
            return {"ceilings": self.ceilings_of()}
        except seqlift.SeqliftError as error:
            return {"why": str(error)}
        except jax.errors.JaxRuntimeError as error:  # at a distance from the call that caused it
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            return {"why": "the device's memory is full"}


@functools.cache
def explainer(name: str, precision: Any) -> seqlift.Explainer:
    """Return the explainer of a network with random weights."""
    model = models.describe(name)
    built = keras_model.build(keras, model, models.weights(model, seed=SEED))
    return seqlift.Explainer(built, target=TARGETS, precision=precision)


@functools.cache
def data(number: int, references: int, length: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return random sequences (N, L) and their shuffles (N, R, L) as codes."""
    codes = np.random.default_rng(SEED).integers(0, 4, (number, length), dtype=np.uint8)
    return codes, parse("dinucleotide", number=references, seed=SEED).draw(codes)


def relative_residual(result: Any) -> float:
    """Return the largest of any pair, over the largest of its predictions and their difference."""
    sizes = (result.prediction[:, None], result.reference_prediction, result.difference)
    scale = functools.reduce(np.maximum, (np.abs(size) for size in sizes))
    return float((np.abs(result.residual) / scale).max())


def difference(ours: NDArray[Any], exact: NDArray[Any]) -> float:
    """Return the largest difference of any target, over the target's largest score."""
    largest = np.abs(exact).max(axis=(1, 2, 3))
    return float((np.abs(ours - exact).max(axis=(1, 2, 3)) / largest).max())


def main() -> None:
    """Answer requests, a line each, until the end of the input."""
    _, work = sys.argv[1:]
    chosen = Work(**json.loads(work))
    if chosen.precision == "float64":
        jax.config.update("jax_enable_x64", True)
    answer = protocol.answering()
    answer(notes=chosen.setup())
    for line in sys.stdin:
        answer(**chosen.answer(json.loads(line)))


if __name__ == "__main__":
    main()
