"""A bigWig, written: values of consecutive bases in, in the order of the genome.

Blocks are compressed in threads, and the bytes do not depend on them. What is held in memory is the
place of each block, 32 bytes for each. Format: Kent et al. 2010,
https://doi.org/10.1093/bioinformatics/btq351. Knows bigWig; knows nothing of scores.
docs/decisions/0027 has what other writers take.
"""

import shutil
import struct
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seqlift.system.closing import Finishing
from seqlift.tracks import zoom
from seqlift.tracks.bigwig_trees import BLOCK, block_index, chromosome_tree
from seqlift.tracks.deflate import compressed_pieces
from seqlift.tracks.planes import Bytes, Counts
from seqlift.tracks.unfinished import output_errors, remove
from seqlift.tracks.zoom import ZoomLevels

MAGIC = 0x888FFC26
VERSION = 4
FIXED_STEP = 3
SECTION = struct.Struct("<IIIIIBBH")
"""Chromosome, start, end, step, span, kind, nothing and number of values of a section."""

SECTION_VALUES = 4096
"""Values in a section at most: a browser that shows a gene reads a few of them."""

FILE_HEADER = struct.Struct("<IHHQQQHHQQIQ")
ZOOM_HEADER = struct.Struct("<IIQQ")
TOTAL = struct.Struct("<Qdddd")
BLOCK_COUNT = struct.Struct("<Q")
ZOOM_COUNT = struct.Struct("<I")

ZOOM_RECORD = np.dtype(
    [("chrom", "<u4"), ("start", "<u4"), ("end", "<u4"), ("count", "<u4")]
    + [(name, "<f4") for name in ("least", "largest", "sum", "squares")]
)

ZOOM_BLOCK = ZOOM_RECORD.itemsize * zoom.RECORDS
"""Of a block of a zoom level."""

BUFFER = 1 << 18
"""Bytes written at once: a call for each block took as long as making it."""

GATHERED, STRETCHES = 65_536, 256
"""Values, and stretches of them, that are summed up and compressed together, at most: a call for
each section took longer than its work."""

JOBS_AHEAD = 8
"""Compressions that are under way at once, at most."""

Streams = tuple[Bytes, Counts]

DATA = -1
"""In the place of a zoom level: the values themselves."""


class BigWigFile(Finishing):
    """Writes a new bigWig; removes it when the block inside fails.

    Parameters
    ----------
    path
        The file, replaced if it exists.
    sizes
        Every chromosome with its length, in the order in which values come.
    workers
        Threads that compress; without them `add` does.

    Raises
    ------
    OutputError
        The file cannot be opened or written, for example because the disk is full.
    """

    def __init__(
        self, path: Path, sizes: Mapping[str, int], *, workers: Executor | None = None
    ) -> None:
        self.path, self._sizes, self._workers = path, sizes, workers
        self._numbers = {chrom: number for number, chrom in enumerate(sizes)}
        self._chrom = ""
        self._zoom = ZoomLevels(max(sizes.values()), most=GATHERED, stretches=STRETCHES)
        self._starts: list[int] = []
        self._values: list[NDArray[np.float32]] = []
        self._held = 0
        levels = range(DATA, len(self._zoom.reductions))
        self._blocks = {level: bytearray() for level in levels}
        self._records = dict.fromkeys(levels, 0)
        self._pending: deque[tuple[int, NDArray[np.void], Future[Streams] | Streams]] = deque()
        with output_errors(path), ExitStack() as opened:
            self._file: IO[bytes] = opened.enter_context(path.open("wb", BUFFER))
            self._levels = {  # joined to the file at the end; without names, so nothing stays
                level: opened.enter_context(TemporaryFile(dir=path.parent)) for level in levels[1:]
            }
            self._opened = opened.pop_all()
            zooms = len(self._levels)
            # zeros: without the header, written last, no reader takes the file for a bigWig
            self._file.write(bytes(FILE_HEADER.size + ZOOM_HEADER.size * zooms + TOTAL.size))
            self._tree_at = self._file.tell()
            self._file.write(chromosome_tree(sizes, offset=self._tree_at))
            self._data_at = self._file.tell()
            self._file.write(BLOCK_COUNT.pack(0))  # counted at the end

    def add(self, chrom: str, start: int, values: NDArray[np.float32]) -> None:
        """Append the values of the bases from `start` on, which lie after all before them."""
        if chrom != self._chrom:
            self._end_chromosome()
            self._chrom = chrom
        for first in range(0, len(values), SECTION_VALUES):
            piece = values[first : first + SECTION_VALUES]
            if len(self._starts) == STRETCHES or self._held + len(piece) > GATHERED:
                self._take_values()
            self._starts.append(start + first)
            self._values.append(piece.astype("<f4", copy=False))
            self._held += len(piece)

    def _end_chromosome(self) -> None:
        self._take_values()
        self._zoom.end_chromosome()
        self._take_records(all_of_them=True)

    def _take_values(self) -> None:
        """Have the values that are held compressed, and sum them up."""
        if not self._held:
            return
        number, starts = self._numbers[self._chrom], self._starts
        sizes = [len(piece) for piece in self._values]
        ends = [start + size for start, size in zip(starts, sizes, strict=True)]
        sections: list[bytes | memoryview] = []
        for start, end, piece in zip(starts, ends, self._values, strict=True):
            head = SECTION.pack(number, start, end, 1, 1, FIXED_STEP, 0, len(piece))
            sections += [head, piece.data]
        lengths = [SECTION.size + 4 * size for size in sizes]
        self._compress(DATA, starts, ends, b"".join(sections), lengths)
        self._records[DATA] += self._held
        self._zoom.add(starts, sizes, np.concatenate(self._values))
        self._take_records(all_of_them=False)
        self._starts, self._values, self._held = [], [], 0

    def _take_records(self, *, all_of_them: bool) -> None:
        """Have the finished bins of every level compressed."""
        for level, records in self._zoom.finished(all_of_them=all_of_them):
            packed = np.empty(len(records), ZOOM_RECORD)
            packed["chrom"] = self._numbers[self._chrom]
            for name, column in zip(ZOOM_RECORD.names[1:], range(1, 8), strict=True):  # type: ignore[index]
                packed[name] = records[:, column]
            firsts, stops = packed[:: zoom.RECORDS], packed[zoom.RECORDS - 1 :: zoom.RECORDS]
            if len(stops) < len(firsts):
                stops = np.append(stops, packed[-1])
            whole, rest = divmod(packed.nbytes, ZOOM_BLOCK)
            sizes = [ZOOM_BLOCK] * whole + [rest] * (rest > 0)
            self._compress(level, firsts["start"], stops["end"], packed.tobytes(), sizes)
            self._records[level] += len(records)

    def _compress(
        self, level: int, starts: ArrayLike, ends: ArrayLike, data: bytes, sizes: list[int]
    ) -> None:
        """Have blocks of these places and sizes compressed, and write those that are."""
        blocks = np.zeros(len(sizes), BLOCK)
        blocks["chrom"] = blocks["last_chrom"] = self._numbers[self._chrom]
        blocks["start"], blocks["end"] = starts, ends
        made: Future[Streams] | Streams
        if self._workers is None:
            made = compressed_pieces(data, sizes)
        else:
            made = self._workers.submit(compressed_pieces, data, sizes)
        self._pending.append((level, blocks, made))
        self._write_blocks(leaving=JOBS_AHEAD if self._workers else 0)

    def _write_blocks(self, *, leaving: int) -> None:
        with output_errors(self.path):
            while len(self._pending) > leaving:
                level, blocks, made = self._pending.popleft()
                streams, stops = made.result() if isinstance(made, Future) else made
                file = self._file if level == DATA else self._levels[level]
                blocks["size"] = np.diff(stops, prepend=0)
                blocks["offset"] = file.tell() + stops - np.diff(stops, prepend=0)
                file.write(streams.data)
                self._blocks[level] += blocks.tobytes()

    def close(self) -> None:
        """Write the indexes, the zoom levels and the header."""
        if self._file.closed:
            return
        self._end_chromosome()
        self._write_blocks(leaving=0)
        with output_errors(self.path):
            index_at = self._write_index(DATA, shift=0)
            zooms, before = [], self._records[DATA]
            for level, reduction in enumerate(self._zoom.reductions.tolist()):
                if self._records[level] < before:  # else it says no more than the one below
                    before = self._records[level]
                    zooms.append((reduction, 0, *self._write_level(level)))
            self._file.write(struct.pack("<I", MAGIC))
            self._write_header(zooms, index_at)
            self._opened.close()

    def _write_level(self, level: int) -> tuple[int, int]:
        """Append a zoom level; find where its records and its index lie."""
        start, source = self._file.tell(), self._levels[level]
        self._file.write(ZOOM_COUNT.pack(self._records[level]))
        shift = self._file.tell()
        source.seek(0)
        shutil.copyfileobj(source, self._file)
        return start, self._write_index(level, shift=shift)

    def _write_index(self, level: int, *, shift: int) -> int:
        """Append the index of the blocks of a level, which lie `shift` bytes further than noted."""
        blocks = np.frombuffer(self._blocks[level], BLOCK).copy()
        blocks["offset"] += shift
        start = self._file.tell()
        self._file.write(block_index(blocks, offset=start))
        return start

    def _write_header(self, zooms: list[tuple[int, int, int, int]], index_at: int) -> None:
        total, most = self._zoom.total, SECTION.size + 4 * SECTION_VALUES
        # the buffer that readers make
        largest_block = max(most, ZOOM_BLOCK)
        total_at = FILE_HEADER.size + ZOOM_HEADER.size * len(self._levels)
        self._file.seek(0)
        places = (self._tree_at, self._data_at, index_at)
        none = (0, 0, 0)  # fields and a description, as of bigBed
        head = FILE_HEADER.pack(
            MAGIC, VERSION, len(zooms), *places, *none, total_at, largest_block, 0
        )
        self._file.write(head + b"".join(ZOOM_HEADER.pack(*one) for one in zooms))
        self._file.seek(total_at)
        figures = (total[column] for column in (zoom.LEAST, zoom.LARGEST, zoom.SUM, zoom.SQUARES))
        self._file.write(TOTAL.pack(int(total[zoom.BASES]), *figures))
        self._file.seek(self._data_at)
        self._file.write(BLOCK_COUNT.pack(len(self._blocks[DATA]) // BLOCK.itemsize))

    def discard(self) -> None:
        """Close and remove the file."""
        self._opened.close()
        remove(self.path)
