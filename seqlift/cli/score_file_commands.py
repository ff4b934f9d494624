"""The commands that read score files and need no model."""

import functools
from collections.abc import Callable
from typing import Any

import click

from seqlift.cli import options, report
from seqlift.cli.failures import show_failures


def writes_files(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command that writes files, and show its failures."""

    @functools.wraps(function)
    def run(*, verbose: int, **chosen: Any) -> None:
        del verbose  # `show_failures` has done what it asks for
        function(**chosen)

    command = show_failures(run)
    for option in (options.debug, options.verbose_libraries, options.quiet, options.force):
        command = option(command)
    return command


@click.command()
@options.shards
@options.prefix
@options.mean
@options.overlap
@writes_files
def merge(*, quiet: bool, **chosen: Any) -> None:
    """Join the score files of shards, and make the track of all.

    With --mean: average the score files of several models instead.
    """
    from seqlift.pipeline.merge import merge as run

    report.show_files(run(**chosen, progress=report.progress(quiet=quiet)), quiet=quiet)


@click.command()
@options.scores
@options.track_output
@options.overlap
@writes_files
def track(*, quiet: bool, **chosen: Any) -> None:
    """Make the genome-browser track of a score file again."""
    from seqlift.pipeline.track import make_track as run

    report.show_files(run(**chosen, progress=report.progress(quiet=quiet)), quiet=quiet)


@click.command()
@options.score_files
@options.drawing
@options.picture_output
@writes_files
def plot(
    *, scores: tuple[str, ...], output: str | None, force: bool, quiet: bool,
    **wanted: Any,
) -> None:  # fmt: skip
    """Draw rows of score files as letters: PNG, SVG or PDF.

    Several files, as of targets, methods or models, are tracks below each other, on one scale
    where they explain the same head.
    """
    from seqlift.pipeline.drawing import draw_picture
    from seqlift.plots.picture import DrawingOptions

    report.show_files(
        draw_picture(scores, output, DrawingOptions(**wanted), force=force), quiet=quiet
    )


@click.command(name="report")
@options.score_files
@options.annotations
@options.report_output
@writes_files
def write_page(
    *, scores: tuple[str, ...], output: str | None, force: bool, quiet: bool,
    annotations: tuple[str, ...],
) -> None:  # fmt: skip
    """Write a page about score files that opens in any browser, offline.

    It has what ran, how exactly scores sum up, their distribution, where they lie, top and typical
    regions as letters, how alike several files are, and the commands that come next.
    """
    from seqlift.pipeline.drawing import write_report

    written = write_report(scores, output, annotations=annotations, force=force)
    report.show_files(written, quiet=quiet)


@click.command()
@options.scores
@options.export_form
@options.export_prefix
@options.overlap
@writes_files
def export(*, quiet: bool, **chosen: Any) -> None:
    """Write a score file in the form that another program takes.

    --overlap is for bedgraph.
    """
    from seqlift.pipeline.export import export_scores

    report.show_files(export_scores(**chosen, progress=report.progress(quiet=quiet)), quiet=quiet)


@click.command()
@options.scores
@options.seqlets_prefix
@options.motifs
@options.width
@options.rate
@options.motif_p
@options.shuffle_seed
@writes_files
def seqlets(
    *, scores: str, output: str | None, motifs: str | None, force: bool, quiet: bool,
    **wanted: Any,
) -> None:  # fmt: skip
    """Call stretches of bases whose contributions stand out, and name their motifs.

    They are written as BED with contribution, p-value, q-value, sequence and motif; with --motifs,
    a table of motifs by number, mean contribution and enrichment too.
    """
    from seqlift.pipeline.seqlet_files import write_seqlets
    from seqlift.seqlets.seqlet_settings import SeqletSettings

    written, found, counts = write_seqlets(
        scores, output, motifs=motifs, settings=SeqletSettings(**wanted), force=force,
        progress=report.progress(quiet=quiet),
    )  # fmt: skip
    if not quiet:
        report.show_seqlets(found, counts)
    report.show_files(written, quiet=quiet)
