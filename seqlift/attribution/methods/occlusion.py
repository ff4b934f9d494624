"""Occlusion: the change of the prediction when a window of bases becomes the reference.

    R_i = mean over the windows with position i of  f(x) - f(x with the window replaced by x0)

windows of `width` positions, `stride` apart; the last is cut off at the end. Zeiler and Fergus 2013
(arXiv:1311.2901), with overlapping windows as captum averages them. Only what a window reaches is
computed anew.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqlift.attribution.changed_windows import ChangedWindows
from seqlift.attribution.forward_only import (
    ForwardOnly,
    check_sequence,
    output_of,
    rows_at_once,
    scores_at_observed,
)
from seqlift.attribution.forward_only import numpy as to_numpy
from seqlift.attribution.method import Others, Scores
from seqlift.errors import InputError
from seqlift.network.graph import Graph

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine


@dataclass(frozen=True)
class Occlusion(ForwardOnly):
    """Windows of `width` bases, `stride` apart, replaced by each reference."""

    width: int = 1
    stride: int = 1

    def prepared(self, graph: Graph) -> Graph:
        check_sequence(graph, self.name)
        return graph

    def scores(
        self, engine: "Engine", sequences: Any, references: Any, others: Others
    ) -> list[Scores]:
        inputs, x0 = (to_numpy(array) for array in engine.expanded(sequences, references))
        places = self.windows(inputs.shape[1])
        values, predictions = self.differences(engine, inputs, x0, others, places)
        covered = np.zeros(inputs.shape[1])
        totals = np.zeros((*values.shape[:2], inputs.shape[1]))
        for w, (start, end) in enumerate(places):
            covered[start:end] += 1.0
            totals[..., start:end] += values[..., w, None]
        compared = self.compared(engine, references, others)
        found = []
        for h, against in enumerate(compared):
            score = (totals[h] / np.maximum(covered, 1.0)).astype(engine.dtype)
            scores = scores_at_observed(score, inputs)
            found.append(output_of(scores, scores, scores, predictions[h], against))
        return found

    def windows(self, length: int) -> list[tuple[int, int]]:
        """List the first position of each window, and the one after its last."""
        number = -(-max(length - self.width, 0) // self.stride) + 1
        return [(k * self.stride, min(k * self.stride + self.width, length)) for k in range(number)]

    def differences(
        self,
        engine: "Engine",
        inputs: NDArray[Any],
        x0: NDArray[Any],
        others: Others,
        places: list[tuple[int, int]],
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Average f(x) - f(occluded) over the references: (heads, N, windows), and f(x)."""
        number, length = inputs.shape[:2]
        several = max(rows_at_once() // x0.shape[1], 1)
        blocks = [places[i : i + several] for i in range(0, len(places), several)]
        extent = min((several - 1) * self.stride + self.width, length)
        # one extent is one program
        starts = [min(block[0][0], length - extent) for block in blocks]
        plan = ChangedWindows(engine, starts, extent)
        values = np.zeros((len(engine.heads), number, len(places)), engine.dtype)
        predictions = np.zeros((len(engine.heads), number), engine.dtype)
        for n, row in enumerate(inputs):
            against = x0[n if len(x0) > 1 else 0]
            changed = [
                occluded(row, against, block, start, extent, several)
                for block, start in zip(blocks, starts, strict=True)
            ]
            own = {i: extra[n : n + 1] for i, extra in others.items()}
            for h, (prediction, found) in enumerate(plan.values(row[None], own, changed)):
                # A last block has fewer places; its other rows are the sequence itself, cut off
                # below.
                mean = found.reshape(len(blocks), -1, several).mean(axis=1).ravel()
                predictions[h, n] = prediction
                values[h, n] = prediction - mean[: len(places)]
        return values, predictions


def occluded(
    row: NDArray[Any],
    references: NDArray[Any],
    places: list[tuple[int, int]],
    start: int,
    extent: int,
    several: int,
) -> NDArray[Any]:
    """Make the windows of a block, (R * several, extent, C), with one place replaced in each."""
    found = np.tile(row[start : start + extent], (len(references), several, 1, 1))
    for w, (first, last) in enumerate(places):
        found[:, w, first - start : last - start] = references[:, first:last]
    return found.reshape(-1, *found.shape[2:])


def method(*, width: int = 1, stride: int = 1) -> Occlusion:
    """Make occlusion by windows of `width` bases, `stride` apart."""
    for name, value in (("width", width), ("stride", stride)):
        if value < 1:
            raise InputError(f"{name} {value}: fewer than one base; give 1 or more")
    if stride > width:
        raise InputError(f"stride {stride}: leaves bases out; give at most the width, {width}")
    facts = {"width": width, "window_stride": stride}
    return Occlusion("occlusion", facts=facts, width=width, stride=stride)
