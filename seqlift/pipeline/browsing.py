"""`seqlift browse`: a page with tracks as letters, served on this machine or written whole."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from seqlift.browse.hubs import hub_files
from seqlift.browse.row_figures import row_figures
from seqlift.browse.server import SiteServer
from seqlift.browse.shown_files import ShownFiles, find_files
from seqlift.browse.site import MISSING, PAGE, Content, Site, figure_name, igv_script, make_site
from seqlift.errors import OutputError
from seqlift.pipeline.output_files import Written, check_name, finish, writing
from seqlift.tracks.unfinished import output_errors

MOST_FIGURES = 200
"""Rows whose letters are written where there is no igv.js to draw any."""


@contextmanager
def site_of(
    scores: Sequence[str],
    *,
    genome: str | None,
    annotations: Sequence[str],
    igv: str | None,
    assembly: str | None,
    most: int | None = None,
) -> Iterator[tuple[ShownFiles, Site]]:
    """Open all that a page shows; without igv.js only the first `most` regions are listed."""
    script = igv_script(igv)
    shown = find_files(scores, genome=genome, annotations=annotations)
    shown = replace(shown, assembly=assembly or shown.assembly)
    draws = script is None and bool(shown.scores)
    with row_figures(shown.scores, shown.annotations) if draws else nullcontext() as figure:
        if draws and most is not None:
            shown = replace(shown, regions=shown.regions[:most])
        yield shown, make_site(shown, igv=script, figure=figure)


def serve_page(
    scores: Sequence[str],
    *,
    host: str,
    port: int,
    ready: Callable[[str, str], None],
    genome: str | None = None,
    annotations: Sequence[str] = (),
    igv: str | None = None,
    assembly: str | None = None,
) -> None:
    """Serve a page until Ctrl-C; `ready` gets its address, and what is missing.

    Raises
    ------
    InputError
        A file is missing or not what it should be, or the port cannot be had.
    """
    opened = site_of(scores, genome=genome, annotations=annotations, igv=igv, assembly=assembly)
    with opened as (_, site), SiteServer(site, host=host, port=port) as server:
        try:
            ready(server.address, MISSING if site.figure is not None else "")
            server.serve_forever()
        except KeyboardInterrupt as interrupt:
            if interrupt.args:  # a signal that ends jobs, not Ctrl-C
                raise


def export_page(
    scores: Sequence[str],
    folder: str,
    *,
    url: str | None,
    force: bool,
    genome: str | None = None,
    annotations: Sequence[str] = (),
    igv: str | None = None,
    assembly: str | None = None,
) -> Written:
    """Write a page and the configurations of other browsers to a folder, for any web server.

    The genome and the tracks are copied.

    Raises
    ------
    OutputError
        The folder has files already and `force` is false, or cannot be written.
    """
    path = Path(folder)
    check_folder(path, force=force)
    opened = site_of(
        scores, genome=genome, annotations=annotations, igv=igv, assembly=assembly,
        most=MOST_FIGURES,
    )  # fmt: skip
    with opened as (shown, site):
        files = {**site.files, **hub_files(shown, site.files, url=url or "")}
        names = [*files]
        if site.figure is not None:
            names += [figure_name(one.row) for one in shown.regions if one.row is not None]
        with output_errors(path):
            path.mkdir(exist_ok=True)
        for name in sorted(names, key=lambda one: one == PAGE):  # the page when all else is there
            content = files[name] if name in files else site.content(name)
            write_content(path / name, b"" if content is None else content, force=force)
    return Written((path,))


def check_folder(path: Path, *, force: bool) -> None:
    """Raise OutputError unless a folder can be made, or is empty, or may be written over."""
    check_name(path)
    if not path.parent.is_dir():
        raise OutputError(f"{path}: the folder {path.parent} does not exist; make it first")
    if not os.path.lexists(path):
        return
    if not path.is_dir():
        raise OutputError(f"{path}: a file has this name; give another folder with --export")
    with output_errors(path):
        if not force and any(path.iterdir()):
            raise OutputError(
                f"{path}: has files already; give another folder, or --force to replace them"
            )


def write_content(path: Path, content: Content, *, force: bool) -> None:
    if isinstance(content, Path):
        with suppress(OSError):
            if path.samefile(content):  # it would be written over while it is read
                raise OutputError(f"{path}: this page shows that file; give another folder")
    with writing(path) as new:
        with output_errors(path):
            if isinstance(content, Path):
                shutil.copyfile(content, new)
            else:
                new.write_bytes(content)
        finish(new, path, replace=force)
