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
import form_rates
import jax
import keras
import keras_model
import models
import numpy as np
import protocol
from numpy.typing import NDArray

import seqlift
from seqlift.device import forms
from seqlift.device.backend import use_device
from seqlift.inputs.references import parse

SEED = 1
TARGETS = ("counts", "profile")
FULL = "the device's memory is full"


@dataclass(frozen=True)
class Work:
    """One precision, the network, and the sizes of everything."""

    precision: str
    network: str
    references: int
    checked: int
    product: int
    pairs: int
    repeats: int

    def setup(self) -> dict[str, Any]:
        """Return the forms of the precision, the device and the versions."""
        table = [one.form for one in forms.CHOICES.get(("gpu", self.precision), ())]
        return {"forms": [*table, "direct"], **protocol.of_jax()}

    def scored(self, path: str) -> dict[str, Any]:
        """Return the largest residual of a few sequences, whose scores are written to `path`."""
        explain = explainer(self.network, self.precision)
        explain.batch_size = self.checked
        return self.compared(explain, self.data(explain, self.checked), path, "")

    def speed(
        self, form: str, size: int, sequences: int, path: str, against: str
    ) -> dict[str, Any]:
        """Return the seconds of whole batches and of the compilation before, and the errors.

        A `form` that is not empty is forced (`form_rates.forced`); a `size` of 0 is the automatic
        one. `sequences` is rounded up to whole batches. `peak` is the device's largest memory since
        the process began. The scores of the first sequences are compared with those `against`.
        """
        with form_rates.forced(form):
            explain = explainer(self.network, self.precision)
            explain.batch_size = size or None
            asked, size = size, self.size_of(explain)
            codes, references = self.data(explain, -(-sequences // size) * size)
            batch = codes[:size], references[:size]
            first, _ = protocol.timed(explain.explain, *batch)
            if (possible := self.size_of(explain)) < size:  # the explainer found the memory full
                if asked:
                    return {"size": size, "why": FULL}
                whole = self.speed(form, possible, sequences, path, against)
                return whole | {"compilation": first, "halved": True}
            second, _ = protocol.timed(explain.explain, *batch)
            runs = [
                protocol.timed(explain.explain, codes, references)[0] for _ in range(self.repeats)
            ]
            stats = jax.devices()[0].memory_stats() or {}
            return {
                "form": form,
                "size": size,
                "automatic": not asked,
                "sequences": len(codes),
                "compilation": max(first - second, 0.0),
                "seconds": runs,
                "peak": stats.get("peak_bytes_in_use"),
                **self.compared(explain, batch, path, against),
            }

    def compared(
        self, explain: seqlift.Explainer, batch: tuple[Any, Any], path: str, against: str
    ) -> dict[str, Any]:
        """Return the largest residual of a batch and, `against` a file, the largest difference.

        The scores (targets, N, L, 4), contributions at the observed base, are those of the first
        sequences; those of both files are of the same.
        """
        results = explain.explain(*batch)
        scores = np.stack([result.contributions[: self.checked] for result in results.values()])
        np.save(path, scores)
        found = {"residual": max(relative_residual(result) for result in results.values())}
        if against:
            exact = np.load(against)
            found["difference"] = difference(scores, exact[:, : scores.shape[1]])
        return found

    def data(self, explain: seqlift.Explainer, number: int) -> tuple[Any, Any]:
        """Draw sequences with references: the first are the same for every number."""
        return data(number, self.references, explain.input_shape[0])

    def size_of(self, explain: seqlift.Explainer) -> int:
        """Return how many sequences the explainer takes at once."""
        return explain.schedule_for(explain.engine(explain.input_shape), self.references).size

    def form(self, form: str, dilation: int) -> dict[str, Any]:
        """Return how fast and how exact the network's dilated convolution is in a form."""
        model = models.describe(self.network)
        layer = next(one for one in model["layers"] if one.get("dilation", 1) > 1)
        shape = self.pairs, *models.shapes(model)[layer["of"][0]]
        return form_rates.measured(form, self.precision, shape, dilation, max(self.repeats, 5))

    def answer(self, request: dict[str, str]) -> dict[str, Any]:
        """Return the answer to a request, or `why` there is none."""
        kind = request.pop("do")
        numbers = {name: int(request.pop(name)) for name in NUMBERS if name in request}
        try:
            if kind == "products":
                return {"products": ceilings.products(self.precision, self.product, self.repeats)}
            ways = {"scores": self.scored, "speed": self.speed, "form": self.form}
            return ways[kind](**request, **numbers)
        except seqlift.SeqliftError as error:
            return {"why": str(error)}
        except (jax.errors.JaxRuntimeError, ValueError) as error:  # some other than where it began
            full = "RESOURCE_EXHAUSTED" in str(error)
            return {"why": FULL if full else " ".join(str(error).split())[:100].replace("|", " ")}


NUMBERS = ("size", "sequences", "dilation")
"""Names of requests' values that are whole numbers."""


def explainer(name: str, precision: Any) -> seqlift.Explainer:
    """Return a new explainer of a network with random weights: nothing of it is compiled."""
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
    use_device("auto", precision=chosen.precision)  # float32 is float32 from here on
    answer = protocol.answering()
    answer(notes=chosen.setup())
    for line in sys.stdin:
        answer(**chosen.answer(json.loads(line)))


if __name__ == "__main__":
    main()
