"""`seqlift export`: a score file in a form that another program takes.

Each form is a file of `seqlift.exports.forms`, found by its name.
"""

import os
from contextlib import ExitStack
from inspect import signature
from pathlib import Path

from seqlift.errors import OutputError
from seqlift.exports.form_names import export_form
from seqlift.pipeline.output_files import Written, check_outputs, finish, writing
from seqlift.pipeline.progress import Progress
from seqlift.tracks.overlap_policies import Overlap
from seqlift.tracks.reading import StoredScores
from seqlift.tracks.seal import check_seal
from seqlift.tracks.unfinished import output_errors


def export_scores(
    scores: str,
    output: str | None,
    *,
    to: str,
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
    source, form = Path(scores), export_form(to)
    prefix = str(source.with_suffix("")) if output is None else output
    paths = [Path(f"{prefix}{ending}") for ending in form.ENDINGS]
    check_seal(source)
    check_outputs(paths, inputs=[source])
    there = [path for path in paths if os.path.lexists(path)]
    if there and not force:
        remedy = "give --force to replace it, or another -o"
        raise OutputError(*(f"{path}: already exists; {remedy}" for path in there))
    chosen = {"overlap": overlap} if "overlap" in signature(form.write).parameters else {}
    with ExitStack() as stack:
        opened = stack.enter_context(StoredScores(source))
        new = [stack.enter_context(writing(path)) for path in paths]
        bar = stack.enter_context(progress("export", len(opened)))
        stack.enter_context(output_errors(new[0]))
        form.write(opened, new, bar.update, **chosen)
        for unfinished, path in zip(new, paths, strict=True):
            finish(unfinished, path, replace=force)
    return Written(tuple(paths))
