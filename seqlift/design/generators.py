"""Sequences written in the code of a generator: a model from numbers (K,) to bases (L, 4).

The base of a position is the largest of its four outputs. An edit changes one number of the code
(Nguyen et al. 2016, arXiv:1605.09304, who search the code of a generator of images), and numbers
stay within three standard deviations of what a generator is trained on. Knows models as files and
engines; knows nothing of searches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from seqlift.attribution.engine import Engine
from seqlift.attribution.forward_only import numpy, rows_at_once
from seqlift.attribution.heads import WeightedHead
from seqlift.attribution.propagation.passes import BackwardPass
from seqlift.attribution.registry import chosen_method
from seqlift.design.candidates import Candidate, Codes
from seqlift.design.constraints import Constraints
from seqlift.design.objective import Objective
from seqlift.errors import InputError
from seqlift.intervals import CHANNELS
from seqlift.lowering.check import check_forward
from seqlift.lowering.walk import lower
from seqlift.models.keras_settings import default_settings
from seqlift.models.load import load

Floats = NDArray[np.float32]

CODE_BOUND = 3.0
"""Standard deviations of a code."""

CHANGES = (-3.0, -1.0, -0.3, 0.3, 1.0, 3.0)
"""What an edit adds to one number of a code."""

SPREAD = 0.5
"""Standard deviation of a code that a gradient search draws, while its noise is 1."""


class Generator:
    """A generator, and the way back through it."""

    def __init__(self, path: str, length: int) -> None:
        """Load a model file; raises InputError where it does not make sequences of `length`."""
        model = load(path).model
        shapes = [tuple(tensor.shape[1:]) for tensor in (*model.inputs, *model.outputs)]
        if len(shapes) != 2 or len(shapes[0]) != 1 or None in shapes[0]:
            raise InputError(
                f"--generator {path}: its inputs and outputs have the shapes {shapes}; give a model"
                f" from one row of numbers to one sequence ({length}, {CHANNELS})"
            )
        if shapes[1] != (length, CHANNELS):
            raise InputError(
                f"--generator {path}: its output has the shape {shapes[1]}, and a sequence has"
                f" ({length}, {CHANNELS}); give one that makes {length} bases"
            )
        self.numbers = int(shapes[0][0])
        with default_settings(of_a_file=True):
            graph = lower(model, shapes[0])
            check_forward(graph, model)
        head = WeightedHead(graph.outputs[0], np.ones(shapes[1]))
        self.engine = Engine(graph, [head], chosen_method("gradient", {}))
        self.node = head.node

    def sequences(self, code: Floats) -> Codes:
        """Make the sequences (N, L) of codes (N, K)."""
        size, found = rows_at_once(), []
        run = self.engine.compiled("generated", self._forward)
        for start in range(0, len(code), size):
            part = code[start : start + size]
            # one size is one program
            filled = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
            found.append(numpy(run(filled))[: len(part)].argmax(axis=-1).astype(np.uint8))
        return np.concatenate(found)

    def slope(self, code: Floats, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Propagate the gradient at a sequence (L, 4) back to its code (K,)."""
        run = self.engine.compiled("back", self._back)
        found = numpy(run(code[None], gradient[None].astype(np.float32)))
        return np.asarray(found[0], np.float64)

    def _forward(self, code: Any) -> Any:
        inputs = self.engine.expand(code, batch_axes=1)
        return self.engine.graph.forward(inputs, (self.node,), {})[self.node]

    def _back(self, code: Any, gradient: Any) -> Any:
        pairs = ops.expand_dims(self.engine.expand(code, batch_axes=1), 1)
        activations = self.engine.pass_pairs(pairs, {})
        back = BackwardPass(self.engine.graph, self.engine.rules, activations, activations)
        return back.run(self.node, ops.cast(gradient, self.engine.dtype))


@dataclass(frozen=True)
class Generated:
    """The space of sequences that a generator makes, with the flanks put at their ends."""

    objective: Objective
    constraints: Constraints
    generator: Generator
    most: int | None = None

    def first(self, codes: Codes, draw: np.random.Generator) -> Candidate:
        del codes
        drawn = draw.standard_normal(self.generator.numbers)
        code = np.clip(drawn, -CODE_BOUND, CODE_BOUND).astype(np.float32)
        found = self.constraints.nearest(self.written(code[None])[0], draw)
        value = float(self.objective.values(found[None])[0])
        return Candidate(found, value, "generated", code=code)

    def shaken(self, first: Candidate, edits: int | None, draw: np.random.Generator) -> Candidate:
        del edits
        return self.first(first.codes, draw)

    def written(self, code: Floats) -> Codes:
        """Make the sequences of codes, with the bases that stay."""
        found = self.generator.sequences(code)
        free = self.constraints.free
        found[:, ~free] = self.constraints.fixed[~free]
        return found

    def moves(self, candidate: Candidate) -> Iterator[Candidate]:
        numbers = np.arange(self.generator.numbers)
        codes = np.tile(candidate.code, (len(CHANGES), len(numbers), 1))
        codes[:, numbers, numbers] += np.array(CHANGES, np.float32)[:, None]
        codes = np.clip(codes, -CODE_BOUND, CODE_BOUND).reshape(-1, len(numbers))
        found = self.written(codes)
        values = self.objective.values(found)
        for place in np.argsort(-values, kind="stable"):
            turn, number = divmod(int(place), len(numbers))
            # Many changes of the code leave the largest output of each position as it is.
            if (found[place] != candidate.codes).any() and self.constraints.keeps(found[place]):
                edit, step = f"z{number}{CHANGES[turn]:+g}", candidate.step + 1
                new = codes[place]
                yield Candidate(found[place], float(values[place]), edit, candidate, step, new)

    def relaxed(self, first: Candidate, draw: np.random.Generator) -> "GeneratorCode":
        del draw
        return GeneratorCode(first.code.astype(np.float64), self)


@dataclass
class GeneratorCode:
    """A normal distribution around the code `theta` (K,)."""

    theta: NDArray[np.float64]
    space: Generated

    def sample(self, noise: float, draw: np.random.Generator) -> tuple[Codes, str, Floats]:
        code = self.theta + SPREAD * noise * draw.standard_normal(self.theta.shape)
        drawn = np.clip(code, -CODE_BOUND, CODE_BOUND).astype(np.float32)
        found = self.space.written(drawn[None])[0]
        return self.space.constraints.nearest(found, draw), "", drawn

    def slope(self, gradient: NDArray[np.float64], code: Floats) -> NDArray[np.float64]:
        free = self.space.constraints.free[:, None]
        return self.space.generator.slope(code, np.where(free, gradient, 0.0))

    def scale(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Leave each number its own, as Adam does."""
        return squares

    def bounded(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(theta, -CODE_BOUND, CODE_BOUND)
