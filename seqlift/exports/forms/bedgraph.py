"""The track as text.

bedGraph: https://genome.ucsc.edu/goldenPath/help/bedgraph.html
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from seqlift.exports.archives import Report
from seqlift.tracks.overlap import Segment
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.reading import StoredScores
from seqlift.tracks.segments import track_segments

ENDINGS = (".bedgraph",)


def write(
    scores: StoredScores, paths: Sequence[Path], report: Report, *, overlap: Overlap = "nearest"
) -> None:
    """Write the values of the track, in its order, equal neighbours on one line.

    A line is ``chrom start end value``, 0-based and half-open; bases that no window scored are
    absent. A value has as many digits as tell it from every other float32.
    """
    file = scores.file
    segments = track_segments(file, file.sizes(), overlap=overlap, report=report)
    with paths[0].open("w", encoding="utf-8", newline="\n") as text:
        for segment in segments:
            text.writelines(_segment_lines(segment))


def _segment_lines(segment: Segment) -> Iterator[str]:
    values = segment.values
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    edges = np.concatenate([[0], changes, [len(values)]])
    places = (edges + segment.start).tolist()
    # NumPy's shortest digits that give the same float32 again.
    words = np.asarray(values[edges[:-1]], dtype=np.float32).astype(str).tolist()
    for start, end, word in zip(places[:-1], places[1:], words, strict=True):
        yield f"{segment.chrom}\t{start}\t{end}\t{word}\n"
