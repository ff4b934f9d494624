"""The command line: options, and what is shown; the only folder that knows click.

Nothing heavy is imported before a command has its arguments: TensorFlow costs seconds, and help,
version and a mistyped option answer at once.
"""

from seqlift.cli.commands import main

__all__ = ["main"]
