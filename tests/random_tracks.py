"""Random sets of regions with scores, and what their track must be, base by base."""

import dataclasses
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from made_scores import made_batch, window

from seqlift.tracks.bigwig import write_bigwig
from seqlift.tracks.hdf5 import ScoreWriter
from seqlift.tracks.overlap import Intervals
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.score_file import ScoreFile

SIZES = {"chr2": 120, "chr10": 45, "empty": 30, "chr1": 3}
LENGTH = 21

Regions = list[tuple[str, int, bool]]
"""Chromosome, first base of the window, and whether one base of it only is scored."""


@st.composite
def regions(draw: st.DrawFn) -> Regions:
    """Return windows: in any order, equal, overlapping, over the ends of their chromosome."""
    places = [(chrom, size) for chrom, size in SIZES.items() if chrom != "empty"]
    one = st.sampled_from(places).flatmap(
        lambda place: st.tuples(
            st.just(place[0]), st.integers(1 - LENGTH, place[1] - 1), st.booleans()
        )
    )
    rows = draw(st.lists(one, min_size=1, max_size=25))
    return rows + draw(st.lists(st.sampled_from(rows), max_size=10))


def write_track(folder: Path, rows: Regions, overlap: Overlap, *, seed: int) -> Path:
    """Return a new track of regions with random scores, duplicates scored alike."""
    windows = [window(chrom, start, start + LENGTH) for chrom, start, _ in rows]
    batch = made_batch(windows, length=LENGTH, sizes=SIZES, seed=seed)
    first = [rows.index(row) for row in rows]
    windows = list(batch.windows)
    for row, (_, _, single) in enumerate(rows):
        if single:
            base = (windows[row].first + windows[row].last) // 2
            windows[row] = dataclasses.replace(windows[row], first=base, last=base + 1)
    batch = dataclasses.replace(
        batch,
        codes=batch.codes[first],
        hypothetical=np.round(batch.hypothetical[first] * 2),  # many are equal in size
        windows=windows,
    )
    with ScoreWriter(folder / "x.h5", length=LENGTH, attributes={}) as writer:
        writer.write(batch)
    with ScoreFile(folder / "x.h5") as scores:
        write_bigwig(scores, folder / "x.bw", SIZES, overlap=overlap)
    return folder / "x.bw"


def expected(scores: Path, overlap: Overlap) -> dict[str, np.ndarray]:
    """Compute the track of a score file, by the law; NaN where there is none."""
    with ScoreFile(scores) as file:
        where, values = file.intervals(), file.tracks(slice(None))
    track = {chrom: np.full(size, np.nan, np.float32) for chrom, size in SIZES.items()}
    for chrom, size in SIZES.items():
        for base in range(size):
            found = [
                (row, float(values[row, base - where.start[row]]))
                for row in range(len(where.start))
                if where.chrom[row] == chrom
                and where.scored_start[row] <= base < where.scored_end[row]
            ]
            if found:
                track[chrom][base] = settled(found, base, where, overlap)
    return track


def settled(found: list[tuple[int, float]], base: int, where: Intervals, overlap: Overlap) -> float:
    """Return the score of a base from those of the rows that have one for it."""
    if overlap == "mean":
        return float(np.float32(sum(value for _, value in found) / len(found)))

    def order(row: int) -> tuple[int, ...]:
        names = ("start", "end", "scored_start", "scored_end")
        return (*(int(getattr(where, name)[row]) for name in names), row)

    def key(pair: tuple[int, float]) -> tuple[object, ...]:
        row, value = pair
        centre = int(where.start[row]) + LENGTH // 2
        first = {"nearest": abs(base - centre), "max": -abs(value), "first": row}[overlap]
        return (first, order(row))

    return min(found, key=key)[1]
