"""Write to the user's terminal: a line at a time, without characters that it would obey.

The only caller of ``click.echo``. Names of files, chromosomes and layers, attributes and messages
of libraries may hold anything.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast

import click

from seqlift.system.printable import printable


def show(line: str = "", *, err: bool = False) -> None:
    """Show one line on standard output, or on standard error."""
    click.echo(printable(line), err=err)


class ForgivingStream:
    """Writes to a stream until it refuses, and from then on nowhere.

    For standard error: that nobody can read what a command says is not a reason to end it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, or drop it."""
        with self._forgiven():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is held back, or drop it."""
        with self._forgiven():
            self._stream.flush()

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        """Take everything else from the stream."""
        return getattr(self._stream, name)


@contextmanager
def standard_error_kept() -> Iterator[None]:
    """Have standard error open inside, and forgiving.

    Whichever of the three standard streams is closed is opened to nowhere: otherwise the next file
    that is opened has its number, and what libraries say goes into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
    before = sys.stderr
    with Path(os.devnull).open("w") as quiet:
        stream = cast(TextIO, before) if before is not None else quiet
        sys.stderr = cast(TextIO, ForgivingStream(stream))
        try:
            yield
        finally:
            sys.stderr.flush()
            sys.stderr = before


class LineFormatter(logging.Formatter):
    """Formats what is logged as lines of the program, each of them harmless."""

    def format(self, record: logging.LogRecord) -> str:
        """Put the program's name before a message."""
        return "\n".join(map(printable, f"seqlift: {super().format(record)}".split("\n")))


class Commands(click.Group):
    """A group of commands that repeats a mistyped word without what a terminal would obey."""

    def main(self, *arguments: Any, **more: Any) -> Any:
        """Run the program, whether or not standard error can be written."""
        with standard_error_kept():
            return super().main(*arguments, **more)

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
