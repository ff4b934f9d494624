"""The layout of bpnet.

https://github.com/kundajelab/bpnet-refactor, what `bpnet-shap` writes.
"""

from collections.abc import Sequence
from pathlib import Path

from seqlift.exports.archives import Report
from seqlift.exports.hdf5_layouts import TEXT_KIND, copied_array, new_hdf5
from seqlift.tracks.reading import StoredScores

ENDINGS = (".bpnet.h5",)


def write(scores: StoredScores, paths: Sequence[Path], report: Report) -> None:
    """Write ``input_seqs`` and ``hyp_scores`` (N, L, 4), and where the windows lie.

    Channels are A C G T, dtypes those of the score file; ``coords_chrom``, ``coords_start`` and
    ``coords_end`` are 0-based and half-open. ``finemo extract-regions-bpnet-h5`` and
    ``modisco motifs -i`` take it.
    """
    with new_hdf5(paths[0]) as (file, check):
        file.create_dataset("coords_chrom", data=list(scores.regions.chrom), dtype=TEXT_KIND)
        for name in ("start", "end"):
            file.create_dataset(f"coords_{name}", data=scores.regions[name].to_numpy())
        for name, array in (("input_seqs", scores.one_hot), ("hyp_scores", scores.hypothetical)):
            for done in copied_array(array, file, name):
                check()
                # each row once, though two arrays have it
                report(done if name == "hyp_scores" else 0)
