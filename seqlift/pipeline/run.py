"""One run under way: what it was decided to be, and its batches.

Knows options, regions, the model and references; knows nothing of files that are written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqlift.explain.schedule import Schedule
from seqlift.inputs.onehot import reverse_complement
from seqlift.inputs.references import References
from seqlift.pipeline.output_files import Outputs
from seqlift.pipeline.score_options import ScoreOptions
from seqlift.pipeline.settings import Settings
from seqlift.pipeline.survey import Survey
from seqlift.pipeline.tolerances import STORED, TOLERANCES
from seqlift.pipeline.workload import WindowBases, Workload
from seqlift.tracks import layout
from seqlift.tracks.held_tracks import HeldTracks

if TYPE_CHECKING:
    from seqlift.explain.batches import ExtraRows
    from seqlift.explain.explainer import Explainer


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one length as the model takes them.

    Attributes
    ----------
    rows
        The windows.
    codes
        Their sequences, (N, L); where both strands are read, the other strands follow, (2 N, L).
    turned
        Which sequences are read from the other strand.
    references
        Of each sequence, unless all share them.
    others
        Each sequence's values of other inputs.
    """

    rows: list[WindowBases]
    codes: NDArray[np.uint8]
    turned: NDArray[np.bool_]
    references: NDArray[np.generic] | References
    others: "ExtraRows"


@dataclass(frozen=True, slots=True)
class Run:
    """A run about to be made: everything is loaded, checked and decided.

    Attributes
    ----------
    survey
        What is known of all windows, those of other shards included.
    first, last
        The rows of this run: from one up to the other.
    row_length
        Bases of a row of the score file.
    schedule
        How rows are divided into batches.
    gc
        GC content the references are made from, None where they are not.
    held
        Track values of the rows, from when they are computed until tracks are drawn.
    """

    options: ScoreOptions
    settings: Settings
    workload: Workload
    explainer: "Explainer"
    outputs: Outputs
    references: References
    gc: float | None
    survey: Survey
    first: int
    last: int
    row_length: int
    schedule: Schedule
    held: HeldTracks | None = None

    @property
    def batch_size(self) -> int:
        """Count the sequences of a batch."""
        return self.schedule.size

    @property
    def tolerance(self) -> float:
        """Find the largest relative residual that a row of the file may have.

        It is any for a rule that promises no sum.
        """
        asked, least = self.options.tolerance, STORED[self.options.dtype]
        return max(self.computed_tolerance, least) if asked is None else self.computed_tolerance

    @property
    def computed_tolerance(self) -> float:
        """Find the largest relative residual that scores may have before they are stored."""
        if not self.complete:
            return float("inf")
        asked = self.options.tolerance
        return TOLERANCES[self.options.precision] if asked is None else asked

    @property
    def complete(self) -> bool:
        """Tell whether the method promises what contributions sum to."""
        return self.explainer.method.sums_to != "nothing"

    @property
    def rows(self) -> int:
        """Count the rows of this run."""
        return self.last - self.first

    @property
    def chunk(self) -> int:
        """Count how many rows a chunk of the score file has: parts and shards are whole chunks."""
        return layout.chunk_rows(self.row_length, self.options.dtype)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Yield rows in file order, in batches."""
        both = self.options.both_strands
        most = max(self.batch_size // 2, 1) if both else self.batch_size  # each has both strands
        read = self.workload.read(self.survey.framing, start, stop)
        for _, rows in groupby(read, key=lambda row: row.codes.size):  # a batch has one length
            while batch := list(islice(rows, most)):
                yield self.batch([*batch, *batch] if both else batch, len(batch))

    def batch(self, rows: list[WindowBases], count: int) -> Batch:
        """Make a batch of rows; what follows the first `count` are other strands."""
        options = self.options
        turned = np.array([options.strand and row.window.region.strand == "-" for row in rows])
        turned[count:] = True
        codes = np.stack([row.codes for row in rows])
        codes[turned] = reverse_complement(codes[turned])
        drawn = self.references if self.references.shared else self._drawn(codes)
        numbers = [row.number for row in rows]
        rows_of_inputs = self.explainer.extra_inputs.rows
        others = {n: values[numbers] for n, values in rows_of_inputs.items() if values is not None}
        return Batch(rows[:count], codes, turned, drawn, others)

    def _drawn(self, codes: NDArray[np.uint8]) -> NDArray[np.generic]:
        """Draw references in threads: those of a sequence depend on nothing else."""
        workers = self.settings.workers
        pieces = np.array_split(codes, min(workers.number, len(codes)))
        return np.concatenate(workers.map(self.references.draw, pieces))
