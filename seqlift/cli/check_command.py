"""The command `seqlift check`."""

import os
import shlex

import click

from seqlift.cli import options, report
from seqlift.cli.failures import quiet_imports, show_failures

config = click.argument(
    "config", help="Configuration of the workflow, YAML or JSON; - for standard input."
)
no_files = click.option(
    "--no-files", is_flag=True, help="Check keys and values only; files may be made by other rules."
)


@click.command()
@config
@no_files
@options.quiet
@options.verbose
@options.debug
@show_failures
def check(*, config: str, no_files: bool, quiet: bool, verbose: int) -> None:
    """Check a configuration of the workflow before any job: keys, files, options and targets.

    Says where each problem is. Models are opened once everything else is right.
    """
    from seqlift.workflow.configuration import check_configuration, read_configuration

    with quiet_imports(verbose):
        document = read_configuration(config)
        found = check_configuration(document, option_problem, files=not no_files)
    if not quiet:
        report.show_configuration(found)


def option_problem(text: str) -> str:
    """Word the problem of options of `seqlift score`; empty where they can be read."""
    context = click.get_current_context().find_root()
    score = context.command.commands["score"]  # type: ignore[attr-defined]
    backend = os.environ.get("KERAS_BACKEND")
    try:
        words = shlex.split(text)
        if {"-h", "--help"} & {*words}:
            return "--help shows help instead of scores; leave it out"
        score.make_context("score", ["MODEL", "REGIONS", *words], parent=context)
    except ValueError as error:
        return f"{text!r} cannot be split into words: {error}"
    except click.UsageError as error:
        return error.format_message()
    finally:  # --backend of one model is not that of another
        os.environ.pop("KERAS_BACKEND", None)
        if backend is not None:
            os.environ["KERAS_BACKEND"] = backend
    return ""
