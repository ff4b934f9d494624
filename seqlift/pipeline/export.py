"""`seqlift export`: a score file in a form that another program takes.

Each form is a row of `FORMS`: another one is a function of `seqlift.exports` and a row here.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from seqlift.errors import OutputError
from seqlift.exports.archives import write_arrays, write_modisco
from seqlift.exports.bedgraph import write_bedgraph
from seqlift.exports.hdf5_layouts import write_annotated, write_bpnet
from seqlift.pipeline.export_forms import ExportForm
from seqlift.pipeline.output_files import Written, check_outputs, finish, writing
from seqlift.pipeline.progress import Progress
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.reading import StoredScores
from seqlift.tracks.seal import check_seal
from seqlift.tracks.unfinished import output_errors


@dataclass(frozen=True, slots=True)
class ExportLayout:
    """A form to export to: the ends of its files' names, and what writes them."""

    endings: tuple[str, ...]
    write: Callable[..., None]
    takes_overlap: bool = False


def export_scores(
    scores: str,
    output: str | None,
    *,
    to: ExportForm,
    overlap: Overlap,
    force: bool,
    progress: Progress,
) -> Written:
    """Write the files PREFIX + ending of a form, by default next to the score file.

    Raises
    ------
    InputError
        The score file is missing or damaged, or a package that the form needs.
    OutputError
        A file exists already, or cannot be written.
    """
    source, form = Path(scores), FORMS[to]
    prefix = str(source.with_suffix("")) if output is None else output
    paths = [Path(f"{prefix}{ending}") for ending in form.endings]
    check_seal(source)
    check_outputs(paths, inputs=[source])
    there = [path for path in paths if os.path.lexists(path)]
    if there and not force:
        remedy = "give --force to replace it, or another -o"
        raise OutputError(*(f"{path}: already exists; {remedy}" for path in there))
    chosen = {"overlap": overlap} if form.takes_overlap else {}
    with ExitStack() as stack:
        opened = stack.enter_context(StoredScores(source))
        new = [stack.enter_context(writing(path)) for path in paths]
        bar = stack.enter_context(progress("export", len(opened)))
        stack.enter_context(output_errors(new[0]))
        form.write(opened, new, bar.update, **chosen)
        for unfinished, path in zip(new, paths, strict=True):
            finish(unfinished, path, replace=force)
    return Written(tuple(paths))


FORMS: dict[ExportForm, ExportLayout] = {
    "modisco-npz": ExportLayout((".sequences.npz", ".attributions.npz"), write_modisco),
    "bpnet-h5": ExportLayout((".bpnet.h5",), write_bpnet),
    "anndata": ExportLayout((".h5ad",), write_annotated),
    "bedgraph": ExportLayout((".bedgraph",), write_bedgraph, takes_overlap=True),
    "npz": ExportLayout((".npz",), write_arrays),
}
