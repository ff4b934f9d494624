"""The command `seqlift browse`, and its own options."""

from typing import Any

import click

from seqlift.cli import options, report
from seqlift.cli.failures import show_failures
from seqlift.pipeline.score_options import ScoreOptions

browsed = click.argument(
    "scores", nargs=-1, required=True,
    help="Tracks or score files of earlier runs, or the prefix of their names.",
)  # fmt: skip
genome = options.settings_of(ScoreOptions, "genome")


def browsing(command: Any) -> Any:
    """Give a command the options that say how a page is served, or where it is written."""
    chosen: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
        (("--igv",), {
            "metavar": "FILE", "help": "igv.min.js, 3.8 or later, instead of the one installed.",
        }),
        (("--export",), {
            "metavar": "FOLDER",
            "help": "Write the page, a UCSC track hub, a WashU datahub and a JBrowse 2"
            " configuration for any web server, and end.",
        }),
        (("--assembly",), {
            "metavar": "NAME",
            "help": "What browsers call the genome, such as hg38.  [default: the FASTA's name]",
        }),
        (("--url",), {
            "metavar": "ADDRESS", "help": "Where the folder of --export will lie, for WashU.",
        }),
        (("--host",), {
            "metavar": "ADDRESS", "default": "127.0.0.1", "show_default": True,
            "help": "Address to listen on; any but a loopback one lets other machines in.",
        }),
        (("--port",), {
            "type": click.IntRange(0, 65535), "default": 0, "metavar": "NUMBER",
            "help": "Port to listen on.  [default: any that is free]",
        }),
        (("--open", "open_page"), {"is_flag": True, "help": "Open the page in the web browser."}),
    )  # fmt: skip
    for names, settings in reversed(chosen):
        command = click.option(*names, **settings)(command)
    return genome(options.annotations(command))


@click.command()
@browsed
@browsing
@options.force
@options.quiet
@options.verbose_libraries
@options.debug
@show_failures
def browse(
    *, scores: tuple[str, ...], export: str | None, url: str | None, host: str, port: int,
    open_page: bool, force: bool, quiet: bool, verbose: int, **shown: Any,
) -> None:  # fmt: skip
    """Show tracks as letters in a genome browser, on this machine, until Ctrl-C.

    The page has the sequence, the regions and --annotations below the letters, and a list of the
    regions. Its address, with a secret in it, is printed.
    """
    del verbose
    from seqlift.pipeline.browsing import export_page, serve_page

    if export is not None:
        report.show_files(export_page(scores, export, url=url, force=force, **shown), quiet=quiet)
        return
    serve_page(scores, host=host, port=port, ready=report.ready(open_page=open_page), **shown)
