"""`seqlift plot` and `seqlift report`: pictures and pages of score files, written whole."""

import filecmp
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqlift.errors import InputError, OutputError
from seqlift.pipeline.finished import REMEDY
from seqlift.pipeline.output_files import Written, check_outputs, finish, writing
from seqlift.tracks.seal import check_seal
from seqlift.tracks.unfinished import output_errors

if TYPE_CHECKING:
    from seqlift.plots.picture import DrawingOptions


def draw_picture(
    scores: Sequence[str], output: str | None, wanted: "DrawingOptions", *, force: bool
) -> Written:
    """Draw what is wanted of score files as PNG, SVG or PDF, by the ending of the name.

    By default the picture has the name of the first score file with the ending .png. Checksums of
    score files are not compared: that reads all of a file, and a picture shows a few rows.
    """
    from seqlift.plots.picture import PICTURE_FORMATS, draw_rows, save

    path = Path(scores[0]).with_suffix(PICTURE_FORMATS[0]) if output is None else Path(output)
    ending = path.suffix.lower()
    if ending not in PICTURE_FORMATS:
        raise InputError(f"{path}: not a name of a picture; end it in {', '.join(PICTURE_FORMATS)}")
    check_outputs([path], inputs=[Path(one) for one in (*scores, *wanted.annotations)])
    figure = draw_rows(scores, wanted)
    return put(path, lambda new: save(figure, new, ending), force=force)


def write_report(
    scores: Sequence[str], output: str | None, *, annotations: Sequence[str], force: bool
) -> Written:
    """Write a page about score files, by default named as the first with the ending .html."""
    from seqlift.plots.page.document import page

    path = Path(scores[0]).with_suffix(".html") if output is None else Path(output)
    check_outputs([path], inputs=[Path(one) for one in (*scores, *annotations)])
    for one in scores:
        check_seal(Path(one))
    text = page(scores, annotations=annotations)
    return put(path, lambda new: write_text(new, text), force=force)


def write_text(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="\n")


def put(path: Path, write: Callable[[Path], None], *, force: bool) -> Written:
    """Have a file written under an unfinished name, and put it in place.

    Raises OutputError where another file has the name and is not to be replaced.
    """
    with writing(path) as new:
        with output_errors(path):
            write(new)
        if not force and os.path.lexists(path):
            # a workflow may run a command again
            if path.is_file() and filecmp.cmp(new, path, shallow=False):
                return Written((path,), before=True)
            raise OutputError(f"{path}: already exists, and differs from what is drawn; {REMEDY}")
        finish(new, path, replace=force)
    return Written((path,))
