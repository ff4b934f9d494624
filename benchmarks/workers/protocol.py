"""How a worker is asked and answers, the same for all of them.

Runs on Python 3.7 to 3.13. Knows lines of JSON, files of a case and the clock; knows no framework.
Requests are lines on standard input, answers lines on a copy of standard output, whose own number
goes to standard error, so that what frameworks print cannot be taken for an answer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from pathlib import Path

import numpy as np

try:
    from importlib import metadata
except ImportError:  # Python 3.7
    import importlib_metadata as metadata

PAIRS = (8, 20, 40, 64)
"""Batch sizes, in pairs of sequence and reference, that each implementation may choose from."""

TRIALS = 5
LONG = 2.0
"""Seconds after which a candidate is tried no more."""


class Case:
    """The files of a case: `fields` of case.json, `weights`, `sequences`, `references`."""

    def __init__(self, folder):
        """Read them; sequences (N, L, 4) and references (N, R, L, 4) become float32."""
        folder = Path(folder)
        self.fields = json.loads((folder / "case.json").read_text())
        self.description = self.fields["description"]
        self.targets = self.fields["targets"]
        self.hypothetical = self.fields["scores"] == "hypothetical"
        with np.load(str(folder / "weights.npz")) as arrays:
            self.weights = {name: arrays[name] for name in arrays.files}
        self.sequences = np.load(str(folder / "sequences.npy")).astype(np.float32)
        self.references = np.load(str(folder / "references.npy")).astype(np.float32)

    def first(self, pairs):
        """Return how many sequences a trial needs, so that a batch of so many pairs is full."""
        return min(len(self.sequences), -(-pairs // self.references.shape[1]))

    def sizes(self, pairs):
        """Return the batch sizes worth trying: none is larger than all pairs of the case."""
        return sorted({min(size, len(self.sequences) * self.references.shape[1]) for size in pairs})

    def output(self, target):
        """Return the name of the layer and the unit that a target asks for."""
        if target == "counts":
            return self.description["outputs"][1], 0
        name, unit = target.split(":")
        return name, int(unit)


def versions(*packages):
    """Return the versions of packages, and of Python, by name."""
    found = {name: metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **found}


def of_jax():
    """Return the device that JAX uses, and the versions that matter to it."""
    import jax

    import seqlift

    found = versions("keras", "numpy", "jax", "jaxlib")
    card = jax.devices()[0].device_kind
    return {"card": card, "versions": {"seqlift": seqlift.__version__, **found}}


def arguments():
    """Read what the worker was started with: the case's folder, and more for some."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--pairs", type=int, nargs="*", default=list(PAIRS))
    return parser.parse_args()


def timed(function, *values):
    """Return the seconds a call took, and what it returned."""
    start = time.perf_counter()
    result = function(*values)
    return time.perf_counter() - start, result


def fastest(candidates, trial):
    """Return the candidate with the least seconds per item, after one run to warm it up.

    `trial` runs a candidate and returns how many items it did. The best of several runs counts,
    unless they take long.
    """
    rates = {}
    for candidate in candidates:
        trial(candidate)
        rates[candidate], spent = float("inf"), 0.0
        for _ in range(TRIALS):
            seconds, items = timed(trial, candidate)
            rates[candidate] = min(rates[candidate], seconds / items)
            spent += seconds
            if spent > LONG:
                break
    return min(rates, key=rates.get)


def answering():
    """Return the function that sends its keywords as one answer, for the rest of the process."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**values):
        values["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    return answer


def serve(prepare):
    """Answer requests until asked to quit.

    `prepare` takes the arguments and returns a function that runs all sequences once and returns
    the scores (targets, N, L, 4), or the seconds it asks for; and a dictionary of notes.
    """
    answer = answering()
    start = time.perf_counter()
    run, notes = prepare(arguments())
    run()
    answer(ready=True, warm_up=time.perf_counter() - start, notes=notes)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "quit":
            return
        seconds, result = timed(run)
        if request["do"] == "scores":
            np.save(request["path"], np.asarray(result, np.float32))
        elif isinstance(result, float):
            seconds = result
        answer(seconds=seconds)
