"""Score files joined into one: rows of the first, then of the second, and so on.

Knows score files; knows nothing of how they came about or of what belongs together. Chunks are
copied as they are, compressed, so joining takes little more than reading and writing. The bytes of
the result depend on the rows only, not on how they were shared out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from seqlift.errors import InputError
from seqlift.tracks import layout
from seqlift.tracks.batch import Attribute
from seqlift.tracks.checks import damage
from seqlift.tracks.chunks import COMPRESSED, decompressed
from seqlift.tracks.datasets import write_chunk
from seqlift.tracks.new_file import NewScoreFile
from seqlift.tracks.score_file import ScoreFile
from seqlift.tracks.several_files import Source, opened_scores

JOINED_AT_ONCE = 4 * layout.COLUMN_CHUNK
"""Rows of the one-number-per-row datasets that are read at once."""


def join(
    sources: Sequence[Source],
    path: Path | str,
    *,
    attributes: Mapping[str, Attribute],
    sizes: Mapping[str, int],
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write the rows of all `sources` to a new score file.

    Parameters
    ----------
    sources
        Score files of one length with the same datasets, or what opens them, read one after
        another. All but the last with rows in it must end where a chunk does. Their seals
        (`seqlift.tracks.seal`) are checked; where another program has changed a file, each of its
        chunks is.
    path
        The file, replaced if it exists. The caller passes a name that says "unfinished".
    attributes
        Facts about the run that made them.
    sizes
        Every chromosome of the genome with its length.
    progress
        Called with the number of rows done since it was last called.

    Raises
    ------
    InputError
        A file is damaged, or its chunks are not those that it was written with.
    OutputError
        The file cannot be written, for example because the disk is full.
    """
    report = progress or (lambda _: None)
    with opened_scores(sources[0]) as first:
        length, kinds = first.length, first.kinds()
    rows, largest = _check_alike(sources, length, kinds)
    with NewScoreFile(path, length=length, attributes=attributes, kinds=kinds) as file:
        file.set_genome(sizes)
        for dataset in file.datasets.values():
            dataset.resize(rows, axis=0)
        start = 0
        for one in sources:
            with opened_scores(one) as source:
                for done in _copied_chunks(source, file, start, whole=source.is_sealed()):
                    report(done)
                start += source.rows
        _copy_columns(sources, file)
        file.set_largest(largest)


def _check_alike(
    sources: Sequence[Source], length: int, kinds: Mapping[str, np.dtype[np.generic]]
) -> tuple[int, float]:
    """Check that files can be joined; count their rows and find the largest contribution."""
    rows, largest, first = 0, 0.0, None
    chunk = layout.chunk_rows(length, kinds[layout.main_dataset(kinds)].name)
    for one in sources:
        with opened_scores(one) as source:
            first = first or source.path
            if (source.length, source.kinds()) != (length, kinds):
                raise InputError(
                    f"{source.path}: not the same datasets as {first}; give files that were"
                    " written with the same --length, --dtype and --multipliers"
                )
            # A chunk can only be copied to where a chunk begins.
            if not source.has_own_chunks(chunk) or (source.rows and rows % chunk):
                raise InputError(
                    f"{source.path}: its rows do not lie in whole chunks of {chunk} after those"
                    " before it, as seqlift writes them; give the files that `seqlift score"
                    " --shard` wrote"
                )
            rows += source.rows
            largest = max(largest, source.largest_contribution)
    return rows, largest


def _copied_chunks(
    source: ScoreFile, file: NewScoreFile, start: int, *, whole: bool
) -> Iterator[int]:
    """Copy the large datasets of a file to the rows from `start`; yield the rows of each chunk.

    Chunks are decompressed, to find damage, unless the file is known to be `whole`.
    """
    large = [name for name in file.datasets if name in layout.LARGE_DATASETS]
    main = file.datasets[layout.main_dataset(file.datasets)]
    chunk = layout.chunk_rows(source.length, main.dtype.name)
    for row in range(0, source.rows, chunk):
        for name in large:
            mask, data = source.stored_chunk(name, row)
            if not (whole or mask & COMPRESSED):  # plain bytes have no checksum of zlib's
                with damage(source.path):
                    _check_compressed(data, file.datasets[name].chunks, file.datasets[name].dtype)
            # Copied as they are, as parts and score file have the same chunks (decision 0013).
            item = layout.first_item(name, start + row)
            write_chunk(file.datasets[name], item, data, mask)
        file.check()
        yield min(chunk, source.rows - row)


def _check_compressed(data: bytes, chunk: tuple[int, ...], kind: np.dtype[np.generic]) -> None:
    size = len(decompressed(data))
    if size != np.prod(chunk) * kind.itemsize:
        raise ValueError(f"a chunk of {size} bytes")


def _copy_columns(sources: Sequence[Source], file: NewScoreFile) -> None:
    names = [name for name in file.datasets if name not in layout.LARGE_DATASETS]
    start, held = 0, {name: np.empty(0, file.datasets[name].dtype) for name in names}

    def write(count: int) -> None:
        for name in names:
            file.datasets[name][start : start + count] = held[name][:count]
            held[name] = held[name][count:]
        file.check()

    for one in sources:
        with opened_scores(one) as source:
            for first in range(0, source.rows, JOINED_AT_ONCE):
                rows = slice(first, first + JOINED_AT_ONCE)
                for name in names:
                    # Files end where their rows do, so a block is filled from the next one.
                    held[name] = np.concatenate([held[name], source.values(name, rows)])
                if len(held[names[0]]) >= JOINED_AT_ONCE:
                    write(JOINED_AT_ONCE)
                    start += JOINED_AT_ONCE
    write(len(held[names[0]]))
