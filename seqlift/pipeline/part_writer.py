"""Rows on their way into parts, each of which is finished after half a minute or more.

Knows parts and score files; knows nothing of how rows are computed.
"""

from collections.abc import Sequence

from seqlift.errors import InputError
from seqlift.pipeline.part_folders import scores_in
from seqlift.pipeline.parts import REMOVE, PartsFolder
from seqlift.pipeline.run import Run
from seqlift.system.closing import Finishing
from seqlift.tracks.batch import ScoreBatch
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.part_file import PartFile

PARTS_OF_A_LENGTH = 32
"""Parts after which the next ones take twice as long. Joining takes 7 ms for each part and target,
which of 900 targets and 8 hours in parts of 30 seconds were 1.7 hours."""


def part_facts(parts: PartsFolder, start: int) -> dict[str, str | int]:
    return {"run": parts.run, "start": start}


def check_parts(run: Run, parts: PartsFolder) -> None:
    """Raise where a finished part is damaged, or not what its name says."""
    parts.check(run.first, run.last, run.chunk)
    for part in parts.finished():
        try:
            with PartFile(part.scores) as file:
                found, size, sealed = file.attributes, (file.rows, file.targets), file.sealed
        except InputError as error:
            known = [problem.rpartition("; ")[0] or problem for problem in error.problems]
            raise InputError(*(f"{one}, in {part.folder}; {REMOVE}" for one in known)) from error
        wanted = part_facts(parts, part.start)
        # without its checksum it was changed by another program
        same = sealed and all(found.get(name) == value for name, value in wanted.items())
        if not same or size != (part.stop - part.start, len(run.outputs.targets)):
            raise InputError(f"{part.scores}: not what its folder's name says; {REMOVE}")


class PartWriter(Finishing):
    """Writes rows from `start` up to `stop` into parts; a context manager.

    Left by an exception it drops the part under way. Left before the last row it keeps the whole
    chunks of that part.
    """

    def __init__(self, run: Run, parts: PartsFolder, start: int, stop: int) -> None:
        self._run, self._parts = run, parts
        self._start = self._row = start
        self._stop = stop
        self._writer: ScoreWriter | None = None
        self._begun = 0.0
        self._finished = len(parts.finished())

    def write(self, scores: Sequence[ScoreBatch]) -> None:
        """Append rows, a batch of them for each target."""
        rows, taken = len(scores[0].windows), 0
        if self._writer is not None and self._age() >= self._part_seconds():
            # To the next whole chunk: joining copies chunks as they are, wherever a part ends.
            taken = min(-self._row % self._run.chunk, rows)
            self._append(scores, slice(0, taken))
            if self._row % self._run.chunk == 0:
                self.finish()
        if taken < rows:
            self._append(scores, slice(taken, rows))

    def _age(self) -> float:
        return self._run.settings.clock() - self._begun

    def _part_seconds(self) -> float:
        return self._run.settings.part_seconds * 2.0 ** (self._finished // PARTS_OF_A_LENGTH)

    def _append(self, scores: Sequence[ScoreBatch], rows: slice) -> None:
        if self._writer is None:
            self._writer = self._begin()
        self._writer.write(*(batch.rows(rows) for batch in scores))
        self._row += rows.stop - rows.start

    def _begin(self) -> ScoreWriter:
        run, self._begun, self._start = self._run, self._run.settings.clock(), self._row
        return ScoreWriter(
            scores_in(self._parts.begin(self._row)),
            length=run.row_length,
            attributes=part_facts(self._parts, self._row),
            dtype=run.options.dtype,
            multipliers=run.options.multipliers,
            kept=run.options.keep,
            workers=run.settings.workers.pool,
            targets=len(run.outputs.targets),
        )

    def finish(self) -> None:
        """Finish the part under way; with no rows at all it is an empty one."""
        writer = self._writer or self._begin()
        writer.close()
        self._parts.finish(writer.path.parent, self._start, self._row)
        self._writer = None
        self._finished += 1

    def _cut(self, writer: ScoreWriter) -> None:
        rows = self._row - self._start
        spare = rows % self._run.chunk
        if spare == rows:
            self.discard()
            return
        writer.truncate(rows - spare)
        self._row -= spare
        self.finish()

    def close(self) -> None:
        """Finish the last part, or what is whole of it."""
        if self._row < self._stop and self._writer is not None:
            self._cut(self._writer)
        elif self._writer is not None or self._start == self._stop:
            self.finish()

    def discard(self) -> None:
        """Drop the part under way."""
        if self._writer is not None:
            self._writer.discard()
