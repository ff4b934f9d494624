"""ISM, in-silico mutagenesis: the change of the prediction when a base is substituted.

    d_ib = f(x with base b at position i) - f(x),   score of the observed base: -mean_b d_ib

the mean over the three other bases. Only what a substitution reaches is computed anew, as in
fastISM (Nair et al. 2022, doi:10.1093/bioinformatics/btac135). It needs no reference and no
gradient.
"""

import re
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
)
from seqlift.attribution.method import Others, Scores
from seqlift.errors import InputError
from seqlift.inputs.onehot import codes_of, one_hot
from seqlift.intervals import CHANNELS, UNKNOWN
from seqlift.network.graph import Graph

if TYPE_CHECKING:
    from seqlift.attribution.engine import Engine

SUBSTITUTES = CHANNELS - 1


@dataclass(frozen=True)
class Mutagenesis(ForwardOnly):
    """All substitutions of the bases from `first` up to `last`, None for the end."""

    first: int = 0
    last: int | None = None

    def prepared(self, graph: Graph) -> Graph:
        check_sequence(graph, self.name)
        length = graph.nodes[0].shape[0]
        if self.first >= length or (self.last or 0) > length:
            asked = f"{self.first}-{length if self.last is None else self.last}"
            raise InputError(
                f"positions {asked}: not all within the {length} bases of the sequence; give"
                f" positions from 0 to {length}"
            )
        return graph

    def scores(
        self, engine: "Engine", sequences: Any, references: Any, others: Others
    ) -> list[Scores]:
        coded = np.asarray(sequences)
        codes = coded if coded.ndim == len(engine.graph.nodes[0].shape) else codes_of(coded)
        changes, predictions = self.changes(engine, codes, others)
        compared = self.compared(engine, references, others)
        found = []
        for change, prediction, against in zip(changes, predictions, compared, strict=True):
            # The observed base changes nothing, so its own is minus the mean over the other three.
            hypothetical = change - change.sum(axis=-1, keepdims=True) / SUBSTITUTES
            hypothetical = np.where((codes < UNKNOWN)[..., None], hypothetical, 0.0)
            observed = hypothetical * one_hot(codes, change.dtype)
            found.append(output_of(hypothetical, observed, change, prediction, against))
        return found

    def changes(
        self, engine: "Engine", codes: NDArray[Any], others: Others
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Compute the changes (heads, N, L, 4) and the predictions (heads, N)."""
        number, length = codes.shape
        last = length if self.last is None else self.last
        # three predictions a base
        width = min(max(rows_at_once() // SUBSTITUTES, 1), last - self.first)
        # The last window is moved back rather than cut off: one width is one program.
        starts = [min(s, last - width) for s in range(self.first, last, width)]
        windows = ChangedWindows(engine, starts, width)
        changes = np.zeros((len(engine.heads), number, length, CHANNELS), engine.dtype)
        predictions = np.zeros((len(engine.heads), number), engine.dtype)
        for n, row in enumerate(codes):
            changed = [substituted(row[start : start + width]) for start in starts]
            own = {i: values[n : n + 1] for i, values in others.items()}
            for h, (prediction, values) in enumerate(windows.values(row[None], own, changed)):
                predictions[h, n] = prediction
                for start, found in zip(starts, values - prediction, strict=True):
                    place_changes(changes[h, n], start, row, found.reshape(width, SUBSTITUTES))
        return changes, predictions


def substituted(codes: NDArray[Any]) -> NDArray[Any]:
    """Make all single substitutions of a window (W,): one-hot (3 W, W, 4)."""
    width = len(codes)
    rows = np.tile(codes, (width, SUBSTITUTES, 1))
    at = np.arange(width)
    for turn in range(SUBSTITUTES):
        rows[at, turn, at] = (codes + turn + 1) % CHANNELS
    rows[codes == UNKNOWN] = codes  # there is no base to substitute
    return np.asarray(one_hot(rows.reshape(-1, width), np.float32))


def place_changes(
    changes: NDArray[Any], start: int, codes: NDArray[Any], found: NDArray[Any]
) -> None:
    """Write the changes of a window (W, 3) to those of the sequence (L, 4)."""
    for i, values in enumerate(found, start):
        if codes[i] != UNKNOWN:
            changes[i, (int(codes[i]) + np.arange(1, CHANNELS)) % CHANNELS] = values


def method(*, positions: str = "all") -> Mutagenesis:
    """Make in-silico mutagenesis; `positions` START-END substitutes these bases only, from 0."""
    if positions == "all":
        return Mutagenesis("ism", needs_references=False, facts={"positions": positions})
    bounds = re.fullmatch(r"(\d+)-(\d+)", positions)
    if bounds is None or int(bounds[1]) >= int(bounds[2]):
        raise InputError(
            f"positions {positions!r}: not a stretch; give START-END, as in 900-1200, or all"
        )
    first, last = int(bounds[1]), int(bounds[2])
    facts = {"positions": positions}
    return Mutagenesis("ism", needs_references=False, facts=facts, first=first, last=last)
