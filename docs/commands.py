"""Writes commands.md: every command of seqlift with its help, from the commands themselves.

python docs/commands.py
"""

from pathlib import Path

import click

from seqlift.cli import main

PAGE = Path(__file__).with_name("commands.md")

HEAD = """# Every command

Written by `python docs/commands.py` from the commands' own help. `-h` shows the same.
"""


def page() -> str:
    """Write the help of the group and of each command, 100 columns wide."""
    parts = [HEAD, block(main, None)]
    for name, command in main.commands.items():
        parts += [f"## seqlift {name}\n", block(command, name)]
    return "\n".join(parts)


def block(command: click.Command, name: str | None) -> str:
    """Write the help of one command as a block of text."""
    settings = main.context_settings | {"terminal_width": 100, "max_content_width": 100}
    above = click.Context(main, info_name="seqlift", **settings)
    context = above if name is None else click.Context(command, parent=above, info_name=name)
    lines = (line.rstrip() for line in command.get_help(context).splitlines())
    return "\n".join(["```text", *lines, "```\n"])


if __name__ == "__main__":
    PAGE.write_text(page())
