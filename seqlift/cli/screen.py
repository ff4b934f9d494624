"""What reaches the user's terminal: a line at a time, without characters that it would obey.

The only caller of ``click.echo``. Names of files, chromosomes and layers, attributes and messages
of libraries may hold anything.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from seqlift.printable import printable


def show(line: str = "", *, err: bool = False) -> None:
    """Show one line on standard output, or on standard error."""
    click.echo(printable(line), err=err)


class LineFormatter(logging.Formatter):
    """Formats what is logged as lines of the program, each of them harmless."""

    def format(self, record: logging.LogRecord) -> str:
        """Put the program's name before a message."""
        return "\n".join(map(printable, f"seqlift: {super().format(record)}".split("\n")))


class Commands(click.Group):
    """A group of commands that repeats a mistyped word without what a terminal would obey."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Read the words before the command."""
        with harmless_usage():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Read the words of the command, and run it."""
        with harmless_usage():
            return super().invoke(ctx)


@contextmanager
def harmless_usage() -> Iterator[None]:
    """Make the messages of click harmless, which it shows by itself."""
    try:
        yield
    except click.ClickException as error:
        lines = map(printable, error.message.split("\n"))
        error.message = "\n".join(lines)  # type: ignore[misc]  # click shows this very object
        raise
